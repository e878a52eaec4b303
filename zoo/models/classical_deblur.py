"""Deblurring without learning: deconvolution with an estimated blur, and sharpening.

The three deconvolutions share one blind blur estimate, `estimate_blur`: a Gaussian of any direction and
elongation. That is less than a camera-shake path, and these backends are what a learned model has to beat.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..card import ModelCard, Tiling
from ..per_image import per_image
from ..registry import register

_RADIUS = 20
_MARGIN = 64


def _card(id: str, title: str, summary: str, paper: str, **extra) -> ModelCard:
    return ModelCard(
        id=id,
        title=title,
        tasks=("deblur",),
        license="BSD-3-Clause",
        summary=summary,
        paper=paper,
        commercial_use=True,
        **{"tiling": Tiling(margin=_MARGIN, exact=False), **extra},
    )


WIENER = _card(
    "unsupervised-wiener",
    "Unsupervised Wiener",
    "Wiener deconvolution whose strength is estimated too (scikit-image); blur: estimated Gaussian.",
    "Orieux, Giovannelli, Rodet, JOSA A 27 (2010), https://doi.org/10.1364/JOSAA.27.001593",
)
RICHARDSON_LUCY = _card(
    "richardson-lucy",
    "Richardson-Lucy",
    "15 Richardson-Lucy iterations (scikit-image); blur: estimated Gaussian.",
    "Richardson, JOSA 62 (1972), https://doi.org/10.1364/JOSA.62.000055",
)
TOTAL_VARIATION = _card(
    "tv-deconvolution",
    "Total-variation deconvolution",
    "ADMM between an exact Fourier step and scikit-image's total-variation denoiser; blur: estimated Gaussian.",
    "Rudin, Osher, Fatemi, Physica D 60 (1992); Chambolle, JMIV 20 (2004)",
)
UNSHARP_MASK = _card(
    "unsharp-mask",
    "Unsharp mask",
    "Adds back what a Gaussian of 2 pixels removes (scikit-image); needs no blur estimate.",
    "Polesel, Ramponi, Mathews, IEEE TIP 9 (2000), https://doi.org/10.1109/83.826787",
    tiling=Tiling(margin=16),
)


def estimate_blur(luma: np.ndarray) -> np.ndarray:
    """Estimate the 2x2 covariance (pixels squared) of a blur from one HxW picture.

    The power spectrum of a sharp photograph's gradient is about flat. A blur with covariance C multiplies it, at low
    frequencies f and whatever the blur's shape, by exp(-4 pi^2 f'Cf). So a plane is fitted through its logarithm
    where that exponent stays small, the frequencies being chosen anew after each fit. Real spectra fall a little
    by themselves (0.5 px^2 is taken off), and too wide a kernel rings, so the estimate is shrunk by 0.6; both numbers
    were set on the sample photographs under known blur. Eigenvalues are limited to [0.09, 40].
    """
    height, width = luma.shape
    window = np.outer(np.hanning(height), np.hanning(width))
    spectrum = np.abs(np.fft.rfft2((luma - luma.mean()) * window)) ** 2
    fy, fx = np.meshgrid(np.fft.fftfreq(height), np.fft.rfftfreq(width), indexing="ij")
    radius2 = fx**2 + fy**2
    usable = (radius2 > 0.02**2) & (radius2 < 0.25**2)
    x, y, gradient = fx[usable], fy[usable], np.log((spectrum * radius2)[usable] + 1e-12)
    quadratic = -4 * np.pi**2 * np.stack([x * x, 2 * x * y, y * y], axis=1)
    covariance = np.eye(2) * 0.09
    for _ in range(6):
        near = quadratic @ covariance[[0, 0, 1], [0, 1, 1]] > -2
        if np.count_nonzero(near) < 30:  # the picture is too small to say more
            break
        columns = np.column_stack([quadratic[near], np.ones(np.count_nonzero(near))])
        a, b, c, _ = np.linalg.lstsq(columns, gradient[near], rcond=None)[0]
        covariance = _clipped(np.array([[a, b], [b, c]]), 0.09, 64)
    return _clipped(0.6 * (covariance - 0.5 * np.eye(2)), 0.09, 40)


def _clipped(covariance: np.ndarray, low: float, high: float) -> np.ndarray:
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.clip(values, low, high)) @ vectors.T


def gaussian_kernel(covariance: np.ndarray) -> np.ndarray:
    """A Gaussian of this covariance on the smallest odd square that holds 3 sigma (at most 41 pixels wide)."""
    radius = int(np.clip(np.ceil(3 * np.sqrt(np.linalg.eigvalsh(covariance)[-1])), 1, _RADIUS))
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    points = np.stack([x.ravel(), y.ravel()])
    values = np.exp(-0.5 * np.sum(points * np.linalg.solve(covariance, points), axis=0)).reshape(x.shape)
    return (values / values.sum()).astype(np.float32)


def _on_luma(deconvolve: Callable[[np.ndarray, np.ndarray], np.ndarray]):
    """Deconvolve the luma of a mirrored, larger picture; color is left alone, as blur hardly shows in it."""
    import cv2

    def run(image: np.ndarray, mask: None) -> np.ndarray:
        ycc = cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb)
        kernel = gaussian_kernel(estimate_blur(ycc[..., 0]))
        pad = 2 * _RADIUS
        wide = np.pad(ycc[..., 0], pad, mode="reflect")
        height, width = image.shape[:2]
        ycc[..., 0] = deconvolve(wide, kernel)[pad : pad + height, pad : pad + width]
        return cv2.cvtColor(ycc, cv2.COLOR_YCrCb2RGB)

    return per_image(run)


@register(WIENER)
def build_wiener(card: ModelCard, state: None):
    """scikit-image's stochastic estimator with a fixed seed."""
    from skimage.restoration import unsupervised_wiener

    return _on_luma(lambda luma, kernel: unsupervised_wiener(luma, kernel, clip=False, rng=0)[0])


