"""The papers' protocols: inputs and metrics against independent implementations, and figures that papers print."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.color import rgb2ycbcr
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

import zoo
from eval import protocols
from eval.metrics import METRICS, NotComputable
from eval.scenarios import SCENARIOS, get_scenario
from tests.eval.helpers import evaluate, photograph, save_photographs
from zoo.io.images import Picture
from zoo.seeding import rng_for

SHARED = Path(os.environ.get("ZOO_SHARED") or Path(__file__).parents[3] / "shared")
SET5 = SHARED / "data" / "natural" / "val" / "set5"
ON_REQUEST = [name for name, scenario in SCENARIOS.items() if scenario.on_request]


def clean(name: str = "coffee") -> np.ndarray:
    return photograph(name)[100:243, 150:361].astype(np.float32) / 255


@pytest.mark.parametrize("scale", [2, 4])
def test_super_resolution_inputs_are_bicubic(scale):
    made = get_scenario(f"sr-x{scale}").make(clean(), rng_for(0))
    height, width = 143 // scale, 211 // scale
    assert made.given.shape == (height, width, 3) and made.given.dtype == np.uint8
    assert np.array_equal(made.truth, photograph("coffee")[100 : 100 + height * scale, 150 : 150 + width * scale])
    for channel in range(3):
        plane = Image.fromarray(made.truth[..., channel].astype(np.float32))
        theirs = np.asarray(plane.resize((width, height), Image.Resampling.BICUBIC))[3:-3, 3:-3]
        assert np.abs(made.given[3:-3, 3:-3, channel] - np.clip(theirs, 0, 255)).max() <= 0.5 + 1e-3


@pytest.mark.parametrize("border", [2, 4])
def test_metrics_without_border(border):
    truth = photograph("chelsea")[:120, :150]
    restored = np.clip(truth + rng_for(1).normal(0, 12, truth.shape), 0, 255).astype(np.uint8)
    inside = np.s_[border:-border, border:-border]
    one, other = (rgb2ycbcr(image)[..., 0][inside] for image in (restored, truth))
    psnr = METRICS[f"psnr_y_border{border}"].compute
    assert psnr(restored, truth, None) == pytest.approx(peak_signal_noise_ratio(other, one, data_range=255), abs=1e-4)
    _, each = structural_similarity(
        one, other, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255, full=True
    )
    ssim = METRICS[f"ssim_y_border{border}"].compute
    assert ssim(restored, truth, None) == pytest.approx(each[5:-5, 5:-5].mean(), abs=1e-9)
    assert ssim(truth, truth, None) == 1 and psnr(truth, truth, None) == 80
    framed = restored.copy()
    framed[:border], framed[:, -border:] = 0, 255  # what lies in the border does not count
    assert psnr(framed, truth, None) == psnr(restored, truth, None)
    with pytest.raises(NotComputable):
        psnr(truth[: 2 * border], truth[: 2 * border], None)
    with pytest.raises(NotComputable):
        ssim(truth[: 2 * border + 10], truth[: 2 * border + 10], None)


@pytest.mark.parametrize("sigma", [15, 25, 50])
@pytest.mark.parametrize("colors", ["color", "grey"])
def test_noise_of_fixed_strength(colors, sigma):
    free, clipped = (get_scenario(f"noise-{colors}-{sigma}{end}").make(clean(), rng_for(2)) for end in ("", "-clipped"))
    assert np.array_equal(free.truth, clipped.truth)
    assert free.given.dtype == np.float32 and clipped.given.dtype == np.uint8
    assert np.array_equal(clipped.given, np.round(np.clip(free.given, 0, 1) * 255))
    noise = free.given * 255 - free.truth
    # Doing nothing has 20 log10(255 / sigma) dB; of 30,000 numbers, the deviation is off by 1.2 % at three sigma.
    assert noise.std() == pytest.approx(sigma, rel=0.02) and abs(noise.mean()) < 0.02 * sigma
    assert free.given.min() < 0 < 1 < free.given.max() or sigma == 15
    same = all(np.array_equal(image[..., 0], image[..., 1]) for image in (free.given, free.truth))
    assert same == (colors == "grey")


def test_a_model_is_given_what_exceeds_the_range():
    made = get_scenario("noise-color-50").make(clean(), rng_for(3))
    result = zoo.load("dummy").restore(Picture(made.given))
    # The mean of 3 x 3 pixels, away from the edges.
    window = np.lib.stride_tricks.sliding_window_view(made.given, (3, 3), axis=(0, 1)).mean(axis=(3, 4))
    np.testing.assert_allclose(result.picture.color[1:-1, 1:-1], window, atol=1e-5)
    assert result.picture.rgb8().dtype == np.uint8
    unclipped = zoo.load("no-op").restore(Picture(made.given)).picture.color
    assert np.array_equal(unclipped, made.given)


def test_protocols_run_when_they_are_named(tmp_path):
    folder = save_photographs(tmp_path / "set", 2)
    out = tmp_path / "runs"
    assert (
        evaluate(
            "-m", "identity,nl-means", "--dataset", f"folder:{folder}", "--scenario", "noise-color-25", "--out", out
        )
        == 0
    )
    results = sorted(out.rglob("result.json"))
    assert len(results) == 2 and all("noise-color-25" in path.as_posix() for path in results)
    assert evaluate("-m", "no-op", "--dataset", f"folder:{folder}", "--out", tmp_path / "all") == 0
    ran = {part for path in (tmp_path / "all").rglob("result.json") for part in path.parts}
    assert not any(name in part for name in ON_REQUEST for part in ran)


def test_low_light_is_dark_and_noisy():
    scenario = get_scenario("low-light")
    exposures = []
    for seed in range(8):
        made = scenario.make(clean(), rng_for(seed))
        light = [(image / 255.0) ** 2.2 for image in (made.given, made.truth)]
        exposures.append(np.log2(light[0].mean() / light[1].mean()))
    assert -4.2 < min(exposures) < -2.5 < -2.2 < max(exposures) < -0.9
    models = {card.id for card in zoo.list_models(available=True) if scenario.fits(card)}
    assert {"iat.lol", "sci.medium", "clahe", "no-op"} <= models
    assert all(get_scenario("phone-dark").fits(zoo.get_card(name)) for name in models)


@pytest.mark.slow
@pytest.mark.skipif(not SET5.is_dir(), reason="Set5 is not here (set ZOO_SHARED to the folder that holds data)")
@pytest.mark.parametrize(("model", "psnr", "ssim"), [("bicubic.x4", 28.42, 0.8104), ("span.x4", 32.20, None)])
def test_set5_as_the_papers_print_it(model, psnr, ssim):
    restorer, values = zoo.load(model, device="cpu"), []
    for path in sorted(SET5.iterdir()):
        picture = np.asarray(Image.open(path).convert("RGB"), np.float32) / 255
        given, truth = protocols.reduced(4)(picture, rng_for(0))
        restored = restorer.restore(given).image
        values.append([METRICS[name].compute(restored, truth, None) for name in ("psnr_y_border4", "ssim_y_border4")])
    means = np.mean(values, axis=0)
    assert means[0] == pytest.approx(psnr, abs=0.05)
    assert ssim is None or means[1] == pytest.approx(ssim, abs=0.001)
