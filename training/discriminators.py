"""Discriminators, one for each family that is trained with an adversarial loss.

Each takes N x C x H x W in [0, 1] and returns, for each of its scales, the features of its layers and, last, the
scores: one logit per patch or picture.
"""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

Features = list[list[Tensor]]
"""[scale][layer]; the last layer of a scale is its scores."""


class PatchGAN(nn.Module):
    """PatchGAN (Isola et al., arXiv:1611.07004): 4x4 convolutions, `strides` of them with stride 2.

    Three strides give a receptive field of 70 pixels. `spectral` normalizes every layer spectrally (Miyato et al.,
    arXiv:1802.05957), as EdgeConnect and DeepFill v2 do, in place of batch or instance normalization.
    """

    def __init__(self, inputs: int = 3, width: int = 32, strides: int = 3, *, spectral: bool = True):
        super().__init__()

        def layer(before: int, after: int, stride: int) -> nn.Module:
            convolution = nn.Conv2d(before, after, 4, stride, 1)
            return spectral_norm(convolution) if spectral else convolution

        widths = [inputs, *(width * min(2**index, 8) for index in range(strides + 1))]
        steps = [2] * strides + [1]
        self.layers = nn.ModuleList(map(layer, widths[:-1], widths[1:], steps))
        self.scores = layer(widths[-1], 1, 1)

    def forward(self, x: Tensor) -> Features:
        """See the module."""
        features, y = [], 2 * x - 1
        for index, convolution in enumerate(self.layers):
            if index:
                y = F.leaky_relu(y, 0.2)
            y = convolution(y)
            features.append(y)
        return [[*features, self.scores(F.leaky_relu(y, 0.2))]]


class DoubleScale(nn.Module):
    """DeblurGAN-v2's double-scale discriminator (arXiv:1908.03826, section 3.2): a local and a global PatchGAN.

    The global one has a receptive field of nearly the whole crop.
    """

    def __init__(self, inputs: int = 3, width: int = 32):
        super().__init__()
        self.local = PatchGAN(inputs, width, 3)
        self.whole = PatchGAN(inputs, width, 5)

    def forward(self, x: Tensor) -> Features:
        """See the module."""
        return self.local(x) + self.whole(x)


class StyleDiscriminator(nn.Module):
    """Residual discriminator of whole portraits, as in StyleGAN2 (arXiv:1912.04958) and GPEN.

    `widths` are the channels before each downsampling and after the last one; `side` is the pictures' side in pixels.
    A minibatch standard deviation over groups of four is one of its channels, against mode collapse.
    """

    GROUP = 4

    def __init__(self, side: int = 256, widths: tuple[int, ...] = (16, 32, 64, 96, 128, 128, 128)):
        super().__init__()
        self.head = nn.Conv2d(3, widths[0], 1)
        pairs = list(itertools.pairwise(widths))
        self.firsts = nn.ModuleList(nn.Conv2d(a, a, 3, padding=1) for a, b in pairs)
        self.seconds = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairs)
        self.skips = nn.ModuleList(nn.Conv2d(a, b, 1, bias=False) for a, b in pairs)
        last, left = widths[-1], side >> len(pairs)
        self.tail = nn.Conv2d(last + 1, last, 3, padding=1)
        self.scores = nn.Sequential(nn.Linear(last * left * left, last), nn.LeakyReLU(0.2), nn.Linear(last, 1))

    def forward(self, x: Tensor) -> Features:
        """See the module."""
        features, y = [], F.leaky_relu(self.head(2 * x - 1), 0.2)
        for first, second, skip in zip(self.firsts, self.seconds, self.skips, strict=True):
            z = F.leaky_relu(second(F.leaky_relu(first(y), 0.2)), 0.2)
            y = (z + skip(F.avg_pool2d(y, 2))) * 0.5**0.5
            features.append(y)
        y = F.leaky_relu(self.tail(torch.cat([y, self._minibatch_deviation(y)], dim=1)), 0.2)
        return [[*features, self.scores(y.flatten(1))]]

    def _minibatch_deviation(self, y: Tensor) -> Tensor:
        n, _, h, w = y.shape
        group = next(size for size in range(min(self.GROUP, n), 0, -1) if n % size == 0)
        parts = y.float().reshape(group, n // group, -1)
        spread = parts.var(dim=0, unbiased=False).add(1e-8).sqrt().mean(dim=1)
        return spread.repeat(group).view(n, 1, 1, 1).expand(n, 1, h, w).to(y.dtype)
