"""Noise removal without learning, with the noise level estimated from the picture."""

from __future__ import annotations

import numpy as np

from ..card import ModelCard, Tiling
from ..registry import register
from ..runtimes import NumpyBackend

NL_MEANS = ModelCard(
    id="nl-means",
    title="Non-local means",
    tasks=("denoise",),
    license="BSD-3-Clause",
    summary="Averages patches that look alike (scikit-image, fast form); strength from a wavelet noise estimate.",
    paper="Buades, Coll, Morel, CVPR 2005, https://doi.org/10.1109/CVPR.2005.38",
    tiling=Tiling(margin=16, exact=False),
    commercial_use=True,
)
BILATERAL = ModelCard(
    id="bilateral",
    title="Bilateral filter",
    tasks=("denoise",),
    license="Apache-2.0",
    summary="Averages near pixels of like color (OpenCV); strength from a wavelet noise estimate.",
    paper="Tomasi, Manduchi, ICCV 1998, https://doi.org/10.1109/ICCV.1998.710815",
    tiling=Tiling(margin=8, exact=False),
    commercial_use=True,
)


def _noise_level(image: np.ndarray) -> float:
    """Standard deviation of the noise, in units of the full range (Donoho and Johnstone 1994).

    From the finest diagonal wavelet details, as scikit-image's `estimate_sigma`, which gives NaN as soon as one
    channel is flat; here the mean is over the channels that have details.
    """
    import pywt

    if min(image.shape[:2]) < 5:  # too small to tell noise from picture
        return 0.0
    details = [pywt.dwtn(image[..., channel], "db2")["dd"] for channel in range(image.shape[2])]
    levels = [np.median(np.abs(detail[detail != 0])) / 0.6744897501960817 for detail in details if detail.any()]
    return float(np.mean(levels)) if levels else 0.0


@register(NL_MEANS)
def build_nl_means(card: ModelCard, state: None):
    """Patches of 5 x 5 pixels compared within 13 x 13, with filter strength 0.8 sigma."""
    from skimage.restoration import denoise_nl_means

    def run(image: np.ndarray, mask: None) -> np.ndarray:
        sigma = _noise_level(image)
        if sigma < 1e-4:  # nothing to remove; the filter would divide by zero
            return image
        return denoise_nl_means(
            image, patch_size=5, patch_distance=6, h=0.8 * sigma, sigma=sigma, fast_mode=True, channel_axis=-1
        )

    return NumpyBackend(run)


@register(BILATERAL)
def build_bilateral(card: ModelCard, state: None):
    """Spatial sigma 2 pixels, range sigma 3 times the noise."""
    import cv2

    def run(image: np.ndarray, mask: None) -> np.ndarray:
        sigma = _noise_level(image)
        if sigma < 1e-4:
            return image
        return cv2.bilateralFilter(image, d=9, sigmaColor=3 * sigma, sigmaSpace=2)

    return NumpyBackend(run)
