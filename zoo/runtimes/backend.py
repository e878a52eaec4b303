"""The interface that every model is run through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    import torch


@runtime_checkable
class Backend(Protocol):
    """What carries a model out: a function, a network in PyTorch, a session of another runtime.

    The backend of a card that is `stochastic` also has `sample(image, mask, generator)`: like `run`, for a batch of
    one picture, drawn with a torch.Generator on the CPU. One that compiles for each size of input anew says so by an
    attribute `compiles = True`; it then gets tiles of one size.
    """

    runtime: str
    """What it computes with: "numpy", "torch" and so on."""

    @property
    def device(self) -> torch.device:
        """Where `run` takes its tensors."""

    @property
    def dtype(self) -> torch.dtype:
        """The floating-point type in which `run` takes its tensors."""

    @property
    def parameters(self) -> int:
        """The number of the network's parameters; 0 for classical methods."""

    def place(self, device: torch.device, dtype: torch.dtype) -> None:
        """Move to a device and a type. What can compute in one place only stays there; `device` and `dtype` tell."""

    def run(self, image: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """Restore a batch: N x 3 x H x W RGB in [0, 1] to N x 3 x scale * H x scale * W, not necessarily clipped.

        mask is N x 1 x H x W with 1 = hole, or None. Each picture must come out as it does alone.
        """
