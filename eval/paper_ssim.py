"""SSIM and PSNR as two often cited papers computed them, which differ from the field's usual definition.

Pictures are HxWx3 uint8 RGB of equal size; masks are not used.
"""

from __future__ import annotations

import numpy as np

from .fidelity import C1, C2, SIGMA, WINDOW, psnr
from .metric import NotComputable

GREY = np.array([0.2125, 0.7154, 0.0721])
"""Of R, G and B: scikit-image's rgb2gray (BT.709)."""
EDGECONNECT_WINDOW = 51


def psnr_grey(restored: np.ndarray, target: np.ndarray, mask: np.ndarray | None = None) -> float:
    """PSNR of gray values, as EdgeConnect's script has it; 80 dB for equal pictures."""
    return psnr(restored @ GREY, target @ GREY)


def ssim_grey_window51(restored: np.ndarray, target: np.ndarray, mask: np.ndarray | None = None) -> float:
    """SSIM of gray values in even windows of 51 x 51 pixels with sample covariance, as EdgeConnect's script has it.

    Nazeri et al., "EdgeConnect" (ICCV workshops 2019); scripts/metrics.py of its code. Raises NotComputable below 51 x
    51 pixels.
    """
    from skimage.metrics import structural_similarity

    if min(target.shape[:2]) < EDGECONNECT_WINDOW:
        raise NotComputable(f"needs pictures of at least {EDGECONNECT_WINDOW} x {EDGECONNECT_WINDOW} pixels")
    one, other = (image @ (GREY / 255) for image in (target, restored))
    return float(structural_similarity(one, other, data_range=1, win_size=EDGECONNECT_WINDOW))


def ssim_rgb_volume(restored: np.ndarray, target: np.ndarray, mask: np.ndarray | None = None) -> float:
    """SSIM of the RGB picture as a volume, as MATLAB's `ssim` takes it: the usual way on GoPro since 2020.

    The Gaussian window (11 x 11 x 11, sigma 1.5) reaches across the three channels, and values at the volume's edges
    are repeated outward; the mean is over all values.
    """
    from scipy.ndimage import gaussian_filter

    def smooth(volume: np.ndarray) -> np.ndarray:
        return gaussian_filter(volume, SIGMA, radius=WINDOW // 2, mode="nearest")

    x, y = restored.astype(np.float64), target.astype(np.float64)
    mean_x, mean_y = smooth(x), smooth(y)
    variances = smooth(x * x) - mean_x**2 + smooth(y * y) - mean_y**2
    covariance = smooth(x * y) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + C1) / (mean_x**2 + mean_y**2 + C1)
    return float((luminance * (2 * covariance + C2) / (variances + C2)).mean())
