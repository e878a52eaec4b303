"""The network of SCI (https://arxiv.org/abs/2204.10137): the part that estimates the illumination."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from ...nn.layers import build_with
from ...runtimes.torch import TorchBackend

UNUSED = ("calibrate.", "enhance.blocks.")
"""Tensors of the published file that only training needs, and copies of `enhance.conv`."""
DARKEST = 1e-4
"""The least illumination."""


class Illumination(nn.Module):
    """N x 3 x H x W RGB in [0, 1] to its illumination in [1e-4, 1], channel by channel."""

    def __init__(self):
        super().__init__()
        self.in_conv = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.ReLU())
        self.conv = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU())
        self.out_conv = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.Sigmoid())

    def forward(self, image: Tensor) -> Tensor:
        """See the class."""
        x = self.in_conv(image)
        return (self.out_conv(x + self.conv(x)) + image).clamp(DARKEST, 1.0)


class SCI(nn.Module):
    """N x 3 x H x W RGB in [0, 1] to the same, brightened: the picture over its illumination."""

    def __init__(self):
        super().__init__()
        self.enhance = Illumination()

    def forward(self, image: Tensor) -> Tensor:
        """See the class."""
        return (image / self.enhance(image)).clamp(0, 1)


def build_backend(state: Mapping[str, Tensor]) -> TorchBackend:
    """The backend of these tensors, the published ones or the bundled part of them.

    Raises RuntimeError when they are not exactly the network's.
    """
    used = {name: tensor for name, tensor in state.items() if not name.startswith(UNUSED)}
    return TorchBackend(build_with(SCI, used))
