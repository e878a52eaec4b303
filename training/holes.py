"""Inpainting: random masks, and losses inside the hole.

Known pixels are put back, so their error is zero: the losses here are means over the hole, not over the picture. They
take the inpainted picture with its mask as fourth channel, N x 4 x H x W (1 = hole), and the target, N x 3 x H x W.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from zoo.io import masks

from . import sources
from .losses import perceptual

SCALE = 512
"""Side in pixels of the masks that are drawn; crops get a window of one."""
EPSILON = 0.05
"""Of the Charbonnier loss: where the error is smaller, it is nearly quadratic."""
WINDOW = 128
"""Side in pixels of the crop of each picture that VGG features are compared in: they cost more than the networks."""

PROBABILITIES = {masks.free_form: 0.75, masks.rectangles: 0.15, masks.scratches: 0.10}
DEGRADATION = "holes as on pictures of 512 px: free-form (75 %), rectangles (15 %), or scratches (10 %)"


def degrade(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """HxWx3 to HxWx4: the picture with mid-grey holes, and the mask, a random window of a mask of SCALE pixels.

    Holes cover at most 70 % of it and at least 5 % (scratches: 1 %). H and W are at most SCALE.
    """
    height, width = image.shape[:2]
    draw = list(PROBABILITIES)[rng.choice(len(PROBABILITIES), p=list(PROBABILITIES.values()))]
    least = 0.01 if draw is masks.scratches else 0.05
    while True:
        large = draw(rng, SCALE, SCALE)
        for _ in range(4):  # drawing a mask costs more than cropping it
            top, left = rng.integers(0, SCALE - height + 1), rng.integers(0, SCALE - width + 1)
            hole = large[top : top + height, left : left + width, None]
            if least <= hole.mean() <= 0.7:
                return np.concatenate([np.where(hole, np.float32(0.5), image), hole.astype(np.float32)], axis=2)


SETTINGS: dict[str, Any] = {
    "data": sources.NATURAL,
    "licenses": sources.NATURAL_LICENSES,
    "degrade": degrade,
    "degradation": DEGRADATION,
    "steps": 20_000,
    "crop": 192,
    "margin": 0,
    "batch_size": 4,
    "learning_rate": 4e-4,  # at 1.5e-3 the gradients explode
}
"""What the recipes of the two-stage inpainting networks have in common."""


def colors_in_hole(filled: Tensor, target: Tensor) -> Tensor:
    """Charbonnier loss, minus EPSILON so that its minimum is 0, averaged over the holes of the batch.

    EPSILON is large, so that small errors count quadratically and the mean of the possible contents, not their median,
    minimizes it.
    """
    picture, mask = filled[:, :3], filled[:, 3:]
    error = (picture - target).square().add(EPSILON**2).sqrt() - EPSILON
    return (error * mask).sum() / (3 * mask.sum()).clamp_min(1)


def features_in_hole(filled: Tensor, target: Tensor) -> Tensor:
    """`losses.perceptual` in a window of each picture, divided by the fraction of the windows inside holes."""
    picture, mask = filled[:, :3], filled[:, 3:]
    side = min(WINDOW, *mask.shape[2:])
    corners = [_corner(one, side) for one in mask.detach()]
    parts = [
        torch.stack([one[..., y : y + side, x : x + side] for one, (y, x) in zip(some, corners, strict=True)])
        for some in (picture, target, mask)
    ]
    # Features differ in each cell of 4 x 4 pixels that has a pixel of the hole.
    fraction = F.max_pool2d(parts[2], 4).mean().clamp_min(1e-2)
    return perceptual(*(part.contiguous(memory_format=torch.channels_last) for part in parts[:2])) / fraction


def _corner(mask: Tensor, side: int, step: int = 16) -> tuple[int, int]:
    """Upper left corner of a window with much of the hole, at least half the most; which one is a hash of the mask."""
    fractions = F.avg_pool2d(mask[None], side, step)[0, 0]
    order = fractions.flatten().argsort(descending=True, stable=True)
    full = int((fractions >= fractions.max() / 2).sum())
    place = int(order[int(mask.sum()) % full])
    return place // fractions.shape[1] * step, place % fractions.shape[1] * step


def mask_of(degraded: Tensor) -> Tensor:
    """The mask channel of an inpainting network's input, as condition of a discriminator."""
    return degraded[:, 3:]
