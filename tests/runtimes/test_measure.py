"""The bench of runtimes and calibration, on small pictures. Times decide nothing."""

from __future__ import annotations

import argparse
import json

import numpy as np
import pytest
from PIL import Image

from tests.zoo.samples import photo
from zoo.cli import bench
from zoo.cli import calibrate as calibrate_command
from zoo.errors import ZooError
from zoo.registry import get_card
from zoo.runtimes import calibrate, lower, measure
from zoo.runtimes.samples import load_samples, make_sample, psnr

MODEL = "sci.medium"


@pytest.fixture
def data(tmp_path):
    """Two pictures each to validate and to calibrate on."""
    for split in ("val", "train"):
        folder = tmp_path / "natural" / split
        folder.mkdir(parents=True)
        for index, left in enumerate((60, 170)):
            Image.fromarray(photo("astronaut", 80, 96, 60, left)).save(folder / f"{index}.png")
    return tmp_path


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(measure, "SIDE", 64)
    monkeypatch.setattr(calibrate, "SIDE", 64)


def parse(*words: object) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    bench.add_arguments(parser)
    return parser.parse_args([*map(str, words)])


def test_the_table(data, small, tmp_path, capsys):
    table = tmp_path / "table.json"
    table.write_text(json.dumps({"rows": [{"model": "other", "runtime": "onnx", "precision": "fp32"}]}))
    words = ["--runtimes", "onnx", "-m", MODEL, "--data", data, "--json", table, "--side", 64, "--repeats", 1]
    assert bench.run(parse(*words, "--threads", 1, "--no-memory")) == 0
    rows = json.loads(table.read_text())["rows"]
    assert [(row["model"], row["runtime"], row["precision"]) for row in rows] == [
        ("other", "onnx", "fp32"), (MODEL, "onnx", "fp32"), (MODEL, "onnx", "int8"), (MODEL, "torch", "fp32"),
    ]  # fmt: skip
    measured, int8, plain = rows[1:]
    assert measured["verified"] and measured["pictures"] == 2 and abs(measured["psnr_loss"]) < 0.01
    assert measured["ratio"] > 0 and measured["difference"] < 0.01 and measured["machine"]["threads"] == 1
    assert "has no calibration for int8" in int8["unavailable"] and not int8["verified"]
    assert not plain["verified"] and plain["ratio"] == 1
    assert "unavailable: " in capsys.readouterr().out


def test_nothing_is_verified_without_pictures():
    rows = measure.measure(MODEL, None, runtimes=["onnx"], repeats=1, side=64, memory=False, report=lambda line: None)
    assert not any(row["verified"] for row in rows) and rows[1]["psnr_loss"] is None


def test_what_loses_too_much_is_not_verified(data, small, monkeypatch):
    monkeypatch.setitem(measure.LIMITS, "fp32", (-1.0, 1.0))
    rows = measure.measure(MODEL, data, runtimes=["onnx"], repeats=1, side=64, memory=False, report=lambda line: None)
    assert not rows[1]["verified"] and rows[1]["pictures"] == 2


def test_memory_is_that_of_a_process():
    assert 50 < measure._peak(get_card(MODEL), "torch", "fp32", 64, 64) < 5000


def test_calibration_is_stored_and_used(data, small, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(lower, "CALIBRATIONS", tmp_path / "calibration")
    lower._stored.cache_clear()
    assert calibrate_command.run(argparse.Namespace(model=MODEL, data=data)) == 0
    stored = json.loads((tmp_path / "calibration" / f"{MODEL}.json").read_text())
    entry = stored["functions"]["restore"]
    assert len(entry["ranges"]) == 3 and all(low <= high for low, high, _, _ in entry["ranges"])
    assert "all in int8" in capsys.readouterr().out
    rows = measure.measure(MODEL, data, runtimes=["onnx"], repeats=1, side=64, memory=False, report=lambda line: None)
    int8 = rows[2]
    assert int8["precision"] == "int8" and 0 < int8["difference"] < 0.3
    lower._stored.cache_clear()


def test_layers_that_hurt_stay_in_floats(data, small, tmp_path, monkeypatch):
    monkeypatch.setattr(lower, "CALIBRATIONS", tmp_path / "calibration")
    monkeypatch.setattr(calibrate, "LOSS", -100.0)  # no loss is small enough
    lower._stored.cache_clear()
    lines: list[str] = []
    path = calibrate.calibrate(MODEL, data, lines.append)
    assert len(json.loads(path.read_text())["functions"]["restore"]["floating"]) >= 2
    assert lines[0].startswith(f"{MODEL}: 3 convolutions, all in int8") and "1 in floats" in lines[1]
    lower._stored.cache_clear()


@pytest.mark.parametrize(
    "words",
    [
        ["--runtimes", "tflite"], ["--runtimes", "-m", "telea"], ["--runtimes", "-m", "nosuch"],
        ["--runtimes", "--side", "0"], ["--runtimes", "-m", MODEL, "--data", "nowhere"],
        ["--runtimes", "-m", MODEL, "--readme", "README.md"],
    ],
)  # fmt: skip
def test_bad_options(words):
    with pytest.raises(ZooError):
        bench.run(parse(*words, "--threads", "1"))


@pytest.mark.parametrize("model", ["deblurgan.mini", "gpen.mini", "span.x4", "edgeconnect.mini", "iat.lol"])
def test_samples_fit_their_model(model):
    card = get_card(model)
    sample = make_sample(card, "a", photo("astronaut", 80, 96, 60, 170), 64)
    again = make_sample(card, "a", photo("astronaut", 80, 96, 60, 170), 64)
    assert sample.target.shape == (64, 64, 3) and sample.given.dtype == np.uint8
    assert sample.given.shape[0] * card.scale == 64
    assert (sample.mask is not None) == card.needs_mask
    assert (sample.given == again.given).all()
    if sample.mask is None and card.scale == 1:
        assert 5 < psnr(sample.given, sample) < 60


def test_missing_pictures_are_told(tmp_path):
    with pytest.raises(ZooError, match=r"there is no folder .*natural/val"):
        load_samples(get_card(MODEL), tmp_path, "val", 2, 64)
    (tmp_path / "natural" / "val").mkdir(parents=True)
    with pytest.raises(ZooError, match="there are no pictures below"):
        load_samples(get_card(MODEL), tmp_path, "val", 2, 64)
