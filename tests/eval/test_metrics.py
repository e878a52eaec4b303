"""Every metric against an independent computation (scikit-image, NumPy) on photographs; test_perceptual has the rest.

MS-SSIM is also held to values of torchmetrics 1.9.0, which are written down here (data_range=255, normalize="relu", on
scikit-image's luma in float64). It counts windows that reach over the edge, so they agree to 1e-4 only.
"""

from __future__ import annotations

import functools
import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter
from skimage.color import rgb2ycbcr
from skimage.measure import block_reduce
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from eval.metrics import METRICS, NotComputable, get_metric
from tests.eval.helpers import ROOT, photograph
from zoo.errors import UnknownNameError

PICTURES = ["astronaut", "chelsea", "coffee"]
DEGRADATIONS = ["blur", "noise", "jpeg", "negative"]
CASES = pytest.mark.parametrize(("name", "how"), [(name, how) for name in PICTURES for how in DEGRADATIONS])
OF_OTHERS = [name for name in METRICS if METRICS[name].license != "MIT"]  # test_perceptual, test_learned, tests/faces
FACES = ("face_not_found", "landmark_error")  # tests/faces
ALONE = ("colorfulness", "sharpness")  # no reference
READY = [name for name in METRICS if name not in (*OF_OTHERS, *FACES)]


@functools.cache
def degraded(name: str, how: str, strength: float = 1.0) -> np.ndarray:
    """A photograph gone bad, by means that the project does not use."""
    truth = photograph(name)
    if how == "blur":
        return gaussian_filter(truth, (1.5 * strength, 1.5 * strength, 0))
    if how == "noise":
        noise = np.random.default_rng(1).normal(0, 15 * strength, truth.shape)
        return np.clip(np.round(truth + noise), 0, 255).astype(np.uint8)
    if how == "negative":  # its structure is the opposite: where definitions of SSIM differ
        return 255 - truth
    stream = io.BytesIO()
    Image.fromarray(truth).save(stream, "JPEG", quality=int(30 / strength))
    return np.asarray(Image.open(stream))


def compute(metric: str, restored: np.ndarray, truth: np.ndarray, mask: np.ndarray | None = None) -> float:
    return METRICS[metric].compute(restored, truth, mask)


def with_floor(decibels: float) -> float:
    """1e-8 is added to the mean square error, so that equal pictures have 80 dB."""
    return -10 * np.log10(10 ** (-decibels / 10) + 1e-8)


def luma(image: np.ndarray) -> np.ndarray:
    return rgb2ycbcr(image)[..., 0]


