"""Masks: read from files or made from a seed. A mask is a boolean HxW array, True = hole."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from ..errors import MaskError
from . import images

if TYPE_CHECKING:
    from PIL import Image


def read(
    source: str | os.PathLike | bytes | Image.Image | np.ndarray | images.Picture,
    height: int,
    width: int,
    threshold: int | None = None,
) -> np.ndarray:
    """Read a mask for a picture of `height` x `width` pixels: white (or True) = hole.

    A mask has two values only, black and white; with a `threshold` (1 to 255 of 255) grey values are allowed, and
    those at or above it are holes. What is transparent counts as black. Raises MaskError when the size differs, when
    it has grey values without a threshold, or is all black or all white; PictureError when it cannot be read.
    """
    if isinstance(source, np.ndarray) and (source.dtype == bool or set(np.unique(source)) <= {0, 1}):
        source = source.astype(np.uint8) * np.uint8(255)
    picture = images.read(source)
    values = picture.rgb8().max(axis=2)
    if picture.alpha is not None:
        values = np.rint(values * (picture.alpha / picture.maximum)).astype(np.uint8)
    if values.shape != (height, width):
        raise MaskError(
            f"the mask has {values.shape[1]} x {values.shape[0]} pixels, the picture {width} x {height}; "
            "they must be the same."
        )
    if threshold is None:
        other = np.count_nonzero((values != 0) & (values != 255))
        if other:
            raise MaskError(
                f"the mask is not black and white: {other:,} pixels are grey; give a mask threshold (such as 128) "
                "to count those at or above it as holes."
            )
        threshold = 255
    check_threshold(threshold)
    mask = values >= threshold
    check(mask)
    return mask


def check_threshold(threshold: int) -> None:
    """Raise MaskError for a threshold outside 1 to 255."""
    if not 1 <= threshold <= 255:
        raise MaskError(f"a mask threshold is a number from 1 to 255, not {threshold}.")


def check(mask: np.ndarray) -> None:
    """Raise MaskError for a mask that leaves nothing to fill, or nothing to fill it from."""
    if not mask.any():
        raise MaskError("the mask is all black: there is no hole to fill (white marks holes).")
    if mask.all():
        raise MaskError("the mask is all white: nothing of the picture is left to fill the hole from.")


def _check_size(height: int, width: int) -> None:
    if min(height, width) < 16:
        raise MaskError(f"random holes need a picture of at least 16 pixels a side, not {width} x {height}.")


def rectangles(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """One to four rectangles that cover 5 to 40 % of the picture in all; bool HxW.

    Raises MaskError for a picture with a side under 16 pixels, as `free_form` does.
    """
    _check_size(height, width)
    while True:
        mask = np.zeros((height, width), bool)
        for _ in range(rng.integers(1, 5)):
            h = round(height * rng.uniform(0.1, 0.5))
            w = round(width * rng.uniform(0.1, 0.5))
            top, left = rng.integers(0, height - h + 1), rng.integers(0, width - w + 1)
            mask[top : top + h, left : left + w] = True
        if 0.05 <= mask.mean() <= 0.40:
            return mask


def free_form(rng: np.random.Generator, height: int, width: int, low: float = 0.10, high: float = 0.40) -> np.ndarray:
    """Brush strokes of varying direction and width, covering `low` to `high` of the picture; bool HxW.

    The kind of mask of Yu et al., "Free-Form Image Inpainting with Gated Convolution" (ICCV 2019), section 3.4:
    random walks of thick lines with round joints. Strokes are added until a share drawn from [low, high] is covered;
    a stroke that would pass `high` is dropped.
    """
    import cv2

    _check_size(height, width)
    side = min(height, width)
    target = rng.uniform(low, high)
    mask = np.zeros((height, width), np.uint8)
    while mask.mean() < target:
        stroke = mask.copy()
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        angle = rng.uniform(0, 2 * np.pi)
        thickness = max(2, round(side * rng.uniform(0.03, 0.12)))
        for _ in range(rng.integers(2, 7)):
            angle += rng.normal(0, 0.9)
            length = side * rng.uniform(0.05, 0.25)
            x2 = float(np.clip(x + length * np.cos(angle), 0, width - 1))
            y2 = float(np.clip(y + length * np.sin(angle), 0, height - 1))
            cv2.line(stroke, (round(x), round(y)), (round(x2), round(y2)), 1, thickness)
            cv2.circle(stroke, (round(x2), round(y2)), thickness // 2, 1, -1)
            x, y = x2, y2
        if stroke.mean() <= high:
            mask = stroke
    return mask.astype(bool)


def scratches(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Thin, mostly upright scratches, a few hairs and specks, as on worn prints and film; bool HxW, about 1 to 6 %."""
    import cv2

    side = min(height, width)
    mask = np.zeros((height, width), np.uint8)

    def wander(x: float, y: float, angle: float, length: float, turn: float, thickness: int) -> None:
        points = [(x, y)]
        step = side / 60
        for _ in range(max(2, round(length / step))):
            angle += rng.normal(0, turn)
            x, y = x + step * np.cos(angle), y + step * np.sin(angle)
            points.append((x, y))
        cv2.polylines(mask, [np.round(points).astype(np.int32)], False, 1, thickness)

    for _ in range(rng.integers(4, 10)):
        thickness = int(rng.integers(1, max(2, side // 160) + 1))
        wander(
            rng.uniform(0, width), rng.uniform(0, height / 2), np.pi / 2 + rng.normal(0, 0.12),
            height * rng.uniform(0.3, 1.0), 0.03, thickness,
        )  # fmt: skip
    for _ in range(rng.integers(2, 6)):
        wander(
            rng.uniform(0, width), rng.uniform(0, height), rng.uniform(0, 2 * np.pi),
            side * rng.uniform(0.1, 0.4), 0.35, max(1, side // 300),
        )  # fmt: skip
    for _ in range(rng.integers(10, 40)):
        center = (int(rng.integers(0, width)), int(rng.integers(0, height)))
        cv2.circle(mask, center, int(rng.integers(1, max(2, side // 120) + 1)), 1, -1)
    return mask.astype(bool)
