"""Baselines: doing nothing, and a deterministic dummy for the harness's own tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..card import TASKS, ModelCard, Tiling
from ..registry import register

if TYPE_CHECKING:
    import torch

IDENTITY = ModelCard(
    id="identity",
    title="Do nothing",
    tasks=tuple(task for task in TASKS if task != "super-resolution"),
    license="MIT",
    summary="Returns the picture as it came: the floor of every table.",
    tiling=Tiling(margin=0),
    commercial_use=True,
)
IDENTITY_X4 = ModelCard(
    id="identity.x4",
    title="Repeat pixels 4x",
    tasks=("super-resolution",),
    license="MIT",
    summary="Every pixel becomes 4 x 4 equal ones: the floor of the enlargement tables.",
    scale=4,
    tiling=Tiling(margin=0),
    commercial_use=True,
)
DUMMY = ModelCard(
    id="dummy",
    title="Box filter for tests",
    tasks=tuple(task for task in TASKS if task != "super-resolution"),
    license="MIT",
    summary="A 3 x 3 mean; holes become mid-grey. Deterministic, for the harness's own tests.",
    tiling=Tiling(margin=1),
    commercial_use=True,
    internal=True,
)


@register(IDENTITY, IDENTITY_X4)
def build_identity(card: ModelCard, state: None):
    """Pixel repetition by the card's scale, which for scale 1 changes nothing."""

    def run(image: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        return image.repeat_interleave(card.scale, 2).repeat_interleave(card.scale, 3)

    return run


@register(DUMMY)
def build_dummy(card: ModelCard, state: None):
    """A 3 x 3 mean with repeated edges."""
    import torch
    import torch.nn.functional as F

    def run(image: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        if mask is not None:
            image = torch.where(mask > 0, 0.5, image)
        return F.avg_pool2d(F.pad(image, (1, 1, 1, 1), mode="replicate"), 3, stride=1)

    return run
