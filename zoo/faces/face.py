"""A detected face.

Coordinates are pixels, x to the right and y down; the center of the top left pixel is (0, 0).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LANDMARKS = ("left eye", "right eye", "nose", "left mouth corner", "right mouth corner")
"""The order of landmarks; left and right are the viewer's."""


@dataclass(frozen=True, eq=False)
class Face:
    """One face in a picture."""

    box: np.ndarray
    """(x0, y0, x1, y1), float64; it may reach beyond the picture."""
    landmarks: np.ndarray
    """5x2 float64, in the order of LANDMARKS."""
    confidence: float
    """The detector's own, in [0, 1]; not comparable between detectors."""

    @property
    def center(self) -> np.ndarray:
        """The middle of the box, (x, y)."""
        return (self.box[:2] + self.box[2:]) / 2

    @property
    def area(self) -> float:
        """Of the box, in square pixels."""
        width, height = np.maximum(self.box[2:] - self.box[:2], 0)
        return float(width * height)

    def scaled(self, factor: float) -> Face:
        """The same face in the picture resized by `factor` (pixel centers are kept apart from pixel corners)."""

        def move(points: np.ndarray) -> np.ndarray:
            return (points + 0.5) * factor - 0.5

        return Face(move(self.box), move(self.landmarks), self.confidence)


def overlaps(box: np.ndarray, others: np.ndarray, *, of_smaller: bool = False) -> np.ndarray:
    """Intersection over union of one box with N others (Nx4); over the smaller of both when `of_smaller`."""
    top_left = np.maximum(box[:2], others[:, :2])
    bottom_right = np.minimum(box[2:4], others[:, 2:4])
    shared = np.prod(np.maximum(bottom_right - top_left, 0), axis=1)
    own = np.prod(box[2:4] - box[:2])
    areas = np.prod(others[:, 2:4] - others[:, :2], axis=1)
    whole = np.minimum(own, areas) if of_smaller else own + areas - shared
    return shared / np.maximum(whole, 1e-9)


def suppress(boxes: np.ndarray, scores: np.ndarray, threshold: float, *, of_smaller: bool = False) -> np.ndarray:
    """Indices of the boxes (Nx4) that no better one overlaps by more than `threshold`, the best first."""
    # cv2.dnn.NMSBoxes knows no overlap in terms of the smaller box, which two of the detectors need.
    order = np.argsort(-scores, kind="stable")
    kept = []
    while len(order):
        best, order = order[0], order[1:]
        kept.append(best)
        order = order[overlaps(boxes[best], boxes[order], of_smaller=of_smaller) <= threshold]
    return np.array(kept, dtype=np.intp)
