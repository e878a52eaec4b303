"""Blur that is the same everywhere: convolution with a point spread function in linear light."""

from __future__ import annotations

import numpy as np

from .kernels import disk_kernel, motion_kernel
from .light import to_linear, to_stored


def blur(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Convolve with a kernel in linear light; the picture is mirrored at its edges."""
    import cv2

    # filter2D correlates; a convolution turns the kernel round.
    turned = kernel[::-1, ::-1].astype(np.float64)
    return to_stored(cv2.filter2D(to_linear(image), -1, turned, borderType=cv2.BORDER_REFLECT_101))


def motion_blur(image: np.ndarray, rng: np.random.Generator, low: float = 5, high: float = 25) -> np.ndarray:
    """Camera shake along a random path of `low` to `high` pixels."""
    return blur(image, motion_kernel(rng, rng.uniform(low, high)))


def defocus(image: np.ndarray, radius: float) -> np.ndarray:
    """Out of focus by a disk of this radius in pixels."""
    return blur(image, disk_kernel(radius))