@register(RICHARDSON_LUCY)
def build_richardson_lucy(card: ModelCard, state: None):
    """15 iterations: more sharpen noise along with the picture."""
    from skimage.restoration import richardson_lucy

    return _on_luma(lambda luma, kernel: richardson_lucy(luma, kernel, num_iter=15, clip=False, filter_epsilon=1e-6))


@register(TOTAL_VARIATION)
def build_total_variation(card: ModelCard, state: None):
    """min 1/2 |k*x - y|^2 + weight TV(x), split as in Boyd et al. 2011 (ADMM), 20 rounds."""
    from skimage.restoration import denoise_tv_chambolle

    weight, rho = 0.01, 0.1

    def deconvolve(luma: np.ndarray, kernel: np.ndarray) -> np.ndarray:
        transfer = np.zeros_like(luma)
        size = kernel.shape[0]
        transfer[:size, :size] = kernel
        transfer = np.fft.rfft2(np.roll(transfer, (-(size // 2), -(size // 2)), axis=(0, 1)))
        data = np.conj(transfer) * np.fft.rfft2(luma)
        denominator = np.abs(transfer) ** 2 + rho
        smooth, dual = luma, np.zeros_like(luma)
        for _ in range(20):
            estimate = np.fft.irfft2((data + rho * np.fft.rfft2(smooth - dual)) / denominator, s=luma.shape)
            smooth = denoise_tv_chambolle(estimate + dual, weight=weight / rho, max_num_iter=30)
            dual = dual + estimate - smooth
        return smooth

    return _on_luma(deconvolve)


@register(UNSHARP_MASK)
def build_unsharp_mask(card: ModelCard, state: None):
    """Radius 2 pixels, amount 1."""
    from skimage.filters import unsharp_mask

    # scikit-image 0.26 sharpens along the wrong axis when it is given as -1.
    return per_image(lambda image, mask: unsharp_mask(image, radius=2, amount=1, channel_axis=2))
