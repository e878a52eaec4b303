"""edgeconnect.mini: holes filled in two steps, edges first."""

import numpy as np
from torch import Tensor

from ... import masks
from ...models.edgeconnect_mini import EdgeConnectMini, edge_map
from ..losses import charbonnier
from ..recipe import Recipe, Term

SCALE = 512
"""The strokes are as wide as on a picture of this side."""


def degrade(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """HxWx3 to HxWx4: mid-grey holes, and their mask; a part of a larger mask, of which 5 to 70 % are holes."""
    height, width = image.shape[:2]
    while True:
        large = masks.free_form(rng, SCALE, SCALE)
        top, left = rng.integers(0, SCALE - height + 1), rng.integers(0, SCALE - width + 1)
        hole = large[top : top + height, left : left + width, None]
        if 0.05 <= hole.mean() <= 0.7:
            return np.concatenate([np.where(hole, np.float32(0.5), image), hole.astype(np.float32)], axis=2)


def colors(restored: Tensor, truth: Tensor) -> Tensor:
    """Of the colors; wide enough at its bottom that the mean, not the median, of what may be in a hole is best."""
    return charbonnier(restored[:, :3], truth, epsilon=0.05)


def edges(restored: Tensor, truth: Tensor) -> Tensor:
    """Of the edges that the first network drew; all but the holes is right already."""
    return charbonnier(restored[:, 3:], edge_map(truth), epsilon=0.05)


RECIPE = Recipe(
    id="edgeconnect.mini",
    network=EdgeConnectMini,
    data=("natural/train",),
    licenses="CC BY-SA 4.0 (CID22), CC BY-SA (Wikimedia), GPL-2+ and CC BY(-SA) (Debian), CC0 (Budgie)",
    degrade=degrade,
    degradation="free-form holes as in the scenario `free-form-holes`, as wide as on pictures of 512 px",
    losses=(Term("colors", 1.0, colors), Term("edges", 0.2, edges)),
    limits=("Large holes are filled smoothly: no texture and no objects are invented.",),
    steps=20_000,
    crop=192,
    margin=0,
    batch=4,
    rate=1.5e-3,
)
