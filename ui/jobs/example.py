"""Make an example picture: a sample photograph, damaged by a scenario of the harness."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from eval.datasets import open_dataset
from eval.scenarios import get_scenario
from zoo.io import images

from .files import mask_file

SEED = 0


def run(tell: Callable[[float], None], *, name: str, scenario: str, picture: str, folder: str) -> dict[str, str | None]:
    """{picture, mask, truth} as paths; the mask is None for a scenario without holes."""
    item = next(item for item in open_dataset("sample").items if item.name == picture)
    sample = get_scenario(scenario).prepare(item, seed=SEED)
    tell(0.5)
    paths: dict[str, str | None] = {"mask": None}
    for kind, pixels in (("picture", sample.given), ("truth", sample.truth)):
        path = Path(folder) / f"{name.replace(' ', '-')}{'' if kind == 'picture' else '-truth'}.png"
        images.write(path, images.Picture(pixels))
        paths[kind] = str(path)
    if sample.mask is not None:
        paths["mask"] = mask_file(sample.mask, folder, f"{name.replace(' ', '-')}-mask")
    return paths
