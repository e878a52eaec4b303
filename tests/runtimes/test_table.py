"""The README shows what was measured."""

from __future__ import annotations

from pathlib import Path

from zoo.runtimes import choose
from zoo.runtimes.table import filled, markdown

README = Path(__file__).parents[2] / "README.md"


def row(model: str, runtime: str, precision: str, ratio: float, **changes) -> dict:
    facts = {"model": model, "runtime": runtime, "precision": precision, "ratio": ratio, "psnr_loss": 0.004}
    return {**facts, "verified": True, **changes}


def test_rows_and_cells():
    rows = [
        row("b", "openvino", "bf16", 0.4, psnr_loss=0.06, verified=False),
        row("b", "torch", "fp32", 1.0),
        row("a", "onnx", "fp32", 0.75),
        row("b", "onnx", "fp32", 0.9, psnr_loss=None, verified=False),
        {"model": "a", "runtime": "onnx", "precision": "int8", "unavailable": "no calibration"},
    ]
    assert markdown(rows).splitlines() == [
        "| model | ONNX Runtime fp32 | OpenVINO bf16 |",
        "| --- | --- | --- |",
        "| `a` | **0.75** (-0.00 dB) | - |",
        "| `b` | 0.90 | 0.40 (-0.06 dB) |",
    ]


def test_the_readme_is_up_to_date():
    text = README.read_text(encoding="utf-8")
    assert "<!-- runtimes -->" in text
    assert filled(text, choose.verified()["rows"]) == text, "`python -m zoo bench --runtimes ... --readme README.md`"
