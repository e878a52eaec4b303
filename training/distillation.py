"""Distillation: a small network (student) learns from a bundled one (teacher) on the same inputs, by feature and output
losses (Hinton et al., arXiv:1503.02531; Romero et al., FitNets, arXiv:1412.6550).

Features are compared by their attention maps (Zagoruyko and Komodakis, arXiv:1612.03928), which need no layer between
widths that differ, so that nothing but the student is trained.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo import registry
from zoo.errors import ZooError

from .cards import read_weights
from .losses import charbonnier
from .recipe import Recipe, Term

LOSSES = (
    Term("charbonnier", 0.5, charbonnier),
    Term("output", 0.5, lambda differences, target: differences.mean(), of="output"),
    Term("features", 0.005, lambda differences, target: differences.mean(), of="features"),
)
"""To the target, to the teacher's output, and to the teacher's attention maps."""


def attention_map(features: Tensor) -> Tensor:
    """Where features are strong: N x C x H x W to N x HW, the mean square over channels, of mean 1 over the places."""
    strength = features.float().square().mean(1).flatten(1)
    return strength / (strength.mean(1, keepdim=True) + 1e-12)


class Distillation:
    """`training_forward` of a student.

    It is no module: the teacher's weights are neither trained nor part of the student's.
    """

    def __init__(self, student: nn.Module, teacher: str, layers: tuple[str, ...]):
        """teacher: id of a bundled model. layers: names of modules, the same in both networks, whose outputs are
        compared; each has the same height and width in both."""
        self.student, self.layers = student, layers
        backend: Any = registry.find(teacher).builder(registry.get_card(teacher), read_weights(teacher))
        self.teacher: nn.Module = copy.deepcopy(backend.network).eval().requires_grad_(False)

    def __call__(self, degraded: Tensor, target: Tensor) -> dict[str, Tensor]:
        """`restored` by the student; `output`, the absolute difference from the teacher's; `features`, the mean squared
        difference of attention maps, one number per layer."""
        self.teacher.to(degraded.device)
        with torch.no_grad():
            taught, expected = _run(self.teacher, degraded, self.layers)
        restored, features = _run(self.student, degraded, self.layers)
        pairs = zip(features, expected, strict=True)
        apart = torch.stack([F.mse_loss(attention_map(a), attention_map(b)) for a, b in pairs])
        return {"restored": restored, "output": (restored - taught).abs(), "features": apart}


def _run(network: nn.Module, image: Tensor, layers: tuple[str, ...]) -> tuple[Tensor, list[Tensor]]:
    """A network's output, and that of each of these layers."""
    seen: dict[str, Tensor] = {}

    def keep(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: Any, output: Tensor) -> None:
            seen[name] = output

        return hook

    handles = [network.get_submodule(name).register_forward_hook(keep(name)) for name in layers]
    try:
        output = network(image)
    finally:
        for handle in handles:
            handle.remove()
    return output, [seen[name] for name in layers]


@dataclass(frozen=True)
class Distilled:
    """What a recipe has as `network`: makes the student, with a `training_forward` that is a `Distillation`."""

    make: Callable[[], nn.Module]
    teacher: str
    """Id of a bundled model."""
    layers: tuple[str, ...]
    """See `Distillation`."""

    def __call__(self) -> nn.Module:
        student: Any = self.make()
        student.training_forward = Distillation(student, self.teacher, self.layers)
        return student


def check_pair(teacher: str, student: Recipe) -> None:
    """Raise ZooError when the student's recipe does not distill that teacher."""
    if not isinstance(student.network, Distilled):
        raise ZooError(f"the recipe of {student.id} does not distill: `python -m training {student.id}` trains it.")
    if student.network.teacher != teacher:
        raise ZooError(f"{student.id} is distilled from {student.network.teacher}, not from {teacher}.")
