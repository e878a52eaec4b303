"""Grey pictures degraded colors: chroma from a small U-Net at a fixed size, joined with the luma at full size.

Luma is BT.601's. Chroma is R - Y and B - Y, each in [-1, 1]: any chroma leaves the luma as it is.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...nn.layers import luma
from ...nn.nafnet import NAFBlock
from ...nn.unet import ShuffledUNet

SIDE = 192
"""The shorter side in pixels of what the network sees."""
RADIUS = 4
"""Of the guided filter that joins chroma and luma, in pixels of what the network sees."""
SATURATION = 0.85
"""What the network's chroma is multiplied by: saturated colors count more in training than they should at the end."""


def with_chroma(y: Tensor, chroma: Tensor) -> Tensor:
    """RGB in [0, 1], N x 3 x H x W, of luma N x 1 x H x W and chroma N x 2 x H x W.

    A color that would leave [0, 1] is made paler until it does not: clipping would change its luma.
    """
    difference = to_rgb(chroma)
    room = torch.where(difference > 0, 1 - y, y)
    share = (room / difference.abs().clamp_min(1e-6)).amin(1, keepdim=True).clamp(0, 1)
    return y + share * difference


def to_rgb(chroma: Tensor) -> Tensor:
    """R - Y, G - Y and B - Y, N x 3 x H x W, of R - Y and B - Y."""
    red, blue = chroma.chunk(2, dim=1)
    return torch.cat([red, -(0.299 * red + 0.114 * blue) / 0.587, blue], dim=1)


def joined(chroma: Tensor, small: Tensor, large: Tensor) -> Tensor:
    """Chroma N x 2 x h x w of the luma `small`, N x 1 x h x w, brought to the size of `large`, N x 1 x H x W.

    The guided filter (He, Sun, Tang, TPAMI 2013) in its fast form (arXiv:1505.00996): near each pixel chroma is an
    affine map of luma, fitted at the small size.
    """

    def mean(x: Tensor) -> Tensor:
        return F.avg_pool2d(x, 2 * RADIUS + 1, 1, RADIUS, count_include_pad=False)

    center, y = mean(chroma), mean(small)
    slope = (mean(chroma * small) - center * y) / (mean(small * small) - y * y + 1e-3)
    maps = torch.cat([slope, center - slope * y], dim=1)
    slope, offset = F.interpolate(mean(maps), large.shape[2:], mode="bilinear", align_corners=False).chunk(2, dim=1)
    return slope * large + offset


class ColorizeMini(nn.Module):
    """N x 3 x H x W grey RGB in [0, 1] (of other pictures the luma counts) to the same with colors. Any size."""

    def __init__(self):
        super().__init__()
        self.unet = ShuffledUNet(4, (64, 128, 160, 192), (2, 2, 2, 4), NAFBlock, inputs=1, outputs=2)

    def forward(self, picture: Tensor) -> Tensor:
        """See the class."""
        y = luma(picture)
        height, width = y.shape[2:]
        scale, step = SIDE / min(height, width), self.unet.multiple
        size = [max(1, round(length * scale / step)) * step for length in (height, width)]
        small = F.interpolate(y, size, mode="bilinear", align_corners=False, antialias=True)
        return with_chroma(y, SATURATION * joined(self.chroma(small), small, y))

    def chroma(self, y: Tensor) -> Tensor:
        """N x 1 x H x W luma in [0, 1] to N x 2 x H x W; H and W are multiples of 32."""
        return self.unet.result(2 * y - 1).float()

    def training_forward(self, degraded: Tensor, target: Tensor) -> dict[str, Tensor | Callable[[], Tensor]]:
        """`chroma`: what the network makes of `degraded`, at the size that it has."""
        return {"chroma": self.chroma(luma(degraded))}
