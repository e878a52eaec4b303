"""Values that no metric can have stop a table from being built."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from eval.metrics import METRICS
from eval.results import Result
from zoo.errors import ZooError


def check_bounds(results: Iterable[Result]) -> None:
    """Raise ZooError for the first value, mean or cost that is not possible."""
    for result in results:
        for what, value, low, high in _values(result):
            if not low <= value <= high:
                raise ZooError(
                    f"{result.model.id} on {result.dataset.id}, {result.scenario.id}: {what} is {value:g}, which is "
                    f"not between {low:g} and {high:g}. Such a file cannot be right, so no table is built."
                )


def _values(result: Result) -> Iterator[tuple[str, float, float, float]]:
    """What it is, its value, and the bounds."""
    forever = float("inf")
    for name, value in result.metrics.items():
        if name in METRICS and value.mean is not None:
            yield f"the mean of {name}", value.mean, METRICS[name].low, METRICS[name].high
    for row in result.images:
        yield f"the time of {row.name}", row.seconds, 0, forever
        for name, scored in row.metrics.items():
            if name in METRICS and scored is not None:
                yield f"{name} of {row.name}", scored, METRICS[name].low, METRICS[name].high
    for name in ("seconds_median", "megapixels_per_second", "peak_memory_mb", "gflops"):
        if (cost := getattr(result.cost, name)) is not None:
            yield name, cost, 0, forever
    yield "the number of parameters", result.model.parameters, 0, forever
