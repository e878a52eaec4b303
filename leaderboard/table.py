"""Rankings from result files: one table per data set and scenario, for people (Markdown) and programs (CSV)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from eval.datasets import CARDS
from eval.metrics import get_metric
from eval.relevance import digits
from eval.results import MetricValue, Result
from eval.stats import Ranking

from .overall import seed_lines, strength_lines
from .ranks import demonstration, ranking, shown_rank, with_intervals

COMMITTED = Path(__file__).parent / "results"
"""The project's own result files."""
BUSY = 1.5
"""Processes per core from which on a latency is called too long; the harness itself comes to about 1."""
OWN = ("own", "different")
"""States of a data set whose rankings stand apart."""
ABOUT = (
    "Means over all pictures of a data set; the ranking metric has its 95 % t interval in brackets. Intervals that "
    "overlap do not make two models equal: pictures differ more than models. So all pairs of a table are compared "
    "picture by picture (Wilcoxon's signed-rank test with Holm's correction, and the paired bootstrap interval of the "
    "difference), and models that cannot be told apart share their ranks, shown as 1-3. Wins are the share of pictures "
    "and opponents that a model beats."
)
"""How to read the tables."""


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

    @cached_property
    def ranking(self) -> Ranking | None:
        """Which ranks cannot be told apart; None where the metric has no value per picture."""
        return ranking(self.ranked, self.primary)

    @property
    def ranks(self) -> list[str]:
        """The rank of each ranked run: "2", or "1-3" when it is shared."""
        if self.ranking is None:
            return [str(place) for place in range(1, len(self.ranked) + 1)]
        return [shown_rank(*ends) for ends in self.ranking.ranks]


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
        groups.setdefault((*key, same), {})[_identity(result)] = with_intervals(result)
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
    places = digits(name)
    if not with_interval or value.low is None or value.high is None:
        return f"{value.mean:.{places}f}"
    return f"{value.mean:.{places}f} [{value.low:.{places}f}, {value.high:.{places}f}]"


def _shown_in(made: Group, result: Result, name: str) -> str:
    """A cell; a value of another version than the newest in the table has its version beside it."""
    value = result.metrics.get(name)
    newest = max(r.metrics[name].version for r in made.ranked if name in r.metrics)
    text = shown(name, value, with_interval=name == made.primary)
    if value is not None and value.mean is not None and value.version < newest:
        text += f" (version {value.version})"
    return text


def frame(made: Group) -> pd.DataFrame:
    """The ranking as a table of text; columns: rank, model, the metrics, win rate, latency, license."""
    metrics = list(dict.fromkeys(n for r in made.ranked for n, value in r.metrics.items() if value.mean is not None))
    rows = []
    for place, (rank, result) in enumerate(zip(made.ranks, made.ranked, strict=True)):
        row = {"rank": rank, "model": label(result, (*made.ranked, *made.incomplete))}
        for name in metrics:
            row[name] = _shown_in(made, result, name)
        if made.ranking is not None and len(made.ranked) > 1:
            row["wins"] = f"{made.ranking.win_rates[place]:.0%}"
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


def evidence(made: Group) -> str:
    """What the order of a table is worth, in a sentence; empty for a single run."""
    if why := demonstration(made.ranked):
        return why
    if len(made.ranked) < 2:
        return ""
    if made.ranking is None:
        return "The order is by the means alone: there is no value per picture to test."
    neighbors, verdicts = len(made.ranked) - 1, made.ranking.verdicts
    apart = sum(verdicts[i, i + 1].direction != 0 for i in range(neighbors))
    return f"{apart} of {neighbors} neighbors can be told apart, corrected for {len(verdicts)} pairs."


def remarks(groups: Iterable[Group]) -> list[str]:
    """What holds for all tables: metrics that were not computed, single pictures, the machines behind the latencies."""
    results = [result for made in groups for result in made.ranked]
    whys = {f"{name} {v.unavailable}" for r in results for name, v in r.metrics.items() if v.unavailable}
    one = {"a single picture has no interval" for r in results if r.n_scored == 1}
    busy = [r.cost.load for r in results if r.cost.load is not None and r.cost.load > BUSY]
    slowed = [f"{len(busy)} of {len(results)} runs shared the machine with other work (up to {max(busy):.1f} processes "
              "per core), which made their latencies longer"] if busy else []  # fmt: skip
    machines = sorted({f"latency measured on {_machine(r)}" for r in results})
    return [*sorted(whys), *one, *machines, *slowed]


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
    lines = ["# Leaderboard", "", ABOUT, ""]
    for made, before in zip(groups, [None, *groups], strict=False):
        if made.own and not (before and before.own):
            lines += ["# Pictures of one's own", "", "Folders that no data set card describes, or other pictures than "
                      "it lists: these rankings compare with nobody else's.", ""]  # fmt: skip
        direction = "higher" if get_metric(made.primary).higher_is_better else "lower"
        lines += [
            f"## {made.name}{' (a demonstration)' if demonstration(made.ranked) else ''}",
            "",
            f"{made.title[:1].upper()}{made.title[1:]}. Version {made.version}, seed {made.seed}, {_count(made)}, "
            f"pictures {made.sha256[:12]}; ranked by {made.primary} ({direction} is better). {evidence(made)}".rstrip(),
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
    lines += [*strength_lines(groups), *seed_lines(groups)]
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
        ranges = [(None, None)] * len(made.ranked) if made.ranking is None else made.ranking.ranks
        places = zip(range(1, len(made.ranked) + 1), ranges, made.ranked, strict=True)
        for rank, (best, worst), result in [*places, *((None, (None, None), r) for r in made.incomplete)]:
            for name, value in result.metrics.items():
                rows.append(
                    {
                        "dataset": made.dataset,
                        "scenario": made.scenario,
                        "scenario_version": made.version,
                        "seed": made.seed,
                        "dataset_sha256": made.sha256,
                        "rank": rank,
                        "rank_best": best,
                        "rank_worst": worst,
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
    return pd.DataFrame(rows).astype(dict.fromkeys(("rank", "rank_best", "rank_worst"), "Int64"))
