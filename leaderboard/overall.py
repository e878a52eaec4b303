"""What several tables say together: Bradley-Terry scores over scenarios, and means over several seeds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from eval.relevance import digits
from eval.results import Result
from eval.stats import FEWEST_SCENARIOS, Strength, over_seeds, strengths
from zoo.errors import ZooError
from zoo.registry import get_card

from .ranks import demonstration, oriented

if TYPE_CHECKING:
    from .table import Group


def is_baseline(model: str) -> bool:
    """Whether a model is one that does nothing, by its card or, for results of long ago, by its former id."""
    try:
        if getattr(get_card(model), "baseline", False):
            return True
    except ZooError:  # a model that is not there any more
        pass
    return model.split(".")[0] in ("no-op", "identity")


def _but_for_the_seed(made: Group) -> tuple:
    return made.dataset, made.scenario, made.version, made.sha256, made.primary


def scored(groups: Iterable[Group]) -> list[dict[str, Strength]]:
    """The Bradley-Terry scores of models that met, directly or through others, the strongest first.

    The baseline takes part everywhere, but that two models both met it does not make them comparable. Tables with too
    few pictures to prove anything do not count, nor does a model with several rows in a table; of several seeds the
    first counts.
    """
    first: dict[tuple, Group] = {}
    for made in groups:
        first.setdefault(_but_for_the_seed(made), made)
    scenarios = []
    for made in first.values():
        values = oriented(made.ranked, made.primary)
        ids = [result.model.id for result in made.ranked]
        if values is None or demonstration(made.ranked) is not None:
            continue
        scenario = {m: row for m, row in zip(ids, values, strict=True) if ids.count(m) == 1}
        if sum(not is_baseline(model) for model in scenario) > 1:
            scenarios.append(scenario)
    found = []
    while scenarios:
        together, scenarios = [scenarios[0]], scenarios[1:]
        while True:
            models = {model for scenario in together for model in scenario if not is_baseline(model)}
            joining = [scenario for scenario in scenarios if models & scenario.keys()]
            if not joining:
                break
            together += joining
            scenarios = [scenario for scenario in scenarios if not models & scenario.keys()]
        if len(together) > 1:
            ranked = strengths(together).items()
            found.append(dict(sorted(ranked, key=lambda pair: (-pair[1].score, pair[0]))))
    return found


def strength_lines(groups: Iterable[Group]) -> list[str]:
    """The scores as Markdown; empty when no models met in several tables."""
    found = scored(groups)
    if not found:
        return []
    lines = [
        "## Over all scenarios",
        "",
        "Bradley-Terry scores: log odds of beating the average model of the table on a picture, by each scenario's "
        "ranking metric; every scenario counts the same. The 95 % interval says how far the score would move with "
        f"other scenarios (jackknife); with fewer than {FEWEST_SCENARIOS} scenarios there is none.",
        "",
    ]
    for scores in found:
        lines += ["| model | score | scenarios |", "| --- | --- | --- |"]
        for model, s in scores.items():
            interval = "" if s.low is None else f" [{s.low:+.2f}, {s.high:+.2f}]"
            lines.append(f"| {model} | {s.score:+.2f}{interval} | {s.scenarios} |")
        lines.append("")
    return lines


def seed_lines(groups: Iterable[Group]) -> list[str]:
    """Models that were measured with several seeds, as Markdown; empty when none was."""
    repeats: dict[tuple, dict[str, list[Result]]] = {}
    for made in groups:
        for result in made.ranked:
            repeats.setdefault(_but_for_the_seed(made), {}).setdefault(result.model.id, []).append(result)
    lines = []
    for (dataset, scenario, version, _, metric), models in sorted(repeats.items()):
        rows = [row for model, results in models.items() for row in _seed_row(model, results, metric)]
        if rows:
            lines += [f"### {dataset} / {scenario} (version {version})", ""]
            lines += [f"| model | seeds | {metric} | sd of pictures | sd of seeds |", "| --- " * 5 + "|", *rows, ""]
    if not lines:
        return []
    about = (
        "Means over the pictures of their means over seeds, with 95 % intervals that have the variance of the seeds in "
        "them; the standard deviations of the pictures themselves and, on one picture, of the seeds."
    )
    return ["## Several seeds", "", about, "", *lines]


def _seed_row(model: str, results: list[Result], metric: str) -> list[str]:
    """The model's row; none unless each of its results has another seed and there are pictures that all have."""
    seeds = [result.scenario.seed for result in results]
    tables = [{row.name: row.metrics.get(metric) for row in result.images} for result in results]
    names = [name for name in tables[0] if all(table.get(name) is not None for table in tables)]
    if len(seeds) < 2 or len(set(seeds)) < len(seeds) or not names:
        return []
    found = over_seeds(np.array([[table[name] for table in tables] for name in names]))

    def number(value: float | None) -> str:
        return "" if value is None else f"{value:.{digits(metric)}f}"

    interval = "" if found.low is None else f" [{number(found.low)}, {number(found.high)}]"
    cells = (model, ", ".join(map(str, seeds)), number(found.mean) + interval, number(found.between_pictures),
             number(found.within_pictures))  # fmt: skip
    return [f"| {' | '.join(cells)} |"]
