"""Resizing by Keys' cubic convolution, as MATLAB's imresize does it and papers on super-resolution measure it."""

from __future__ import annotations

import numpy as np

A = -0.5
"""Keys' parameter, with which the interpolation is exact to the third order (OpenCV and torch take -0.75)."""


def resize(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """An HxWxC picture at height x width pixels, float32 (float64 of float64); not clipped.

    Where it gets smaller, the kernel is made wider against aliasing. Edges are mirrored with the edge pixel repeated.
    Keys, Cubic Convolution Interpolation for Digital Image Processing, IEEE TASSP 1981,
    https://doi.org/10.1109/TASSP.1981.1163711. Raises ValueError for a size below 1.
    """
    if min(height, width) < 1:
        raise ValueError(f"a picture has at least one pixel, not {width} x {height}")
    image = image.astype(np.float64 if image.dtype == np.float64 else np.float32, copy=False)
    sides = [(0, height), (1, width)]
    for axis, side in sorted(sides, key=lambda pair: pair[1] / image.shape[pair[0]]):  # the cheaper one first
        image = _along(image, axis, side)
    return image


def _along(image: np.ndarray, axis: int, side: int) -> np.ndarray:
    length = image.shape[axis]
    if side == length:
        return image
    places, weights = _taps(length, side)
    shape = [1] * image.ndim
    shape[axis] = side
    result = np.zeros([side if i == axis else n for i, n in enumerate(image.shape)], image.dtype)
    for place, weight in zip(places, weights, strict=True):
        result += np.take(image, place, axis=axis) * weight.reshape(shape).astype(image.dtype)
    return result


def _taps(length: int, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Taps x side: which input pixels each output pixel is made of, and with which weights."""
    scale = side / length
    narrow = min(scale, 1.0)
    reach = 2 / narrow
    center = (np.arange(side) + 0.5) / scale - 0.5
    first = np.floor(center - reach).astype(np.int64) + 1
    taps = first + np.arange(int(np.ceil(2 * reach)) + 1)[:, None]
    weights = _kernel((center - taps) * narrow)
    weights /= weights.sum(axis=0)
    turned = np.mod(taps, 2 * length)  # mirrored: 0 1 2 2 1 0 0 1 2 ...
    return np.minimum(turned, 2 * length - 1 - turned), weights


def _kernel(x: np.ndarray) -> np.ndarray:
    x = np.abs(x)
    near = ((A + 2) * x - (A + 3)) * x**2 + 1
    far = ((x - 5) * x + 8) * x * A - 4 * A
    return np.where(x <= 1, near, np.where(x < 2, far, 0.0))
