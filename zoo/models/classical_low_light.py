"""Brightening of dark pictures without learning: by local histograms, by a gamma for each level, and by retinex."""

from __future__ import annotations

import numpy as np

from ..card import ModelCard
from ..registry import register
from ..runtimes import NumpyBackend

CLAHE = ModelCard(
    id="clahe",
    title="CLAHE",
    tasks=("low-light",),
    license="BSD-3-Clause",
    summary="Equalizes the histogram of brightness in parts of the picture, with limited contrast (scikit-image).",
    paper="Zuiderveld, Contrast Limited Adaptive Histogram Equalization, Graphics Gems IV, 1994",
    commercial_use=True,
)
ADAPTIVE_GAMMA = ModelCard(
    id="adaptive-gamma",
    title="Adaptive gamma correction",
    tasks=("low-light",),
    license="MIT",
    summary="Gives each level of brightness a gamma of its own, by the picture's weighted histogram (AGCWD).",
    paper=(
        "Huang, Cheng, Chiu, Efficient Contrast Enhancement Using Adaptive Gamma Correction With Weighting "
        "Distribution, IEEE TIP 2013, https://doi.org/10.1109/TIP.2012.2226047"
    ),
    commercial_use=True,
)
RETINEX = ModelCard(
    id="multi-scale-retinex",
    title="Multi-scale retinex",
    tasks=("low-light",),
    license="MIT",
    summary="Compares each place's brightness with its surroundings at three scales, and keeps the colors.",
    paper=(
        "Petro, Sbert, Morel, Multiscale Retinex, IPOL 2014 (its algorithm MSRCP), "
        "https://doi.org/10.5201/ipol.2014.107; after Jobson, Rahman, Woodell, IEEE TIP 1997"
    ),
    commercial_use=True,
    notes=("It raises every picture's contrast to the full range: noise and flat skies, too.",),
)

LEVELS = 256
"""Of brightness that histograms tell apart; values between them are interpolated."""
SIGMAS = (15.0, 80.0, 250.0)
"""Standard deviations in pixels of the three surroundings."""
CLIPPED = 0.01
"""Share of the darkest, and of the brightest pixels that may lose their detail to the stretch."""


@register(CLAHE)
def build_clahe(card: ModelCard, state: None):
    """scikit-image's form: on HSV's value, 8 x 8 parts of the picture, clip limit 0.02."""
    from skimage.exposure import equalize_adapthist

    def run(image: np.ndarray, mask: None) -> np.ndarray:
        if np.ptp(image) < 1e-3:  # a flat picture has nothing to equalize
            return image
        return equalize_adapthist(np.clip(image, 0, 1), clip_limit=0.02)

    return NumpyBackend(run)


@register(ADAPTIVE_GAMMA)
def build_adaptive_gamma(card: ModelCard, state: None):
    """On HSV's value; alpha is 1, so the distribution's weights are its own values."""

    def run(image: np.ndarray, mask: None) -> np.ndarray:
        value = image.max(axis=2)
        counts, _ = np.histogram(value, LEVELS, (0, 1))
        weighted = (counts - counts.min()) / max(np.ptp(counts), 1)
        shares = np.cumsum(weighted) / max(weighted.sum(), 1e-12)
        levels = np.linspace(0, 1, LEVELS)
        return _with_brightness(image, value, np.interp(value, levels, levels ** (1 - shares)))

    return NumpyBackend(run)


@register(RETINEX)
def build_retinex(card: ModelCard, state: None):
    """On the mean of R, G and B, stretched to the full range."""

    def run(image: np.ndarray, mask: None) -> np.ndarray:
        intensity = image.mean(axis=2) + 1 / 255  # the logarithm needs a floor
        ratio = np.mean([np.log(intensity / _surroundings(intensity, sigma)) for sigma in SIGMAS], axis=0)
        low, high = np.quantile(ratio, (CLIPPED, 1 - CLIPPED))
        if high - low < 1e-3:  # a flat picture has nothing to stretch
            return image
        return _with_brightness(image, image.mean(axis=2), np.clip((ratio - low) / (high - low), 0, 1))

    return NumpyBackend(run)


def _surroundings(intensity: np.ndarray, sigma: float) -> np.ndarray:
    """Blurred by a Gaussian; at a lower resolution where it is wide."""
    import cv2

    height, width = intensity.shape
    factor = max(1, int(sigma / 8))
    size = (max(1, -(-width // factor)), max(1, -(-height // factor)))
    small = cv2.resize(intensity, size, interpolation=cv2.INTER_AREA)
    blurred = cv2.GaussianBlur(small, (0, 0), sigma / factor, borderType=cv2.BORDER_REFLECT)
    return np.maximum(cv2.resize(blurred, (width, height), interpolation=cv2.INTER_LINEAR), 1e-6)


def _with_brightness(image: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """The picture with another brightness and the same colors: as bright as no channel exceeds 1."""
    factor = after / np.maximum(before, 1e-6)
    return image * np.minimum(factor, 1 / np.maximum(image.max(axis=2), 1e-6))[..., None]
