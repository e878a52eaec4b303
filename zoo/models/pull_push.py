"""Hole filling without learning: each hole takes the mean colors of its surroundings, coarse to fine."""

from __future__ import annotations

from ..card import ModelCard, SizeRule
from ..registry import register


@register(
    ModelCard(
        id="pull-push",
        title="Pull-push",
        tasks=("inpaint",),
        license="MIT",
        commercial_use=True,
        summary="Fills from a pyramid of means over known pixels: smooth, fast, and hard to beat in PSNR.",
        paper="Gortler et al., The Lumigraph, SIGGRAPH 1996, https://doi.org/10.1145/237170.237200",
        size=SizeRule(multiple_of=64),
    )
)
def build(card: ModelCard, state: None):
    """The backend."""
    from ..fill import smooth_fill

    return lambda image, mask: smooth_fill(image, 1 - mask)
