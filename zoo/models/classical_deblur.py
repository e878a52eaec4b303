"""Deblurring without learning: deconvolution with an estimated blur, and sharpening.

The three deconvolutions share one blind blur estimate, `estimate_blur`: a Gaussian of any direction and
elongation. That is less than a camera-shake path, and these backends are what a learned model has to beat.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..card import ModelCard, Tiling
from ..registry import register
from ..runtimes import NumpyBackend

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
    """Estimate the 2x2 covariance (pixels squared) of a blur from one HxW picture, from its sharpest edges.

    Blurring a step edge once more, by a Gaussian of variance r, lowers its slope by the factor sqrt((v + r) / v),
    where v is the variance it was blurred with before (Zhuo, Sim, "Defocus map estimation from a single image",
    Pattern Recognition 44, 2011). That gives v across every strong edge; no blur is wider than the sharpest edges of
    a direction show, so the 75th percentile of the factor is taken, and a covariance fitted through 8 directions.
    What is estimated too narrow costs little, too wide a kernel rings: where edges are few, it is no blur at all.
    Eigenvalues are limited to [0.09, 40].
    """
    import cv2

    before, again = 0.7, 1.0  # a little smoothing against noise, and the second blur; standard deviations
    smooth = cv2.GaussianBlur(luma, (0, 0), before)
    dx, dy = (cv2.Sobel(smooth, cv2.CV_32F, *order, scale=1 / 8) for order in ((1, 0), (0, 1)))
    slope = np.hypot(dx, dy) + np.float32(1e-9)
    nx, ny = dx / slope, dy / slope
    smoother = cv2.GaussianBlur(smooth, (0, 0), again)
    dx, dy = (cv2.Sobel(smoother, cv2.CV_32F, *order, scale=1 / 8) for order in ((1, 0), (0, 1)))
    factor = slope / np.maximum(np.abs(dx * nx + dy * ny), 1e-6)

    # An edge is where the slope is greatest across it; the picture's own edges are left out.
    y, x = np.indices(luma.shape, dtype=np.float32)
    ahead, behind = (cv2.remap(slope, x + s * nx, y + s * ny, cv2.INTER_LINEAR) for s in (1, -1))
    edge = (slope >= ahead) & (slope >= behind)
    edge[:4] = edge[-4:] = edge[:, :4] = edge[:, -4:] = False
    if np.count_nonzero(edge) >= 100:
        edge &= slope > 0.3 * np.quantile(slope[edge], 0.98)
    nx, ny, factor = nx[edge], ny[edge], factor[edge]

    variances, directions, weights = [], [], []
    for angle in np.arange(8) * np.pi / 8:
        cos, sin = np.cos(angle), np.sin(angle)
        across = np.abs(nx * sin - ny * cos) < np.sin(np.pi / 12)
        count = np.count_nonzero(across)
        if count >= 25:
            ratio = max(np.quantile(factor[across], 0.75) ** 2 - 1, 1e-3)
            variances.append(again**2 / ratio - before**2)
            directions.append((cos * cos, 2 * cos * sin, sin * sin))
            weights.append(count**0.25)
    if len(variances) < 3:
        return 0.09 * np.eye(2)
    weighted = np.array(directions) * np.array(weights)[:, None]
    a, b, c = np.linalg.lstsq(weighted, np.multiply(variances, weights), rcond=None)[0]
    return _clipped(np.array([[a, b], [b, c]]), 0.09, 40)


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


def transfer_function(kernel: np.ndarray, height: int, width: int) -> np.ndarray:
    """What a centered kernel of odd side does to a periodic picture's frequencies, as `numpy.fft.rfft2` has them."""
    field = np.zeros((height, width), kernel.dtype)
    side = kernel.shape[0]
    field[:side, :side] = kernel
    return np.fft.rfft2(np.roll(field, (-(side // 2), -(side // 2)), axis=(0, 1)))


def on_luma(deconvolve: Callable[[np.ndarray], np.ndarray], pad: int):
    """Deconvolve the luma of a picture mirrored by `pad` pixels; color is left alone, as blur hardly shows in it."""
    import cv2

    def run(image: np.ndarray, mask: None) -> np.ndarray:
        ycc = cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb)
        wide = np.pad(ycc[..., 0], pad, mode="reflect")
        height, width = image.shape[:2]
        ycc[..., 0] = deconvolve(wide)[pad : pad + height, pad : pad + width]
        return cv2.cvtColor(ycc, cv2.COLOR_YCrCb2RGB)

    return NumpyBackend(run)


def _blindly(deconvolve: Callable[[np.ndarray, np.ndarray], np.ndarray]):
    """`deconvolve(luma, kernel)` with the kernel that the picture's own edges tell."""
    pad = 2 * _RADIUS
    inner = np.s_[pad:-pad, pad:-pad]
    return on_luma(lambda wide: deconvolve(wide, gaussian_kernel(estimate_blur(wide[inner]))), pad)


@register(WIENER)
def build_wiener(card: ModelCard, state: None):
    """scikit-image's stochastic estimator with a fixed seed."""
    from skimage.restoration import unsupervised_wiener

    return _blindly(lambda luma, kernel: unsupervised_wiener(luma, kernel, clip=False, rng=0)[0])


@register(RICHARDSON_LUCY)
def build_richardson_lucy(card: ModelCard, state: None):
    """15 iterations: more sharpen noise along with the picture."""
    from skimage.restoration import richardson_lucy

    return _blindly(lambda luma, kernel: richardson_lucy(luma, kernel, num_iter=15, clip=False, filter_epsilon=1e-6))


@register(TOTAL_VARIATION)
def build_total_variation(card: ModelCard, state: None):
    """min 1/2 |k*x - y|^2 + weight TV(x), split as in Boyd et al. 2011 (ADMM), 20 rounds."""
    from skimage.restoration import denoise_tv_chambolle

    weight, rho = 0.01, 0.1

    def deconvolve(luma: np.ndarray, kernel: np.ndarray) -> np.ndarray:
        transfer = transfer_function(kernel, *luma.shape)
        data = np.conj(transfer) * np.fft.rfft2(luma)
        denominator = np.abs(transfer) ** 2 + rho
        smooth, dual = luma, np.zeros_like(luma)
        for _ in range(20):
            estimate = np.fft.irfft2((data + rho * np.fft.rfft2(smooth - dual)) / denominator, s=luma.shape)
            smooth = denoise_tv_chambolle(estimate + dual, weight=weight / rho, max_num_iter=30)
            dual = dual + estimate - smooth
        return smooth

    return _blindly(deconvolve)


@register(UNSHARP_MASK)
def build_unsharp_mask(card: ModelCard, state: None):
    """Radius 2 pixels, amount 1."""
    from skimage.filters import unsharp_mask

    # scikit-image 0.26 sharpens along the wrong axis when it is given as -1.
    return NumpyBackend(lambda image, mask: unsharp_mask(image, radius=2, amount=1, channel_axis=2))
