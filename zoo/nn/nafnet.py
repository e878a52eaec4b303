"""The block of NAFNet (Chen et al., Simple Baselines for Image Restoration, ECCV 2022, arXiv:2204.04676, section 4)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ChannelNorm(nn.Module):
    """Layer normalization of each pixel over its channels, N x C x H x W to the same."""

    def __init__(self, channels: int):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        weight, bias = self.weight.to(x.dtype), self.bias.to(x.dtype)
        return F.layer_norm(x.permute(0, 2, 3, 1), weight.shape, weight, bias).permute(0, 3, 1, 2)


def simple_gate(x: Tensor) -> Tensor:
    """The product of both halves of the channels: N x 2C x H x W to N x C x H x W."""
    first, second = x.chunk(2, dim=1)
    return first * second


class ChannelAttention(nn.Module):
    """Simplified channel attention: x times a linear map of its means over the picture, one factor per channel."""

    def __init__(self, channels: int):
        super().__init__()
        self.factors = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """N x C x H x W to the same."""
        return x * self.factors(x.mean((2, 3), keepdim=True))


class NAFBlock(nn.Module):
    """Depthwise convolution, gate and channel attention, then a gated linear layer, each added to x.

    N x C x H x W to the same; starts as the identity.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.spatial = nn.Sequential(
            ChannelNorm(channels),
            nn.Conv2d(channels, 2 * channels, 1),
            nn.Conv2d(2 * channels, 2 * channels, 3, padding=1, groups=2 * channels),
        )
        self.attention = ChannelAttention(channels)
        self.mixed = nn.Conv2d(channels, channels, 1)
        self.pointwise = nn.Sequential(ChannelNorm(channels), nn.Conv2d(channels, 2 * channels, 1))
        self.joined = nn.Conv2d(channels, channels, 1)
        for last in (self.mixed, self.joined):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        x = x + self.mixed(self.attention(simple_gate(self.spatial(x))))
        return x + self.joined(simple_gate(self.pointwise(x)))
