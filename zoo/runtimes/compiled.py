"""`torch.compile`: PyTorch's own compiler, for each size of input anew."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..errors import RuntimeUnavailableError
from ..nn.layers import use_exported_form
from .parts import replace_functions

if TYPE_CHECKING:
    from ..card import ModelCard

COMPILERS = ("c++", "g++", "clang++", "cl")


def unavailable_reason(precision: str, device: str = "cpu") -> str | None:
    """Why it cannot be used here, as a clause, or None."""
    if precision not in ("fp32", "fp16", "bf16"):
        return f"torch.compile takes fp32, fp16 and bf16, not {precision}"
    if device == "cpu" and not any(shutil.which(name) for name in COMPILERS):
        return "torch.compile needs a C++ compiler (such as g++), and none is installed"
    return None


class CompiledBackend:
    """Backend of a PyTorch backend whose network is compiled."""

    runtime = "compile"
    compiles = True
    """Each size of input costs time when it is first met."""

    def __init__(self, card: ModelCard, torch_backend: Any):
        """Raises RuntimeUnavailableError for a method without a network."""
        self._inner = torch_backend
        replace_functions(
            card, torch_backend, card.portable, lambda name, function: torch.compile(function, dynamic=False)
        )
        use_exported_form(torch_backend.network)

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return self._inner.device

    @property
    def dtype(self) -> torch.dtype:
        """The type of the network's parameters."""
        return self._inner.dtype

    @property
    def parameters(self) -> int:
        """The number of the network's parameters."""
        return self._inner.parameters

    def place(self, device: torch.device, dtype: torch.dtype) -> None:
        """Move the network to a device and a floating-point type. Raises RuntimeUnavailableError."""
        name = {torch.float32: "fp32", torch.float16: "fp16", torch.bfloat16: "bf16"}[dtype]
        if reason := unavailable_reason(name, device.type):
            raise RuntimeUnavailableError(f"it cannot be compiled here: {reason}.")
        self._inner.place(device, dtype)

    def run(self, image: Tensor, mask: Tensor | None) -> Tensor:
        """See `Backend.run`."""
        return self._inner.run(image, mask)

    def sample(self, image: Tensor, mask: Tensor, generator: torch.Generator) -> Tensor:
        """See `zoo.card.ModelCard.stochastic`."""
        return self._inner.sample(image, mask, generator)
