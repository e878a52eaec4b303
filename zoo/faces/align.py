"""Aligning: similarity transforms to the five-point template, and resampling through them without aliasing.

A transform is a 2x3 matrix that maps (x, y) of one picture to (x, y) of another, pixel centers at whole numbers.
"""

from __future__ import annotations

import cv2
import numpy as np

TEMPLATE = np.array(
    [
        [192.98138, 239.94708],
        [318.90277, 240.1936],
        [256.63416, 314.01935],
        [201.26117, 371.41043],
        [313.08905, 371.15118],
    ]
)
"""Where FFHQ's aligned faces have their five landmarks at 512 x 512 pixels, as GPEN, GFPGAN and CodeFormer use it
(the means over FFHQ that facexlib published)."""
TEMPLATE_SIDE = 512
MOST_REDUCTION = 8
"""Pictures are halved until at most this much reduction is left to one warp; it bounds the memory."""


def template(side: int) -> np.ndarray:
    """5x2 landmarks of an aligned face in a crop of `side` x `side` pixels."""
    return (TEMPLATE + 0.5) * (side / TEMPLATE_SIDE) - 0.5


def similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The rotation, uniform scale and shift that take Nx2 points closest (least squares) to Nx2 others: 2x3.

    It never mirrors. Umeyama, Least-Squares Estimation of Transformation Parameters Between Two Point Patterns,
    IEEE TPAMI 1991; in two dimensions, with points as complex numbers z, it is w = a z + b with
    a = cov(z, w) / var(z). Raises ValueError when all source points are one.
    """
    z, w = (points[:, 0] + 1j * points[:, 1] for points in (np.asarray(source, float), np.asarray(target, float)))
    centered = z - z.mean()
    spread = np.sum(np.abs(centered) ** 2)
    if spread < 1e-12:
        raise ValueError("the points of a face must not coincide")
    a = np.sum(np.conj(centered) * (w - w.mean())) / spread
    b = w.mean() - a * z.mean()
    return np.array([[a.real, -a.imag, b.real], [a.imag, a.real, b.imag]])


def to_crop(landmarks: np.ndarray, side: int) -> np.ndarray:
    """The transform from a picture with a face's 5x2 landmarks to its aligned crop of `side` pixels."""
    return similarity(landmarks, template(side))


def resized(matrix: np.ndarray, before: float = 1.0, after: float = 1.0) -> np.ndarray:
    """A transform between the same pictures when the first is enlarged by `before`, the second by `after`."""
    return compose(_scaling(after), compose(matrix, _scaling(1 / before)))


def _scaling(factor: float) -> np.ndarray:
    shift = (factor - 1) / 2  # pixel corners stay together, so pixel centers move
    return np.array([[factor, 0, shift], [0, factor, shift]])


def compose(second: np.ndarray, first: np.ndarray) -> np.ndarray:
    """The transform that does `first`, then `second`."""
    linear = second[:, :2] @ first[:, :2]
    return np.column_stack([linear, second[:, :2] @ first[:, 2] + second[:, 2]])


def inverse(matrix: np.ndarray) -> np.ndarray:
    """The transform back."""
    linear = np.linalg.inv(matrix[:, :2])
    return np.column_stack([linear, -linear @ matrix[:, 2]])


def apply(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Nx2 points transformed."""
    return points @ matrix[:, :2].T + matrix[:, 2]


def scale_of(matrix: np.ndarray) -> float:
    """How much longer lines become."""
    return float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))


def warp(image: np.ndarray, matrix: np.ndarray, width: int, height: int) -> np.ndarray:
    """A picture (HxW or HxWx3; uint8, uint16 or float32) seen through a transform, `height` x `width` pixels.

    Enlarging is bicubic. Reducing samples as densely as the source has pixels and averages, so that nothing
    aliases. Outside of the picture it goes on mirrored: no border is dark.
    """
    image, matrix = _reduced(image, matrix)
    image, matrix = _cut(image, matrix, width, height)
    image, matrix = _continued(image, matrix, width, height)
    dense = int(np.ceil(1 / max(scale_of(matrix), 1 / MOST_REDUCTION) - 1e-6))
    dense = max(dense, 1)
    fine = cv2.warpAffine(
        image,
        resized(matrix, after=dense),
        (width * dense, height * dense),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    return fine if dense == 1 else cv2.resize(fine, (width, height), interpolation=cv2.INTER_AREA)


def _reduced(image: np.ndarray, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The picture halved, and the transform from the half, until the transform reduces by MOST_REDUCTION at most."""
    while scale_of(matrix) < 1 / MOST_REDUCTION and max(image.shape[:2]) > 1:
        # A side of one pixel goes on as that pixel, mirrored, so that two of it are the same picture.
        lacking = [(0, int(side == 1)) for side in image.shape[:2]]
        image = np.pad(image, lacking + [(0, 0)] * (image.ndim - 2), mode="edge")
        height, width = (side // 2 for side in image.shape[:2])
        image = cv2.resize(image[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA)
        matrix = resized(matrix, before=0.5)
    return image, matrix


def _seen(matrix: np.ndarray, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """The first and last positions (x, y) of the source that a warp to `height` x `width` pixels looks at."""
    corners = np.array([[-1, -1], [width, -1], [-1, height], [width, height]], float)
    seen = apply(inverse(matrix), corners)
    return seen.min(0), seen.max(0)


def _continued(image: np.ndarray, matrix: np.ndarray, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """A picture much narrower than what the warp looks at, mirrored as far as that, and the transform from it.

    OpenCV mirrors once for every length of the side that a position is away, and at a side of one pixel for ever.
    """
    low, high = _seen(matrix, width, height)
    low, high, size = np.floor(low).astype(int) - 4, np.ceil(high).astype(int) + 5, np.array(image.shape[1::-1])
    if (low > -size).all() and (high < 2 * size).all():
        return image, matrix
    before, after = np.maximum(0, -low), np.maximum(0, high - size)
    room = [(before[1], after[1]), (before[0], after[0])] + [(0, 0)] * (image.ndim - 2)
    shift = np.array([[1, 0, -before[0]], [0, 1, -before[1]]], float)
    return np.pad(image, room, mode="reflect"), compose(matrix, shift)


def _cut(image: np.ndarray, matrix: np.ndarray, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """The part of the picture that the warp needs, and the transform from it.

    OpenCV counts positions in few bits, so the small part is also the more exact one.
    """
    low, high = _seen(matrix, width, height)
    if not (low > 3).all() or not (high < np.array(image.shape[1::-1]) - 4).all():
        return image, matrix  # mirroring needs the true edge
    x0, y0 = np.floor(low).astype(int) - 3
    x1, y1 = np.ceil(high).astype(int) + 4
    shift = np.array([[1, 0, x0], [0, 1, y0]], float)
    return np.ascontiguousarray(image[y0:y1, x0:x1]), compose(matrix, shift)
