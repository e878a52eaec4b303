"""A smooth fill of holes, which the small inpainting networks start from."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

LEVELS = 6
"""Halvings of the pyramid that holes are first filled from."""


def smooth_fill(image: Tensor, known: Tensor) -> Tensor:
    """Fill what is not known from ever larger surroundings; N x 3 x H x W, N x 1 x H x W (1 = known).

    A pyramid of means over known pixels; every hole takes the finest level that knows something there (Burt's
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
