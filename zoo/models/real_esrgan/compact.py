"""Real-ESRGAN's compact network: convolutions in a row at the input's resolution (SRVGGNetCompact)."""

from __future__ import annotations

from collections.abc import Mapping

import torch.nn.functional as F
from torch import Tensor, nn

from ...nn.layers import build_with
from ...runtimes.torch import TorchBackend

SCALE = 4
WIDTH = 64
INNER = 16
"""Convolutions between the first and the last."""


class Compact(nn.Module):
    """N x 3 x H x W RGB in [0, 1] to N x 3 x 4H x 4W: what is added to the picture enlarged by nearest neighbor."""

    def __init__(self):
        super().__init__()
        layers = [nn.Conv2d(3, WIDTH, 3, padding=1), nn.PReLU(WIDTH)]
        for _ in range(INNER):
            layers += [nn.Conv2d(WIDTH, WIDTH, 3, padding=1), nn.PReLU(WIDTH)]
        layers.append(nn.Conv2d(WIDTH, 3 * SCALE**2, 3, padding=1))
        self.body = nn.Sequential(*layers)

    def forward(self, image: Tensor) -> Tensor:
        """See the class."""
        added = F.pixel_shuffle(self.body(image), SCALE)
        return added.add_(F.interpolate(image, scale_factor=SCALE, mode="nearest"))


class CompactBackend(TorchBackend):
    """Backend: enlarges by 4, or by 2 when its result is halved."""

    def __init__(self, network: nn.Module, scale: int):
        super().__init__(network)
        self.scale = scale

    def restore(self, image: Tensor, mask: Tensor | None) -> Tensor:
        """The enlarged picture, not clipped."""
        enlarged = self.network(image)
        if self.scale == SCALE:
            return enlarged
        size = [side * self.scale for side in image.shape[-2:]]
        return F.interpolate(enlarged.clamp(0, 1).float(), size=size, mode="bicubic", antialias=True)


def build_backend(scale: int, state: Mapping[str, Tensor]) -> CompactBackend:
    """The backend of these tensors. Raises RuntimeError when they are not exactly the network's."""
    return CompactBackend(build_with(Compact, state), scale)
