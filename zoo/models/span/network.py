"""The network of SPAN (https://arxiv.org/abs/2311.12770) in its re-parameterized form: plain 3x3 convolutions."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...nn.layers import build_with
from ...runtimes.torch import TorchBackend

WIDTH = 48
BLOCKS = 6


class Block(nn.Module):
    """Three convolutions; the last one's result is the attention map, too (the paper's equations 2 to 4)."""

    def __init__(self, width: int):
        super().__init__()
        self.c1_r = nn.Conv2d(width, width, 3, padding=1)
        self.c2_r = nn.Conv2d(width, width, 3, padding=1)
        self.c3_r = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The block's result, and its first features after their activation; both N x C x H x W."""
        first = F.silu(self.c1_r(x), inplace=True)
        last = self.c3_r(F.silu(self.c2_r(first), inplace=True))
        return (last + x) * (torch.sigmoid(last) - 0.5), first


class SPAN(nn.Module):
    """N x 3 x H x W RGB in [0, 1] to N x 3 x scale H x scale W."""

    def __init__(self, scale: int):
        super().__init__()
        self.scale = scale
        self.register_buffer("mean", torch.zeros(3))
        """Of the training pictures, R, G and B in [0, 1]."""
        self.conv_1 = nn.Conv2d(3, WIDTH, 3, padding=1)
        for number in range(1, BLOCKS + 1):
            self.add_module(f"block_{number}", Block(WIDTH))
        self.conv_2 = nn.Conv2d(WIDTH, WIDTH, 3, padding=1)
        self.conv_cat = nn.Conv2d(4 * WIDTH, WIDTH, 1)
        self.upsampler = nn.Conv2d(WIDTH, 3 * scale**2, 3, padding=1)

    def forward(self, image: Tensor) -> Tensor:
        """See the class."""
        features = self.conv_1((image - self.mean.view(1, 3, 1, 1)) * 255)
        x, results = features, []
        for number in range(1, BLOCKS + 1):
            x, first = getattr(self, f"block_{number}")(x)
            results.append(x)
        together = torch.cat([features, self.conv_2(x), results[0], first], dim=1)
        return F.pixel_shuffle(self.upsampler(self.conv_cat(together)), self.scale)


def build_backend(scale: int, state: Mapping[str, Tensor]) -> TorchBackend:
    """The backend of these tensors. Raises RuntimeError when they are not exactly the network's."""
    return TorchBackend(build_with(lambda: SPAN(scale), state))
