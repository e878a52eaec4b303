"""A report of one run for people: its figures, and its worst pictures with input, target and error map."""

from __future__ import annotations

import argparse
import base64
import html
from pathlib import Path

import numpy as np

from zoo.errors import OutputError, ZooError, describe_os_error
from zoo.io.images import Picture, eight_bits, encode, write_bytes

from .metrics import get_metric
from .published import published
from .relevance import digits
from .results import Result
from .stored import Shown, StoredRun, add_run_arguments, open_run

CELL = 320
"""The longer side of a picture in the contact sheet, in pixels, at most."""
GAIN = 4
"""The error map is so many times brighter than the errors."""
HEADS = ("input", "output", "target", f"error x {GAIN}")
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 90rem; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; margin: 1rem 0 } td, th { border: 1px solid #ccc; padding: .3rem .6rem; text-align:
left; vertical-align: top } .pictures td { border: 0 } img { max-width: 100%; image-rendering: auto; display: block }
.missing { color: #a00 } code { overflow-wrap: anywhere }
"""


def worst(result: Result, metric: str, count: int) -> list[str]:
    """The names of the pictures with the worst values of a metric, the worst first.

    Raises ZooError when the run has no values of it.
    """
    better = get_metric(metric).higher_is_better
    rows = [(value, row.name) for row in result.images if (value := row.metrics.get(metric)) is not None]
    if not rows:
        measured = ", ".join(name for name, value in result.metrics.items() if value.mean is not None)
        raise ZooError(f"the run has no values of {metric}; it has {measured or 'none at all'}.")
    rows.sort(key=lambda row: (row[0] if better else -row[0], row[1]))
    return [name for _, name in rows[:count]]


def panels(shown: Shown) -> list[np.ndarray]:
    """Input, output, target and error map of one picture, HxWx3 uint8 each, made small; all have the target's shape."""
    import cv2

    target = shown.sample.truth
    height, width = target.shape[:2]
    scale = min(1.0, CELL / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    given = shown.sample.given
    if given.dtype != np.uint8:
        given = eight_bits(given)
    error = np.abs(shown.restored.astype(np.int16) - target).mean(axis=2)
    heat = cv2.applyColorMap(np.clip(error * GAIN, 0, 255).astype(np.uint8), cv2.COLORMAP_INFERNO)[..., ::-1]
    larger = cv2.resize(given, (width, height), interpolation=cv2.INTER_NEAREST)
    return [cv2.resize(part, size, interpolation=cv2.INTER_AREA) for part in (larger, shown.restored, target, heat)]


def sheet(rows: list[tuple[str, list[np.ndarray]]]) -> np.ndarray:
    """A contact sheet: a line of text and four pictures for each row, HxWx3 uint8."""
    from PIL import Image, ImageDraw

    gap, line = 8, 20
    width = max(sum(part.shape[1] + gap for part in parts) for _, parts in rows) + gap
    height = line + sum(line + parts[0].shape[0] + gap for _, parts in rows)
    canvas = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(canvas)
    left = gap
    for head, part in zip(HEADS, rows[0][1], strict=True):
        draw.text((left, 4), head, fill="black")
        left += part.shape[1] + gap
    top = line
    for text, parts in rows:
        draw.text((gap, top + 4), text.encode("latin-1", "replace").decode("latin-1"), fill="black")
        top += line
        left = gap
        for part in parts:
            canvas.paste(Image.fromarray(part), (left, top))
            left += part.shape[1] + gap
        top += parts[0].shape[0] + gap
    return np.asarray(canvas)


def page(run: StoredRun, metric: str, rows: list[tuple[str, list[np.ndarray]]]) -> str:
    """The report as one HTML file that refers to nothing outside of it."""
    result = run.result
    escape = html.escape
    title = f"{result.model.id} on {result.dataset.id}, {result.scenario.id}"
    state = "complete" if result.complete else f"INCOMPLETE: {result.n_scored} of {result.n_expected} pictures"
    facts = {
        "model": f"{result.model.title} ({result.model.license}), {result.model.parameters:,} parameters",
        "weights": result.model.weights_sha256 or "none",
        "data set": f"{result.dataset.title} ({result.dataset.license}; {result.dataset.state})",
        "scenario": f"{result.scenario.title}, v{result.scenario.version}, seed {result.scenario.seed}",
        "pictures": state,
        "code": str(result.code),
        "command": result.command,
        "machine": f"{result.cost.machine}, {result.cost.device}, {result.cost.precision}",
        "finished": result.environment.finished,
    }
    figures = published(result.model.id, result.dataset.id, result.scenario.id)
    lines = []
    for name, value in result.metrics.items():
        places = digits(name)
        told = "; ".join(f"{f.value:g} ({f.how}, protocol {f.protocol})" for f in figures if f.metric == name)
        if value.mean is None:
            cells = [f'<td class="missing" colspan="3">{escape(value.unavailable or "")}</td>']
        else:
            interval = "" if value.low is None else f"{value.low:.{places}f} to {value.high:.{places}f}"
            cells = [f"<td>{value.mean:.{places}f}</td>", f"<td>{interval}</td>", f"<td>{value.n}</td>"]
        mark = " (ranks)" if name == result.scenario.primary else ""
        lines.append(f"<tr><td>{escape(name)}{mark}</td>{''.join(cells)}<td>{escape(told)}</td></tr>")
    pictures = []
    for text, parts in rows:
        images = "".join(f'<td><img alt="{escape(head)}" src="{_data(part)}"></td>'
                         for head, part in zip(HEADS, parts, strict=True))  # fmt: skip
        pictures.append(f'<tr><th colspan="4">{escape(text)}</th></tr><tr>{images}</tr>')
    failures = "".join(f"<li>{escape(name)}: {escape(why)}</li>" for name, why in result.failures.items())
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style></head><body>
<h1>{escape(title)}</h1>
<table>{"".join(f"<tr><th>{escape(k)}</th><td><code>{escape(v)}</code></td></tr>" for k, v in facts.items())}</table>
<h2>Figures</h2>
<table><tr><th>metric</th><th>mean</th><th>95 % interval</th><th>pictures</th><th>published</th></tr>
{"".join(lines)}</table>
<h2>Failures</h2>{f"<ul>{failures}</ul>" if failures else "<p>none</p>"}
<h2>The worst by {escape(metric)}</h2>
<table class="pictures"><tr>{"".join(f"<th>{escape(head)}</th>" for head in HEADS)}</tr>{"".join(pictures)}</table>
</body></html>
"""


def _data(part: np.ndarray) -> str:
    return "data:image/png;base64," + base64.b64encode(encode(Picture(part), ".png")).decode()


def main(arguments: list[str]) -> int:
    """The command `python -m eval show`. Raises ZooError."""
    text = "Make a contact sheet and an HTML report of a stored run: its figures and its worst pictures."
    parser = argparse.ArgumentParser(prog="python -m eval show", description=text)
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of a run, which has a result.json")
    parser.add_argument("--worst", type=int, default=10, metavar="N", help="so many pictures (default 10)")
    parser.add_argument("--metric", metavar="M", help="worst by this one (default: the one that ranks)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder for worst.png and report.html (default: RUN)")
    add_run_arguments(parser)
    args = parser.parse_args(arguments)
    if args.worst < 1:
        raise ZooError(f"--worst is a number of pictures from 1 up, not {args.worst}.")
    metric = get_metric(args.metric).id if args.metric else None
    run = open_run(args.run, args.dataset, args.data_root)
    metric = metric or run.result.scenario.primary
    values = {row.name: row.metrics for row in run.result.images}
    rows = []
    for shown in run.pictures(worst(run.result, metric, args.worst)):
        rows.append((f"{shown.name}: {metric} {values[shown.name][metric]:.{digits(metric)}f}", panels(shown)))
    folder = args.out or run.store.folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make {folder}: {describe_os_error(error)}.") from None
    write_bytes(folder / "worst.png", encode(Picture(sheet(rows)), ".png"))
    write_bytes(folder / "report.html", page(run, metric, rows).encode())
    for name in ("worst.png", "report.html"):
        print(folder / name)
    return 0
