"""Training pairs: clean pictures, decoded once and kept in memory, and crops of them that are degraded on the fly.

What a step sees depends on the seed and the step's number alone, so a resumed run sees what an undisturbed one does,
with any number of worker processes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from zoo.degradations import to_8_bit
from zoo.errors import ZooError
from zoo.io import images
from zoo.seeding import rng_for

from .recipe import Recipe

HELD_OUT = 25
"""Every so many pictures by name, one is not trained on: it watches the run."""
WATCHED = 8
"""At most so many pictures watch."""
WATCH_SIDE = 256


def load_pictures(root: Path, folders: tuple[str, ...], smallest: int, shrink: int | None = None) -> list[np.ndarray]:
    """Every picture below the folders of `root`, by name, as HxWx3 uint8; those too small for a crop are left out.

    Those whose shorter side is longer than `shrink` are made smaller, to that.

    Raises ZooError when there is none or a folder is missing, PictureError for a file that cannot be read.
    """
    pictures = []
    for folder in folders:
        if not (root / folder).is_dir():
            raise ZooError(f"there is no folder {root / folder}, which the recipe takes its pictures from.")
        for path in images.find_pictures(root / folder, recursive=True):
            picture = _shrunk(images.read(path).rgb8(), shrink)
            if min(picture.shape[:2]) >= smallest:
                pictures.append(picture)
    if not pictures:
        raise ZooError(f"no picture of at least {smallest} pixels below {root} ({', '.join(folders)}).")
    return pictures


def _shrunk(picture: np.ndarray, side: int | None) -> np.ndarray:
    import cv2

    shorter = min(picture.shape[:2])
    if side is None or shorter <= side:
        return picture
    height, width = (round(length * side / shorter) for length in picture.shape[:2])
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)


def split(pictures: list[np.ndarray]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """(trained on, watching); a single picture does both."""
    watching = pictures[::HELD_OUT]
    training = [picture for index, picture in enumerate(pictures) if index % HELD_OUT] or pictures
    return training, watching[:WATCHED]


class Pairs(Dataset):
    """Item `step` is that step's batch: (given, clean), uint8 N x H x W x 3 (given: or more)."""

    def __init__(self, recipe: Recipe, pictures: list[np.ndarray], seed: int):
        self.recipe, self.pictures, self.seed = recipe, pictures, seed

    def __getitem__(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        pairs = [self._pair(rng_for(self.recipe.id, self.seed, step, n)) for n in range(self.recipe.batch)]
        given, clean = zip(*pairs, strict=True)
        return np.stack(given), np.stack(clean)

    def _pair(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        recipe = self.recipe
        side = recipe.crop + 2 * recipe.margin
        picture = self.pictures[rng.integers(len(self.pictures))]
        top, left = (rng.integers(0, length - side + 1) for length in picture.shape[:2])
        clean = picture[top : top + side, left : left + side]
        if rng.random() < 0.5:
            clean = clean[:, ::-1]
        if not recipe.upright and rng.random() < 0.5:
            clean = clean.transpose(1, 0, 2)
        clean = np.ascontiguousarray(clean)
        if recipe.prepare is not None:
            clean = to_8_bit(recipe.prepare(clean.astype(np.float32) / 255, rng))
        given = to_8_bit(recipe.degrade(clean.astype(np.float32) / 255, rng))
        # Not always the middle, so that the JPEG grid lies anywhere.
        y, x = rng.integers(recipe.margin // 2, recipe.margin + recipe.margin // 2 + 1, 2)
        inner = np.s_[y : y + recipe.crop, x : x + recipe.crop]
        return given[inner], clean[inner]


class From:
    """Sampler of the steps from a given one on, without an end."""

    def __init__(self, step: int):
        self.step = step

    def __iter__(self) -> Iterator[int]:
        step = self.step
        while True:
            yield step
            step += 1


def batches(pairs: Pairs, start: int, workers: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The batches from step `start` on, without an end; made by that many processes, or by this one for 0."""
    return iter(DataLoader(pairs, batch_size=None, sampler=From(start), num_workers=workers, collate_fn=_as_it_is))


def _as_it_is(batch: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    return batch


def to_tensor(pictures: np.ndarray, device: torch.device) -> Tensor:
    """N x H x W x 3 uint8 -> N x 3 x H x W float32 in [0, 1], channels last in memory."""
    return torch.from_numpy(pictures).to(device).permute(0, 3, 1, 2).float().div_(255)


def watched_pairs(recipe: Recipe, pictures: list[np.ndarray], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(given, clean) of the middle of each watching picture, N x H x W x 3 uint8; the same at every call."""
    side = min(WATCH_SIDE, *(min(picture.shape[:2]) for picture in pictures)) // 64 * 64
    clean, given = [], []
    for index, picture in enumerate(pictures):
        top, left = ((length - side) // 2 for length in picture.shape[:2])
        middle = np.ascontiguousarray(picture[top : top + side, left : left + side])
        clean.append(middle)
        rng = rng_for(recipe.id, "watch", seed, index)
        given.append(to_8_bit(recipe.degrade(middle.astype(np.float32) / 255, rng)))
    return np.stack(given), np.stack(clean)
