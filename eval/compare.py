"""Compare two sets of runs on the same pictures: what got better or worse, by how much, and whether that is chance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from zoo.errors import ZooError

from .metrics import METRICS, get_metric
from .relevance import SMALLEST
from .results import Result
from .stats import Paired, judge, minimum_sample, paired

BETTER, WORSE = "better", "worse"
EQUAL, SAME, OPEN = "equal", "no difference that matters", "cannot be told apart"
TOO_FEW = "too few pictures to tell"


@dataclass(frozen=True)
class Line:
    """One metric of one pair of runs; differences are B minus A."""

    dataset: str
    scenario: str
    a: str
    """Model of A."""
    b: str
    metric: str
    higher_is_better: bool
    n: int
    """Pictures that both scored."""
    seeds: int
    """Each picture's value is the mean over so many seeds of the scenario."""
    mean_a: float
    mean_b: float
    difference: float
    low: float | None
    high: float | None
    """95 % interval of the difference; None for one picture."""
    p: float
    """Corrected by Holm for all lines."""
    win_rate: float
    """Share of pictures on which B is better; a tie counts half."""
    standardized: float | None
    """Mean difference over its standard deviation (Cohen's d_z)."""
    rank_biserial: float
    smallest: float | None
    """Difference from which on it matters; None where none is set."""
    verdict: str

    @property
    def matters(self) -> bool | None:
        """Whether the difference is large enough to care for; None where that is not set."""
        return None if self.smallest is None else abs(self.difference) >= self.smallest


@dataclass(frozen=True)
class Comparison:
    """All lines, and what could not be compared."""

    lines: tuple[Line, ...]
    lost: tuple[str, ...]
    """Runs of which B failed on pictures that A scored, a sentence each."""
    notes: tuple[str, ...]

    def regressions(self, relevant: bool = False) -> list[Line]:
        """The lines that got significantly worse; on demand, only where it matters or where that is not known."""
        return [line for line in self.lines if line.verdict == WORSE and not (relevant and line.matters is False)]


def compare(
    a: Iterable[Result],
    b: Iterable[Result],
    metrics: Sequence[str] | None = None,
    smallest: Mapping[str, float] | None = None,
) -> Comparison:
    """Compare B with A, metric by metric, on the pictures that both scored.

    Runs meet when data set (id and content), scenario, its version and the inputs that it made agree. In a scenario,
    runs of the same model and settings meet, or of the same model, or the only run of each side. Values of several
    seeds are averaged first; values of different versions of a metric are not compared.

    Args:
        a: the runs to measure against.
        b: the runs in question.
        metrics: ids, all that both have by default.
        smallest: metric id -> smallest difference that matters, before those of `SMALLEST`.

    Raises UnknownNameError for an unknown metric, ZooError when nothing can be compared.
    """
    for name in (*(metrics or ()), *(smallest or ())):
        get_metric(name)
    limits = {**SMALLEST, **(smallest or {})}
    runs_a, runs_b = _runs(a), _runs(b)
    pairs, notes = _pairs(runs_a, runs_b)
    lost: list[str] = []
    found: list[tuple[tuple, str, int, np.ndarray, np.ndarray, Paired]] = []
    for one, other in pairs:
        x, y = runs_a[one], runs_b[other]
        model = one.model if one.model == other.model else f"{one.model} -> {other.model}"
        where = f"{model} on {one.dataset}, {one.scenario}"
        seeds = sorted(x.keys() & y.keys())
        if not seeds:
            notes.append(f"{where}: no seed in common")
            continue
        if any(_inputs_differ(x[seed], y[seed]) for seed in seeds):
            notes.append(f"{where}: the inputs that were made differ")
            continue
        lost += _lost(where, [(x[seed], y[seed]) for seed in seeds])
        for name in _metrics(x[seeds[0]], y[seeds[0]], metrics, where, notes):
            values = _values(name, [(x[seed], y[seed]) for seed in seeds])
            if values is None:
                notes.append(f"{where}: {name} has no value per picture that both have")
                continue
            sign = 1 if METRICS[name].higher_is_better else -1
            found.append(((one, other), name, len(seeds), *values, paired(sign * (values[1] - values[0]))))
    if not found:
        reasons = [*lost, *notes] or ["no run"]
        more = f"; and {len(reasons) - 2} more" if len(reasons) > 2 else ""
        raise ZooError(f"nothing to compare: {'; '.join(dict.fromkeys((reasons[0], reasons[-1])))}{more}.")
    lines = []
    for ((one, other), name, count, before, after, each), judged in zip(
        found, judge([f[-1] for f in found]), strict=True
    ):
        limit = limits.get(name)
        if judged.direction:
            verdict = BETTER if judged.direction > 0 else WORSE
        elif not each.differing:
            verdict = EQUAL
        elif limit is not None and each.n >= minimum_sample() and _within(each, limit):
            verdict = SAME
        elif not judged.enough:
            verdict = TOO_FEW
        else:
            verdict = OPEN
        higher = METRICS[name].higher_is_better
        ends = (each.low, each.high)
        if not higher and each.low is not None and each.high is not None:
            ends = (-each.high, -each.low)
        lines.append(
            Line(
                dataset=one.dataset,
                scenario=one.scenario,
                a=one.model,
                b=other.model,
                metric=name,
                higher_is_better=higher,
                n=each.n,
                seeds=count,
                mean_a=float(before.mean()),
                mean_b=float(after.mean()),
                difference=each.mean if higher else -each.mean,
                low=ends[0],
                high=ends[1],
                p=judged.p,
                win_rate=each.win_rate,
                standardized=each.standardized,
                rank_biserial=each.rank_biserial,
                smallest=limit,
                verdict=verdict,
            )
        )
    return Comparison(tuple(lines), tuple(lost), tuple(dict.fromkeys(notes)))


