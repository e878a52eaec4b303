"""All that the page shows, as one JSON-ready value. The page computes nothing but what it sorts, filters and draws."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

import zoo
from eval.datasets import CARDS
from eval.metrics import METRICS, get_metric
from eval.relevance import digits
from eval.results import Result
from eval.stats import paired
from zoo.card import TASKS, ModelCard
from zoo.errors import UnknownNameError
from zoo.licenses import is_licensed
from zoo.registry import get_card

from ..answers import how_to_run, works_offline
from ..costs import Cost, CostTable, latency
from ..gains import gains
from ..overall import is_baseline
from ..ranks import demonstration, oriented
from ..recommend import Recommendation
from ..table import Group, evidence, label, other_code, remarks, shown_unranked, unranked
from .charts import SPECS


def page_data(
    groups: Sequence[Group],
    answers: Sequence[Recommendation],
    costs: CostTable | None = None,
    sheets: Iterable[str] = (),
) -> dict[str, Any]:
    """What the page shows.

    groups: the rankings. answers: the recommendation for every use case. costs: what models cost at stated sizes.
    sheets: models with a contact sheet.
    """
    everyone = {result.model.id: result for made in groups for result in (*made.ranked, *made.unranked)}
    used = {name for made in groups for run in made.ranked for name in run.metrics}
    results = [run for made in groups for run in made.ranked]
    return {
        "version": zoo.__version__,
        "measured": max((run.environment.finished[:10] for run in results), default=""),
        "runs": len(results),
        "tasks": TASKS,
        "metrics": {name: _metric(name) for name in sorted(used) if name in METRICS},
        "models": {model: _model(result, model in set(sheets)) for model, result in sorted(everyone.items())},
        "rankings": [_ranking(made) for made in groups],
        "uses": [_use(answer, results) for answer in answers],
        "costs": _costs(costs),
        "remarks": remarks(groups),
        "charts": SPECS,
    }


def _metric(name: str) -> dict[str, Any]:
    metric = get_metric(name)
    return {"title": metric.title, "unit": metric.unit, "higher": metric.higher_is_better, "digits": digits(name)}


def _model(result: Result, has_sheet: bool) -> dict[str, Any]:
    measured = {
        "parameters": result.model.parameters, "baseline": is_baseline(result.model.id), "sheet": has_sheet,
    }  # fmt: skip
    try:
        card = get_card(result.model.id)
    except UnknownNameError:
        return measured | {
            "title": result.model.title, "license": result.model.license, "permissive": False, "tasks": [],
            "offline": False, "notes": ["It is no backend of this version any more."],
        }  # fmt: skip
    return measured | {
        "title": card.title,
        "license": card.license,
        "permissive": is_licensed(card.license, "permissive"),
        "tasks": list(card.tasks),
        "offline": works_offline(card),
        "bytes": _bytes(card),
        "summary": card.summary,
        "paper": card.paper,
        "commercial": card.commercial_use,
        "notes": list(card.notes),
        "figures": [[f.metric, f.value, f.data, f.protocol, f.source] for f in card.figures],
        "command": list(how_to_run(card)),
    }


def _bytes(card: ModelCard) -> int | None:
    """The size of the weights; None where it is not known, 0 where there are none."""
    from zoo.weights.places import BUNDLED

    sizes = []
    for file in card.files:
        path = BUNDLED / file.filename
        sizes.append(path.stat().st_size if path.is_file() else file.size)
    return sum(size for size in sizes if size is not None) if None not in sizes else None


def _ranking(made: Group) -> dict[str, Any]:
    runs = [*made.ranked, *shown_unranked(made)]
    everyone = (*made.ranked, *made.unranked)
    pictures = [row.name for row in runs[0].images] if runs else []
    metrics = dict.fromkeys(name for run in runs for name, value in run.metrics.items() if value.mean is not None)
    card = CARDS[made.dataset] if made.dataset in CARDS else None  # noqa: SIM401 (a registry has no default)
    return {
        "name": made.name, "dataset": made.dataset, "scenario": made.scenario, "version": made.version,
        "seed": made.seed, "title": made.title, "primary": made.primary, "metrics": list(metrics),
        "about": card.title if card else "", "tasks": _tasks(made.scenario), "n": runs[0].n_scored if runs else 0,
        "evidence": evidence(made), "demonstration": demonstration(made.ranked) is not None,
        "notes": [*([card.notes] if card and card.notes else []), *other_code(made)], "unranked": unranked(made),
        "pictures": pictures,
        "rows": [_row(made, run, place, everyone, pictures) for place, run in enumerate(runs)],
        "pairs": _pairs(made),
        "failures": {run.model.id: run.failures for run in everyone if run.failures},
        "remarks": {run.model.id: run.notes for run in everyone if run.notes},
    }  # fmt: skip


def _tasks(scenario: str) -> list[str]:
    from eval.scenarios import SCENARIOS

    return list(SCENARIOS[scenario].tasks) if scenario in SCENARIOS else []


def _row(made: Group, run: Result, place: int, everyone: Sequence[Result], pictures: Sequence[str]) -> dict[str, Any]:
    ranked = place < len(made.ranked)
    values = {row.name: row.metrics for row in run.images}
    return {
        "model": run.model.id,
        "label": label(run, everyone),
        "rank": made.ranks[place] if ranked else None,
        "wins": made.ranking.win_rates[place] if ranked and made.ranking and len(made.ranked) > 1 else None,
        "seconds": latency(run),
        "memory": run.cost.peak_memory_mb,
        "gflops": run.cost.gflops,
        "means": {
            name: [_rounded(name, each) for each in (value.mean, value.low, value.high)]
            for name, value in run.metrics.items()
            if value.mean is not None
        },
        "values": {
            name: [_rounded(name, values.get(picture, {}).get(name)) for picture in pictures]
            for name, value in run.metrics.items()
            if value.mean is not None
        },
    }


def _rounded(metric: str, value: float | None) -> float | None:
    """Two digits more than are shown: rounding twice would change the last of them."""
    return None if value is None else round(value, digits(metric) + 2)


def _pairs(made: Group) -> list[list[float | None]]:
    """Of each two ranked runs [i, j, direction, p, mean difference, low, high, win rate of j].

    In the unit of the metric; direction 1 when j is better.
    """
    values = oriented(made.ranked, made.primary)
    if values is None or made.ranking is None:
        return []
    sign = 1 if get_metric(made.primary).higher_is_better else -1
    rows: list[list[float | None]] = []
    for (i, j), verdict in made.ranking.verdicts.items():
        each = paired((values[j] - values[i]).tolist())
        low, high = (each.low, each.high) if sign > 0 else (each.high, each.low)
        ends = [None if end is None else sign * end for end in (low, high)]
        numbers = [_rounded(made.primary, value) for value in (sign * each.mean, *ends)]
        rows.append([i, j, verdict.direction, float(f"{verdict.p:.2g}"), *numbers, round(each.win_rate, 4)])
    return rows


def _use(answer: Recommendation, results: Sequence[Result]) -> dict[str, Any]:
    use = answer.use
    measured = gains(use, results)
    heat = {
        cell.name: {model: round(float(np.mean(list(own.values()))), 5) for model, own in cell.gains.items()}
        for cell in measured.cells
    }
    return {
        "id": use.id, "title": use.title, "measured": use.measured, "notMeasured": use.not_measured,
        "verdict": answer.verdict, "sentence": answer.sentence, "pictures": answer.pictures,
        "scenarios": list(answer.scenarios), "weights": answer.weights, "nothing": answer.rank_of_nothing,
        "pick": answer.pick.model if answer.pick else None,
        "choices": [
            {
                "model": choice.model, "rank": choice.rank, "gain": round(choice.gain, 5),
                "low": None if choice.low is None else round(choice.low, 5),
                "high": None if choice.high is None else round(choice.high, 5),
                "better": choice.better_than_nothing, "face": choice.face_similarity,
                **_cost(choice.cost),
            }
            for choice in answer.choices
        ],
        "heat": heat, "leftOut": dict(sorted(answer.left_out.items())), "notes": list(answer.notes),
    }  # fmt: skip


def _cost(cost: Cost) -> dict[str, Any]:
    return {
        "seconds": None if cost.seconds is None else float(f"{cost.seconds:.3g}"),
        "megapixels": None if cost.megapixels is None else round(cost.megapixels, 2),
        "memory": None if cost.memory_mb is None else round(cost.memory_mb),
        "memoryIs": cost.memory_is,
    }


def _costs(costs: CostTable | None) -> dict[str, Any] | None:
    """The machine, and of each model a row for each size: what its page shows."""
    if costs is None:
        return None
    rows = {
        model: [
            {
                "size": f"{each.width} x {each.height}", "cold": each.first_seconds, "p50": each.p50_seconds,
                "p95": each.p95_seconds, "speed": each.megapixels_per_second, "memory": each.peak_memory_mb,
                "gmacs": each.gmacs, "state": each.failure or ("the machine had other work" if each.shared else ""),
            }
            for each in sizes
        ]
        for model, sizes in costs.models.items()
    }  # fmt: skip
    return {"machine": costs.machine, "models": rows}
