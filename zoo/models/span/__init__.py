"""SPAN: enlarging by a small network whose attention maps need no parameters of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ...card import Figure, ModelCard, Tiling
from ...registry import register
from ...weights.bundled import published_card

if TYPE_CHECKING:
    import torch

PAPER = (
    "Wan et al., Swift Parameter-free Attention Network for Efficient Super-Resolution, CVPR Workshops 2024, "
    "https://arxiv.org/abs/2311.12770"
)
PUBLISHED = Figure(
    "psnr_y_border4", 32.20, "Set5", "bicubic down-sampling by 4, luma, border of 4 cropped", "the paper's table"
)

X2, X4 = (
    published_card(
        f"span.x{scale}",
        title=f"SPAN {scale}x",
        tasks=("super-resolution",),
        commercial_use=True,
        summary="Enlarges clean photographs faithfully: a small network trained for low error; published, bundled.",
        paper=PAPER,
        scale=scale,
        # One pixel for each 3x3 convolution in a row: the first, three in each of six blocks, and the last two.
        tiling=Tiling(margin=21),
        family_default=scale == 4,
        figures=(PUBLISHED,) if scale == 4 else (),
        notes=("Trained on bicubic down-sampling alone: noise and JPEG artifacts in the input are enlarged, too.",),
    )
    for scale in (2, 4)
)


@register(X2, X4)
def build(card: ModelCard, state: Mapping[str, torch.Tensor]):
    """The backend. Raises RuntimeError when the tensors are not exactly the network's."""
    from .network import build_backend

    return build_backend(card.scale, state)
