"""Frames beside each other, for people to look at."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np


def side_by_side(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Two H x W x 3 uint8 pictures beside each other; the first is enlarged to the second's size."""
    height, width = after.shape[:2]
    if before.shape[:2] != (height, width):
        before = cv2.resize(before, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.concatenate([before, np.full((height, 4, 3), 255, np.uint8), after], axis=1)


def contact_sheet(rows: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    """Rows of frames of one size (H x W x 3 uint8), such as one for each way in which they were restored."""
    made = [np.concatenate([np.pad(frame, ((2, 2), (2, 2), (0, 0))) for frame in row], axis=1) for row in rows]
    return np.concatenate(made, axis=0)
