"""Which ranks of a table can be told apart, from the pictures' own values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from eval.metrics import METRICS, get_metric
from eval.results import Result
from eval.stats import Ranking, minimum_sample, rank, t_interval


def oriented(results: Sequence[Result], metric: str) -> np.ndarray | None:
    """Results x pictures, higher is better; None when some result has no value of the metric for some picture."""
    tables = [{row.name: row.metrics.get(metric) for row in result.images} for result in results]
    if not tables or not tables[0]:
        return None
    names = list(tables[0])
    if any(table.keys() != tables[0].keys() or None in table.values() for table in tables):
        return None
    sign = 1 if get_metric(metric).higher_is_better else -1
    return sign * np.array([[table[name] for name in names] for table in tables])


def ranking(results: Sequence[Result], metric: str) -> Ranking | None:
    """Compare ranked runs, all with all; None where the metric has no value per picture."""
    values = oriented(results, metric)
    return None if values is None else rank(values)


def shown_rank(low: int, high: int) -> str:
    """ "2" or, shared, "1-3"."""
    return str(low) if low == high else f"{low}-{high}"


def with_intervals(result: Result) -> Result:
    """The result with the intervals that eval.stats gives now, whatever version wrote its file.

    Means that do not come from values per picture keep what they have.
    """
    metrics = {}
    for name, value in result.metrics.items():
        values = [scored for row in result.images if (scored := row.metrics.get(name)) is not None]
        if value.mean is not None and values and len(values) == len(result.images):
            bounds = (METRICS[name].low, METRICS[name].high) if name in METRICS else (-np.inf, np.inf)
            low, high = t_interval(values, bounds=bounds) or (None, None)
            value = value.model_copy(update={"low": low, "high": high})
        metrics[name] = value
    return result.model_copy(update={"metrics": metrics})


def demonstration(results: Sequence[Result]) -> str | None:
    """Why a table can prove nothing, or None: too few pictures for any of its comparisons."""
    pairs = len(results) * (len(results) - 1) // 2
    if not results or results[0].n_scored >= minimum_sample(pairs):
        return None
    return (
        f"A demonstration: with {results[0].n_scored} pictures no difference between models can be significant; that "
        f"takes at least {minimum_sample(pairs)}."
    )
