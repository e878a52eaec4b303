"""Pictures with known targets, to calibrate on and to compare runtimes with: degraded as each task has it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import ZooError
from ..seeding import rng_for

if TYPE_CHECKING:
    from ..card import ModelCard

CHAINS = {
    "deblur": "motion-blur", "face": "blind-face", "denoise": "noise", "low-light": "low-light", "restore": "mixed",
    "colorize": "grey",
}  # fmt: skip
"""Task -> degradation chain. Super-resolution gets pictures made smaller, inpainting ones with holes."""


@dataclass(frozen=True)
class Sample:
    """A picture for a model and what it should become; uint8, H x W x 3."""

    name: str
    given: np.ndarray
    mask: np.ndarray | None
    """H x W bool, True = hole."""
    target: np.ndarray


def load_samples(card: ModelCard, root: Path, split: str, count: int, side: int) -> list[Sample]:
    """`count` samples for a model from the pictures below ROOT/natural/SPLIT, of portraits below ROOT/faces/SPLIT.

    side: of the center crops in pixels; portraits are resized to it as a whole. Every choice depends on the pictures'
    names alone. Raises ZooError when there are no such pictures.
    """
    from ..io import images

    folder = root / ("faces" if card.tasks[0] == "face" or card.size.square else "natural") / split
    if not folder.is_dir():
        raise ZooError(f"there is no folder {folder} with pictures to measure on.")
    paths = list(images.find_pictures(folder, recursive=True))
    if not paths:
        raise ZooError(f"there are no pictures below {folder}.")
    chosen = [paths[index * len(paths) // count] for index in range(min(count, len(paths)))]
    portraits = folder.parent.name == "faces"
    return [make_sample(card, path.stem, images.read(path).rgb8(), side, whole=portraits) for path in chosen]


def make_sample(card: ModelCard, name: str, picture: np.ndarray, side: int, *, whole: bool = False) -> Sample:
    """A sample of one picture, H x W x 3 uint8. whole: resize the picture, not crop it."""
    import cv2

    from ..degradations.bicubic import resize
    from ..degradations.chains import get_chain
    from ..io.images import eight_bits

    height, width = picture.shape[:2]
    if whole or min(height, width) < side:
        target = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
    else:
        top, left = (height - side) // 2, (width - side) // 2
        target = np.ascontiguousarray(picture[top : top + side, left : left + side])
    task, rng = card.tasks[0], rng_for("runtimes", card.tasks[0], name)
    clean = target.astype(np.float32) / 255
    if task == "super-resolution":
        small = resize(clean, side // card.scale, side // card.scale)
        return Sample(name, eight_bits(small), None, target)
    if task == "inpaint":
        mask = np.zeros((side, side), np.uint8)
        points = rng.integers(0, side, (6, 2))
        cv2.polylines(mask, [points.astype(np.int32)], False, 1, thickness=max(2, side // 24))
        top, left = rng.integers(0, side * 3 // 4, 2)
        mask[top : top + side // 4, left : left + side // 4] = 1
        return Sample(name, target, mask > 0, target)
    return Sample(name, eight_bits(get_chain(CHAINS[task])(clean, rng)), None, target)


def mean_squared_error(image: np.ndarray, sample: Sample) -> float:
    """Over [0, 1], inside the hole where there is one."""
    error = np.square((image.astype(np.float64) - sample.target) / 255).mean(axis=2)
    return float(error[sample.mask].mean() if sample.mask is not None else error.mean())


def psnr(image: np.ndarray, sample: Sample) -> float:
    """In dB, inside the hole where there is one."""
    return float(-10 * np.log10(max(mean_squared_error(image, sample), 1e-10)))
