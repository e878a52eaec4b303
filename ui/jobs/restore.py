"""Restore a picture, or a part of it, with one model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from zoo.errors import ZooError
from zoo.faces import FacePipeline
from zoo.io import images
from zoo.registry import unavailable_reason
from zoo.restorer import Restoration, Restorer

from . import files
from .models import loaded
from .scores import error_map, scores

AROUND = 96
"""Pixels around a region that the model sees too."""
Tell = Callable[[float], None]


def run(
    tell: Tell,
    *,
    picture: str,
    name: str,
    folder: str,
    task: str,
    model: str,
    megapixels: float | None = None,
    mask: str | None = None,
    truth: str | None = None,
    samples: int = 0,
    alias: str | None = None,
    looked_at: bool = True,
) -> list[dict[str, Any]]:  # fmt: skip
    """The results that the browser shows: one, and so many samples where the model can draw them.

    alias: stands for the model's id in all names of files. looked_at: make what the browser shows, too, and measure it.

    `mask` is the hole for inpainting; for other tasks it is the region that is restored, and the rest stays as it is,
    bit for bit. Raises ZooError.
    """
    source = files.opened(picture, megapixels)
    marked = None if mask is None else files.opened_mask(mask, source.height, source.width)
    tool = loaded(model)
    pixels, limit = source.height * source.width * tool.card.scale**2, 1_000_000 * 4 * files.MOST_MEGAPIXELS
    limit = min(limit, images.max_pixels())
    if pixels > limit:
        raise ZooError(f"the result would have {pixels:,} pixels, more than the limit of {limit:,}.")
    clean = None if truth is None else files.opened(truth).rgb8()
    hole = marked if task == "inpaint" else None
    made = []
    for label, done in _results(tool, task, source, marked, samples, tell):
        called = alias or label.replace(":", "_").replace(", sample ", "-")
        word = files.safe_name(f"{files.safe_name(name)}-{called}")
        after = done.picture.rgb8()
        wrong = None
        if clean is not None and clean.shape == after.shape:
            wrong = files.shown(error_map(after, clean), folder, f"{word}-error")
        made.append(
            {
                "model": model,
                "label": label,
                "title": tool.card.title,
                "license": tool.card.license,
                "offline": unavailable_reason(tool.card) is None,
                "weights_sha256": tool.weights_sha256,
                "seconds": round(done.seconds, 3),
                "notes": [*done.notes],
                "view": files.shown(done.picture, folder, f"{word}-view") if looked_at else None,
                "error": wrong,
                "scores": scores(after, clean, hole) if looked_at else [],
                "files": files.downloads(done.picture, picture, folder, word),
            }
        )
    return made


def _results(
    tool: Restorer, task: str, source: images.Picture, mask: np.ndarray | None, samples: int, tell: Tell
) -> list[tuple[str, Restoration]]:
    id = tool.card.id
    if task == "inpaint":
        hole = mask if not tool.card.baseline else None
        found = [(id, tool.restore(source, hole, progress=tell))]
        if tool.card.stochastic and samples > 0:
            drawn = tool.sample(source, hole, count=samples)
            found += [(f"{id}, sample {number}", result) for number, result in enumerate(drawn, 1)]
        return found
    if mask is not None:
        return [(id, _region(tool, task, source, mask, tell))]
    return [(id, _whole(tool, task, source, tell))]


def _whole(tool: Restorer, task: str, source: images.Picture, tell: Tell) -> Restoration:
    if task == "face" and not tool.card.baseline:
        done = FacePipeline(tool).run(source)
        return Restoration(done.picture, done.seconds, (*done.notes, done.summary()))
    return tool.restore(source, progress=tell)


def _region(tool: Restorer, task: str, source: images.Picture, region: np.ndarray, tell: Tell) -> Restoration:
    """Restore the part around the region, and take over of it the region alone."""
    if tool.card.scale != 1:
        raise ZooError(f"{tool.card.id} enlarges the picture, so it cannot restore a part of it.")
    rows, columns = np.nonzero(region.any(axis=1))[0], np.nonzero(region.any(axis=0))[0]
    top, bottom = max(0, rows[0] - AROUND), min(source.height, rows[-1] + 1 + AROUND)
    left, right = max(0, columns[0] - AROUND), min(source.width, columns[-1] + 1 + AROUND)
    window = np.s_[top:bottom, left:right]
    part = replace(
        source,
        color=np.ascontiguousarray(source.color[window]),
        alpha=None if source.alpha is None else np.ascontiguousarray(source.alpha[window]),
        notes=(),
    )
    done = _whole(tool, task, part, tell)
    after = done.picture.color
    color = source.color if source.color.ndim == after.ndim else np.repeat(source.color[..., None], 3, axis=2)
    chosen = region[window] if after.ndim == 2 else region[window][..., None]
    color = color.copy()
    color[window] = np.where(chosen, after, color[window])
    note = "only the marked part was restored; all other pixels are as they were."
    return Restoration(replace(source, color=color, notes=()), done.seconds, (*source.notes, *done.notes, note))
