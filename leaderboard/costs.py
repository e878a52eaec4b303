"""What a model takes, from the runs that measured its quality."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eval.results import Result
from zoo.card import ModelCard

from .table import BUSY


@dataclass(frozen=True)
class Cost:
    """What restoring a picture takes."""

    seconds: float | None
    """Mean for a picture of `megapixels`; None where no latency was published."""
    megapixels: float | None
    """Mean size of the input."""
    seconds_at: float | None
    """Estimated for the size that was asked for: time grows with the pixels, but for networks that always take the
    same size."""
    memory_mb: float | None
    """Peak beside the loaded model; for a larger size than was measured, estimated to grow with the pixels."""
    machine: str
    remark: str
    """Why these figures are too high, or empty."""


def cost_of(card: ModelCard, runs: Sequence[Result], at: tuple[int, int] | None = None) -> Cost:
    """The cost over all pictures of a model's runs and, where `at` says (width, height), estimated for that size."""
    machines = sorted({f"{run.cost.machine}, {run.cost.device}" for run in runs})
    busy = any(run.cost.load is not None and run.cost.load > BUSY for run in runs)
    crowded = max((run.cost.workers for run in runs), default=1)
    remark = "the machine had other work" if busy else f"{crowded} pictures at once" if crowded > 1 else ""
    memories = [memory for run in runs if (memory := run.cost.peak_memory_mb) is not None]
    memory = max(memories) if memories and len(memories) == len(runs) else None
    seconds, megapixels = _means(runs)
    seconds_at = None
    if at is not None:
        wanted, fixed = at[0] * at[1] / 1e6, card.size.square is not None
        if seconds is not None and megapixels is not None:
            seconds_at = seconds if fixed else seconds * wanted / megapixels
        if memory is not None and not fixed:
            memory = None if megapixels is None else memory * max(1.0, wanted / megapixels)
    return Cost(seconds, megapixels, seconds_at, memory, "; ".join(machines), remark)


def _means(runs: Sequence[Result]) -> tuple[float | None, float | None]:
    """Seconds and megapixels of the mean picture; None for both where a run has no latency."""
    seconds = megapixels = 0.0
    for run in runs:
        if run.cost.seconds_median is None or not run.cost.megapixels_per_second:
            return None, None
        spent = sum(row.seconds for row in run.images)
        seconds += spent
        megapixels += spent * run.cost.megapixels_per_second
    pictures = sum(run.n_scored for run in runs)
    return (seconds / pictures, megapixels / pictures) if megapixels > 0 else (None, None)
