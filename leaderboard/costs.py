"""What a model takes, from the runs that measured its quality."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eval.results import Result
from zoo.card import ModelCard

BUSY = 1.5
"""Processes per core from which on a machine had other work; the harness itself comes to about 1."""


def latency_withheld(run: Result) -> str | None:
    """Why the latency of a run is not published, or None: it was measured beside other work."""
    if run.cost.workers > 1:
        return "several pictures were restored at once"
    if run.cost.load is not None and run.cost.load > BUSY:
        return "the machine had other work"
    return None


def latency(run: Result) -> float | None:
    """Median seconds for a picture; None where none was measured, or not on a machine of its own."""
    return None if latency_withheld(run) else run.cost.seconds_median


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
    """Why a latency that was measured is not published, or empty."""


def cost_of(card: ModelCard, runs: Sequence[Result], at: tuple[int, int] | None = None) -> Cost:
    """The cost over all pictures of a model's runs and, where `at` says (width, height), estimated for that size."""
    machines = sorted({f"{run.cost.machine}, {run.cost.device}" for run in runs})
    remark = next((why for run in runs if (why := latency_withheld(run))), "")
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
