"""A plan of several runs that share one span of time: what `python -m training all` carries out.

A plan is a JSON list, in the order of training; each entry has a recipe, its share of the time, and optionally what it
starts from (as --from). Run again with the same folder and length, it goes on where it was stopped: finished runs stay
as they are.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from zoo.errors import ZooError
from zoo.io.images import find_pictures

from . import loop
from .recipe import get_recipe

DEFAULT = Path(__file__).with_name("plan.json")
CHECKPOINT_MINUTES = 2.0
LARGEST_PACK = 60_000_000
"""Bytes that packed pictures may have."""


@dataclass(frozen=True)
class Entry:
    """One run of a plan."""

    recipe: str
    share: float
    """Of the plan's time; all shares together are 1."""
    start_from: str | None = None


def read_plan(path: Path = DEFAULT) -> tuple[Entry, ...]:
    """The entries of a plan file. Raises ZooError for one that cannot be carried out, UnknownNameError for a recipe."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        plan = tuple(Entry(one["recipe"], float(one["share"]), one.get("from")) for one in stored)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ZooError(f"{path} is no plan, a list of entries with recipe and share: {error}.") from None
    for entry in plan:
        get_recipe(entry.recipe)
    names = [entry.recipe for entry in plan]
    if len(set(names)) < len(names):
        raise ZooError(f"{path} names a recipe twice.")
    if not plan or min(entry.share for entry in plan) <= 0 or abs(sum(entry.share for entry in plan) - 1) > 1e-6:
        raise ZooError(f"the shares in {path} have to be above 0 and 1 together.")
    return plan


def train_all(
    plan: Sequence[Entry],
    folder: Path,
    settings: loop.Settings,
    stop_after: float | None = None,
    report: Callable[[str], None] = print,
) -> bool:
    """Start, continue or skip each run of a plan, in a folder of its own inside `folder`; returns whether all are done.

    settings: of all runs, with the minutes of the whole plan. stop_after: minutes after which the run in progress
    writes a checkpoint and this returns. Raises ZooError.
    """
    if settings.minutes is None:
        raise ZooError("a plan needs a length in minutes.")
    deadline = None if stop_after is None else time.monotonic() + stop_after * 60
    for entry in plan:
        place, minutes = folder / entry.recipe, settings.minutes * entry.share
        if (place / loop.CHECKPOINT_FILE).is_file():
            run = loop.resume(place, minutes)
        else:
            if place.exists():  # it was stopped before its first checkpoint
                shutil.rmtree(place)
            own = replace(settings, recipe=entry.recipe, minutes=minutes, start_from=entry.start_from)
            run = loop.start(place, own)
        if not run.position.finished:
            run.train(report, deadline)
        if not run.position.finished:
            return False
    return True


def pack(plan: Sequence[Entry], root: Path, target: Path) -> int:
    """Copy the pictures that a plan trains on to a new folder, laid out as they are; returns their number of bytes.

    For machines that get only what is sent to them. Raises ZooError when the folder exists, a recipe's pictures are
    missing, or they have more than LARGEST_PACK bytes.
    """
    folders = sorted({folder for entry in plan for folder in get_recipe(entry.recipe).data})
    if missing := [folder for folder in folders if not (root / folder).is_dir()]:
        raise ZooError(f"there is no folder {root / missing[0]}, which a recipe takes its pictures from.")
    pictures = sorted({path for folder in folders for path in find_pictures(root / folder, recursive=True)})
    size = sum(path.stat().st_size for path in pictures)
    if size > LARGEST_PACK:
        raise ZooError(f"the pictures have {size / 1e6:.0f} MB; a pack has at most {LARGEST_PACK / 1e6:.0f} MB.")
    if target.exists():
        raise ZooError(f"{target} is there already.")
    for path in pictures:
        place = target / path.relative_to(root)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
    return size
