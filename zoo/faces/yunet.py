"""YuNet through OpenCV's own detector."""

from __future__ import annotations

import threading

import cv2
import numpy as np

from . import helpers
from .face import Face, suppress

SIDES = (1280, 320)
"""The picture is searched at these long sides; the network finds faces of about 10 to 300 pixels."""
THRESHOLD = 0.7
"""Least confidence."""


class YuNet:
    """cv2.FaceDetectorYN at two sizes of the picture."""

    name = "yunet"

    def __init__(self, min_face: int | None = None):
        """min_face: smaller faces (side in pixels) are left out. Raises WeightsError when the weights are missing."""
        path = helpers.fetch(helpers.YUNET).files[0].path
        self.min_face = min_face or 0
        self._network = cv2.FaceDetectorYN.create(str(path), "", (320, 320), THRESHOLD, 0.3, 5000)
        self._lock = threading.Lock()

    def detect(self, image: np.ndarray) -> list[Face]:
        """The faces in a HxWx3 uint8 RGB picture, the surest first."""
        long_side = max(image.shape[:2])
        sides = sorted({min(side, long_side) for side in SIDES}, reverse=True)
        rows = np.concatenate([self._at(image, side / long_side) for side in sides])
        rows = rows[np.max(rows[:, 2:4] - rows[:, :2], axis=1, initial=0) >= self.min_face]
        rows = rows[suppress(rows[:, :4], rows[:, 14], 0.4, of_smaller=True)]
        return [Face(row[:4], row[4:14].reshape(5, 2), float(row[14])) for row in rows]

    def _at(self, image: np.ndarray, scale: float) -> np.ndarray:
        """Nx15: box, landmarks and confidence, in pixels of the picture."""
        height, width = (max(round(side * scale), 1) for side in image.shape[:2])
        small = image if scale == 1 else cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
        with self._lock:
            self._network.setInputSize((width, height))
            _, found = self._network.detect(np.ascontiguousarray(small[..., ::-1]))
        if found is None:
            return np.empty((0, 15))
        rows = found.astype(np.float64)
        rows[:, 2:4] += rows[:, :2]
        # Its left and right are the person's, so its first eye is the viewer's left one, as here.
        rows[:, :14] = (rows[:, :14] + 0.5) * np.tile([image.shape[1] / width, image.shape[0] / height], 7) - 0.5
        return rows
