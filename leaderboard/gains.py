"""What result files say about a use case: each model's gain over doing nothing, picture by picture.

On one scenario of one data set, a model's gain on a picture in one metric is the metric's difference to the baseline,
turned so that more is better, and divided by the standard deviation of the baseline's own values over the pictures
(Glass's delta). So metrics of different units add up, and which models are compared changes no model's gain. Where the
baseline has one and the same value on all pictures, as the colors of a gray picture, the value itself is the unit. The
use case's weights give the mean over metrics. A picture that is in several scenarios counts once, with the mean of its
gains; all pictures count the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from eval.metrics import METRICS
from eval.results import Result

from .overall import is_baseline
from .table import OWN, Group, group, told_apart, why_unranked
from .use_cases import UseCase


@dataclass(frozen=True)
class Cell:
    """One scenario on one data set."""

    dataset: str
    sha256: str
    """Of the data set's pictures."""
    scenario: str
    weights: dict[str, float]
    """Metric -> share; those that the baseline has, with 1 as their sum."""
    baseline: Result
    runs: dict[str, Result]
    """Model -> its run; without the baseline."""
    gains: dict[str, dict[str, float]]
    """Model -> picture -> gain."""

    @property
    def name(self) -> str:
        return f"{self.dataset} / {self.scenario}"

    def best(self, among: Iterable[str]) -> str | None:
        """Of these models the one with the highest mean gain; None where there is none."""
        return max(among, key=lambda model: (self.mean(model), model), default=None)

    def mean(self, model: str) -> float:
        """The model's mean gain."""
        return float(np.mean(list(self.gains[model].values())))


@dataclass(frozen=True)
class Gains:
    """All that counts for a use case."""

    cells: tuple[Cell, ...]
    models: dict[str, np.ndarray]
    """Model -> gain on each picture, in one order for all; those that were measured in all cells."""
    left_out: dict[str, str]
    """Model -> why it is not compared, a phrase."""
    notes: tuple[str, ...]
    """What else a reader should know, a sentence each."""

    @property
    def pictures(self) -> int:
        """How many different pictures were restored."""
        return len({(cell.dataset, cell.sha256, row.name) for cell in self.cells for row in cell.baseline.images})


def gains(use: UseCase, results: Iterable[Result]) -> Gains:
    """Compare with doing nothing on all scenarios of a use case that were measured.

    Incomplete runs, those of code with uncommitted changes, those on other pictures than the data set's card lists and
    values of another version of a metric than the baseline's are left out, and named.
    """
    wanted = set(use.cells)
    counted: list[Result] = []
    left_out: dict[str, str] = {}
    for result in results:
        if (result.dataset.id, result.scenario.id) not in wanted:
            continue
        if why := _why_not(result):
            left_out.setdefault(result.model.id, f"{why} on {result.dataset.id} / {result.scenario.id}")
        else:
            counted.append(result)
    groups = group(counted, former=True)
    cells, notes = [], []
    for dataset, scenario in use.cells:
        fitting = [made for made in groups if (made.dataset, made.scenario) == (dataset, scenario)]
        name = f"{dataset} / {scenario}"
        made = max(fitting, key=_preference, default=None)
        if made is None or _baseline(made) is None:
            notes.append(f"{name}: {'not measured' if made is None else 'doing nothing was not measured'}")
            continue
        others = {run.model.id for other in fitting if other is not made for run in other.ranked}
        if others:
            notes.append(f"{name}: version {made.version} with seed {made.seed} counts; other versions, seeds and "
                         "inputs were measured too")  # fmt: skip
        for model in sorted(others - {run.model.id for run in made.ranked}):
            left_out.setdefault(model, f"measured with another version, seed or input on {name}")
        notes += [f"{name}: {line}" for line in told_apart(made)]
        cell = _cell(use, made, left_out, notes)
        if cell is not None and cell.gains:
            cells.append(cell)
        elif cell is not None:
            notes.append(f"{name}: no model can be compared with doing nothing")
    measured = dict.fromkeys(model for cell in cells for model in cell.gains)
    everywhere = [model for model in measured if all(model in cell.gains for cell in cells)]
    for model in measured:
        missing = [cell.name for cell in cells if model not in cell.gains]
        if missing:
            left_out.setdefault(model, f"not measured on {' and '.join(missing)}")
    for model in everywhere:  # an older run of it may have been left out, and a newer one counts
        left_out.pop(model, None)
    models = {model: _over_pictures(cells, model) for model in everywhere}
    return Gains(tuple(cells), models, left_out, tuple(dict.fromkeys(notes)))


