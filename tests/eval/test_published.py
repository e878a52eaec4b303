"""Protocols and published figures: that they name what there is, and those that need no weights come out again."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import zoo
from eval import published
from eval.fidelity import luma, psnr, ssim
from eval.measure import find_metric
from eval.metrics import METRICS, SET_METRICS, NotComputable
from eval.published import PROTOCOLS, figures, get_protocol, ntire_face_score
from eval.scenarios import SCENARIOS, get_scenario
from tests.eval.helpers import evaluate, photograph
from zoo.degradations.bicubic import resize
from zoo.errors import UnknownNameError, ZooError
from zoo.seeding import rng_for

SHARED = Path(os.environ.get("ZOO_SHARED") or Path(__file__).parents[3] / "shared")
SET5 = SHARED / "data" / "natural" / "val" / "set5"


def figure(model: str, scenario: str, metric: str, dataset: str = "set5") -> float:
    (found,) = [f.value for f in figures() if (f.model, f.dataset, f.scenario, f.metric)
                == (model, dataset, scenario, metric)]  # fmt: skip
    return found


def test_protocols_name_what_there_is():
    for protocol in PROTOCOLS.values():
        for scenario, metrics in protocol.metrics.items():
            assert scenario == "*" or scenario in SCENARIOS
            assert metrics and all(name in METRICS or name in SET_METRICS for name in metrics)
        assert protocol.source
    with pytest.raises(UnknownNameError, match="did you mean edgeconnect"):
        get_protocol("edge-connect")
    with pytest.raises(ZooError, match="the protocol gopro is for runs on given, not on noise"):
        get_protocol("gopro").of("noise")
    assert get_protocol("ntire-face").of("blind-face") == ("clipiqa", "musiq", "niqe")


def test_published_figures_have_a_source_and_a_known_protocol():
    assert len(figures()) == len({(f.model, f.dataset, f.scenario, f.protocol, f.metric, f.how) for f in figures()})
    for one in figures():
        assert one.protocol == "unstated" or one.protocol in PROTOCOLS
        assert one.value > 0 and len(one.source) > 10
        if one.protocol != "unstated" and one.scenario != "sr-x3":  # which is no scenario here, but stands in the table
            metrics = get_protocol(one.protocol).of(one.scenario or "given")
            assert one.metric in metrics
        if "." in one.model and not one.model.endswith(".x3"):
            zoo.get_card(one.model)
    assert [f.value for f in published.published("deblurgan.v2-mobilenet", "gopro", "given", "deblurgan-v2")] == [
        28.17, 0.925
    ]  # fmt: skip
    assert published.published("deblurgan.v2-mobilenet", "gopro", "motion-blur") == []


def test_a_damaged_list_is_told(tmp_path):
    path = tmp_path / "published.json"
    path.write_text('{"figures": [{"model": "x"}]}')
    with pytest.raises(ZooError, match="no list of published figures"):
        figures(path)


@pytest.mark.parametrize("sigma", [15, 25, 50])
@pytest.mark.parametrize("colors", ["color", "grey"])
def test_noise_floors(colors, sigma):
    """Doing nothing to noise that is not clipped has 20 log10(255 / sigma) dB."""
    clean = photograph("astronaut").astype(np.float32) / 255
    sample = get_scenario(f"noise-{colors}-{sigma}").make(clean, rng_for("floor", sigma))
    expected = figure("no-op", f"noise-grey-{sigma}", "psnr_rgb", "any")
    assert expected == pytest.approx(20 * np.log10(255 / sigma), abs=0.006)
    # Of 262,144 numbers the deviation is known to 0.14 % at one sigma: 0.012 dB.
    assert psnr(sample.given * 255.0, sample.truth) == pytest.approx(expected, abs=0.05)


@pytest.mark.skipif(not SET5.is_dir(), reason="Set5 is not here (set ZOO_SHARED to the folder that holds data)")
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_bicubic_on_set5(scale):
    """Luma of 8 bits, MATLAB's imresize there and back, 8 bits each time, without `scale` pixels at each edge.

    What is left between this and the table (33.652, 30.388 and 28.418 dB here) is MATLAB's own rounding.
    """

    def resized(plane: np.ndarray, height: int, width: int) -> np.ndarray:
        return np.round(np.clip(resize(plane[..., None], height, width)[..., 0], 0, 255))

    values = []
    for path in sorted(SET5.iterdir()):
        picture = np.asarray(Image.open(path).convert("RGB"))
        height, width = (side // scale for side in picture.shape[:2])
        target = np.round(luma(picture[: height * scale, : width * scale]))
        large = resized(resized(target, height, width), height * scale, width * scale)
        inside = np.s_[scale:-scale, scale:-scale]
        values.append([function(large[inside], target[inside]) for function in (psnr, ssim)])
    means = np.mean(values, axis=0)
    name = f"bicubic.x{scale}", f"sr-x{scale}"
    assert means[0] == pytest.approx(figure(*name, f"psnr_y_border{scale}"), abs=0.01)
    assert means[1] == pytest.approx(figure(*name, f"ssim_y_border{scale}"), abs=0.0004)


def test_ntires_score():
    parts = {"clipiqa": 0.5, "maniqa": 0.4, "musiq": 70.0, "niqe": 12.0, "qalign": 3.5, "fid": 130.0}
    assert ntire_face_score(parts) == pytest.approx(0.5 + 0.4 + 0.7 + 0 + 0.7 + 0)
    assert ntire_face_score({**parts, "niqe": 4.0, "fid": 40.0}) == pytest.approx(2.3 + 0.6 + 0.6)
    with pytest.raises(NotComputable, match="needs maniqa, qalign"):
        ntire_face_score({name: value for name, value in parts.items() if name not in ("maniqa", "qalign")})


def test_listing(capsys):
    assert evaluate("protocols") == 0
    out = capsys.readouterr().out
    assert all(name in out for name in PROTOCOLS) and "Kupyn et al., DeblurGAN-v2" in out and "27.95" in out
    assert find_metric("fid_vgg19_patches").id == "fid_vgg19_patches"
