"""SCI, Self-Calibrated Illumination: divides a dark picture by its light, which three convolutions estimate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ...card import ModelCard, Tiling
from ...registry import register
from ...weights.bundled import published_card

if TYPE_CHECKING:
    import torch

MEDIUM = published_card(
    "sci.medium",
    title="SCI for medium low light",
    tasks=("low-light",),
    commercial_use=True,
    summary="Divides a dark picture by its illumination, which three small convolutions estimate; published, bundled.",
    paper=(
        "Ma et al., Toward Fast, Flexible, and Robust Low-Light Image Enhancement, CVPR 2022, "
        "https://arxiv.org/abs/2204.10137"
    ),
    tiling=Tiling(margin=3),
    family_default=True,
    notes=("Noise is brightened with the picture.", "Very bright parts lose their detail: it never darkens."),
)


@register(MEDIUM)
def build(card: ModelCard, state: Mapping[str, torch.Tensor]):
    """The backend. Raises RuntimeError when the tensors are not exactly the network's."""
    from .network import build_backend

    return build_backend(state)
