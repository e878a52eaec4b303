"""Contact sheets: a model's results on free photographs that no model is trained on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from zoo.faces import align
from zoo.faces.detect import load_detector
from zoo.io.images import eight_bits
from zoo.registry import load
from zoo.seeding import rng_for

from .recipe import get_recipe

PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "hubble_deep_field", "rocket")
"""The pictures of the embedded sample, by name; public domain or CC0."""
PORTRAIT = "astronaut"
"""The one of them with a face."""
ROWS = 5
SIDE = 256
SAMPLES = 2
"""How many samples of a stochastic model are shown beside its default result."""


def targets(portraits: bool) -> list[np.ndarray]:
    """Target of each row, SIDE x SIDE x 3 uint8: the center of each photograph, or the one portrait in each row."""
    import skimage.data

    if portraits:
        picture = getattr(skimage.data, PORTRAIT)()
        face = max(load_detector().detect(picture), key=lambda face: face.area)
        return [align.warp(picture, align.to_crop(face.landmarks, SIDE), SIDE, SIDE)] * ROWS
    pictures = []
    for name in PHOTOGRAPHS:
        picture = getattr(skimage.data, name)()[..., :3]
        top, left = ((length - SIDE) // 2 for length in picture.shape[:2])
        pictures.append(np.ascontiguousarray(picture[top : top + SIDE, left : left + SIDE]))
    return pictures


def contact_sheet(model_id: str, seed: int = 0) -> Image.Image:
    """A row per picture, degraded as in the model's recipe: input, output (and samples of a stochastic model), target.

    The pictures are in no training set. Raises WeightsError when the model has no weights here.
    """
    recipe, restorer = get_recipe(model_id), load(model_id)
    rows = []
    for index, target in enumerate(targets(recipe.portraits)):
        degraded = recipe.degrade(target.astype(np.float32) / 255, rng_for("sheet", seed, index))
        inputs = eight_bits(degraded[..., :3])
        mask = degraded[..., 3] > 0.5 if "inpaint" in restorer.card.tasks else None
        results = [restorer.restore(inputs, mask)]
        if restorer.card.stochastic:
            results += restorer.sample(inputs, mask, count=SAMPLES)
        rows.append(np.concatenate([inputs, *(result.image for result in results), target], axis=1))
    return Image.fromarray(np.concatenate(rows))


def write_sheet(model_id: str, folder: Path = Path("assets/samples")) -> Path:
    """Write the model's contact sheet as ID.jpg."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{model_id}.jpg"
    contact_sheet(model_id).save(path, quality=90)
    return path