def _within(each: Paired, limit: float) -> bool:
    """Whether the whole interval of the difference is smaller than what matters."""
    return each.low is not None and each.high is not None and -limit < each.low and each.high < limit


class _Run(NamedTuple):
    """What makes a run, but for the seed."""

    dataset: str
    sha256: str
    scenario: str
    version: int
    model: str
    weights: str | None
    precision: str
    tile: str
    device: str

    @property
    def scene(self) -> tuple:
        """What must agree for two runs to meet."""
        return self[:4]


def _runs(results: Iterable[Result]) -> dict[_Run, dict[int, Result]]:
    """The runs with their seeds; of a run that was repeated, the newest."""
    runs: dict[_Run, dict[int, Result]] = {}
    for result in sorted(results, key=lambda r: r.environment.finished):
        key = _Run(
            result.dataset.id, result.dataset.sha256, result.scenario.id, result.scenario.version, result.model.id,
            result.model.weights_sha256, result.cost.precision, result.cost.tile, result.cost.device,
        )  # fmt: skip
        runs.setdefault(key, {})[result.scenario.seed] = result
    return runs


def _pairs(a: Iterable[_Run], b: Iterable[_Run]) -> tuple[list[tuple[_Run, _Run]], list[str]]:
    """Which run meets which, and a sentence for each that meets none."""
    a, b = list(a), list(b)
    left_a, left_b, pairs = list(a), list(b), []

    def meet(one: _Run, other: _Run) -> None:
        pairs.append((one, other))
        left_a.remove(one)
        left_b.remove(other)

    for one in a:
        if one in b:
            meet(one, one)
    for one in list(left_a):
        rivals, partners = ([r for r in s if (r.scene, r.model) == (one.scene, one.model)] for s in (left_a, left_b))
        if len(rivals) == len(partners) == 1:
            meet(one, partners[0])
    for one in list(left_a):
        rivals, partners = ([run for run in side if run.scene == one.scene] for side in (a, b))
        if len(rivals) == len(partners) == 1:
            meet(one, partners[0])
    notes = [
        f"only in {side}: {run.model} on {run.dataset} (pictures {run.sha256[:8]}), {run.scenario} v{run.version}"
        for side, left in (("A", left_a), ("B", left_b))
        for run in left
    ]
    return sorted(pairs, key=str), notes


def _inputs_differ(x: Result, y: Result) -> bool:
    made = {row.name: row.input for row in x.images}
    return any(made.get(row.name, row.input) != row.input for row in y.images)


def _lost(where: str, pairs: Sequence[tuple[Result, Result]]) -> list[str]:
    """Sentences on the pictures that A scored and B did not."""
    found = []
    for x, y in pairs:
        missing = sorted({row.name for row in x.images} - {row.name for row in y.images})
        if missing:
            why = y.failures.get(missing[0])
            found.append(
                f"{where}, seed {x.scenario.seed}: B has no score for {len(missing)} of the {x.n_scored} pictures that "
                f"A scored, such as {missing[0]}{f' ({why})' if why else ''}"
            )
    return found


def _metrics(x: Result, y: Result, wanted: Sequence[str] | None, where: str, notes: list[str]) -> list[str]:
    """The metrics that both runs have, in A's order; what one lacks is noted."""
    names = []
    for name in wanted or dict.fromkeys((*x.metrics, *y.metrics)):
        has = [name in run.metrics and run.metrics[name].mean is not None for run in (x, y)]
        if not any(has) and wanted is None:
            continue
        if name not in METRICS:
            notes.append(f"{where}: {name} is a metric that this version does not know")
        elif all(has) and x.metrics[name].version != y.metrics[name].version:
            versions = f"version {x.metrics[name].version} in A and {y.metrics[name].version} in B"
            notes.append(f"{where}: {name} is {versions}, which do not compare")
        elif all(has):
            names.append(name)
        else:
            notes.append(
                f"{where}: {name} is missing in {' and '.join(s for s, h in zip('AB', has, strict=True) if not h)}"
            )
    return names


def _values(name: str, pairs: Sequence[tuple[Result, Result]]) -> tuple[np.ndarray, np.ndarray] | None:
    """Both sides' values of the pictures that all seeds have, averaged over the seeds; None without such a picture."""
    tables = []
    for pair in pairs:
        for run in pair:
            tables.append({row.name: row.metrics[name] for row in run.images if row.metrics.get(name) is not None})
    names = sorted(set.intersection(*map(set, tables)))
    if not names:
        return None
    values = np.array([[table[each] for each in names] for table in tables])
    return values[0::2].mean(axis=0), values[1::2].mean(axis=0)
