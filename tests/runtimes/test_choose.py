"""What stands behind "auto", and the sentences about what cannot be used."""

from __future__ import annotations

import json

import pytest
from PIL import Image

import zoo
from tests.zoo.samples import photo, run_zoo
from zoo.errors import RuntimeUnavailableError, ZooError
from zoo.runtimes import choose, compiled, onnx, openvino
from zoo.weights.bundled import recorded_sha256

MODEL = "sci.medium"
SHA256 = recorded_sha256(f"{MODEL}.safetensors")


def row(runtime: str, precision: str, ratio: float, **changes) -> dict:
    facts = {"model": MODEL, "weights_sha256": SHA256, "runtime": runtime, "precision": precision, "ratio": ratio}
    return {**facts, "verified": True, **changes}


@pytest.fixture
def table(tmp_path, monkeypatch):
    """A function that puts rows into the table of what was verified."""

    def put(*rows: dict) -> None:
        path = tmp_path / "verified.json"
        path.write_text(json.dumps({"rows": list(rows)}))
        monkeypatch.setattr(choose, "VERIFIED", path)
        choose.verified.cache_clear()

    yield put
    choose.verified.cache_clear()


def chosen(runtime: str = "auto", precision: str = "auto", device: str = "cpu", sha256: str | None = SHA256):
    return choose.choose(zoo.get_card(MODEL), runtime, precision, device, sha256)


@pytest.fixture
def everything_runs(monkeypatch):
    monkeypatch.setattr(choose, "unavailable_reason", lambda *what: None)
    monkeypatch.setattr(choose, "instructions", lambda: frozenset(choose.INTEGER))


def test_auto_is_the_fastest_that_was_verified(table, everything_runs):
    table(row("onnx", "fp32", 0.8), row("openvino", "bf16", 0.4), row("openvino", "int8", 0.2, verified=False))
    assert (chosen().runtime, chosen().precision, chosen().note) == ("openvino", "bf16", None)
    assert (chosen(precision="fp32").runtime, chosen(precision="fp32").precision) == ("onnx", "fp32")
    assert (chosen(runtime="onnx").runtime, chosen(runtime="onnx").precision) == ("onnx", "fp32")
    assert (chosen(runtime="onnx", precision="fp16").runtime, chosen("onnx", "fp16").precision) == ("onnx", "fp16")


@pytest.mark.parametrize(
    "changes", [{"weights_sha256": "other"}, {"model": "span.x4"}, {"verified": False}, {"ratio": 1.2}]
)
def test_auto_is_pytorch_where_nothing_faster_was_verified(table, everything_runs, changes):
    table(row("openvino", "fp32", 0.5) | changes)
    assert chosen() == choose.Choice("torch", "fp32")


def test_auto_falls_back_and_says_so(table, monkeypatch):
    monkeypatch.setattr(
        choose, "unavailable_reason", lambda runtime, *_: "openvino is not installed" if runtime == "openvino" else None
    )
    table(row("openvino", "fp32", 0.5), row("onnx", "fp32", 0.7))
    assert chosen().runtime == "onnx"
    assert "runs with onnx in fp32: openvino in fp32 would be faster, but openvino is not installed" in chosen().note
    table(row("openvino", "fp32", 0.5))
    assert chosen().runtime == "torch" and "openvino is not installed" in chosen().note


def test_int8_is_for_cpus_that_are_fast_with_it(table, monkeypatch, tmp_path):
    monkeypatch.setattr(choose, "unavailable_reason", lambda *what: None)
    table(row("openvino", "int8", 0.3), row("openvino", "bf16", 0.4))
    for flags, precision in (("avx2 avx512_vnni", "int8"), ("avx2", "bf16")):
        (tmp_path / "cpuinfo").write_text(f"model name : A\nflags : fpu {flags}\n")
        monkeypatch.setattr(choose, "CPU_FACTS", tmp_path / "cpuinfo")
        choose.instructions.cache_clear()
        assert chosen().precision == precision
    assert "VNNI" in chosen().note
    choose.instructions.cache_clear()


