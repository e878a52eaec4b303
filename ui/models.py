"""Which models a visitor may choose, which of them are chosen for them, and how long they take."""

from __future__ import annotations

import functools
from typing import Any

import zoo
from eval.find import find_results
from eval.results import Result
from eval.scenarios import get_scenario
from leaderboard.costs import cost_of
from leaderboard.recommend import recommend
from leaderboard.table import COMMITTED, group
from leaderboard.use_cases import read_use_cases
from zoo.card import TASKS
from zoo.errors import UnknownNameError, ZooError

from .guard import VisitorError
from .words import capital, duration, shortened

MOST = 6
"""How many models a comparison has."""
CHOSEN = 2
"""How many are chosen for a visitor."""
FAULT_TASKS = {
    "monochrome": "colorize", "dark": "low-light", "noise": "denoise", "compression": "denoise", "blur": "deblur",
    "small": "super-resolution", "faded": "low-light",
}  # fmt: skip
"""Fault of `eval.faults` -> the task that mends it, the first that is found counts."""


@functools.cache
def results() -> tuple[Result, ...]:
    """The committed results; none where they cannot be read."""
    try:
        return tuple(find_results([COMMITTED]))
    except ZooError:
        return ()


@functools.cache
def order(task: str) -> tuple[str, ...]:
    """The ids of the models for a task that can run here, the one to take first.

    The recommendation for the task's use cases comes first; then the win rates in the committed rankings of its
    scenarios; models that were not measured come last, by what their cards say.
    """
    cards = zoo.list_models(task=task, available=True)
    recommended: list[str] = []
    for use in read_use_cases().values():
        if all(get_scenario(scenario).tasks[0] == task for _, scenario in use.cells):
            try:
                found = recommend(use.id, results=list(results()), offline=True)
            except ZooError:
                continue
            recommended += [choice.model for choice in found.choices if choice.gain > 0]
    wins = _win_rates(task)
    ranks = {id: place for place, id in reversed(list(enumerate(recommended)))}
    cards.sort(
        key=lambda c: (
            c.baseline, ranks.get(c.id, len(ranks)), -wins.get(c.id, -1.0), c.tasks[0] != task, c.weights is None,
            not c.family_default, c.id,
        )
    )  # fmt: skip
    return tuple(card.id for card in cards)


def _win_rates(task: str) -> dict[str, float]:
    """Mean share of pictures and opponents that a model beats, over the rankings of the task's scenarios."""
    rates: dict[str, list[float]] = {}
    for made in group(results()):
        if get_scenario(made.scenario).tasks[0] == task and made.ranking is not None and len(made.ranked) > 1:
            for result, rate in zip(made.ranked, made.ranking.win_rates, strict=True):
                rates.setdefault(result.model.id, []).append(rate)
    return {id: sum(found) / len(found) for id, found in rates.items()}


def choices(task: str) -> list[tuple[str, str]]:
    """(label, id) of the models that can run here, the one to take first."""
    return [(f"{zoo.get_card(id).title} · {zoo.get_card(id).license}", id) for id in order(task)]


def chosen(task: str) -> list[str]:
    """The models that are chosen for a visitor."""
    return trained(task)[:CHOSEN]


def trained(task: str) -> list[str]:
    """The models of a task that do something, the one to take first."""
    return [id for id in order(task) if not zoo.get_card(id).baseline]


@functools.cache
def tasks() -> tuple[str, ...]:
    """The tasks for which something better than doing nothing can run here."""
    return tuple(
        task for task in TASKS if any(not card.baseline for card in zoo.list_models(task=task, available=True))
    )


def task_of(faults: dict[str, Any]) -> str | None:
    """The task that the found faults suggest, of those that can be done here; None when nothing was found."""
    if "faces" in faults and {"small", "blur", "noise", "compression"} & set(faults) and "face" in tasks():
        return "face"
    return next((task for fault, task in FAULT_TASKS.items() if fault in faults and task in tasks()), None)


def check_task(task: Any) -> str:
    """The task. Raises VisitorError for anything else."""
    if not isinstance(task, str) or task not in TASKS:
        raise VisitorError("Choose what is wrong with the picture first.")
    return task


def check_ids(ids: Any, task: str) -> list[str]:
    """The ids, if all of them are offered for the task. Raises VisitorError: programs may send anything."""
    if not isinstance(ids, list) or not all(isinstance(id, str) for id in ids):
        raise VisitorError("The models must be a list of ids.")
    if not ids:
        raise VisitorError("Choose at least one model.")
    if len(ids) > MOST:
        raise VisitorError(f"Choose at most {MOST} models; {len(ids)} are chosen.")
    for id in ids:
        if id not in order(task):  # whoever calls this from outside names no files of the server
            error = UnknownNameError(f"model for the task {task}", shortened(id, 60), order(task))
            raise VisitorError(capital(str(error)))
    return list(dict.fromkeys(ids))


def expected(id: str, width: int, height: int) -> float | None:
    """Seconds that a model takes for a picture of that size by what was measured; None where nothing was."""
    runs = [result for result in results() if result.model.id == id]
    return cost_of(zoo.get_card(id), runs, (width, height)).seconds_at if runs else None


def estimate(ids: list[str], width: int, height: int) -> str:
    """A sentence on how long these models take, with an offer where it is long; empty where nothing was measured."""
    known = [seconds for id in ids if (seconds := expected(id, width, height)) is not None]
    if not known:
        return ""
    least = "" if len(known) == len(ids) else "at least "
    text = f"Takes {least}about {duration(sum(known))} here, by what was measured."
    if sum(known) > 60:
        text += " Choose a smaller size, or mark a part of the picture, to be done sooner."
    return text
