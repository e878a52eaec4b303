"""Networks in PyTorch as backends."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class TorchBackend:
    """Backend of a network.

    A family whose network does not take and give RGB in [0, 1] overrides `restore`. The pictures of a batch go
    through one by one, so that each comes out bit for bit as it does alone.
    """

    runtime = "torch"
    channels_last = True
    """Whether pictures and weights are laid out channels last, where the CPU's and the GPU's convolutions are
    fastest."""

    def __init__(self, network: nn.Module):
        if self.channels_last:
            for parameter in network.parameters():
                if parameter.dim() == 4:
                    parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
        self.network = network.eval().requires_grad_(False)
        self._device, self._dtype = torch.device("cpu"), torch.float32

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return self._device

    @property
    def dtype(self) -> torch.dtype:
        """The type of the network's parameters."""
        return self._dtype

    @property
    def parameters(self) -> int:
        """The number of the network's parameters."""
        return sum(p.numel() for p in self.network.parameters())

    def place(self, device: torch.device, dtype: torch.dtype) -> None:
        """Move the network to a device and a floating-point type."""
        self.network.to(device, dtype)
        self._device, self._dtype = device, dtype

    def run(self, image: Tensor, mask: Tensor | None) -> Tensor:
        """See `Backend.run`."""
        if self.channels_last:
            image = image.contiguous(memory_format=torch.channels_last)
        masks = [None] * len(image) if mask is None else mask.split(1)
        return torch.cat([self.restore(*pair) for pair in zip(image.split(1), masks, strict=True)])

    def restore(self, image: Tensor, mask: Tensor | None) -> Tensor:
        """Restore one picture, 1 x 3 x H x W; mask is 1 x 1 x H x W with 1 = hole, or None."""
        return self.network(image)
