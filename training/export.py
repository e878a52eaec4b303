"""Export of a finished run: the averaged weights in half precision, and a card with their provenance.

The card is ID.json beside ID.safetensors. Its figures come from result files of `python -m eval`, which are read,
never computed here; a result of other weights is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch

from zoo.errors import ZooError
from zoo.registry import list_models
from zoo.weights import sha256_of
from zoo.weights.places import BUNDLED
from zoo.weights.reading import save

from .cards import Figure, TrainingCard, read_card
from .loop import Position, read_run
from .recipe import get_recipe

LARGEST = 10_000_000
"""Bytes that a bundled file may have."""
METRICS = ("psnr_rgb", "psnr_hole", "vgg_conv3_1", "vgg_conv3_1_hole", "colorfulness_error", "face_similarity_dlib")
"""Of a result, what goes onto the card: the metric that ranks, and these where they were computed."""


def export(folder: Path, model_id: str, results: Sequence[Path] = (), target: Path = BUNDLED) -> TrainingCard:
    """Write ID.safetensors (fp16) and ID.json. Run it again with result files to put their figures on the card.

    results: pairs of result files of this model and of `no-op`, in any order. Raises ZooError when the run is of
    another model, has not come to its end, or is too large, and when a result does not belong to these weights.
    """
    stored, state = read_run(folder)
    position, before = Position(**state["position"]), stored["before"]
    if stored["recipe"] != model_id:
        raise ZooError(f"the run in {folder} is of {stored['recipe']}, not of {model_id}.")
    if not position.finished:
        raise ZooError(f"the run in {folder} is at {position.progress:.0%}: --resume brings it to its end first.")
    weights = {name: value.to(torch.float16) for name, value in state["average"].items()}
    size = sum(value.nbytes for value in weights.values())
    if size >= LARGEST:
        raise ZooError(f"{model_id} has {size / 1e6:.1f} MB; bundled weights have less than {LARGEST / 1e6:.0f} MB.")
    path = target / f"{model_id}.safetensors"
    save(weights, path)
    sha256 = sha256_of(path)
    recipe = get_recipe(model_id)
    card = TrainingCard(
        id=model_id,
        license="MIT",
        recipe=f"training/recipes/{re.sub('[.-]', '_', model_id)}.py",
        parameters=sum(value.numel() for value in weights.values()),
        data=", ".join(recipe.data),
        data_licenses=recipe.licenses,
        degradation=recipe.degradation,
        losses={part.name: part.weight for part in (*recipe.losses, *recipe.adversarial)},
        seed=stored["seed"],
        steps=position.step + before["steps"],
        minutes=round(position.seconds / 60 + before["minutes"], 1),
        device=stored["machine"],
        precision=stored["computed_in"],
        exported=datetime.now(timezone.utc).date().isoformat(),
        sha256=sha256,
        figures=_figures(results, model_id, sha256),
        limits=recipe.limits,
    )
    _write(card, target)
    return card


def update_card(model_id: str, results: Sequence[Path], target: Path = BUNDLED) -> TrainingCard:
    """Put figures of result files, and the recipe's limits, onto the card of weights that stay as they are.

    For a change of what is done around a network. results and errors as in `export`.
    """
    card = read_card(model_id, target)
    if card.sha256 != sha256_of(target / f"{model_id}.safetensors"):
        raise ZooError(f"the card of {model_id} is of other weights than those beside it.")
    card = replace(card, figures=_figures(results, model_id, card.sha256), limits=get_recipe(model_id).limits)
    _write(card, target)
    return card


def _write(card: TrainingCard, target: Path) -> None:
    text = json.dumps(asdict(card), indent=2, ensure_ascii=False)
    (target / f"{card.id}.json").write_text(text + "\n", encoding="utf-8")


def _figures(results: Sequence[Path], model_id: str, sha256: str) -> tuple[Figure, ...]:
    """Each result of the model beside that of doing nothing on the same inputs."""
    read = [_read(path) for path in results]
    baselines = {id for card in list_models() if card.baseline for id in (card.id, *card.aliases)}
    nothing = {_inputs(result): result for result in read if result["model"]["id"] in baselines}
    figures = []
    for result in read:
        name = result["model"]["id"]
        if name in baselines:
            continue
        if name != model_id or result["model"]["weights_sha256"] != sha256:
            raise ZooError(f"a result of {name} was not measured with the weights of this run.")
        if _inputs(result) not in nothing:
            raise ZooError(f"the result on {result['dataset']['id']} has no result of no-op beside it.")
        scenario, baseline = result["scenario"], nothing[_inputs(result)]["metrics"]
        for metric, value in result["metrics"].items():
            if value["mean"] is None or (metric != scenario["primary"] and metric not in METRICS):
                continue
            floor = baseline.get(metric, {}).get("mean")
            if floor is None:
                raise ZooError(f"the result of no-op on {result['dataset']['id']} has no {metric}: measure it.")
            figures.append(
                Figure(
                    metric=metric,
                    value=round(value["mean"], 3),
                    identity=round(floor, 3),
                    scenario=f"{scenario['id']} v{scenario['version']}, seed {scenario['seed']}",
                    dataset=f"{result['dataset']['id']}, {result['n_scored']} pictures",
                )
            )
    return tuple(figures)


def _read(path: Path) -> dict[str, Any]:
    """A result file, complete and whole. (Its schema is eval's, which stands above this package.)"""
    result = json.loads(path.read_text(encoding="utf-8"))
    if result["n_scored"] != result["n_expected"]:
        raise ZooError(f"{path} is not complete: {result['n_scored']} of {result['n_expected']} pictures.")
    return result


def _inputs(result: dict[str, Any]) -> tuple:
    scenario = result["scenario"]
    return result["dataset"]["sha256"], scenario["id"], scenario["version"], scenario["seed"]
