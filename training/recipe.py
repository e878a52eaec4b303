"""What a recipe says: everything that a training run depends on besides its pictures and its length."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Container
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from zoo.errors import UnknownNameError

from .adversarial import Adversarial

Degrade = Callable[[np.ndarray, np.random.Generator], np.ndarray]
Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Term:
    """One summand of the loss."""

    name: str
    weight: float
    function: Loss
    """(output, truth), the truth N x 3 x H x W, to a number."""
    of: str = "restored"
    """Which output of the network it looks at."""
    start: float = 0.0
    """Progress of the run from which it counts."""
    every: int = 1
    """It is computed in one of so many steps, for those between too: what is costly need not come each time."""

    def share(self, step: int, progress: float) -> float:
        """What its value is multiplied by in this step."""
        return self.weight * self.every if progress >= self.start and step % self.every == 0 else 0.0


@dataclass(frozen=True)
class Recipe:
    """How one model is trained."""

    id: str
    """The model that it makes."""
    network: Callable[[], nn.Module]
    """N x 3 x H x W degraded RGB in [0, 1] -> the same, restored. Inpainting networks take the mask as a fourth
    channel. A network whose losses look at more than the restored picture has a method `training_forward(given,
    truth)` that returns its outputs by name, "restored" among them, and "truth" if they show only a part of it; those
    that cost much as functions without arguments, which are called only in steps where a loss looks."""
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
    adversarial: tuple[Adversarial, ...] = ()
    """Discriminators that join after training on the truth alone."""
    shrink: int | None = None
    """Pictures whose shorter side is longer than this are made smaller, to this many pixels, when they are read."""
    prepare: Degrade | None = None
    """What is done to a clean crop, (HxWx3 float32 in [0, 1], generator) to the same, before it is degraded."""
    upright: bool = False
    """Pictures are mirrored only from left to right, and not turned: for portraits, and where the sky is above."""
    warmup: int = 100
    """Steps over which the learning rate rises."""
    clip: float = 1.0
    """Gradients of a larger norm are scaled down to this one."""
    ema: float = 0.998
    """How much of the averaged weights a step keeps."""

    def outputs(self, network: nn.Module, given: Tensor, truth: Tensor, wanted: Container[str]) -> dict[str, Tensor]:
        """What the losses look at, by name, in float32; "truth" is what they compare it with."""
        forward = getattr(network, "training_forward", None)
        found = {"truth": truth, **({"restored": network(given)} if forward is None else forward(given, truth))}
        made = {name: value() for name, value in found.items() if callable(value) and name in wanted}
        return {name: value.float() for name, value in {**found, **made}.items() if not callable(value)}

    @property
    def portraits(self) -> bool:
        """Whether it learns from portraits alone."""
        return all(folder.startswith("faces/") for folder in self.data)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the losses in the log."""
        return (*(term.name for term in self.losses), *(a.name for a in self.adversarial))


def recipes() -> dict[str, Recipe]:
    """Every recipe of training/recipes by id."""
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
