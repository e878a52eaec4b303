"""Distances of a restored picture from the target by their definitions, in float64: PSNR, SSIM, MS-SSIM, mean errors.

Pictures are HxWx3 uint8 RGB of equal size; luma is not rounded. Peak and data range are 255.
"""

from __future__ import annotations

import numpy as np

from .metric import Compute, NotComputable, need_mask

FLOOR = 1e-8
"""Added to the mean square error (of values in [0, 1]), so that equal pictures have 80 dB."""
WINDOW, SIGMA = 11, 1.5
"""SSIM's Gaussian window, in pixels."""
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Of MS-SSIM's scales, the finest first (Wang et al. 2003, section 3.2)."""


def luma(image: np.ndarray) -> np.ndarray:
    """Y of BT.601 in [16, 235], HxW float64, as MATLAB's rgb2ycbcr gives it for real values.

    >>> luma(np.array([[[0, 0, 0], [255, 255, 255]]], np.uint8))
    array([[ 16., 235.]])
    """
    red, green, blue = np.moveaxis(image.astype(np.float64), -1, 0)
    return 16 + (65.481 * red + 128.553 * green + 24.966 * blue) / 255


def psnr(restored: np.ndarray, target: np.ndarray) -> float:
    """10 log10(255^2 / mean square error), in dB; 80 for equal arrays.

    >>> round(psnr(np.full((4, 4), 110), np.full((4, 4), 100)), 3)
    28.131
    """
    error = np.mean((restored.astype(np.float64) - target) ** 2) / 255**2
    return float(-10 * np.log10(error + FLOOR))


def ssim_parts(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """SSIM's (luminance, contrast times structure) maps of two HxW arrays, where the whole window is inside.

    Wang et al., "Image Quality Assessment: From Error Visibility to Structural Similarity" (IEEE TIP 2004), equations
    6 and 13: the second map is negative where the structures are opposite.
    """
    import cv2

    offsets = np.arange(WINDOW) - WINDOW // 2
    window = np.exp(-(offsets**2) / (2 * SIGMA**2))
    window /= window.sum()
    inner = (slice(WINDOW // 2, -(WINDOW // 2)),) * 2

    def smooth(values: np.ndarray) -> np.ndarray:
        return cv2.sepFilter2D(values, cv2.CV_64F, window, window)[inner]

    x, y = x.astype(np.float64), y.astype(np.float64)
    mean_x, mean_y = smooth(x), smooth(y)
    variances = smooth(x * x) - mean_x**2 + smooth(y * y) - mean_y**2
    covariance = smooth(x * y) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + C1) / (mean_x**2 + mean_y**2 + C1)
    return luminance, (2 * covariance + C2) / (variances + C2)


def ssim(x: np.ndarray, y: np.ndarray) -> float:
    """The mean SSIM of two HxW arrays, -1 to 1. Raises NotComputable below 11 x 11 pixels."""
    _need(y, WINDOW)
    luminance, structure = ssim_parts(x, y)
    return float((luminance * structure).mean())


def ms_ssim(x: np.ndarray, y: np.ndarray) -> float:
    """MS-SSIM of two HxW arrays over five scales, 0 to 1. Raises NotComputable below 161 x 161 pixels.

    Wang, Simoncelli and Bovik, "Multi-Scale Structural Similarity for Image Quality Assessment" (Asilomar 2003). The
    mean of each scale's contrast and structure is raised to its weight; a negative mean has no real power, and counts
    as 0. Scales are means of 2 x 2 pixels; an odd side repeats its last row or column.
    """
    _need(y, (WINDOW - 1) * 2 ** (len(SCALE_WEIGHTS) - 1) + 1)
    product = 1.0
    for scale, weight in enumerate(SCALE_WEIGHTS):
        luminance, structure = ssim_parts(x, y)
        last = scale == len(SCALE_WEIGHTS) - 1
        value = float((luminance * structure).mean() if last else structure.mean())
        product *= max(value, 0.0) ** weight
        x, y = _halved(x), _halved(y)
    return product


def _halved(image: np.ndarray) -> np.ndarray:
    padded = np.pad(image, [(0, side % 2) for side in image.shape], mode="edge").astype(np.float64)
    return (padded[::2, ::2] + padded[1::2, ::2] + padded[::2, 1::2] + padded[1::2, 1::2]) / 4


def _need(image: np.ndarray, side: int) -> None:
    if min(image.shape[:2]) < side:
        raise NotComputable(f"needs pictures of at least {side} x {side} pixels")


def of_luma(function, border: int = 0) -> Compute:
    """A metric of two HxW arrays, taken of luma without `border` pixels at each edge."""

    def compute(restored: np.ndarray, target: np.ndarray, mask: np.ndarray | None) -> float:
        height, width = target.shape[:2]
        if min(height, width) <= 2 * border:
            raise NotComputable(f"needs pictures of more than {2 * border} x {2 * border} pixels")
        inside = np.s_[border : height - border, border : width - border]
        return function(luma(restored[inside]), luma(target[inside]))

    return compute


def psnr_rgb(restored: np.ndarray, target: np.ndarray, mask: np.ndarray | None) -> float:
    """PSNR over the three channels."""
    return psnr(restored, target)


def ssim_rgb(restored: np.ndarray, target: np.ndarray, mask: np.ndarray | None) -> float:
    """The mean SSIM of R, G and B."""
    return float(np.mean([ssim(restored[..., c], target[..., c]) for c in range(3)]))


def l1_percent(restored: np.ndarray, target: np.ndarray, mask: np.ndarray | None) -> float:
    """The mean absolute error in percent of the full range."""
    return float(np.abs(restored.astype(np.int16) - target).mean() / 255 * 100)


def psnr_hole(restored: np.ndarray, target: np.ndarray, mask: np.ndarray | None) -> float:
    """PSNR over the pixels of the hole. Raises NotComputable without a mask."""
    hole = need_mask(mask)
    return psnr(restored[hole], target[hole])


def l1_hole_percent(restored: np.ndarray, target: np.ndarray, mask: np.ndarray | None) -> float:
    """`l1_percent` over the pixels of the hole. Raises NotComputable without a mask."""
    hole = need_mask(mask)
    return l1_percent(restored[hole], target[hole], None)
