"""What a model takes: by files of `python -m eval cost`, else by the runs that measured its quality."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from eval.results import Result
from zoo.card import ModelCard
from zoo.errors import ZooError

if TYPE_CHECKING:
    from eval.costs import Costs, ModelCost

COMMITTED_COSTS = Path(__file__).parent / "cost"
"""The project's own files of costs."""
BUSY = 1.5
"""In result files of version 2, processes per core from which on a machine had other work; the harness itself comes to
about 1. Later files say by themselves whether a latency was shared, and then have none."""


def latency_withheld(run: Result) -> str | None:
    """Why the latency of a run is not published, or None: it was measured beside other work."""
    if run.cost.workers > 1:
        return "several pictures were restored at once"
    if getattr(run.cost, "shared", None) or (run.cost.load is not None and run.cost.load > BUSY):
        return "the machine had other work"
    return None


def latency(run: Result) -> float | None:
    """Median seconds for a picture; None where none was measured, or not on a machine of its own."""
    return None if latency_withheld(run) else run.cost.seconds_median


@dataclass(frozen=True)
class Cost:
    """What restoring a picture takes."""

    seconds: float | None
    """For a picture of `megapixels`; None where no latency was published."""
    megapixels: float | None
    """Size of the input; the mean size where the seconds are a mean over pictures."""
    seconds_at: float | None
    """Estimated for the size that was asked for: time grows with the pixels, but for networks that always take the
    same size."""
    memory_mb: float | None
    """Peak; for a larger size than was measured, estimated to grow with the pixels. See `memory_is`."""
    memory_is: str
    """What the memory is of, in words."""
    machine: str
    remark: str
    """Why a latency that was measured is not published, or empty."""


WITH_MODEL = "what restoring adds to an empty process, the model included"
WITHOUT_MODEL = "what is needed beside the loaded model"


@dataclass(frozen=True)
class CostTable:
    """The costs of models on one machine, measured in turns."""

    machine: str
    """Machine and device, in words."""
    models: dict[str, tuple[ModelCost, ...]]
    """Model -> its costs, a size each."""
    size: tuple[int, int]
    """(width, height) that costs are given for where none is asked for."""

    def find(self, model: str, weights_sha256: Iterable[str | None], at: tuple[int, int] | None) -> ModelCost | None:
        """The model's costs at the measured size that is nearest in pixels; None where these weights have none."""
        known = [each for each in self.models.get(model, ()) if each.weights_sha256 in set(weights_sha256)]
        width, height = at or self.size
        if at is None:
            known = [each for each in known if (each.width, each.height) == self.size]
        return min(known, key=lambda each: abs(each.width * each.height - width * height), default=None)


def read_committed_costs() -> CostTable | None:
    """The committed files of costs; None where there are none. Raises ZooError for a file that is none."""
    if not (paths := sorted(COMMITTED_COSTS.glob("*.json"))):
        return None
    from eval.costs import read_costs

    return cost_table([read_costs(path) for path in paths])


def cost_table(files: Iterable[Costs]) -> CostTable | None:
    """One table of several files; of a model and size that was measured twice the newest counts.

    Raises ZooError for files of different machines, devices, precisions or numbers of threads, which do not compare.
    """
    ordered = sorted(files, key=lambda each: each.environment.finished)
    if not ordered:
        return None
    settings = {(each.machine, each.device, each.precision, each.threads) for each in ordered}
    if len(settings) > 1:
        words = " and ".join(sorted(f"{m}, {d}, {p}, {t} threads" for m, d, p, t in settings))
        raise ZooError(f"files of costs do not compare where they are of {words}.")
    found: dict[tuple[str, int, int], ModelCost] = {}
    for each in ordered:
        found.update({(cost.model, cost.width, cost.height): cost for cost in each.models})
    models: dict[str, tuple[ModelCost, ...]] = {}
    for (model, _, _), cost in sorted(found.items()):
        models[model] = (*models.get(model, ()), cost)
    newest = ordered[-1]
    first = newest.models[0]
    return CostTable(f"{newest.machine}, {newest.device}", models, (first.width, first.height))


def cost_of(
    card: ModelCard, runs: Sequence[Result], at: tuple[int, int] | None = None, table: CostTable | None = None
) -> Cost:
    """A model's cost and, where `at` says (width, height), what is estimated for that size.

    table: where it is given, it alone counts, so that all models are measured in one way; else the runs' own figures.
    """
    return _of_runs(card, runs, at) if table is None else _of_table(card, runs, at, table)


def _of_table(card: ModelCard, runs: Sequence[Result], at: tuple[int, int] | None, table: CostTable) -> Cost:
    found = table.find(card.id, {run.model.weights_sha256 for run in runs}, at)
    if found is None:
        return Cost(None, None, None, None, WITH_MODEL, table.machine, "")
    larger = 1.0 if at is None or card.size.square is not None else at[0] * at[1] / (found.width * found.height)
    seconds, memory = found.p50_seconds, found.peak_memory_mb
    return Cost(
        seconds=seconds,
        megapixels=found.width * found.height / 1e6,
        seconds_at=None if at is None or seconds is None else seconds * larger,
        memory_mb=None if memory is None else memory * max(1.0, larger),
        memory_is=WITH_MODEL,
        machine=table.machine,
        remark="the machine had other work" if found.shared else "",
    )


def _of_runs(card: ModelCard, runs: Sequence[Result], at: tuple[int, int] | None) -> Cost:
    machines = sorted({f"{run.cost.machine}, {run.cost.device}" for run in runs})
    remark = next((why for run in runs if (why := latency_withheld(run))), "")
    memories = [memory for run in runs if (memory := run.cost.peak_memory_mb) is not None]
    versions = {run.schema_version > 2 for run in runs}  # since version 3 with the model, before without
    memory = max(memories) if memories and len(memories) == len(runs) and len(versions) == 1 else None
    seconds, megapixels = _means(runs)
    seconds_at = None
    if at is not None:
        wanted, fixed = at[0] * at[1] / 1e6, card.size.square is not None
        if seconds is not None and megapixels is not None:
            seconds_at = seconds if fixed else seconds * wanted / megapixels
        if memory is not None and not fixed:
            memory = None if megapixels is None else memory * max(1.0, wanted / megapixels)
    memory_is = WITHOUT_MODEL if False in versions else WITH_MODEL
    return Cost(seconds, megapixels, seconds_at, memory, memory_is, "; ".join(machines), remark)


def _means(runs: Sequence[Result]) -> tuple[float | None, float | None]:
    """Seconds and megapixels of the mean picture; None for both where a run has no latency to publish."""
    seconds = megapixels = 0.0
    for run in runs:
        if latency(run) is None or not run.cost.megapixels_per_second:
            return None, None
        spent = sum(row.seconds for row in run.images)
        seconds += spent
        megapixels += spent * run.cost.megapixels_per_second
    pictures = sum(run.n_scored for run in runs)
    return (seconds / pictures, megapixels / pictures) if megapixels > 0 else (None, None)
