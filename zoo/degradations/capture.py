"""Chains of how pictures are taken and passed on: out of focus, by a surveillance camera, for a shop, at a low dose.

Each is registered in `chains`, whose rules hold here too: parameters are drawn first, in one order.
"""

from __future__ import annotations

import numpy as np

from .convolution import blur
from .kernels import disk_kernel, gaussian_kernel, linear_kernel
from .noise import gaussian_noise, poisson_noise
from .sampling import reduced, resized
from .storage import jpeg
from .tone import grey


def defocus(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Out of focus by a disk of radius 1 to 6 px; Gaussian noise of 0 to 1 % of the full range."""
    kernel, sigma = disk_kernel(rng.uniform(1, 6)), rng.uniform(0, 0.01)
    return gaussian_noise(blur(image, kernel), rng, sigma)


def surveillance(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Far from a surveillance camera: moved, small, noisy and compressed, then enlarged again.

    A steady motion of 2 to 8 px, smaller by 2 to 4, Gaussian noise of 2 to 12 (of 255), JPEG of quality 20 to 60.
    """
    kernel = linear_kernel(rng.uniform(2, 8), rng.uniform(0, np.pi))
    factor, sigma, quality = rng.uniform(2, 4), rng.uniform(2, 12) / 255, int(rng.integers(20, 61))
    height, width = image.shape[:2]
    small = gaussian_noise(reduced(blur(image, kernel), factor), rng, sigma)
    return resized(jpeg(small, quality), height, width)


def shop(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """As a marketplace stores what sellers upload: slightly soft, smaller, compressed, and enlarged again by viewers.

    Gaussian blur of sigma 0.3 to 1 px, smaller by 1.5 to 3, JPEG of quality 40 to 80.
    """
    kernel = gaussian_kernel(np.repeat(rng.uniform(0.3, 1), 2), 0)
    factor, quality = rng.uniform(1.5, 3), int(rng.integers(40, 81))
    height, width = image.shape[:2]
    return resized(jpeg(np.clip(reduced(blur(image, kernel), factor), 0, 1), quality), height, width)


def low_dose(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Gray, slightly soft, with the shot noise of few photons: Gaussian blur of sigma 0.5 to 1.2 px, 40 to 400 photons.

    The noise is the same in R, G and B.
    """
    kernel = gaussian_kernel(np.repeat(rng.uniform(0.5, 1.2), 2), 0)
    photons = float(np.exp(rng.uniform(np.log(40), np.log(400))))
    return np.repeat(poisson_noise(blur(grey(image), kernel)[..., :1], rng, photons), 3, axis=2)
