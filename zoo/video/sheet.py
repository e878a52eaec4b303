"""Frames beside each other, for people to look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from .encode import Encoding, SegmentWriter
from .motion import eight
from .mux import join
from .source import Reader, probe

LONGEST, GAP = 640, 4
"""Of each of two videos beside each other, and between them, in pixels."""


def side_by_side(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Two H x W x 3 uint8 pictures beside each other; the first is enlarged to the second's size."""
    height, width = after.shape[:2]
    if before.shape[:2] != (height, width):
        before = cv2.resize(before, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.concatenate([before, np.full((height, GAP, 3), 255, np.uint8), after], axis=1)


def contact_sheet(rows: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    """Rows of frames of one size (H x W x 3 uint8), such as one for each way in which they were restored."""
    made = [np.concatenate([np.pad(frame, ((2, 2), (2, 2), (0, 0))) for frame in row], axis=1) for row in rows]
    return np.concatenate(made, axis=0)


def both_videos(before: str, after: str, output: str, begin: float = 0.0, end: float | None = None) -> int:
    """Write a video with two others beside each other, so that one player shows both at the same time.

    after: made of the part of `before` from `begin` to `end` seconds, with as many frames; each is at most LONGEST
    pixels wide. Returns 0. Raises ZooError and its kinds.
    """
    from fractions import Fraction

    source, made = probe(Path(before)), probe(Path(after))
    shrink = min(1.0, LONGEST / made.width)
    width, height = (max(2, round(side * shrink) // 2 * 2) for side in (made.width, made.height))
    size = replace(made, width=2 * width + GAP, height=height, aspect=Fraction(made.aspect))
    encoding = Encoding.choose(Path(output), size, made, "h264", 20)
    frames = zip(Reader(source, begin or None, end).frames(), Reader(made).frames(), strict=False)
    segment = Path(output).with_suffix(".nut")
    writer = SegmentWriter(segment, encoding)
    for one, other in frames:
        pair = [cv2.resize(eight(each.image), (width, height), interpolation=cv2.INTER_AREA) for each in (one, other)]
        gap = np.full((height, GAP, 3), 255, np.uint8)
        writer.write(np.concatenate([pair[0], gap, pair[1]], axis=1), other.ticks)
    writer.close()
    join(Path(output), encoding, [segment], Reader(made))
    segment.unlink()
    return 0
