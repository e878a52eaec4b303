"""Fill proposals for inpainting, from a smooth fill and directional interpolation, and a network that blends them.

The small inpainting networks start from these: choosing which direction to continue is learned within minutes,
generating content from an empty hole is not.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .directions import ORIENTATIONS, across
from .unet import GatedBlock


class Proposals:
    """Proposals at half size: for K orientations, the difference of directional interpolation from the smooth fill.

    changes: N x K x 3 x h x w, the differences, zero where an orientation has no known pixel and where all is known.
    seen: N x 6 K x h x w, the differences and interpolation features as input of a network.
    """

    def __init__(self, image: Tensor, mask: Tensor, filled: Tensor):
        known = F.avg_pool2d(1 - mask, 2)
        half = F.avg_pool2d(image * (1 - mask), 2) / known.clamp_min(1e-6)
        colors, clues = across(half, (known > 0).float())
        # A cell of 2 x 2 pixels that is partly known would be its own nearest known pixel.
        usable = (clues[:, :, :1] > 0) & (known == 0)[:, None]
        self.changes = (colors - F.avg_pool2d(filled, 2)[:, None]) * usable
        self.seen = torch.cat([self.changes, clues], dim=2).flatten(1, 2)

    def mixed(self, weights: Tensor) -> Tensor:
        """Weighted sum of the changes at full size: weights N x K x h x w to N x 3 x 2h x 2w."""
        change = (self.changes * weights.to(self.changes.dtype)[:, :, None]).sum(1)
        return F.interpolate(change, scale_factor=2, mode="bilinear", align_corners=False)


class DilatedBlock(GatedBlock):
    """A gated block with a dilated 3x3 convolution; starts as the identity mapping."""

    def __init__(self, channels: int, dilation: int):
        super().__init__(channels)
        self.first = nn.Conv2d(channels, 2 * channels, 3, padding=dilation, dilation=dilation)


def gated_blocks(channels: int, count: int) -> nn.Sequential:
    """A sequence of `count` gated blocks."""
    return nn.Sequential(*(GatedBlock(channels) for _ in range(count)))


class Stage(nn.Module):
    """A two-level U-Net on pixel-unshuffled inputs, with a skip connection.

    It outputs a residual picture and per-pixel weights of the proposals; both are zero at initialization.
    """

    def __init__(self, inputs: int, cell: int, widths: tuple[int, int], detail: int):
        super().__init__()
        upper, lower = widths
        self.cell, self.detail = cell, detail
        self.weights = len(ORIENTATIONS) * (cell // 2) ** 2
        self.head = nn.Conv2d(inputs, upper, 1)
        self.before = gated_blocks(upper, 1)
        self.down = nn.Conv2d(upper, lower, 2, stride=2)
        self.up = nn.Conv2d(lower, 4 * upper, 1)
        self.after = gated_blocks(upper, 2)
        self.tail = nn.Conv2d(upper, self.weights + 3 * (cell // detail) ** 2, 3, padding=1)
        nn.init.zeros_(self.tail.weight)
        nn.init.zeros_(self.tail.bias)

    def encode(self, *inputs: tuple[Tensor, int]) -> tuple[Tensor, Tensor]:
        """(upper features, lower features) of inputs, each given with its pixel-unshuffle factor."""
        return self.encoded(torch.cat([F.pixel_unshuffle(x, factor) for x, factor in inputs], dim=1))

    def encoded(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """(upper features, lower features) of unshuffled inputs."""
        upper = self.before(self.head(pixels.to(self.head.weight.dtype)))
        return upper, self.down(upper)

    def decode(self, upper: Tensor, lower: Tensor, proposals: Proposals) -> tuple[Tensor, Tensor]:
        """(change of the picture, N x 3 x H x W, last upper features)."""
        made, y = self.decoded(upper, lower)
        residual = F.pixel_shuffle(made[:, self.weights :], self.cell // self.detail)
        if self.detail > 1:
            residual = F.interpolate(residual, scale_factor=self.detail, mode="bilinear", align_corners=False)
        weights = F.pixel_shuffle(made[:, : self.weights], self.cell // 2)
        return residual + proposals.mixed(weights), y

    def decoded(self, upper: Tensor, lower: Tensor) -> tuple[Tensor, Tensor]:
        """(weights of the proposals and residual, shuffled, as float32; last upper features)."""
        y = self.after(F.pixel_shuffle(self.up(lower), 2) + upper)
        return self.tail(y).float(), y
