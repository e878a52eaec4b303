"""Rankings from result files: one table per data set and scenario, for people (Markdown) and programs (CSV)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from eval.metrics import METRICS
from eval.results import MetricValue, Result, read_result
from zoo.errors import ZooError

COMMITTED = Path(__file__).parent / "results"
"""The project's own result files."""


@dataclass(frozen=True)
class Group:
    """Runs that may be compared: the same pictures, degraded in the same way."""

    dataset: str
    sha256: str
    scenario: str
    version: int
    seed: int
    primary: str
    title: str
    ranked: tuple[Result, ...]
    """Complete runs, the best first."""
    incomplete: tuple[Result, ...]

    @property
    def name(self) -> str:
        """Heading for people."""
        return f"{self.dataset} / {self.scenario}"


def find_results(places: Iterable[Path]) -> list[Result]:
    """All results in files and folders (`result.json` at any depth, or any .json below a folder named results).

    Raises ZooError for a missing place, a place without results, or a file that is none.
    """
    results = []
    for place in places:
        if place.is_file():
            results.append(read_result(place))
            continue
        if not place.is_dir():
            raise ZooError(f"there is no result file or folder {place}.")
        paths = sorted(place.rglob("result.json")) or (sorted(place.rglob("*.json")) if place.name == "results" else [])
        if not paths:
            raise ZooError(f"there are no result files in {place}; `python -m eval` makes them.")
        results += [read_result(path) for path in paths]
    return results


def group(results: Iterable[Result]) -> list[Group]:
    """Sort runs into comparable groups and rank the complete ones by the scenario's first metric.

    Of several runs of one model with the same weights in a group, the newest counts.
    """
    groups: dict[tuple, dict[tuple, Result]] = {}
    for result in sorted(results, key=lambda r: r.environment.finished):
        s = result.scenario
        key = (result.dataset.id, s.id, s.version, s.seed, result.dataset.sha256, s.primary)
        groups.setdefault(key, {})[(result.model.id, result.model.weights_sha256)] = result
    made = []
    for (dataset, scenario, version, seed, sha256, primary), runs in sorted(groups.items()):
        sign = -1 if METRICS[primary].higher_is_better else 1
        complete = [r for r in runs.values() if r.complete and r.metrics[primary].mean is not None]
        ranked = sorted(complete, key=lambda r: (sign * r.metrics[primary].mean, r.model.id))
        rest = sorted((r for r in runs.values() if r not in complete), key=lambda r: r.model.id)
        title = next(iter(runs.values())).scenario.title
        made.append(Group(dataset, sha256, scenario, version, seed, primary, title, tuple(ranked), tuple(rest)))
    return made


def interval(value: MetricValue, digits: int | None = None) -> str:
    """ "24.31 [22.10, 26.55]": mean and 95 % interval."""
    digits = _digits(value.mean) if digits is None else digits
    return f"{value.mean:.{digits}f} [{value.low:.{digits}f}, {value.high:.{digits}f}]"


def _digits(mean: float) -> int:
    return 4 if abs(mean) < 1.5 else 2


def frame(made: Group) -> pd.DataFrame:
    """The ranking as a table of text; columns: rank, model, the metrics, latency, license."""
    metrics = [
        name for name in _metric_names(made.ranked) if any(r.metrics[name].mean is not None for r in made.ranked)
    ]
    rows = []
    for rank, result in enumerate(made.ranked, start=1):
        row: dict[str, str | int] = {"rank": rank, "model": result.model.id}
        for name in metrics:
            value = result.metrics.get(name)
            if value is None or value.mean is None:
                row[name] = "unavailable"
            else:
                row[name] = interval(value) if name == made.primary else f"{value.mean:.{_digits(value.mean)}f}"
        latency = result.cost.seconds_median
        workers = f" ({result.cost.workers} at once)" if result.cost.workers > 1 else ""
        row["s/picture"] = "" if latency is None else f"{latency:.3f}{workers}"
        row["license"] = result.model.license
        rows.append(row)
    return pd.DataFrame(rows)


def _metric_names(results: Sequence[Result]) -> list[str]:
    return list(dict.fromkeys(name for result in results for name in result.metrics))


def unranked(made: Group) -> list[str]:
    """The group's incomplete runs, a line each."""
    return [f"not ranked: {result.model.id}, {why_incomplete(result)}" for result in made.incomplete]


