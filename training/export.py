"""Export of a finished run: the averaged weights in half precision, and a card with their provenance.

The card is ID.json beside ID.safetensors. Its figures are put there by `python -m leaderboard build`, from the
committed results of these weights.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from datetime import datetime, timezone
from pathlib import Path

import torch

from zoo.errors import ZooError
from zoo.weights import sha256_of
from zoo.weights.places import BUNDLED
from zoo.weights.reading import save

from .cards import TrainingCard, read_card
from .loop import Position, read_run
from .recipe import get_recipe

LARGEST = 10_000_000
"""Bytes that a bundled file may have."""


def export(folder: Path, model_id: str, target: Path = BUNDLED) -> TrainingCard:
    """Write ID.safetensors (fp16) and ID.json. Without figures: they are measured afterwards.

    Raises ZooError when the run is of another model, has not come to its end, or is too large.
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
        figures=(),
        limits=recipe.limits,
    )
    _write(card, target)
    return card


def update_card(model_id: str, target: Path = BUNDLED) -> TrainingCard:
    """Put the recipe's limits onto the card of weights that stay as they are, after a change around the network.

    Raises ZooError when the card is of other weights.
    """
    card = read_card(model_id, target)
    if card.sha256 != sha256_of(target / f"{model_id}.safetensors"):
        raise ZooError(f"the card of {model_id} is of other weights than those beside it.")
    card = replace(card, limits=get_recipe(model_id).limits)
    _write(card, target)
    return card


def _write(card: TrainingCard, target: Path) -> None:
    text = json.dumps(asdict(card), indent=2, ensure_ascii=False)
    (target / f"{card.id}.json").write_text(text + "\n", encoding="utf-8")
