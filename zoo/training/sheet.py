"""Contact sheets: what a model does to photographs that anyone may look at."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from ..degradations import rng_for, to_8_bit
from ..registry import load
from .recipe import get_recipe

PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "hubble_deep_field", "rocket")
"""The pictures of the embedded sample, by name; public domain or CC0."""
SIDE = 256


def contact_sheet(model_id: str, seed: int = 0) -> Image.Image:
    """A row per photograph: input, output, truth; the middle of each, degraded as in the model's recipe.

    They are in no training set. Raises WeightsError when the model has no weights here.
    """
    import skimage.data

    recipe, restorer = get_recipe(model_id), load(model_id)
    rows = []
    for name in PHOTOGRAPHS:
        picture = getattr(skimage.data, name)()[..., :3]
        top, left = ((length - SIDE) // 2 for length in picture.shape[:2])
        truth = np.ascontiguousarray(picture[top : top + SIDE, left : left + SIDE])
        given = to_8_bit(recipe.degrade(truth.astype(np.float32) / 255, rng_for("sheet", seed, name)))
        rows.append(np.concatenate([given, restorer.restore(given).image, truth], axis=1))
    return Image.fromarray(np.concatenate(rows))


def write_sheet(model_id: str, folder: Path = Path("assets/samples")) -> Path:
    """Write the model's contact sheet as ID.jpg."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{model_id}.jpg"
    contact_sheet(model_id).save(path, quality=90)
    return path
