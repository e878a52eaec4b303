"""Which runtimes there are, which can be used here, and which of them is the fastest that was verified for a model."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import RuntimeUnavailableError

if TYPE_CHECKING:
    from ..card import ModelCard
    from .backend import Backend

RUNTIMES = ("torch", "onnx", "openvino", "compile")
PRECISIONS = ("fp32", "fp16", "bf16", "int8")
VERIFIED = Path(__file__).parent / "verified.json"
"""What `python -m zoo bench --runtimes` measured: one row for each model, runtime and precision."""


CPU_FACTS = Path("/proc/cpuinfo")
INSTRUCTIONS = {"avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_int8", "amx_bf16", "asimddp", "i8mm"}
"""Those that speed depends on, as Linux calls them."""
INTEGER = {"avx512_vnni", "avx_vnni", "amx_int8", "asimddp", "i8mm"}
"""Those with one of which int8 is faster than floats."""


@functools.cache
def instructions() -> frozenset[str]:
    """Which of INSTRUCTIONS the CPU has; none where Linux does not tell."""
    if not CPU_FACTS.is_file():
        return frozenset()
    lines = CPU_FACTS.read_text(encoding="utf-8").splitlines()
    flags = next((line.partition(":")[2].split() for line in lines if line.startswith(("flags", "Features"))), [])
    return frozenset(flags) & INSTRUCTIONS


@dataclass(frozen=True)
class Choice:
    """What a model is run with."""

    runtime: str
    precision: str
    note: str | None = None
    """What is to be told of the choice: what would be faster, and why it is not used."""


@functools.cache
def verified() -> dict[str, Any]:
    """The content of VERIFIED: "rows", and how and where they were measured. Empty where the file is not there."""
    return json.loads(VERIFIED.read_text(encoding="utf-8")) if VERIFIED.is_file() else {"rows": []}


def unavailable_reason(runtime: str, precision: str, device: str = "cpu") -> str | None:
    """Why a runtime cannot compute in a precision here, as a clause, or None. device: a type, such as "cpu"."""
    if runtime == "torch":
        return (
            "PyTorch takes fp32, fp16 and bf16, not int8"
            if precision == "int8"
            else _no_instructions(precision, device)
        )
    from . import compiled, onnx, openvino

    return {"onnx": onnx, "openvino": openvino, "compile": compiled}[runtime].unavailable_reason(precision, device)


@functools.cache
def _no_instructions(precision: str, device: str) -> str | None:
    """Why PyTorch does not compute in that precision, or only by conversions that cost more than they save."""
    if device != "cpu" or precision == "fp32":
        return None
    import torch

    able = (
        torch.backends.mkldnn.is_available()
        and {
            "bf16": torch.ops.mkldnn._is_mkldnn_bf16_supported,
            "fp16": torch.ops.mkldnn._is_mkldnn_fp16_supported,
        }[precision]()
    )
    return None if able else f"this CPU has no instructions for {precision}"


def check_names(runtime: str, precision: str) -> None:
    """Raise RuntimeUnavailableError for a runtime or a precision that there is not."""
    for kind, value, known in (("runtime", runtime, RUNTIMES), ("precision", precision, PRECISIONS)):
        if value not in (*known, "auto"):
            raise RuntimeUnavailableError(f"unknown {kind} '{value}': use {', '.join((*known, 'auto'))}.")


def choose(card: ModelCard, runtime: str, precision: str, device: str, weights_sha256: str | None) -> Choice:
    """What stands behind "auto".

    runtime "auto" is the fastest one that can be used here and was verified for these weights in this precision;
    precision "auto" is the fastest verified one. Where nothing was, PyTorch in float32. device: a type.
    """
    plain = Choice("torch" if runtime == "auto" else runtime, "fp32" if precision == "auto" else precision)
    if "auto" not in (runtime, precision) or not card.files:
        return plain
    if device != "cpu":
        return plain  # the table is of CPUs
    rows = [
        row
        for row in verified()["rows"]
        if row["model"] == card.id and row["weights_sha256"] == weights_sha256 and row["verified"] and row["ratio"] < 1
        and runtime in ("auto", row["runtime"]) and precision in ("auto", row["precision"])
    ]  # fmt: skip
    faster: list[str] = []
    for row in sorted(rows, key=lambda row: row["ratio"]):
        reason = unavailable_reason(row["runtime"], row["precision"])
        if reason is None and row["precision"] == "int8" and not instructions() & INTEGER:
            reason = "this CPU is not known to have the instructions (VNNI) with which int8 is fast"
        if reason is None:
            return Choice(row["runtime"], row["precision"], _note(card, row["runtime"], row["precision"], faster))
        faster.append(f"{row['runtime']} in {row['precision']} would be faster, but {reason}")
    return Choice(plain.runtime, plain.precision, _note(card, plain.runtime, plain.precision, faster))


def _note(card: ModelCard, runtime: str, precision: str, faster: list[str]) -> str | None:
    return f"{card.id} runs with {runtime} in {precision}: {faster[0]}." if faster else None


def carried(card: ModelCard, backend: Any, runtime: str, precision: str, weights_sha256: str | None) -> Backend:
    """The backend as another runtime carries it out. Raises RuntimeUnavailableError."""
    if runtime == "torch":
        if reason := unavailable_reason("torch", precision) if precision == "int8" else None:
            raise RuntimeUnavailableError(f"{card.id} cannot run with torch in {precision}: {reason}.")
        return backend
    if runtime == "compile":
        from . import compiled

        if reason := compiled.unavailable_reason(precision):
            raise RuntimeUnavailableError(f"{card.id} cannot run with compile in {precision}: {reason}.")
        return compiled.CompiledBackend(card, backend)
    from .session import SessionBackend

    return SessionBackend(card, backend, runtime, precision, weights_sha256)