def remarks(groups: Iterable[Group]) -> list[str]:
    """What holds for all tables: metrics that were not computed, and the machines behind the latencies."""
    results = [result for made in groups for result in made.ranked]
    whys = {f"{name} {v.unavailable}" for r in results for name, v in r.metrics.items() if v.unavailable}
    return sorted(whys) + sorted({f"latency measured on {_machine(result)}" for result in results})


def _machine(result: Result) -> str:
    e = result.environment
    return f"{e.accelerator or e.processor}, {e.cores} cores, {result.cost.device}, {result.cost.precision}"


def why_incomplete(result: Result) -> str:
    """In words, why a run does not rank."""
    parts = [f"{result.n_scored} of {result.n_expected} pictures scored"]
    if result.dataset.limit is not None:
        parts.append(f"limited to {result.dataset.limit}")
    if result.failures:
        name, reason = next(iter(result.failures.items()))
        parts.append(f"{len(result.failures)} failed, such as {name}: {reason}")
    value = result.metrics.get(result.scenario.primary)
    if value is not None and value.unavailable and not result.failures:
        parts.append(f"{result.scenario.primary} {value.unavailable}")
    return "; ".join(parts)


def markdown(groups: Sequence[Group]) -> str:
    """The rankings as a Markdown document."""
    lines = ["# Leaderboard", "", "Means over all pictures of a data set; the ranking metric has its 95 % bootstrap "
             "interval in brackets. Rankings whose intervals overlap are no proof of a difference.", ""]  # fmt: skip
    for made in groups:
        direction = "higher" if METRICS[made.primary].higher_is_better else "lower"
        n = made.ranked[0].n_scored if made.ranked else 0
        lines += [
            f"## {made.name}",
            "",
            f"{made.title[0].upper()}{made.title[1:]}. Version {made.version}, seed {made.seed}, n = {n}, pictures "
            f"{made.sha256[:12]}; ranked by {made.primary} ({direction} is better).",
            "",
        ]
        if made.ranked:
            table = frame(made)
            lines.append("| " + " | ".join(table.columns) + " |")
            lines.append("| " + " | ".join("---" for _ in table.columns) + " |")
            lines += ["| " + " | ".join(str(value) for value in row) + " |" for row in table.to_numpy()]
            lines.append("")
        lines += [f"- {line}" for line in unranked(made)]
        lines.append("")
    lines += ["## Remarks", "", *(f"- {line}" for line in remarks(groups)), ""]
    return "\n".join(lines)


def flat(groups: Iterable[Group]) -> pd.DataFrame:
    """One row per run and metric, for programs; runs that do not rank have an empty rank."""
    rows = []
    for made in groups:
        for rank, result in [*enumerate(made.ranked, start=1), *((None, r) for r in made.incomplete)]:
            for name, value in result.metrics.items():
                rows.append(
                    {
                        "dataset": made.dataset,
                        "scenario": made.scenario,
                        "scenario_version": made.version,
                        "seed": made.seed,
                        "dataset_sha256": made.sha256,
                        "rank": rank,
                        "model": result.model.id,
                        "weights_sha256": result.model.weights_sha256,
                        "metric": name,
                        "mean": value.mean,
                        "low": value.low,
                        "high": value.high,
                        "n": value.n,
                        "n_expected": result.n_expected,
                        "unavailable": value.unavailable,
                        "seconds_median": result.cost.seconds_median,
                        "device": result.cost.device,
                        "parameters": result.model.parameters,
                        "license": result.model.license,
                    }
                )
    return pd.DataFrame(rows).astype({"rank": "Int64"})


def text(groups: Sequence[Group]) -> str:
    """The rankings for a terminal."""
    from zoo.cli import table as columns

    blocks = []
    for made in groups:
        n = made.ranked[0].n_scored if made.ranked else 0
        block = [f"{made.name}: {made.title} (n = {n}, ranked by {made.primary})"]
        if made.ranked:
            ranking = frame(made)
            block.append(columns(list(ranking.columns), [[str(v) for v in row] for row in ranking.to_numpy()]))
        block += [f"  {line}" for line in unranked(made)]
        blocks.append("\n".join(block))
    blocks.append("\n".join(remarks(groups)))
    return "\n\n".join(blocks)
