"""Smooth interpolation of holes by an image pyramid; the small inpainting networks start from it."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

LEVELS = 6
"""Levels of the pyramid above the full size."""


def smooth_fill(image: Tensor, known: Tensor) -> Tensor:
    """Fill unknown pixels smoothly; image N x 3 x H x W, known N x 1 x H x W (1 = known).

    A pyramid of means over known pixels; each unknown pixel takes the finest level that has a known one there (Burt's
    pull-push, in the form of Gortler et al., "The Lumigraph", SIGGRAPH 1996). H and W are multiples of 64.
    """
    mean = (image * known).sum((2, 3), keepdim=True) / known.sum((2, 3), keepdim=True).clamp_min(1)
    colors, weights = [image * known], [known]
    for _ in range(LEVELS):
        weight = F.avg_pool2d(weights[-1], 2)
        color = F.avg_pool2d(colors[-1], 2)
        share = weight.clamp(max=1 / 4) * 4  # one known pixel of four is enough to be known
        colors.append(color / weight.clamp_min(1e-6) * share)
        weights.append(share)
    filled = colors[-1] + (1 - weights[-1]) * mean
    for color, weight in zip(colors[-2::-1], weights[-2::-1], strict=True):
        larger = F.interpolate(filled, scale_factor=2, mode="bilinear", align_corners=False)
        filled = color + (1 - weight) * larger
    return filled
