"""SSIMULACRA 2.1: how visible errors are, in the color space of JPEG XL.

Jon Sneyers, https://github.com/cloudinary/ssimulacra2. 100 for equal pictures; 90 is visually lossless, 70 high
quality, 50 medium, 30 low; strong errors are below 0. Its weights (data/ssimulacra2.json) were fitted to scores of
compressed pictures, so what it says of invented detail is beyond what it was made for.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path

import numpy as np

from .metric import NotComputable

WEIGHTS = Path(__file__).parent / "data" / "ssimulacra2.json"
SCALES = 6
SIGMA = 1.5
C2 = 0.0009
LMS = np.array([[0.30, 0.622, 0.078], [0.23, 0.692, 0.078], [0.24342268924547819, 0.20476744424496821, 0.0]])
LMS[2, 2] = 1 - LMS[2].sum()
"""Linear R, G, B to the cones' responses, as JPEG XL has them."""
BIAS = 0.0037930732552754493


def ssimulacra2(restored: np.ndarray, target: np.ndarray, mask: np.ndarray | None = None) -> float:
    """The score of an HxWx3 uint8 sRGB picture, at most 100; the mask is not used.

    Raises NotComputable below 8 x 8 pixels.
    """
    if min(target.shape[:2]) < 8:
        raise NotComputable("needs pictures of at least 8 x 8 pixels")
    weights = _weights()
    first, second = (_linear(image) for image in (target, restored))
    total = 0.0
    for scale in range(SCALES):
        if min(first.shape[:2]) < 8:
            break
        errors = _errors(_xyb(first), _xyb(second))
        norms = [errors.mean(axis=(0, 1)), (errors**4).mean(axis=(0, 1)) ** 0.25]
        total += float(sum((weights[:, scale, norm] * value).sum() for norm, value in enumerate(norms)))
        first, second = _halved(first), _halved(second)
    total *= 0.9562382616834844
    total = 6.248496625763138e-5 * total**3 - 0.020884521182843837 * total**2 + 2.326765642916932 * total
    return 100 - 10 * total**0.6276336467831387 if total > 0 else 100.0


@functools.cache
def _weights() -> np.ndarray:
    """Channel x scale x norm x kind of error."""
    return np.array(list(json.loads(WEIGHTS.read_text(encoding="utf-8"))["weights"].values()))


def _linear(image: np.ndarray) -> np.ndarray:
    values = image.astype(np.float64) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def _xyb(linear: np.ndarray) -> np.ndarray:
    """JPEG XL's XYB, moved so that all of it is positive, and B without Y."""
    cones = np.cbrt(np.maximum(linear @ LMS.T + BIAS, 0)) - np.cbrt(BIAS)
    x, y = (cones[..., 0] - cones[..., 1]) / 2, (cones[..., 0] + cones[..., 1]) / 2
    return np.stack([14 * x + 0.42, y + 0.01, cones[..., 2] - y + 0.55], axis=-1)


def _errors(target: np.ndarray, restored: np.ndarray) -> np.ndarray:
    """H x W x channel x kind: loss of structure (SSIM without its luminance denominator), new edges, lost edges."""
    mean1, mean2 = _blurred(target), _blurred(restored)
    variance1 = _blurred(target**2) - mean1**2
    variance2 = _blurred(restored**2) - mean2**2
    covariance = _blurred(target * restored) - mean1 * mean2
    structure = 1 - (1 - (mean1 - mean2) ** 2) * (2 * covariance + C2) / (variance1 + variance2 + C2)
    edges = (1 + np.abs(restored - mean2)) / (1 + np.abs(target - mean1)) - 1
    return np.maximum(np.stack([structure, edges, -edges], axis=-1), 0)


def _blurred(image: np.ndarray) -> np.ndarray:
    """By a Gaussian of SIGMA as the reference has it, with zeros around the picture."""
    import cv2

    kernel = _kernel()
    return cv2.sepFilter2D(image, cv2.CV_64F, kernel, kernel, borderType=cv2.BORDER_CONSTANT)


@functools.cache
def _kernel() -> np.ndarray:
    """A Gaussian as a sum of three truncated cosines, which the reference computes recursively.

    Charalampidis, "Recursive Implementation of the Gaussian Filter Using Truncated Cosine Functions" (IEEE TSP 2016),
    equations 37 to 57.
    """
    radius = round(3.2795 * SIGMA + 0.2546)
    k = np.array([1, 3, 5])
    omega = k * np.pi / (2 * radius)
    sign = np.array([1, -1, 1])
    p = sign / np.tan(omega / 2)
    r = sign * p**2 / np.sin(omega)
    rho = np.exp(-0.5 * SIGMA**2 * omega**2) / radius
    minors = np.cross(p, r)
    zeta = minors / minors[2]
    beta = np.linalg.solve(np.array([p, r, zeta]), np.array([1, radius**2 - SIGMA**2, zeta @ rho]))
    return beta @ np.cos(omega[:, None] * np.arange(-radius, radius + 1))


def _halved(linear: np.ndarray) -> np.ndarray:
    """Means of 2 x 2 pixels; an odd side repeats its last row or column."""
    padded = np.pad(linear, [(0, side % 2) for side in linear.shape[:2]] + [(0, 0)], mode="edge")
    return (padded[::2, ::2] + padded[1::2, ::2] + padded[::2, 1::2] + padded[1::2, 1::2]) / 4
