"""Recipes: everything that a training run depends on besides its pictures and its length."""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from zoo.registry import Plugins, Registry

from .adversarial import Adversarial

Degrade = Callable[[np.ndarray, np.random.Generator], np.ndarray]
Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Term:
    """One summand of the loss."""

    name: str
    weight: float
    function: Loss
    """(output, target) -> scalar; the target is N x 3 x H x W."""
    of: str = "restored"
    """Which output of the network it takes."""
    start: float = 0.0
    """Progress of the run (0 to 1) from which it is applied."""
    every: int = 1
    """It is computed every so many steps, with so many times its weight: for costly losses."""

    def weight_at(self, step: int, progress: float) -> float:
        """Its weight in this step; 0 where it is not computed."""
        return self.weight * self.every if progress >= self.start and step % self.every == 0 else 0.0


@dataclass(frozen=True)
class Recipe:
    """How one model is trained."""

    id: str
    """The model that it makes, or with a suffix a stage of it."""
    network: Callable[[], nn.Module]
    """Makes the generator: N x 3 x H x W degraded RGB in [0, 1] -> N x 3 x H x W restored. Inpainting networks take
    the mask as a fourth channel.

    A network with losses on other outputs than the restored picture has `training_forward(degraded, target)`. It
    returns a dict of named outputs: "restored" is required; "target" replaces the target where the outputs are crops.
    A costly output may be a function without arguments: it is called only in steps in which a loss uses it."""
    data: tuple[str, ...]
    """Folders of clean pictures, below the one given on the command line."""
    licenses: str
    """What the pictures' licenses are."""
    degrade: Degrade
    """(clean HxWx3 float32 in [0, 1], generator) -> degraded, HxWx3, or HxWx4 with a mask (1 = hole)."""
    degradation: str
    """What `degrade` does, for the card."""
    losses: tuple[Term, ...]
    limits: tuple[str, ...]
    """What the model cannot do, a sentence each."""
    steps: int
    """Length of a run without a time box."""
    crop: int
    """Side of the training crops in pixels."""
    margin: int
    """Pixels around a crop that are degraded with it and then cut off, so that no border is mirrored."""
    batch_size: int
    learning_rate: float
    """Peak learning rate of AdamW."""
    adversarial: tuple[Adversarial, ...] = ()
    """Adversarial losses, each with its discriminator."""
    shrink: int | None = None
    """Pictures whose shorter side has more pixels are downscaled to so many when they are read."""
    prepare: Degrade | None = None
    """Applied to a clean crop before it is degraded: (HxWx3 float32 in [0, 1], generator) -> the target."""
    upright: bool = False
    """Augment only by horizontal flips, not by transposing: for portraits, and where the sky is above."""
    weight_decay: float = 0.0
    """Of AdamW (Loshchilov and Hutter, arXiv:1711.05101), per step and unit of learning rate."""
    warmup: int = 100
    """Steps of linear learning rate warm-up."""
    clip: float = 1.0
    """Norm that gradients are clipped to."""
    ema: float = 0.998
    """Decay of the exponential moving average of the weights (EMA)."""

    def outputs(self, network: nn.Module, degraded: Tensor, target: Tensor, used: Container[str]) -> dict[str, Tensor]:
        """The network's outputs by name, in float32, and "target"; of the costly ones, only those in `used`."""
        forward = getattr(network, "training_forward", None)
        outputs = {"restored": network(degraded)} if forward is None else forward(degraded, target)
        outputs = {"target": target, **outputs}
        computed = {name: value() for name, value in outputs.items() if callable(value) and name in used}
        return {name: value.float() for name, value in {**outputs, **computed}.items() if not callable(value)}

    @property
    def portraits(self) -> bool:
        """Whether it is trained only on portraits."""
        return all(folder.startswith("faces/") for folder in self.data)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the losses in the log."""
        return (*(term.name for term in self.losses), *(a.name for a in self.adversarial))


RECIPES: Registry[Recipe] = Registry("recipe", Plugins("training.recipes"))
"""The recipes by id: each file of training/recipes registers its own."""


def register(recipe: Recipe) -> Recipe:
    """Add a recipe to the registry and return it. Raises ValueError when its id is taken."""
    RECIPES.add([(recipe.id, recipe)])
    return recipe


def get_recipe(name: str) -> Recipe:
    """The recipe of that id. Raises UnknownNameError."""
    return RECIPES.get(name)


def seeded_network(recipe: Recipe, seed: int) -> nn.Module:
    """The recipe's network with the initial weights of that seed; leaves torch's global random state unchanged."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return recipe.network()
