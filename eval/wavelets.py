"""CW-SSIM as the code of DeblurGAN-v2 computes it, which its paper prints as "SSIM"."""

from __future__ import annotations

import numpy as np

from .metric import NotComputable

WIDTHS = range(1, 31)
"""Of the wavelets, in pixels."""
K = 0.01
"""Added above and below each fraction."""


def cw_ssim(restored: np.ndarray, target: np.ndarray, mask: np.ndarray | None = None) -> float:
    """The similarity of the wavelet coefficients of two HxWx3 uint8 pictures, 0 to 1; the mask is not used.

    Sampat et al., "Complex Wavelet Structural Similarity" (IEEE TIP 2009), in the form of the package pyssim, which
    the published code of DeblurGAN-v2 calls: of gray values (BT.601, 8 bits), row after row as one long signal, with
    real Ricker wavelets of 1 to 30 pixels. Being real, they leave nothing of the tolerance to shifts that the paper
    of CW-SSIM is about. Raises NotComputable for pictures of fewer than 300 pixels.
    """
    from PIL import Image
    from scipy.signal import fftconvolve

    if target.shape[0] * target.shape[1] < 10 * WIDTHS[-1]:
        raise NotComputable(f"needs pictures of at least {10 * WIDTHS[-1]} pixels")
    one, other = (np.asarray(Image.fromarray(image).convert("L"), np.float64).ravel() for image in (restored, target))
    products, squares, agreement, magnitude = (np.zeros(one.size) for _ in range(4))
    for width in WIDTHS:
        wavelet = ricker(10 * width, width)
        x, y = (fftconvolve(signal, wavelet, mode="same") for signal in (one, other))
        both = x * y
        products += np.abs(both)
        squares += x**2 + y**2
        agreement += both
        magnitude += np.abs(both)
    similar = (2 * products + K) / (squares + K) * (2 * np.abs(agreement) + K) / (2 * magnitude + K)
    return float(similar.mean())


def ricker(points: int, width: float) -> np.ndarray:
    """The negative second derivative of a Gaussian of that standard deviation, of unit energy, at so many points."""
    place = (np.arange(points) - (points - 1) / 2) / width
    return 2 / (np.sqrt(3 * width) * np.pi**0.25) * (1 - place**2) * np.exp(-(place**2) / 2)
