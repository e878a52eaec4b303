"""The cards of weights trained here: ID.json beside ID.safetensors in zoo/pretrained."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from zoo.weights.places import BUNDLED
from zoo.weights.reading import read_checkpoint


@dataclass(frozen=True)
class Figure:
    """One committed result, with what doing nothing gets in the same measurement."""

    metric: str
    value: float
    low: float | None
    """With `high`, the 95 % interval of the mean."""
    high: float | None
    no_op: float
    scenario: str
    """With its version and seed."""
    dataset: str
    """With the number of its pictures."""


@dataclass(frozen=True)
class TrainingCard:
    """Provenance, figures and limits of bundled weights."""

    id: str
    license: str
    """Of the weights."""
    recipe: str
    """Where in the project the recipe is."""
    parameters: int
    data: str
    data_licenses: str
    degradation: str
    losses: dict[str, float]
    """Name -> weight."""
    seed: int
    steps: int
    minutes: float
    """Wall-clock training time."""
    device: str
    precision: str
    exported: str
    """UTC date."""
    sha256: str
    """Of the weights file."""
    figures: tuple[Figure, ...]
    limits: tuple[str, ...]
    """A sentence each."""


def has_card(model_id: str, source: Path = BUNDLED) -> bool:
    """Whether weights of that id are bundled."""
    return (source / f"{model_id}.json").is_file()


def read_weights(model_id: str, source: Path = BUNDLED) -> dict[str, Tensor]:
    """Bundled weights by name, in float32. Raises WeightsError when there are none."""
    return {name: value.float() for name, value in read_checkpoint(source / f"{model_id}.safetensors").items()}


def read_card(model_id: str, source: Path = BUNDLED) -> TrainingCard:
    """The card of bundled weights. Raises FileNotFoundError when there is none."""
    stored = json.loads((source / f"{model_id}.json").read_text(encoding="utf-8"))
    stored["figures"] = tuple(Figure(**figure) for figure in stored["figures"])
    return TrainingCard(**{**stored, "limits": tuple(stored["limits"])})
