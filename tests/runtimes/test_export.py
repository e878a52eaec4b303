"""Exported files: others can run them, and they tell what they are."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import zoo
from tests.zoo.samples import files_below, photo
from zoo.__main__ import parser
from zoo.cli.common import guarded
from zoo.runtimes import export, onnx_files

MODEL = "sci.medium"


def run(*words: object) -> int:
    args = parser().parse_args(["export", *map(str, words)])
    return guarded(lambda: args.run(args))


def picture() -> torch.Tensor:
    image = photo("astronaut", 96, 120, 60, 170)
    return torch.from_numpy(image.astype(np.float32) / 255).permute(2, 0, 1)[None].contiguous()


def expected() -> np.ndarray:
    with torch.inference_mode():
        return zoo.load(MODEL, device="cpu")._backend.run(picture(), None).numpy()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("exported")


def test_onnx_runtime_alone_runs_it(folder, capsys):
    import onnxruntime

    assert run(MODEL, "-o", folder / "a.onnx", "--dynamic") == 0
    assert "License: MIT" in capsys.readouterr().out
    session = onnxruntime.InferenceSession(str(folder / "a.onnx"), providers=["CPUExecutionProvider"])
    assert [entry.name for entry in session.get_inputs()] == ["image"]
    (made,) = session.run(None, {"image": picture().numpy()})
    np.testing.assert_allclose(made, expected(), atol=1e-5)
    about = json.loads(session.get_modelmeta().custom_metadata_map[onnx_files.METADATA])
    assert about["model"] == MODEL and about["license"] == "MIT" and about["scale"] == 1
    assert about["weights_sha256"] == zoo.load(MODEL, device="cpu").weights_sha256
    assert about["inputs"] == {"image": "float32, 1 x 3 x H x W, RGB in [0, 1]"}


def test_openvino_alone_runs_it(folder):
    import openvino

    assert run(MODEL, "-o", folder / "b.xml", "--to", "openvino", "--size", "96x120") == 0
    assert (folder / "b.bin").is_file()
    model = openvino.Core().read_model(folder / "b.xml")
    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    np.testing.assert_allclose(compiled([picture().numpy()])[0], expected(), atol=1e-4)
    about = json.loads(model.get_rt_info([onnx_files.METADATA]).astype(str))
    assert about["size"] == "96 x 120" and about["precision"] == "fp32"


def test_half_precision_makes_smaller_files(folder):
    sizes = {}
    for precision in ("fp32", "fp16"):
        done = export.export_model("span.x2", folder / f"{precision}.onnx", precision=precision)
        sizes[precision] = done.megabytes
        assert done.difference < export.LIMITS[precision]
    assert sizes["fp16"] < 0.6 * sizes["fp32"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["telea", "-o", "a.onnx"], "telea is a classical method"),
        (["nosuch", "-o", "a.onnx"], "unknown model 'nosuch'"),
        ([MODEL, "-o", "a.xml"], "ends in .onnx"),
        ([MODEL, "-o", "a.onnx", "--size", "12"], "a size is height x width"),
        ([MODEL, "-o", "a.onnx", "--size", "0x12"], "a size is height x width"),
        (["autoencoder.mini", "-o", "a.onnx", "--size", "30x32"], "takes no pictures of 30 x 32 pixels; the next"),
        (["autoencoder.mini", "-o", "a.onnx", "--weights", "nosuch.pth"], "there is no weights file nosuch.pth"),
        ([MODEL, "-o", "file/a.onnx"], "a file of that name is in the way"),
    ],
)  # fmt: skip
def test_bad_input_is_one_sentence_and_leaves_nothing(words, sentence, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("not a folder")
    assert run(*words) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and sentence in error
    assert files_below(tmp_path) == ["file"]


def test_a_file_that_differs_is_not_kept(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(export.LIMITS, "fp32", -1.0)
    assert run(MODEL, "-o", tmp_path / "a.onnx") == 2
    assert "was not exported: in fp32 its result differs from PyTorch's" in capsys.readouterr().err
    assert files_below(tmp_path) == []
