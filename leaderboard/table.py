"""Rankings from result files: one table per data set and scenario, for people (Markdown) and programs (CSV)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from eval.datasets import CARDS
from eval.metrics import METRICS, get_metric
from eval.results import MetricValue, Result, read_result
from zoo.errors import ZooError

COMMITTED = Path(__file__).parent / "results"
"""The project's own result files."""
BUSY = 1.5
"""Processes per core from which on a latency is called too long; the harness itself comes to about 1."""
OWN = ("own", "different")
"""States of a data set whose rankings stand apart."""
FEW = 20
"""From so many pictures on, bootstrap intervals hold about what they promise (93 % instead of 95 %)."""


@dataclass(frozen=True)
class Group:
    """Runs that may be compared: the same pictures, degraded in the same way."""

    name: str
    """Heading for people, unlike that of any other group."""
    dataset: str
    sha256: str
    scenario: str
    version: int
    seed: int
    primary: str
    title: str
    own: bool
    """Pictures of the user's, or others than the named set has: such groups stand in a section of their own."""
    ranked: tuple[Result, ...]
    """Complete runs, the best first."""
    incomplete: tuple[Result, ...]


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

    Of several runs of one model in a group, with the same weights, precision, tiles and device, the newest counts.
    Runs are apart when the scenario, the ranking metric or the inputs that were made differ in version or content.
    """
    groups: dict[tuple, dict[tuple, Result]] = {}
    inputs: dict[tuple, list[dict[str, str]]] = {}
    for result in sorted(results, key=lambda r: r.environment.finished):
        s, dataset = result.scenario, result.dataset
        name = f"{dataset.id} (other pictures)" if dataset.state == "different" else dataset.id
        measured = result.metrics[s.primary].version
        key = (name, s.id, s.version, s.seed, dataset.sha256, s.primary, measured, dataset.state in OWN)
        same = _same_inputs(inputs.setdefault(key, []), {row.name: row.input for row in result.images})
        groups.setdefault((*key, same), {})[_identity(result)] = result
    made = []
    headings = Counter((dataset, scenario) for dataset, scenario, *_ in groups)
    order = sorted(groups.items(), key=lambda pair: (pair[0][7], pair[0]))  # the user's own come last
    for (dataset, scenario, version, seed, sha256, primary, measured, own, same), runs in order:
        sign = -1 if get_metric(primary).higher_is_better else 1
        means = [(r.metrics[primary].mean if r.complete else None, r) for r in runs.values()]
        complete = [(sign * mean, _identity(r), r) for mean, r in means if mean is not None]
        ranked = [r for *_, r in sorted(complete, key=lambda row: row[:2])]
        rest = sorted((r for mean, r in means if mean is None), key=_identity)
        title = next(iter(runs.values())).scenario.title
        name = f"{dataset} / {scenario}"
        if headings[dataset, scenario] > 1:
            name += f" (version {version}, seed {seed}, pictures {sha256[:8]}, by {primary} version {measured}"
            name += f", other inputs {same})" if same else ")"
        made.append(
            Group(name, dataset, sha256, scenario, version, seed, primary, title, own, tuple(ranked), tuple(rest))
        )
    return made


def _same_inputs(known: list[dict[str, str]], inputs: dict[str, str]) -> int:
    """Which of the known inputs these are: those that no shared picture contradicts, else new ones."""
    for number, others in enumerate(known):
        if all(others.get(name, made) == made for name, made in inputs.items()):
            others.update(inputs)
            return number
    known.append(dict(inputs))
    return len(known) - 1


def _identity(result: Result) -> tuple[str, str, str, str, str]:
    """What makes two runs on the same pictures two, not one that was repeated."""
    cost = result.cost
    return (result.model.id, result.model.weights_sha256 or "", cost.precision, cost.tile, cost.device)


def label(result: Result, among: Iterable[Result]) -> str:
    """The model's id, with what tells this run from others of the same model."""
    others = [_identity(r) for r in among if r.model.id == result.model.id]
    _, weights, *settings = _identity(result)
    differing = [f"weights {weights[:8]}"] if len({other[1] for other in others}) > 1 else []
    for index, (name, value) in enumerate(zip(("", "tile ", "on "), settings, strict=True), start=2):
        if len({other[index] for other in others}) > 1:
            differing.append(f"{name}{value}")
    return f"{result.model.id} ({', '.join(differing)})" if differing else result.model.id


def shown(name: str, value: MetricValue | None, with_interval: bool = False) -> str:
    """ "24.31", or with its interval "24.31 [22.10, 26.55]"; as many digits for all values of a metric."""
    if value is None or value.mean is None:
        return "unavailable"
    digits = {"dB": 2, "%": 3}.get(METRICS[name].unit, 4) if name in METRICS else 4
    if not with_interval or value.low is None or value.high is None:
        return f"{value.mean:.{digits}f}"
    return f"{value.mean:.{digits}f} [{value.low:.{digits}f}, {value.high:.{digits}f}]"


def _shown_in(made: Group, result: Result, name: str) -> str:
    """A cell; a value of another version than the newest in the table has its version beside it."""
    value = result.metrics.get(name)
    newest = max(r.metrics[name].version for r in made.ranked if name in r.metrics)
    text = shown(name, value, with_interval=name == made.primary)
    older = value is not None and value.mean is not None and value.version < newest
    return f"{text} (version {value.version})" if older else text


