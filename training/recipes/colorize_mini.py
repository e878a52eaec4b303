"""colorize.mini: whole scenes and portraits, grey, with saturated colors counting more.

Nothing of it is bundled. After 24 minutes on one CPU thread it is right about portraits (3 to 4 dB over grey) and wrong
about scenes (none over grey): some 300 scenes are too few, and are learned by heart from about the 1200th step on.
"""

import cv2
import numpy as np
from torch import Tensor

from zoo.degradations.chains import get_chain
from zoo.models.colorize.mini import ColorizeMini, to_rgb
from zoo.nn.layers import luma

from .. import sources
from ..recipe import Recipe, Term, register

USUAL = 0.08
"""About the mean distance of a color from grey."""


def prepare(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A part of the picture, at least half as wide, at its size; a little darker or lighter."""
    height, width = image.shape[:2]
    share = rng.uniform(0.5, 1)
    high, wide = round(height * share), round(width * share)
    top, left = rng.integers(0, height - high + 1), rng.integers(0, width - wide + 1)
    part = cv2.resize(image[top : top + high, left : left + wide], (width, height), interpolation=cv2.INTER_LINEAR)
    return np.clip(part, 0, 1) ** np.float32(np.exp(rng.uniform(-0.3, 0.3)))


def rebalanced(chroma: Tensor, target: Tensor) -> Tensor:
    """Charbonnier of R - Y, G - Y and B - Y, weighted by how far the target is from grey.

    Most pixels are nearly grey: unweighted, the mean of what a thing's color may be is pale (Zhang et al., ECCV 2016,
    section 2.2, rebalance classes of color for the same reason).
    """
    target_chroma = target - luma(target)
    distance = target_chroma.square().sum(1, keepdim=True)
    weight = 0.5 + (distance.sqrt() / USUAL).clamp(max=4)
    wrong = (to_rgb(chroma) - target_chroma).square().sum(1, keepdim=True)
    return (weight * (wrong + 0.03**2).sqrt()).sum() / weight.sum()


RECIPE = Recipe(
    id="colorize.mini",
    network=ColorizeMini,
    data=sources.NATURAL + sources.FREE_FACES,
    licenses=f"{sources.NATURAL_LICENSES}; {sources.FREE_FACES_LICENSES}",
    shrink=208,
    prepare=prepare,
    degrade=get_chain("grey"),
    degradation="luma of parts of pictures that are made smaller, to 208 pixels at the shorter side",
    losses=(Term("chroma", 1.0, rebalanced, of="chroma"),),
    limits=(
        "Colors are plausible, not true: what grey does not tell, such as that of clothes, is guessed and often pale.",
        "Colors are found at 192 pixels of the shorter side: small things get those of what is around them.",
    ),
    steps=6_000,
    crop=192,
    margin=0,
    batch_size=8,
    learning_rate=1e-3,
    upright=True,
)
register(RECIPE)
