"""What a recipe says: everything that a training run depends on besides its pictures and its length."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import UnknownNameError

Degrade = Callable[[np.ndarray, np.random.Generator], np.ndarray]
Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Term:
    """One summand of the loss."""

    name: str
    weight: float
    function: Loss
    """(restored, truth), both N x 3 x H x W, to a number."""


@dataclass(frozen=True)
class Recipe:
    """How one model is trained."""

    id: str
    """The model that it makes."""
    network: Callable[[], nn.Module]
    """N x 3 x H x W degraded RGB in [0, 1] -> the same, restored. Inpainting networks take the mask as a fourth
    channel; further channels that come out are for the losses."""
    data: tuple[str, ...]
    """Folders of clean pictures, below the one given on the command line."""
    licenses: str
    """What the pictures' licenses are."""
    degrade: Degrade
    """(clean HxWx3 float32 in [0, 1], generator) -> degraded, HxWx3, or HxWx4 with a mask (1 = hole)."""
    degradation: str
    """What `degrade` does, in words."""
    losses: tuple[Term, ...]
    limits: tuple[str, ...]
    """What the model cannot do, a sentence each."""
    steps: int
    """Length of a run without a time box."""
    crop: int
    """Side of the training crops in pixels."""
    margin: int
    """Pixels around a crop that are degraded with it and then cut off, so that no border is mirrored."""
    batch: int
    rate: float
    """Learning rate of Adam at its highest."""
    warmup: int = 100
    """Steps over which the learning rate rises."""
    clip: float = 1.0
    """Gradients of a larger norm are scaled down to this one."""
    ema: float = 0.998
    """How much of the averaged weights a step keeps."""


def recipes() -> dict[str, Recipe]:
    """Every recipe of zoo/training/recipes by id."""
    from . import recipes as folder

    modules = pkgutil.iter_modules(folder.__path__, folder.__name__ + ".")
    found = [importlib.import_module(module.name).RECIPE for module in modules]
    return {recipe.id: recipe for recipe in sorted(found, key=lambda recipe: recipe.id)}


def get_recipe(name: str) -> Recipe:
    """The recipe of that model id. Raises UnknownNameError."""
    known = recipes()
    if name not in known:
        raise UnknownNameError("recipe", name, known)
    return known[name]


def seeded_network(recipe: Recipe, seed: int) -> nn.Module:
    """The recipe's network as it is before the first step; torch's own generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return recipe.network()