def test_the_table_is_of_cpus(table, everything_runs):
    table(row("openvino", "fp32", 0.5))
    assert chosen(device="cuda") == choose.Choice("torch", "fp32")


def test_without_a_table_there_is_pytorch(tmp_path, monkeypatch):
    monkeypatch.setattr(choose, "VERIFIED", tmp_path / "none.json")
    choose.verified.cache_clear()
    assert chosen() == choose.Choice("torch", "fp32")
    choose.verified.cache_clear()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"runtime": "tflite"}, "unknown runtime 'tflite': use torch, onnx, openvino, compile, auto."),
        ({"precision": "fp8"}, "unknown precision 'fp8': use fp32, fp16, bf16, int8, auto."),
        ({"precision": "int8"}, "cannot run with torch in int8: PyTorch takes fp32, fp16 and bf16, not int8."),
        ({"runtime": "onnx", "precision": "bf16"}, "ONNX Runtime takes fp32, fp16, int8, not bf16"),
        ({"runtime": "compile", "precision": "int8"}, "torch.compile takes fp32, fp16 and bf16, not int8"),
    ],
)  # fmt: skip
def test_wrong_options_are_told_in_a_sentence(options, sentence):
    with pytest.raises(ZooError) as caught:
        zoo.load(MODEL, device="cpu", **options)
    assert sentence in str(caught.value)


def test_what_is_not_installed_is_told_with_the_way_to_get_it(monkeypatch):
    import importlib.util

    real = importlib.util.find_spec
    absent = {"onnxruntime", "openvino"}
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name in absent else real(name, *rest))
    assert onnx.unavailable_reason("fp32") == 'onnxruntime is not installed: pip install "restoration-zoo[export]"'
    assert openvino.unavailable_reason("fp32") == 'openvino is not installed: pip install "restoration-zoo[openvino]"'
    with pytest.raises(RuntimeUnavailableError, match="cannot run with onnx in fp32: onnxruntime is not installed"):
        zoo.load(MODEL, runtime="onnx")


def test_a_cpu_without_the_instructions_is_told(monkeypatch):
    monkeypatch.setattr(openvino, "capabilities", lambda: ("FP32",))
    for precision in ("bf16", "fp16", "int8"):
        assert openvino.unavailable_reason(precision) == f"this CPU has no instructions for {precision}"
    assert openvino.unavailable_reason("fp32") is None


def test_torch_compile_needs_a_compiler(monkeypatch):
    monkeypatch.setattr(compiled.shutil, "which", lambda name: None)
    assert "needs a C++ compiler" in compiled.unavailable_reason("fp32")


def test_classical_methods_run_as_they_are():
    model = zoo.load("unsharp-mask", runtime="auto", precision="auto")
    assert (model.runtime, model.precision) == ("numpy", "fp32")


def test_the_command_line_names_the_runtime(tmp_path, capsys):
    from zoo.__main__ import parser

    Image.fromarray(photo("astronaut", 40, 48)).save(tmp_path / "in.png")
    args = parser().parse_args(
        ["restore", str(tmp_path / "in.png"), "-m", MODEL, "-o", str(tmp_path / "out.png"), "--runtime", "onnx"]
    )
    assert args.run(args) == 0
    assert capsys.readouterr().out.startswith(f"restored 1 of 1 with {MODEL} (onnx, fp32) on cpu in ")


def test_the_command_line_ends_with_status_2():
    done = run_zoo("restore", "x.png", "-m", MODEL, "-o", "y.png", "--runtime", "tflite")
    assert done.returncode == 2


def test_the_shipped_table_is_of_weights_that_are_there():
    for each in choose.verified()["rows"]:
        if each["verified"]:
            assert each["weights_sha256"] and each["ratio"] > 0 and each["pictures"] > 0
            card = zoo.get_card(each["model"])
            recorded = recorded_sha256(card.weights.filename)
            assert recorded in (None, each["weights_sha256"]), f"{each['model']} was verified with other weights"
