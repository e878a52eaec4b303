"""The table of what was measured of runtimes, in Markdown, from `zoo.runtimes.choose.VERIFIED`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

MARKED = re.compile(r"(<!-- runtimes -->\n).*?(<!-- /runtimes -->)", re.DOTALL)
NAMES = {"torch": "PyTorch", "onnx": "ONNX Runtime", "openvino": "OpenVINO", "compile": "torch.compile"}


def filled(text: str, rows: Sequence[dict[str, Any]]) -> str:
    """The text with what stands between its markers made anew."""
    return MARKED.sub(lambda found: found[1] + markdown(rows) + found[2], text)


def markdown(rows: Sequence[dict[str, Any]]) -> str:
    """A row for each model, a column for each runtime and precision; PyTorch in float32 is 1.00 everywhere."""
    measured = [
        row for row in rows if "unavailable" not in row and (row["runtime"], row["precision"]) != ("torch", "fp32")
    ]
    columns = sorted(
        {(row["runtime"], row["precision"]) for row in measured}, key=lambda c: (list(NAMES).index(c[0]), c)
    )
    cells = {(row["model"], row["runtime"], row["precision"]): _cell(row) for row in measured}
    lines = ["| model | " + " | ".join(f"{NAMES[runtime]} {precision}" for runtime, precision in columns) + " |"]
    lines.append("| --- " * (1 + len(columns)) + "|")
    for model in sorted({row["model"] for row in measured}):
        lines.append(f"| `{model}` | " + " | ".join(cells.get((model, *column), "-") for column in columns) + " |")
    return "\n".join(lines) + "\n"


def _cell(row: dict[str, Any]) -> str:
    """Time over PyTorch's and dB lost, in bold where it was verified."""
    ratio = f"{row['ratio']:.2f}"
    if row["verified"]:
        ratio = f"**{ratio}**"
    return ratio if row["psnr_loss"] is None else f"{ratio} ({-row['psnr_loss']:+.2f} dB)"
