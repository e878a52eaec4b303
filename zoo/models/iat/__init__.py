"""IAT, the Illumination Adaptive Transformer: corrects light pixel by pixel and by one color matrix and gamma."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ...card import ModelCard, SizeRule
from ...registry import register
from ...weights.bundled import published_card

if TYPE_CHECKING:
    import torch

PAPER = (
    "Cui et al., You Only Need 90K Parameters to Adapt Light: A Light Weight Transformer for Image Enhancement and "
    "Exposure Correction, BMVC 2022, https://arxiv.org/abs/2205.14871"
)
LOL, EXPOSURE = (
    published_card(
        f"iat.{variant}",
        title=title,
        tasks=("low-light",),
        commercial_use=True,
        summary=summary,
        paper=PAPER,
        size=SizeRule(minimum=8),
        family_default=variant == "lol",
        notes=("One color matrix and one gamma are estimated from the whole picture, so it is not tiled.", note),
    )
    for variant, title, summary, note in (
        (
            "lol",
            "IAT for low light",
            "Brightens dark pictures by a transformer of 0.09 million parameters; published, bundled.",
            "Trained on indoor pictures that are much too dark (LOL): others come out too bright.",
        ),
        (
            "exposure",
            "IAT for wrong exposure",
            "Corrects pictures exposed too little or too much by a transformer of 0.09 million parameters; published, "
            "bundled.",
            "Trained on whole photographs of 1200 x 900 pixels: it judges light by what it sees, so crops differ.",
        ),
    )
)


@register(LOL, EXPOSURE)
def build(card: ModelCard, state: Mapping[str, torch.Tensor]):
    """The backend. Raises RuntimeError when the tensors are not exactly the network's."""
    from .network import build_backend

    return build_backend(state)
