"""Filling holes from neighboring frames that show what is behind them: logos, scratches, hairs.

Motion inside a hole cannot be seen; it is taken as affine, from what surrounds the hole. Along the motion, frame by
frame, every pixel of the hole is looked up in the neighbors until one of them shows it. What no neighbor shows is left
as a hole for a model of task inpaint.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from ..errors import MaskError
from ..io import images, masks
from ..io.images import find_pictures
from .clean import windowed
from .motion import flow, grey_of, warp
from .source import Frame

RADIUS = 12
"""Frames before and after that are looked into."""
RING = 12
"""Pixels around a hole from which its motion is taken."""
FEWEST = 20
"""So many pixels of the ring are needed for that."""


class Holes:
    """What is to be filled in each frame."""

    def __init__(self, path: Path, height: int, width: int):
        """path: a mask for all frames, or a folder of one for each, in the order of their names. Raises MaskError."""
        self._height, self._width = height, width
        self._files = sorted(find_pictures(path)) if path.is_dir() else []
        if path.is_dir() and not self._files:
            raise MaskError(f"there is no mask in {path}.")
        self._all = None if path.is_dir() else masks.read(path, height, width)

    def of(self, index: int) -> np.ndarray | None:
        """The hole of a frame, H x W bool; None beyond the last mask of a folder. Raises MaskError."""
        if not self._files:
            return self._all
        if index >= len(self._files):
            return None
        picture = images.read(self._files[index])
        return masks.read(picture, self._height, self._width) if picture.rgb8().any() else None


def filled(frames: Iterator[Frame]) -> Iterator[Frame]:
    """The frames with their holes filled from neighbors, and with what is left of the holes."""
    filler = _Filler()
    for frame in windowed(frames, RADIUS, filler):
        yield replace(frame, hole=filler.left.pop(frame.index))


class _Filler:
    """The step, and the motion between neighbors that it has measured."""

    def __init__(self) -> None:
        self.left: dict[int, np.ndarray | None] = {}
        self._motion: dict[tuple[int, int], np.ndarray] = {}

    def __call__(self, scene: Sequence[Frame], at: int) -> np.ndarray:
        """The image of a frame with its hole filled as far as neighbors show it."""
        for gone in [pair for pair in self._motion if min(pair) < scene[0].index]:
            del self._motion[gone]
        frame = scene[at]
        hole = frame.hole
        if hole is None or not hole.any():
            self.left[frame.index] = hole
            return frame.image
        image, left = frame.image.copy(), hole.copy()
        rows, columns = np.nonzero(hole)
        start = np.stack([columns, rows], axis=1).astype(np.float32)
        # Forward and back in turns: the nearest frame that shows a pixel is the best one.
        places = {1: start.copy(), -1: start.copy()}
        for distance in range(1, RADIUS + 1):
            for way in (1, -1):
                other, before = at + way * distance, at + way * (distance - 1)
                if not 0 <= other < len(scene):
                    continue
                motion = self._between(scene[before], scene[other])
                here = places[way]
                there = places[way] = here + _sampled(motion, here, cv2.INTER_LINEAR)
                self._take(image, left, scene[other], rows, columns, there)
            if not left.any():
                break
        self.left[frame.index] = left
        return image

    def _take(
        self,
        image: np.ndarray,
        left: np.ndarray,
        other: Frame,
        rows: np.ndarray,
        columns: np.ndarray,
        there: np.ndarray,
    ) -> None:
        """Fill those of the pixels that are still holes and that the other frame shows at these places."""
        height, width = left.shape
        inside = (there[:, 0] >= 0) & (there[:, 0] <= width - 1) & (there[:, 1] >= 0) & (there[:, 1] <= height - 1)
        shown = inside & left[rows, columns]
        if other.hole is not None and other.hole.any():
            around = cv2.dilate(other.hole.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(np.float32)
            shown &= _sampled(around, there, cv2.INTER_LINEAR) == 0
        if not shown.any():
            return
        colors = _sampled(other.image, there, cv2.INTER_CUBIC)
        image[rows[shown], columns[shown]] = colors[shown]
        left[rows[shown], columns[shown]] = False

    def _between(self, frame: Frame, other: Frame) -> np.ndarray:
        """The motion from a frame to its neighbor, H x W x 2, inside holes guessed from around them."""
        key = (frame.index, other.index)
        if key not in self._motion:
            height, width = frame.image.shape[:2]
            greys = [_without_hole(each) for each in (frame, other)]
            motion = flow(*greys)
            if motion.shape[:2] != (height, width):
                scale = np.array([width / motion.shape[1], height / motion.shape[0]], np.float32)
                motion = cv2.resize(motion, (width, height)) * scale
            holes = [each.hole for each in (frame, other) if each.hole is not None]
            if holes:
                hidden = np.logical_or.reduce(holes)
                # What the other frame's hole hides is at the end of the motion.
                hidden |= warp(holes[-1].astype(np.float32), motion) > 0
                _guess_inside(motion, hidden)
            self._motion[key] = motion
        return self._motion[key]


def _sampled(image: np.ndarray, places: np.ndarray, interpolation: int) -> np.ndarray:
    """An image at N x 2 places (x, y), those outside moved to its edge: N or N x C."""
    count = len(places)
    padded = np.pad(places, ((0, -count % 1024), (0, 0)), mode="edge").reshape(-1, 1024, 2)  # OpenCV's sides are short
    grid = np.clip(padded, 0, np.array(image.shape[1::-1], np.float32) - 1).astype(np.float32)
    values = cv2.remap(image, grid, None, interpolation, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]
    return values.reshape(-1, *values.shape[2:])[:count]


def _without_hole(frame: Frame) -> np.ndarray:
    """A frame in grey, its holes filled smoothly so that their rims are no edges that move or stand still."""
    grey = grey_of(frame.image)
    if frame.hole is None or not frame.hole.any():
        return grey
    hole = cv2.resize(frame.hole.astype(np.uint8), grey.shape[::-1], interpolation=cv2.INTER_AREA)
    return cv2.inpaint(grey, cv2.dilate((hole > 0).astype(np.uint8), np.ones((3, 3), np.uint8)), 3, cv2.INPAINT_TELEA)


def _guess_inside(motion: np.ndarray, hidden: np.ndarray) -> None:
    """Replace the motion inside each part of a hole by the affine motion of the ring around it."""
    grown = cv2.dilate(hidden.astype(np.uint8), np.ones((7, 7), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(grown, connectivity=8)
    height, width = hidden.shape
    for part in range(1, count):
        x, y, w, h, _ = stats[part]
        box = np.s_[max(y - RING, 0) : min(y + h + RING, height), max(x - RING, 0) : min(x + w + RING, width)]
        inside = labels[box] == part
        ring = cv2.dilate(inside.astype(np.uint8), np.ones((2 * RING + 1, 2 * RING + 1), np.uint8)) > 0
        rows, columns = np.nonzero(ring & (grown[box] == 0))
        if len(rows) < FEWEST:
            continue
        some = np.linspace(0, len(rows) - 1, min(len(rows), 600)).astype(int)
        start = np.stack([columns[some], rows[some]], axis=1).astype(np.float32)
        moved = start + motion[box][rows[some], columns[some]]
        matrix, _ = cv2.estimateAffine2D(start, moved, method=cv2.RANSAC, ransacReprojThreshold=1.0)
        if matrix is None:
            continue
        inner_rows, inner_columns = np.nonzero(inside)
        points = np.stack([inner_columns, inner_rows], axis=1).astype(np.float32)
        motion[box][inner_rows, inner_columns] = points @ matrix[:, :2].T + matrix[:, 2] - points
