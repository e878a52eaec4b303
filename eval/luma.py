"""PSNR and SSIM of luma without the border, as papers on super-resolution measure them."""

from __future__ import annotations

import numpy as np

from .metric import Compute, NotComputable

RADIUS, SIGMA = 5, 1.5
"""Of SSIM's Gaussian window: 11 x 11 pixels."""
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def luma(image: np.ndarray) -> np.ndarray:
    """BT.601 luma in [16, 235] of an HxWx3 uint8 picture, HxW float64, not rounded."""
    return 16 + image @ np.array([65.481, 128.553, 24.966]) / 255


def _inside(image: np.ndarray, border: int) -> np.ndarray:
    height, width = image.shape[:2]
    if min(height, width) <= 2 * border:
        raise NotComputable(f"needs pictures of more than {2 * border} x {2 * border} pixels")
    return luma(image[border : height - border, border : width - border])


def psnr_without_border(border: int) -> Compute:
    """PSNR of luma, peak 255, without `border` pixels at each edge; equal pictures have 80 dB, as psnr_y."""

    def compute(restored: np.ndarray, truth: np.ndarray, mask: np.ndarray | None) -> float:
        error = np.mean((_inside(restored, border) - _inside(truth, border)) ** 2) / 255**2
        return float(-10 * np.log10(error + 1e-8))

    return compute


def ssim_without_border(border: int) -> Compute:
    """SSIM of luma without `border` pixels at each edge, where the whole window lies inside of what is left.

    Wang, Bovik, Sheikh, Simoncelli, Image Quality Assessment: From Error Visibility to Structural Similarity, IEEE TIP
    2004, https://doi.org/10.1109/TIP.2003.819861, with its window and constants, in float64.
    """

    def compute(restored: np.ndarray, truth: np.ndarray, mask: np.ndarray | None) -> float:
        x, y = _inside(restored, border), _inside(truth, border)
        if min(x.shape) < 2 * RADIUS + 1:
            raise NotComputable(f"needs pictures of at least {2 * (RADIUS + border) + 1} pixels a side")
        mean_x, mean_y = _windowed(x), _windowed(y)
        variances = _windowed(x * x) - mean_x**2 + _windowed(y * y) - mean_y**2
        covariance = _windowed(x * y) - mean_x * mean_y
        likeness = (2 * mean_x * mean_y + C1) * (2 * covariance + C2)
        return float(np.mean(likeness / ((mean_x**2 + mean_y**2 + C1) * (variances + C2))))

    return compute


def _windowed(plane: np.ndarray) -> np.ndarray:
    """Means by the Gaussian window, where it fits."""
    from scipy.ndimage import correlate1d

    weights = np.exp(-0.5 * (np.arange(-RADIUS, RADIUS + 1) / SIGMA) ** 2)
    weights /= weights.sum()
    for axis in (0, 1):
        plane = correlate1d(plane, weights, axis, mode="nearest")
    return plane[RADIUS:-RADIUS, RADIUS:-RADIUS]