def ssim_map(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """scikit-image's SSIM where the whole 11 x 11 window is inside."""
    _, full = structural_similarity(
        x, y, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255, full=True
    )
    return full[5:-5, 5:-5]


@CASES
def test_psnr_rgb(name, how):
    truth, restored = photograph(name), degraded(name, how)
    expected = with_floor(peak_signal_noise_ratio(truth, restored))
    assert compute("psnr_rgb", restored, truth) == pytest.approx(expected, abs=1e-9)


@CASES
def test_psnr_y_is_of_bt601_luma_in_16_to_235(name, how):
    truth, restored = photograph(name), degraded(name, how)
    expected = with_floor(peak_signal_noise_ratio(luma(truth), luma(restored), data_range=255))
    assert compute("psnr_y", restored, truth) == pytest.approx(expected, abs=1e-9)


@CASES
def test_ssim_rgb(name, how):
    truth, restored = photograph(name).astype(float), degraded(name, how).astype(float)
    expected = np.mean([ssim_map(restored[..., c], truth[..., c]).mean() for c in range(3)])
    assert compute("ssim_rgb", degraded(name, how), photograph(name)) == pytest.approx(expected, abs=1e-9)


@CASES
def test_ssim_y_is_of_the_luma_of_psnr_y(name, how):
    truth, restored = photograph(name), degraded(name, how)
    expected = ssim_map(luma(restored), luma(truth)).mean()
    assert compute("ssim_y", restored, truth) == pytest.approx(expected, abs=1e-9)
    assert (expected < 0) == (how == "negative")  # opposite structure counts as what it is


@pytest.mark.parametrize("how", ["blur", "noise", "jpeg"])
@pytest.mark.parametrize("name", PICTURES)
def test_ms_ssim_is_made_of_ssim_parts(name, how):
    # Definitions differ in what they do with an odd side; sides that can be halved four times have no such choice.
    height, width = (side // 16 * 16 for side in photograph(name).shape[:2])
    truth, restored = photograph(name)[:height, :width], degraded(name, how)[:height, :width]
    x, y = luma(restored), luma(truth)
    expected = 1.0
    for scale, weight in enumerate([0.0448, 0.2856, 0.3001, 0.2363, 0.1333]):
        smooth = functools.partial(gaussian_filter, sigma=1.5, truncate=3.5)
        c1 = (0.01 * 255) ** 2
        light = (2 * smooth(x) * smooth(y) + c1) / (smooth(x) ** 2 + smooth(y) ** 2 + c1)
        part = ssim_map(x, y)
        if scale < 4:
            part = part / light[5:-5, 5:-5]
        expected *= part.mean() ** weight
        x, y = block_reduce(x, (2, 2), np.mean), block_reduce(y, (2, 2), np.mean)
    assert compute("ms_ssim_y", restored, truth) == pytest.approx(expected, abs=1e-9)


TORCHMETRICS = {
    "astronaut": {"blur": 0.975902, "noise": 0.958222, "jpeg": 0.991513},
    "chelsea": {"blur": 0.968083, "noise": 0.953841, "jpeg": 0.985779},
    "coffee": {"blur": 0.956874, "noise": 0.948605, "jpeg": 0.983528},
}


@pytest.mark.parametrize("name", PICTURES)
def test_ms_ssim_is_that_of_torchmetrics(name):
    height, width = (side // 16 * 16 for side in photograph(name).shape[:2])
    for how, expected in TORCHMETRICS[name].items():
        truth, restored = photograph(name)[:height, :width], degraded(name, how)[:height, :width]
        assert compute("ms_ssim_y", restored, truth) == pytest.approx(expected, abs=1e-4)


def test_ms_ssim_of_opposite_structure_is_zero():
    """The mean structure of a scale is negative there, and has no real power."""
    assert compute("ms_ssim_y", degraded("coffee", "negative"), photograph("coffee")) == 0


def test_no_figure_of_definition_needs_pyiqa(tmp_path):
    """Its license does not allow commercial use: it is imported only when a metric of its own is computed."""
    program = (
        "import sys; sys.modules['pyiqa'] = None\n"  # an import would fail
        "from eval.__main__ import main\n"
        f"sys.exit(main(['--model', 'no-op', '--dataset', 'sample', '--limit', '1', '--scenario', 'jpeg', "
        f"'--workers', '1', '--out', {str(tmp_path)!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "ms_ssim_y 0." in done.stdout


@CASES
def test_errors_and_hole_metrics_by_hand(name, how):
    truth, restored = photograph(name), degraded(name, how)
    difference = restored.astype(float) - truth.astype(float)
    assert compute("l1_percent", restored, truth) == pytest.approx(np.abs(difference).mean() / 2.55, rel=1e-9)

    mask = np.zeros(truth.shape[:2], bool)
    mask[20:90, 50:130] = mask[100:140, 10:60] = True
    inside = [difference[y, x, c] for y, x in np.argwhere(mask) for c in range(3)]
    assert compute("l1_hole_percent", restored, truth, mask) == pytest.approx(np.mean(np.abs(inside)) / 2.55, rel=1e-9)
    expected = with_floor(10 * np.log10(255**2 / np.mean(np.square(inside))))
    assert compute("psnr_hole", restored, truth, mask) == pytest.approx(expected, abs=1e-9)

    everything = np.ones(truth.shape[:2], bool)
    psnr = compute("psnr_hole", restored, truth, everything)
    assert psnr == pytest.approx(compute("psnr_rgb", restored, truth), abs=1e-9)


def test_hole_metrics_do_not_look_outside_the_hole():
    truth = photograph("astronaut")
    mask = np.zeros(truth.shape[:2], bool)
    mask[100:200, 100:200] = True
    restored = np.where(mask[..., None], truth, 255 - truth)
    assert compute("psnr_hole", restored, truth, mask) == pytest.approx(80)
    assert compute("l1_hole_percent", restored, truth, mask) == 0


@pytest.mark.parametrize("metric", ["psnr_hole", "l1_hole_percent"])
def test_hole_metrics_need_a_mask(metric):
    with pytest.raises(NotComputable, match="needs a mask"):
        compute(metric, photograph("astronaut"), photograph("astronaut"))


def test_known_values():
    # 100 and 110 everywhere: an error of 10 levels; the luma of grey v is 16 + 219 v / 255.
    truth, restored = np.full((200, 200, 3), 100, np.uint8), np.full((200, 200, 3), 110, np.uint8)
    assert compute("psnr_rgb", restored, truth) == pytest.approx(20 * np.log10(25.5), abs=1e-3)
    assert compute("psnr_y", restored, truth) == pytest.approx(20 * np.log10(255 / (10 * 219 / 255)), abs=1e-3)
    assert compute("l1_percent", restored, truth) == pytest.approx(10 / 2.55)
    flat = (2 * 100 * 110 + 2.55**2) / (100**2 + 110**2 + 2.55**2)  # without structure only SSIM's light term is left
    assert compute("ssim_rgb", restored, truth) == pytest.approx(flat, abs=1e-9)


@pytest.mark.parametrize("metric", [name for name in READY if name not in ALONE])
def test_equal_pictures_have_the_best_value(metric):
    truth = photograph("chelsea")
    mask = np.zeros(truth.shape[:2], bool)
    mask[50:100, 50:100] = True
    best = {"dB": 80, "": 1, "%": 0}[METRICS[metric].unit]
    assert compute(metric, truth, truth, mask) == pytest.approx(best, abs=1e-4)


@pytest.mark.parametrize("how", ["blur", "noise", "jpeg"])
@pytest.mark.parametrize("metric", [name for name in READY if name not in (*ALONE, "colorfulness_error")])
def test_direction_and_bounds(metric, how):
    truth = photograph("coffee")
    mask = np.zeros(truth.shape[:2], bool)
    mask[50:250, 50:350] = True
    mild, strong = (compute(metric, degraded("coffee", how, strength), truth, mask) for strength in (1.0, 3.0))
    assert (mild > strong) == METRICS[metric].higher_is_better
    opposite = compute(metric, degraded("coffee", "negative"), truth, mask)
    assert all(METRICS[metric].low <= value <= METRICS[metric].high for value in (mild, strong, opposite))


def test_colorfulness():
    """Two colors, red and blue, half each: the definition by hand, and what is left of it by half, or of grey."""
    truth = np.zeros((10, 20, 3), np.uint8)
    truth[:, :10, 0], truth[:, 10:, 2] = 200, 200
    across, along = np.repeat([200.0, 0.0], 10), np.repeat([100.0, -200.0], 10)
    expected = np.hypot(across.std(), along.std()) + 0.3 * np.hypot(across.mean(), along.mean())
    assert compute("colorfulness", truth, truth) == pytest.approx(expected)
    assert compute("colorfulness_error", truth // 2, truth) == pytest.approx(50)
    grey = np.full_like(truth, 90)
    assert compute("colorfulness_error", grey, truth) == pytest.approx(100)
    with pytest.raises(NotComputable, match="no colors"):
        compute("colorfulness_error", truth, grey)


def test_ssim_of_small_pictures_is_not_computable():
    small = photograph("astronaut")[:160, :300]
    with pytest.raises(NotComputable, match="161 x 161"):
        compute("ms_ssim_y", small, small)
    least = photograph("astronaut")[:161, :300]
    assert compute("ms_ssim_y", least, least) == pytest.approx(1, abs=1e-9)
    with pytest.raises(NotComputable, match="11 x 11"):
        compute("ssim_y", small[:10], small[:10])
    assert compute("ssim_y", small[:11], small[:11]) == pytest.approx(1, abs=1e-4)


def test_every_metric_has_a_version_and_a_license():
    for metric in METRICS.values():
        assert metric.version >= 1 and metric.license
        assert metric.color and metric.crop and metric.low < metric.high
    assert {name: METRICS[name].version for name in ("psnr_rgb", "ssim_rgb", "ssim_y", "ms_ssim_y")} == {
        "psnr_rgb": 1, "ssim_rgb": 2, "ssim_y": 2, "ms_ssim_y": 2
    }  # fmt: skip


def test_unknown_metric():
    with pytest.raises(UnknownNameError, match="unknown metric 'psnr': did you mean psnr_"):
        get_metric("psnr")
