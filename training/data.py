"""Training pairs: random crops of clean pictures, which are kept decoded in memory, degraded on the fly.

The batch of a step depends only on the seed and the step's number, so a resumed run gets the same batches as an
uninterrupted one, with any number of worker processes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from zoo.errors import ZooError
from zoo.io import images
from zoo.io.images import eight_bits
from zoo.seeding import rng_for

from .recipe import Recipe

VALIDATION_EVERY = 25
"""One in so many pictures, in order of their names, belongs to the validation split and is not trained on."""
VALIDATION_COUNT = 8
"""Most pictures of the validation split that are used."""
VALIDATION_SIDE = 256
"""Side in pixels of the center crops that are validated on."""


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
    """(training split, validation split); a single picture is in both."""
    validation = pictures[::VALIDATION_EVERY]
    training = [picture for index, picture in enumerate(pictures) if index % VALIDATION_EVERY] or pictures
    return training, validation[:VALIDATION_COUNT]


class Pairs(Dataset):
    """Item `step` is that step's batch, uint8: (degraded, N x H x W x 3 or 4 with a mask; target, N x H x W x 3)."""

    def __init__(self, recipe: Recipe, pictures: list[np.ndarray], seed: int):
        self.recipe, self.pictures, self.seed = recipe, pictures, seed

    def __getitem__(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        pairs = [self._pair(rng_for(self.recipe.id, self.seed, step, n)) for n in range(self.recipe.batch_size)]
        degraded, target = zip(*pairs, strict=True)
        return np.stack(degraded), np.stack(target)

    def _pair(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        recipe = self.recipe
        side = recipe.crop + 2 * recipe.margin
        picture = self.pictures[rng.integers(len(self.pictures))]
        top, left = (rng.integers(0, length - side + 1) for length in picture.shape[:2])
        target = picture[top : top + side, left : left + side]
        if rng.random() < 0.5:
            target = target[:, ::-1]
        if not recipe.upright and rng.random() < 0.5:
            target = target.transpose(1, 0, 2)
        target = np.ascontiguousarray(target)
        if recipe.prepare is not None:
            target = eight_bits(recipe.prepare(target.astype(np.float32) / 255, rng))
        degraded = eight_bits(recipe.degrade(target.astype(np.float32) / 255, rng))
        # The crop is not always centered, so that it begins anywhere in the JPEG grid.
        y, x = rng.integers(recipe.margin // 2, recipe.margin + recipe.margin // 2 + 1, 2)
        inner = np.s_[y : y + recipe.crop, x : x + recipe.crop]
        return degraded[inner], target[inner]


class StepSampler:
    """Endless sampler of the steps from a first one on."""

    def __init__(self, step: int):
        self.step = step

    def __iter__(self) -> Iterator[int]:
        step = self.step
        while True:
            yield step
            step += 1


def batches(pairs: Pairs, start: int, workers: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Endless batches from step `start` on, made by that many worker processes, or by this process for 0."""
    return iter(
        DataLoader(pairs, batch_size=None, sampler=StepSampler(start), num_workers=workers, collate_fn=_unchanged)
    )


def _unchanged(batch: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    return batch


def to_tensor(pictures: np.ndarray, device: torch.device) -> Tensor:
    """N x H x W x 3 uint8 -> N x 3 x H x W float32 in [0, 1], channels last in memory."""
    return torch.from_numpy(pictures).to(device).permute(0, 3, 1, 2).float().div_(255)


def validation_pairs(recipe: Recipe, pictures: list[np.ndarray], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(degraded, target): center crops of the pictures, N x H x W x 3 uint8; the same at every call."""
    side = min(VALIDATION_SIDE, *(min(picture.shape[:2]) for picture in pictures)) // 64 * 64
    target, degraded = [], []
    for index, picture in enumerate(pictures):
        top, left = ((length - side) // 2 for length in picture.shape[:2])
        middle = np.ascontiguousarray(picture[top : top + side, left : left + side])
        target.append(middle)
        rng = rng_for(recipe.id, "validation", seed, index)
        degraded.append(eight_bits(recipe.degrade(middle.astype(np.float32) / 255, rng)))
    return np.stack(degraded), np.stack(target)
