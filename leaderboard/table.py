"""Rankings from result files: one table per data set and scenario, for people (Markdown) and programs (CSV)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import pandas as pd

from eval.datasets import CARDS
from eval.metrics import get_metric
from eval.relevance import digits
from eval.results import MetricValue, Result
from eval.stats import Ranking

from .costs import latency, latency_withheld
from .overall import seed_lines, strength_lines
from .ranks import demonstration, ranking, shown_rank, with_intervals

COMMITTED = Path(__file__).parent / "results"
"""The project's own result files."""
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
    primary_version: int
    title: str
    own: bool
    """Pictures of the user's, or others than the named set has: such groups stand in a section of their own."""
    ranked: tuple[Result, ...]
    """Complete runs of clean code, the best first."""
    unranked: tuple[Result, ...]
    """All others, by their ids."""
    former: str | None = None
    """Why the whole group does not rank, or None: the scenario or its ranking metric has a newer version."""

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


def group(results: Iterable[Result], *, former: bool = False) -> list[Group]:
    """Sort runs into comparable groups and rank the complete ones of clean code by the scenario's first metric.

    Of several runs of one model in a group, with the same weights, precision, tiles and device, the newest counts.
    Runs are apart when the scenario, the ranking metric or the inputs that were made differ in version or content.
    Of several versions of a scenario or its ranking metric on a data set, only the newest that has a ranking is ranked.

    former: rank former versions too, each in its own group.
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
        means = [(r.metrics[primary].mean if why_unranked(r) is None else None, r) for r in runs.values()]
        able = [(sign * mean, _identity(r), r) for mean, r in means if mean is not None]
        ranked = [r for *_, r in sorted(able, key=lambda row: row[:2])]
        rest = sorted((r for mean, r in means if mean is None), key=_identity)
        title = next(iter(runs.values())).scenario.title
        name = f"{dataset} / {scenario}"
        if headings[dataset, scenario] > 1:
            name += f" (version {version}, seed {seed}, pictures {sha256[:8]}, by {primary} version {measured}"
            name += f", other inputs {same})" if same else ")"
        made.append(
            Group(name, dataset, sha256, scenario, version, seed, primary, measured, title, own, tuple(ranked),
                  tuple(rest))
        )  # fmt: skip
    return made if former else [_without_former(each, made) for each in made]


def _without_former(made: Group, groups: Sequence[Group]) -> Group:
    """The group; with no rank for any of its runs where another one has a ranking by something newer."""
    others = [other for other in groups if (other.dataset, other.scenario) == (made.dataset, made.scenario)]
    others = [other for other in others if other.ranked]
    scenario = max((other.version for other in others), default=0)
    same = (other for other in others if (other.version, other.primary) == (made.version, made.primary))
    metric = max((other.primary_version for other in same), default=0)
    if made.version < scenario:
        why = f"of version {made.version} of the scenario, and version {scenario} is ranked"
    elif made.primary_version < metric:
        why = f"of version {made.primary_version} of {made.primary}, and version {metric} ranks"
    else:
        return made
    runs = sorted((*made.ranked, *made.unranked), key=_identity)
    return replace(made, ranked=(), unranked=tuple(runs), former=why)


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
    newest = max(r.metrics[name].version for r in (*made.ranked, *made.unranked) if name in r.metrics)
    text = shown(name, value, with_interval=name == made.primary)
    if value is not None and value.mean is not None and value.version < newest:
        text += f" (version {value.version})"
    return text


def shown_unranked(made: Group) -> list[Result]:
    """The runs that do not rank and whose means are shown all the same: they are over all pictures."""
    return [run for run in made.unranked if run.complete and run.metrics[made.primary].mean is not None]


def frame(made: Group) -> pd.DataFrame:
    """The ranking as a table of text; columns: rank, model, the metrics, win rate, latency, license.

    Runs that do not rank come last, with a dash as their rank, and only complete ones: the mean over some of the
    pictures compares with nothing.
    """
    listed = [*zip(made.ranks, made.ranked, strict=True), *(("–", run) for run in shown_unranked(made))]
    metrics = list(dict.fromkeys(n for _, r in listed for n, value in r.metrics.items() if value.mean is not None))
    rows = []
    for place, (rank, result) in enumerate(listed):
        row = {"rank": rank, "model": label(result, (*made.ranked, *made.unranked))}
        for name in metrics:
            row[name] = _shown_in(made, result, name)
        if made.ranking is not None and len(made.ranked) > 1:
            row["wins"] = f"{made.ranking.win_rates[place]:.0%}" if place < len(made.ranked) else ""
        seconds = latency(result)
        row["s/picture"] = "" if seconds is None else f"{seconds:.3f}"
        row["license"] = result.model.license
        rows.append(row)
    return pd.DataFrame(rows)


def told_apart(made: Group) -> list[str]:
    """Which code made which rows, where it was not one and the same, a line each."""
    by_code: dict[str, list[str]] = {}
    for result in sorted(made.ranked, key=_identity):
        code = ", restored by ".join(str(code) for code in result.codes)
        by_code.setdefault(code, []).append(label(result, made.ranked))
    if len(by_code) < 2:
        return []
    return [f"measured by {code}: {', '.join(models)}" for code, models in by_code.items()]


def unranked(made: Group) -> list[str]:
    """The group's runs that do not rank, a line each."""
    everyone = (*made.ranked, *made.unranked)
    whys = [why for why in (made.former,) if why]
    return [
        f"not ranked: {label(result, everyone)}, {'; '.join([*whys, *filter(None, [why_unranked(result)])])}"
        for result in made.unranked
    ]


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
    machines = sorted({f"latency measured on {_machine(r)}" for r in results if latency(r) is not None})
    withheld = Counter(why for r in results if (why := latency_withheld(r)) is not None)
    reasons = [f"{count} of {len(results)} runs have no latency here: {why}" for why, count in sorted(withheld.items())]
    return [*sorted(whys), *one, *machines, *reasons]


def _machine(result: Result) -> str:
    cost = result.cost
    return f"{cost.machine}, {cost.device}, {cost.precision}"


def why_unranked(result: Result) -> str | None:
    """Why a run does not rank, in words, or None: it is incomplete, or its code had changes that no commit names."""
    value = result.metrics[result.scenario.primary]
    if not result.complete or value.mean is None:
        return _why_incomplete(result)
    unclean = [str(code) for code in result.codes if code.clean is False]
    return f"measured by {' and '.join(unclean)}" if unclean else None


def _why_incomplete(result: Result) -> str:
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
        table = frame(made)
        if len(table):
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
    return f"n = {made.ranked[0].n_scored}" if made.ranked else "no ranked run"


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|")


def flat(groups: Iterable[Group]) -> pd.DataFrame:
    """One row per run and metric, for programs; runs that do not rank have an empty rank."""
    rows = []
    for made in groups:
        ranges = [(None, None)] * len(made.ranked) if made.ranking is None else made.ranking.ranks
        places = zip(range(1, len(made.ranked) + 1), ranges, made.ranked, strict=True)
        for rank, (best, worst), result in [*places, *((None, (None, None), r) for r in made.unranked)]:
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
                        "not_ranked": ""
                        if rank is not None
                        else "; ".join(filter(None, (made.former, why_unranked(result)))),
                        "model": result.model.id,
                        "weights_sha256": result.model.weights_sha256,
                        "metric": name,
                        "mean": value.mean,
                        "low": value.low,
                        "high": value.high,
                        "n": value.n,
                        "n_expected": result.n_expected,
                        "unavailable": value.unavailable,
                        "seconds_median": latency(result),
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
