"""Metrics of papers against independent implementations: values of theirs, or computed here another way."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import binary_dilation, gaussian_filter, sobel
from skimage.color import rgb2gray, rgb2ycbcr
from skimage.feature import canny
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from eval import ssimulacra2 as module
from eval.metrics import METRICS, NotComputable
from eval.wavelets import ricker
from tests.eval.helpers import photograph

PICTURES = ["astronaut", "chelsea", "coffee"]
HOW = ["blur", "noise", "jpeg"]
CASES = pytest.mark.parametrize(("name", "how"), [(name, how) for name in PICTURES for how in HOW])


def degraded(name: str, how: str) -> np.ndarray:
    """A photograph gone bad, by means that the project does not use."""
    target = photograph(name)
    if how == "blur":
        return gaussian_filter(target, (1.5, 1.5, 0))
    if how == "noise":
        noise = np.random.default_rng(1).normal(0, 15, target.shape)
        return np.clip(np.round(target + noise), 0, 255).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(target).save(stream, "JPEG", quality=30)
    return np.asarray(Image.open(stream))


def compute(metric: str, name: str, how: str, mask: np.ndarray | None = None) -> float:
    return METRICS[metric].compute(degraded(name, how), photograph(name), mask)


PYSSIM = {
    "astronaut": {"blur": 0.9871313179353064, "noise": 0.9888970160421305, "jpeg": 0.9970162564392848},
    "chelsea": {"blur": 0.9796132385632397, "noise": 0.973713167420785, "jpeg": 0.9892857227304193},
    "coffee": {"blur": 0.9811818197898725, "noise": 0.9680408375497209, "jpeg": 0.9880552672534122},
}
"""pyssim 0.6 with SciPy 1.11.4, `SSIM(target).cw_ssim_value(restored)`, with which DeblurGAN-v2 was measured (later
versions of pyssim use other wavelets)."""


@CASES
def test_cw_ssim_is_that_of_pyssim(name, how):
    # JPEG decoders differ by a level here and there.
    tolerance = 1e-4 if how == "jpeg" else 1e-9
    assert compute("cw_ssim", name, how) == pytest.approx(PYSSIM[name][how], abs=tolerance)


def test_ricker_has_unit_energy_and_no_mean():
    wavelet = ricker(100, 10)
    assert (wavelet**2).sum() == pytest.approx(1, abs=1e-3) and wavelet.sum() == pytest.approx(0, abs=1e-3)
    assert wavelet.argmax() in (49, 50)
    with pytest.raises(NotComputable, match="300 pixels"):
        METRICS["cw_ssim"].compute(np.zeros((9, 9, 3), np.uint8), np.zeros((9, 9, 3), np.uint8), None)


@CASES
def test_edgeconnects(name, how):
    """As its script calls scikit-image."""
    target, restored = (rgb2gray(image / 255) for image in (photograph(name), degraded(name, how)))
    expected = structural_similarity(target, restored, data_range=1, win_size=51)
    assert compute("ssim_grey_window51", name, how) == pytest.approx(expected, abs=1e-9)
    expected = peak_signal_noise_ratio(target, restored, data_range=1)
    assert compute("psnr_grey", name, how) == pytest.approx(expected, abs=1e-3)


@CASES
def test_ssim_of_the_volume_is_torchs(name, how):
    """MATLAB's ssim of a volume, by a three-dimensional convolution of a padded one."""
    import torch
    import torch.nn.functional as F

    target, restored = (
        torch.tensor(image[:100, :120], dtype=torch.float64)[None, None]
        for image in (photograph(name), degraded(name, how))
    )
    line = torch.exp(-(torch.arange(-5, 6, dtype=torch.float64) ** 2) / 4.5)
    window = torch.einsum("i,j,k->ijk", line, line, line)[None, None]
    window /= window.sum()

    def smooth(volume):
        return F.conv3d(F.pad(volume, (5,) * 6, mode="replicate"), window)

    x, y = smooth(restored), smooth(target)
    variances = smooth(restored**2) - x**2, smooth(target**2) - y**2
    covariance = smooth(restored * target) - x * y
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    expected = (2 * x * y + c1) * (2 * covariance + c2) / ((x**2 + y**2 + c1) * (sum(variances) + c2))
    value = METRICS["ssim_rgb_volume"].compute(degraded(name, how)[:100, :120], photograph(name)[:100, :120], None)
    assert value == pytest.approx(float(expected.mean()), abs=1e-9)


