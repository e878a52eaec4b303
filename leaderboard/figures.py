"""The figures in the JSON of weights that this project trained, taken from the committed results."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from eval.results import Result
from zoo.io.files import write_bytes
from zoo.registry import list_models
from zoo.weights.places import BUNDLED

METRICS = ("psnr_rgb", "psnr_hole", "vgg_conv3_1", "vgg_conv3_1_hole", "colorfulness_error", "face_similarity")
"""What is shown of a result beside the metric that ranks its scenario."""
DEMONSTRATION = "sample"
"""Five pictures: too few for a figure."""


def write_figures(results: Sequence[Result], folder: Path = BUNDLED) -> list[Path]:
    """Put the figures of `results` into every JSON of trained weights in `folder`; the files that changed."""
    models, changed = {card.id for card in list_models()}, []
    for path in sorted(folder.glob("*.json")):
        known = json.loads(path.read_text(encoding="utf-8"))
        if "recipe" not in known or known["id"] not in models:
            continue  # weights that others published, and a part of the face pipeline
        found = figures(known["id"], known["sha256"], results)
        if found != known.get("figures"):
            write_bytes(path, (json.dumps({**known, "figures": found}, indent=2, ensure_ascii=False) + "\n").encode())
            changed.append(path)
    return changed


def figures(model: str, sha256: str, results: Iterable[Result]) -> list[dict[str, Any]]:
    """What these weights reach, with 95 % intervals, beside what doing nothing gets on the same inputs.

    Results of other weights, of half precision and of the demonstration set are left out.
    """
    results = list(results)
    baselines = {card.id for card in list_models() if card.baseline}
    nothing = {_inputs(result): result.metrics for result in results if result.model.id in baselines}
    found = []
    for result in sorted(results, key=lambda result: (result.dataset.id, result.scenario.id, result.scenario.seed)):
        same = result.model.id == model and result.model.weights_sha256 == sha256 and result.cost.precision == "fp32"
        if not same or result.dataset.id == DEMONSTRATION or _inputs(result) not in nothing:
            continue
        scenario = result.scenario
        for metric in dict.fromkeys((scenario.primary, *METRICS)):
            value, floor = result.metrics.get(metric), nothing[_inputs(result)].get(metric)
            if value is None or value.mean is None or floor is None or floor.mean is None:
                continue
            found.append({
                "metric": metric,
                "value": round(value.mean, 3),
                "low": None if value.low is None else round(value.low, 3),
                "high": None if value.high is None else round(value.high, 3),
                "no_op": round(floor.mean, 3),
                "scenario": f"{scenario.id} v{scenario.version}, seed {scenario.seed}",
                "dataset": f"{result.dataset.id}, {result.n_scored} pictures",
            })  # fmt: skip
    return found


def _inputs(result: Result) -> tuple:
    scenario = result.scenario
    return result.dataset.id, result.dataset.sha256, scenario.id, scenario.version, scenario.seed
