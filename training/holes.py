"""Training to fill holes: how they are cut, and losses inside them.

Known pixels are put back, so their error is zero: the losses here are means over the hole, not over the picture. What
they take is a filled picture with its mask behind it, N x 4 x H x W (1 = hole), and the truth, N x 3 x H x W.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from zoo.io import masks

from .losses import perceptual

SCALE = 512
"""Holes are as large as on a picture of this side."""
EPSILON = 0.05
WINDOW = 128
"""Side in pixels of the part of each picture that its features are compared in: they cost more than the networks."""

SHARES = {masks.free_form: 0.75, masks.rectangles: 0.15, masks.scratches: 0.10}
DEGRADATION = "holes as on pictures of 512 px: free-form (75 %), rectangles (15 %), or scratches (10 %)"


def degrade(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """HxWx3 to HxWx4: mid-grey holes, and their mask; a part of a larger mask, of which at most 70 % are holes.

    At least 5 % are, or 1 % of a mask of scratches. H and W are at most 512.
    """
    height, width = image.shape[:2]
    kind = list(SHARES)[rng.choice(len(SHARES), p=list(SHARES.values()))]
    least = 0.01 if kind is masks.scratches else 0.05
    while True:
        large = kind(rng, SCALE, SCALE)
        for _ in range(4):  # a mask costs more than a cut of it
            top, left = rng.integers(0, SCALE - height + 1), rng.integers(0, SCALE - width + 1)
            hole = large[top : top + height, left : left + width, None]
            if least <= hole.mean() <= 0.7:
                return np.concatenate([np.where(hole, np.float32(0.5), image), hole.astype(np.float32)], axis=2)


def colors_in_hole(filled: Tensor, truth: Tensor) -> Tensor:
    """Charbonnier, less its least value, over the holes of the batch.

    Wide enough at its bottom that the mean, not the median, of what may be in a hole is best.
    """
    picture, mask = filled[:, :3], filled[:, 3:]
    error = (picture - truth).square().add(EPSILON**2).sqrt() - EPSILON
    return (error * mask).sum() / (3 * mask.sum()).clamp_min(1)


def features_in_hole(filled: Tensor, truth: Tensor) -> Tensor:
    """`losses.perceptual` in a window around a hole of each picture, over the share of the windows that is hole."""
    picture, mask = filled[:, :3], filled[:, 3:]
    side = min(WINDOW, *mask.shape[2:])
    corners = [_corner(one, side) for one in mask.detach()]
    parts = [
        torch.stack([one[..., y : y + side, x : x + side] for one, (y, x) in zip(some, corners, strict=True)])
        for some in (picture, truth, mask)
    ]
    # A cell of 4 x 4 pixels differs wherever the hole reaches it.
    share = F.max_pool2d(parts[2], 4).mean().clamp_min(1e-2)
    return perceptual(*(part.contiguous(memory_format=torch.channels_last) for part in parts[:2])) / share


def _corner(mask: Tensor, side: int, step: int = 16) -> tuple[int, int]:
    """Where a window lies that has much of the hole: one of the fuller half of all, drawn by the mask itself."""
    shares = F.avg_pool2d(mask[None], side, step)[0, 0]
    order = shares.flatten().argsort(descending=True, stable=True)
    full = int((shares >= shares.max() / 2).sum())
    place = int(order[int(mask.sum()) % full])
    return place // shares.shape[1] * step, place % shares.shape[1] * step


def mask_of(given: Tensor) -> Tensor:
    """The mask in what an inpainting network is given, for discriminators that see it."""
    return given[:, 3:]