SSIMULACRA2 = {
    "astronaut": {"blur": 31.821, "noise": 28.983, "jpeg": 57.083},
    "chelsea": {"blur": 43.237, "noise": 33.814, "jpeg": 56.027},
    "coffee": {"blur": 18.478, "noise": 28.682, "jpeg": 48.261},
}
"""The package ssimulacra2 0.3.0 with true Gaussians and zeros around the picture (as released it repeats rows there).

The reference's Gaussian is cut at 4 pixels, so they agree to half a point. On the picture with which the implementation
in Rust is tested (17.398505 by the reference in C++, give or take 0.25) this project's gives 17.51.
"""


@CASES
def test_ssimulacra2(name, how):
    assert compute("ssimulacra2", name, how) == pytest.approx(SSIMULACRA2[name][how], abs=0.6)


def test_ssimulacra2_of_equal_and_opposite_pictures():
    target = photograph("chelsea")
    value = METRICS["ssimulacra2"].compute
    assert value(target, target, None) == 100
    assert value(255 - target, target, None) < 0
    with pytest.raises(NotComputable, match="8 x 8"):
        value(target[:7], target[:7], None)


def test_ssimulacra2s_window_is_nearly_a_gaussian():
    kernel, place = module._kernel(), np.arange(-5, 6)
    assert kernel.sum() == pytest.approx(1) and (kernel * place**2).sum() == pytest.approx(1.5**2)
    gaussian = np.exp(-(place**2) / 4.5) / np.exp(-(place**2) / 4.5).sum()
    assert np.abs(kernel - gaussian).max() < 0.003


@CASES
def test_sharpness_by_scipy(name, how):
    restored = degraded(name, how)
    plane = rgb2ycbcr(restored)[..., 0]
    squares = (sobel(plane, 0)[1:-1, 1:-1] / 8) ** 2 + (sobel(plane, 1)[1:-1, 1:-1] / 8) ** 2
    assert compute("sharpness", name, how) == pytest.approx(np.sqrt(squares.mean()), rel=1e-9)


def test_sharpness_of_a_ramp_is_its_slope():
    grey = np.repeat(np.arange(0, 200, 2, dtype=np.uint8)[None, :, None], 20, axis=0).repeat(3, axis=2)
    assert METRICS["sharpness"].compute(grey, grey, None) == pytest.approx(2 * 219 / 255)
    assert compute("sharpness", "coffee", "blur") < METRICS["sharpness"].compute(photograph("coffee"), None, None)


def hole(shape: tuple[int, ...]) -> np.ndarray:
    mask = np.zeros(shape[:2], bool)
    mask[60:180, 100:260] = mask[200:240, 20:90] = True
    return mask


@CASES
def test_structure_in_the_hole(name, how):
    target, restored = photograph(name), degraded(name, how)
    mask = hole(target.shape)
    planes = [rgb2ycbcr(image)[..., 0] for image in (target, restored)]
    _, full = structural_similarity(
        *planes, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255, full=True
    )
    assert compute("ssim_hole", name, how, mask) == pytest.approx(full[mask].mean(), abs=1e-9)

    wanted, found = (canny(plane / 255, sigma=2) for plane in planes)
    near_wanted, near_found = (binary_dilation(edges, np.ones((3, 3))) for edges in (wanted, found))
    right = (found & mask & near_wanted).sum() / (found & mask).sum()
    told = (wanted & mask & near_found).sum() / (wanted & mask).sum()
    value = compute("edge_f1_hole", name, how, mask)
    assert value == pytest.approx(2 * right * told / (right + told)) and 0.2 < value < 1


def test_edges_that_are_not_there():
    flat, target = np.full((60, 60, 3), 90, np.uint8), np.full((60, 60, 3), 90, np.uint8)
    target[20:40, 20:40] = 250
    mask = np.zeros((60, 60), bool)
    mask[10:50, 10:50] = True
    value = METRICS["edge_f1_hole"].compute
    assert value(flat, target, mask) == value(target, flat, mask) == 0
    assert value(target, target, mask) == value(flat, flat, mask) == 1
    mask[:] = False
    mask[0, :] = True
    with pytest.raises(NotComputable, match="away from"):
        METRICS["ssim_hole"].compute(flat, target, mask)
