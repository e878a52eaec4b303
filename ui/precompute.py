"""python -m ui.precompute: make the example thumbnails and the finished comparison that the app's first page shows.

They are real results of the models that are named, kept lossless; run it again when the models or scenarios change.
"""

from __future__ import annotations

import datetime
import json
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image

import zoo
from eval.scenarios import get_scenario

from .examples import CHOICE, FOLDER
from .jobs import example, prepare, restore

SHOWN = "shaken portrait"
SHOWN_AS = "a portrait with simulated camera shake, restored by three models"
MODELS = ("deblurgan.mini", "unsupervised-wiener", "unsharp-mask")
THUMBNAIL = 144
"""Side in pixels."""


def main() -> None:
    """Write assets/examples."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        made = {
            name: example.run(_silent, name=name, scenario=scenario, picture=picture, folder=folder)
            for name, (_, scenario, picture) in CHOICE.items()
        }
        for name, files in made.items():
            _thumbnail(str(files["picture"]), FOLDER / f"{name.replace(' ', '-')}.webp")
        _comparison(made[SHOWN], folder)


def _silent(share: float) -> None:
    """Nobody watches."""


def _thumbnail(path: str, target: Path) -> None:
    with Image.open(path) as picture:
        side = min(picture.size)
        left, top = (picture.width - side) // 2, (picture.height - side) // 2
        square = picture.convert("RGB").crop((left, top, left + side, top + side))
        square.resize((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS).save(target, quality=82, method=6)


def _comparison(files: dict[str, Any], folder: str) -> None:
    task, scenario, picture = CHOICE[SHOWN]
    shared = {"picture": files["picture"], "truth": files["truth"], "name": "example", "folder": folder,
              "megapixels": None, "mask": None}  # fmt: skip
    begun = prepare.run(_silent, scale=1, **shared)
    results = []
    for model in MODELS:
        (made,) = restore.run(_silent, task=task, model=model, **shared)
        view = _kept(made["view"], f"comparison-{model}")
        facts = ("model", "label", "title", "license", "offline", "seconds", "notes", "scores")
        results.append({**{fact: made[fact] for fact in facts}, "view": view})
    record = {
        "title": SHOWN_AS,
        "picture": picture,
        "scenario": get_scenario(scenario).title,
        "made": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "version": zoo.__version__,
        "command": "python -m ui.precompute",
        "input": _kept(begun["input"], "comparison-input"),
        "truth": _kept(begun["truth"], "comparison-truth"),
        "input_scores": begun["input_scores"],
        "results": results,
    }
    (FOLDER / "comparison.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def _kept(view: dict[str, Any], name: str) -> dict[str, Any]:
    """The picture as lossless WebP, half as large as PNG."""
    with Image.open(view["path"]) as picture:
        picture.save(FOLDER / f"{name}.webp", lossless=True, quality=100, method=6)
    return {"file": f"{name}.webp", "width": view["width"], "height": view["height"]}


if __name__ == "__main__":
    main()
