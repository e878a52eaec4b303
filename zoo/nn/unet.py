"""A residual U-Net on pixel-unshuffled pictures, the network of several models that this project trains."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import torch.nn.functional as F
from torch import Tensor, nn


class Block(nn.Module):
    """x + conv(ReLU(conv(x))), 3x3, no normalization (as in EDSR, arXiv:1707.02921); starts as the identity mapping."""

    def __init__(self, channels: int):
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(F.relu(self.first(x)))


class GatedBlock(nn.Module):
    """x + conv(a * sigmoid(b)), where a and b are one 3x3 convolution of x; starts as the identity mapping.

    Gating (gated linear units, arXiv:1612.08083) takes the place of ReLU, as in NAFNet (arXiv:2204.04676).
    """

    def __init__(self, channels: int):
        super().__init__()
        self.first = nn.Conv2d(channels, 2 * channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 1)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(F.glu(self.first(x), dim=1))


class ShuffledUNet(nn.Module):
    """N x C x H x W to N x 3 x H x W; forward adds the result to the input's first three channels, RGB in [0, 1].

    Pixels of `shuffle` x `shuffle` become channels, so that no convolution runs at full size. Each further level has
    half the size: `widths` are the levels' channels, `depths` their blocks on the way down, and again on the way up;
    the last level has its blocks once. H and W are multiples of `multiple`. The result is zero at initialization.
    """

    def __init__(
        self,
        shuffle: int,
        widths: Sequence[int],
        depths: Sequence[int],
        block: Callable[[int], nn.Module] = Block,
        inputs: int = 3,
        outputs: int = 3,
    ):
        super().__init__()

        def blocks(channels: int, count: int) -> nn.Sequential:
            return nn.Sequential(*(block(channels) for _ in range(count)))

        self.shuffle = shuffle
        self.multiple = shuffle * 2 ** (len(widths) - 1)
        cell = shuffle * shuffle
        self.head = nn.Conv2d(inputs * cell, widths[0], 3, padding=1)
        self.down_blocks = nn.ModuleList(blocks(w, d) for w, d in zip(widths, depths, strict=True))
        self.downs = nn.ModuleList(nn.Conv2d(a, b, 2, stride=2) for a, b in itertools.pairwise(widths))
        self.ups = nn.ModuleList(nn.Conv2d(b, 4 * a, 1) for a, b in itertools.pairwise(widths))
        self.up_blocks = nn.ModuleList(blocks(w, d) for w, d in zip(widths[:-1], depths[:-1], strict=True))
        self.tail = nn.Conv2d(widths[0], outputs * cell, 3, padding=1)
        nn.init.zeros_(self.tail.weight)
        nn.init.zeros_(self.tail.bias)

    @property
    def reach(self) -> int:
        """Receptive field: the largest distance in pixels from which an input affects an output pixel."""
        reach, cell = 0, self.shuffle
        for level, blocks in enumerate(self.down_blocks):
            last = level == len(self.down_blocks) - 1
            reach += cell * (2 * len(blocks) * (1 if last else 2) + (2 if level == 0 else 0))
            reach += cell  # where in its cell of the next level a pixel lies
            cell *= 2
        return reach

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :3] + self.result(x)

    def result(self, x: Tensor) -> Tensor:
        """The output before it is added to the input, N x outputs x H x W, in the precision of its weights."""
        y = self.head(F.pixel_unshuffle(x.to(self.head.weight.dtype), self.shuffle))
        skips = []
        for blocks, down in zip(self.down_blocks, self.downs, strict=False):
            y = blocks(y)
            skips.append(y)
            y = down(y)
        y = self.down_blocks[-1](y)
        for blocks, up in zip(reversed(self.up_blocks), reversed(self.ups), strict=True):
            y = blocks(F.pixel_shuffle(up(y), 2) + skips.pop())
        return F.pixel_shuffle(self.tail(y), self.shuffle)