def _why_not(result: Result) -> str | None:
    """Why a result does not count at all, as a phrase, or None."""
    if not all(code.clean for code in result.codes):
        return "measured by code that no commit names"
    if result.dataset.state in OWN:
        return "measured on other pictures than the data set's"
    return why_unranked(result)


def _baseline(made: Group) -> Result | None:
    return next((run for run in made.ranked if is_baseline(run.model.id)), None)


def _preference(made: Group) -> tuple:
    """With a baseline, of the newest version, of the lowest seed, by the newest ranking metric, with most runs."""
    baseline = _baseline(made)
    measured = 0 if baseline is None else baseline.metrics[made.primary].version
    return baseline is not None, made.version, -made.seed, measured, len(made.ranked)


def _cell(use: UseCase, made: Group, left_out: dict[str, str], notes: list[str]) -> Cell | None:
    """The group's gains; None when none of the use case's metrics can be compared."""
    baseline = _baseline(made)
    assert baseline is not None
    floor = {name: values for name in use.metrics if (values := _values(baseline, name)) is not None}
    units = {name: unit for name, values in floor.items() if (unit := _unit(list(values.values()))) > 0}
    total = sum(use.metrics[name] for name in units)
    for name in use.metrics:
        value = baseline.metrics.get(name)
        if value is not None and name not in units:
            notes.append(f"{name} does not count on {made.name}: {value.unavailable or 'it has no value per picture'}")
    if not units:
        notes.append(f"{made.name}: none of the metrics that matter was computed")
        return None
    weights = {name: use.metrics[name] / total for name in units}
    runs: dict[str, Result] = {}
    for run in sorted(made.ranked, key=_setting):
        if not is_baseline(run.model.id):
            runs.setdefault(run.model.id, run)
    found: dict[str, dict[str, float]] = {}
    for model, run in runs.items():
        if why := _not_comparable(run, baseline, units):
            left_out.setdefault(model, f"{why} on {made.name}")
            continue
        found[model] = dict.fromkeys((row.name for row in baseline.images), 0.0)
        for name, weight in weights.items():
            sign = 1 if METRICS[name].higher_is_better else -1
            for picture, restored in (_values(run, name) or {}).items():
                found[model][picture] += weight * sign * (restored - floor[name][picture]) / units[name]
    return Cell(made.dataset, made.sha256, made.scenario, weights, baseline, runs, found)


def _setting(run: Result) -> tuple[bool, bool, bool, str]:
    """Of several runs of a model, the usual settings come first: what the command that is shown does."""
    cost = run.cost
    return cost.precision != "fp32", cost.tile != "auto", cost.device != "cpu", run.model.weights_sha256 or ""


def _values(run: Result, metric: str) -> dict[str, float] | None:
    """Picture -> value, or None where not every picture has one."""
    values = {row.name: row.metrics.get(metric) for row in run.images}
    known = {picture: value for picture, value in values.items() if value is not None}
    return known if known and len(known) == len(values) else None


def _unit(values: Sequence[float]) -> float:
    """The standard deviation, or the size of the value where all are the same; 0 where they are all zero."""
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    return spread if spread > 1e-9 else abs(float(np.mean(values)))


def _not_comparable(run: Result, baseline: Result, metrics: Iterable[str]) -> str | None:
    """Why a run cannot be compared with the baseline, as a phrase, or None."""
    if {row.name for row in run.images} != {row.name for row in baseline.images}:
        return "measured on other pictures than doing nothing"
    for name in metrics:
        if _values(run, name) is None:
            return f"{name} was not measured"
        versions = run.metrics[name].version, baseline.metrics[name].version
        if versions[0] != versions[1]:
            return f"{name} is of version {versions[0]}, and that of doing nothing of version {versions[1]},"
    return None


def _over_pictures(cells: Sequence[Cell], model: str) -> np.ndarray:
    """The model's gain on each different picture: the mean over the scenarios that have it."""
    pictures: dict[tuple[str, str, str], list[float]] = {}
    for cell in cells:
        for name, gain in sorted(cell.gains[model].items()):
            pictures.setdefault((cell.dataset, cell.sha256, name), []).append(gain)
    return np.array([np.mean(pictures[key]) for key in sorted(pictures)])