def frame(made: Group) -> pd.DataFrame:
    """The ranking as a table of text; columns: rank, model, the metrics, latency, license."""
    metrics = list(dict.fromkeys(n for r in made.ranked for n, value in r.metrics.items() if value.mean is not None))
    rows = []
    for rank, result in enumerate(made.ranked, start=1):
        row: dict[str, str | int] = {"rank": rank, "model": label(result, (*made.ranked, *made.incomplete))}
        for name in metrics:
            row[name] = _shown_in(made, result, name)
        latency = result.cost.seconds_median
        workers = f" ({result.cost.workers} at once)" if result.cost.workers > 1 else ""
        row["s/picture"] = "" if latency is None else f"{latency:.3f}{workers}"
        row["license"] = result.model.license
        rows.append(row)
    return pd.DataFrame(rows)


def told_apart(made: Group) -> list[str]:
    """Which code made which rows, where it was not one and the same from a clean tree, a line each."""
    by_code: dict[str, list[str]] = {}
    for result in sorted(made.ranked, key=_identity):
        code = ", restored by ".join(str(code) for code in result.codes)
        by_code.setdefault(code, []).append(label(result, made.ranked))
    unclean = any(code.clean is False for result in made.ranked for code in result.codes)
    if len(by_code) < 2 and not unclean:
        return []
    return [f"measured by {code}: {', '.join(models)}" for code, models in by_code.items()]


def unranked(made: Group) -> list[str]:
    """The group's incomplete runs, a line each."""
    everyone = (*made.ranked, *made.incomplete)
    return [f"not ranked: {label(result, everyone)}, {why_incomplete(result)}" for result in made.incomplete]


def remarks(groups: Iterable[Group]) -> list[str]:
    """What holds for all tables: metrics that were not computed, small sets, the machines behind the latencies."""
    results = [result for made in groups for result in made.ranked]
    whys = {f"{name} {v.unavailable}" for r in results for name, v in r.metrics.items() if v.unavailable}
    few = {f"intervals over only {r.n_scored} pictures are too narrow" for r in results if 1 < r.n_scored < FEW}
    one = {"a single picture has no interval" for r in results if r.n_scored == 1}
    busy = [r.cost.load for r in results if r.cost.load is not None and r.cost.load > BUSY]
    slowed = [f"{len(busy)} of {len(results)} runs shared the machine with other work (up to {max(busy):.1f} processes "
              "per core), which made their latencies longer"] if busy else []  # fmt: skip
    machines = sorted({f"latency measured on {_machine(r)}" for r in results})
    return [*sorted(whys), *sorted(few), *one, *machines, *slowed]


def _machine(result: Result) -> str:
    cost = result.cost
    return f"{cost.machine}, {cost.device}, {cost.precision}"


def why_incomplete(result: Result) -> str:
    """In words, why a run does not rank."""
    parts = [f"{result.n_scored} of {result.n_expected} pictures scored"]
    if result.dataset.limit is not None:
        parts.append(f"limited to {result.dataset.limit}")
    if result.failures:
        name, reason = next(iter(result.failures.items()))
        parts.append(f"{len(result.failures)} failed, such as {name}: {' '.join(reason.split())}")
    value = result.metrics.get(result.scenario.primary)
    if value is not None and value.unavailable and not result.failures:
        parts.append(f"{result.scenario.primary} {value.unavailable}")
    return "; ".join(parts)


def markdown(groups: Sequence[Group]) -> str:
    """The rankings as a Markdown document."""
    lines = ["# Leaderboard", "", "Means over all pictures of a data set; the ranking metric has its 95 % bootstrap "
             "interval in brackets. Rankings whose intervals overlap are no proof of a difference.", ""]  # fmt: skip
    for made, before in zip(groups, [None, *groups], strict=False):
        if made.own and not (before and before.own):
            lines += ["# Pictures of one's own", "", "Folders that no data set card describes, or other pictures than "
                      "it lists: these rankings compare with nobody else's.", ""]  # fmt: skip
        direction = "higher" if get_metric(made.primary).higher_is_better else "lower"
        lines += [
            f"## {made.name}",
            "",
            f"{made.title[:1].upper()}{made.title[1:]}. Version {made.version}, seed {made.seed}, {_count(made)}, "
            f"pictures {made.sha256[:12]}; ranked by {made.primary} ({direction} is better).",
            "",
        ]
        if made.ranked:
            table = frame(made)
            lines.append("| " + " | ".join(table.columns) + " |")
            lines.append("| " + " | ".join("---" for _ in table.columns) + " |")
            lines += ["| " + " | ".join(_cell(value) for value in row) + " |" for row in table.to_numpy()]
            lines.append("")
        note = CARDS[made.dataset].notes if made.dataset in CARDS else ""
        lines += [f"- {line}" for line in [*([note] if note else []), *told_apart(made), *unranked(made)]]
        lines.append("")
    lines += ["## Remarks", "", *(f"- {line}" for line in remarks(groups)), ""]
    return "\n".join(lines)


def _count(made: Group) -> str:
    return f"n = {made.ranked[0].n_scored}" if made.ranked else "no complete run"


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|")


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
                        "precision": result.cost.precision,
                        "tile": result.cost.tile,
                        "workers": result.cost.workers,
                        "peak_memory_mb": result.cost.peak_memory_mb,
                        "metric_version": value.version,
                        "code": " ".join(str(code) for code in result.codes),
                        "dataset_state": result.dataset.state,
                        "parameters": result.model.parameters,
                        "license": result.model.license,
                    }
                )
    return pd.DataFrame(rows).astype({"rank": "Int64"})
