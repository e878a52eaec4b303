"""Example pictures: photographs shipped with scikit-image, damaged by the harness's own scenarios.

Their thumbnails and one finished comparison are files of the project, made by `python -m ui.precompute`; the pictures
themselves are made when they are clicked.
"""

from __future__ import annotations

import base64
import functools
import json
from pathlib import Path
from typing import Any

from .components import Score, Shown, ShownResult, View
from .guard import VisitorError, is_received
from .run import file_data, folder_for_results, quick

FOLDER = Path(__file__).parent.parent / "assets" / "examples"
CHOICE = {
    "shaken portrait": ("deblur", "motion-blur", "astronaut.png"),
    "scratched print": ("inpaint", "scratches", "chelsea.png"),
    "holes": ("inpaint", "free-form-holes", "coffee.png"),
    "blurred face": ("face", "mixed", "astronaut.png"),
    "noisy": ("denoise", "noise", "coffee.png"),
    "too small": ("super-resolution", "downscale-x4", "rocket.jpg"),
    "too dark": ("low-light", "low-light", "chelsea.png"),
}
"""Name -> (task, scenario, picture)."""


@functools.cache
def thumbnails() -> dict[str, str]:
    """Name -> the picture as a data URI; those that `ui.precompute` has made."""
    found = {name: FOLDER / f"{name.replace(' ', '-')}.webp" for name in CHOICE}
    return {
        name: f"data:image/webp;base64,{base64.b64encode(path.read_bytes()).decode()}"
        for name, path in found.items() if path.is_file()
    }  # fmt: skip


def precomputed() -> Shown | None:
    """The finished comparison, as it was when it was made; None where it was not."""
    record = FOLDER / "comparison.json"
    if not record.is_file():
        return None
    data = json.loads(record.read_text(encoding="utf-8"))

    def view(made: dict[str, Any]) -> View:
        return View(file=file_data(str(FOLDER / made["file"])), width=made["width"], height=made["height"])

    return Shown(
        input=view(data["input"]),
        input_scores=[Score(**score) for score in data["input_scores"]],
        truth=view(data["truth"]),
        results=[
            ShownResult(
                **{key: value for key, value in made.items() if key not in ("view", "scores")}, view=view(made["view"]),
                scores=[Score(**score) for score in made["scores"]],
            )
            for made in data["results"]
        ],
        note=f"Example, precomputed on {data['made']}: {data['title']}.",
    )  # fmt: skip


def task_of(picture: str) -> str | None:
    """What is wrong with a picture that `load` made; None for others."""
    name = Path(picture).stem.replace("-", " ")
    return CHOICE[name][0] if name in CHOICE else None


def mask_of(picture: str) -> str | None:
    """The mask that `load` made with a picture; None where there is none."""
    path = Path(picture)
    mask = path.with_name(f"{path.stem}-mask.png")
    return str(mask) if task_of(picture) is not None and is_received(str(mask)) else None


async def load(name: str) -> dict[str, Any]:
    """{picture, mask or None, truth}: paths of new files. Raises VisitorError for an unknown name."""
    if name not in CHOICE:
        raise VisitorError("There is no such example.")
    _, scenario, picture = CHOICE[name]
    return await quick("example", name=name, scenario=scenario, picture=picture, folder=folder_for_results())
