"""Example pictures: photographs shipped with scikit-image, damaged by the harness's own scenarios."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from eval.datasets import open_dataset
from eval.scenarios import get_scenario
from zoo.io import images

_CHOICE = (
    ("deblur", "motion-blur", "astronaut.png", "shaken portrait"),
    ("inpaint", "scratches", "chelsea.png", "scratched print"),
    ("inpaint", "free-form-holes", "coffee.png", "holes"),
    ("face", "mixed", "astronaut.png", "blurred face"),
    ("denoise", "noise", "coffee.png", "noisy"),
    ("super-resolution", "downscale-x4", "rocket.jpg", "too small"),
    ("low-light", "low-light", "chelsea.png", "too dark"),
)


def make() -> tuple[list[list[str | None]], list[str]]:
    """([[picture, task, mask or None], ...], [label, ...]); the files lie in a temporary folder of this process."""
    folder = Path(tempfile.mkdtemp(prefix="restoration-zoo-examples-"))
    items = {item.name: item for item in open_dataset("sample").items}
    rows: list[list[str | None]] = []
    for task, scenario, name, _ in _CHOICE:
        sample = get_scenario(scenario).prepare(items[name], seed=0)
        picture = folder / f"{Path(name).stem}-{scenario}.png"
        images.write(picture, images.Picture(sample.given))
        mask = None
        if sample.mask is not None:
            mask = folder / f"{Path(name).stem}-{scenario}-mask.png"
            images.write(mask, images.Picture(sample.mask.astype(np.uint8) * 255))
        rows.append([str(picture), task, None if mask is None else str(mask)])
    return rows, [label for *_, label in _CHOICE]
