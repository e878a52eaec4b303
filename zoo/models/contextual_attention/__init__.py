"""DeepFill v2 (2019) as published, in `network`, and its small form trained here, in `mini`: cards and builders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...card import Figure, ModelCard, SizeRule, Source, Tiling, Weights
from ...registry import register
from ...weights.bundled import trained_card
from ...weights.recognize import Signature, register_signatures

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ...nn.filling import FillingBackend
    from .network import Inpainting

_LICENSE = "CC-BY-NC-4.0"
_PAPER = (
    "Yu et al., Free-Form Image Inpainting with Gated Convolution, ICCV 2019, https://arxiv.org/abs/1806.03589; "
    "Generative Image Inpainting with Contextual Attention, CVPR 2018, https://arxiv.org/abs/1801.07892"
)
_PAGE = Source(page="https://github.com/nipponjo/deepfillv2-pytorch")
_FIGURES = (
    Figure("PSNR", 22.40, "Places365-val", "DeepFill v2, free-form masks, as reproduced by others", "reproduction"),
    Figure("SSIM", 0.815, "Places365-val", "DeepFill v2, free-form masks, as reproduced by others", "reproduction"),
)


def _card(variant: str, filename: str, drive_id: str, *, about: str, **more: Any) -> ModelCard:
    return ModelCard(
        id=f"contextual-attention.{variant}",
        title=f"DeepFill v2, {about}",
        tasks=("inpaint",),
        license=_LICENSE,
        commercial_use=False,
        summary="Fills holes and scratches with gated convolutions, copying from the known parts of the picture.",
        paper=_PAPER,
        size=SizeRule(multiple_of=8, minimum=64),
        tiling=Tiling(margin=128, exact=False),
        portable=("network.coarse", "network.features", "network.refined"),
        weights=Weights(
            filename,
            _LICENSE,
            (Source(url=f"https://drive.google.com/uc?export=download&id={drive_id}"), _PAGE),
        ),
        notes=(
            "It was trained at 256 x 256 pixels; large holes in large pictures come out blurred.",
            "It copies from anywhere in the picture, but from within the tile where a picture is tiled.",
        ),
        **more,
    )


PLACES2 = _card(
    "places2",
    "states_pt_places2.pth",
    "1L63oBNVgz7xSb_3hGbUdkYW1IuRgMkCa",
    about="scenes",
    family_default=True,
    figures=_FIGURES,
)
CELEBA_HQ = _card("celeba-hq", "states_pt_celebahq.pth", "17oJ1dJ9O3hkl2pnl8l2PtNVf2WhSDtB7", about="faces")
PLACES2_TF = _card(
    "places2-tf",
    "states_tf_places2.pth",
    "1tvdQRmkphJK7FYveNAKSMWC6K09hJoyt",
    about="scenes, the authors' weights",
    figures=_FIGURES,
)
CELEBA_HQ_TF = _card(
    "celeba-hq-tf",
    "states_tf_celebahq.pth",
    "1fTQVSKWwWcKYnmeemxKWImhVtFQpESmm",
    about="faces, the authors' weights",
)
MINI = trained_card(
    "contextual-attention.mini",
    title="DeepFill v2, mini",
    tasks=("inpaint",),
    summary="Fills holes with gated convolutions and attention to known places, in small, then copies texture; "
    "trained here, bundled.",
    paper=("Yu et al., Free-Form Image Inpainting with Gated Convolution, ICCV 2019, https://arxiv.org/abs/1806.03589"),
    size=SizeRule(multiple_of=64),
    tiling=Tiling(margin=128, exact=False),
    portable=(
        "network.coarse.encoded",
        "network.wide",
        "network.coarse.decoded",
        "network.fine.encoded",
        "network.first",
        "network.second",
        "network.fine.decoded",
    ),
    notes=(
        "It attends to places of 8 x 8 pixels, at most 4096 known ones, evenly picked from a larger picture, and from "
        "within the tile where a picture is tiled.",
        "Patches of the picture are joined with the network's fill; thin holes get a biharmonic surface in its place.",
    ),
)


register_signatures(
    Signature(
        "DeepFill v2 with PyTorch padding",
        "contextual-attention",
        {"stage1.conv1.conv.weight": None, "stage2.conv_to_rgb.conv.weight": None},
    ),
    Signature(
        "DeepFill v2 with TensorFlow padding",
        "contextual-attention",
        {"conv2_downsample.conv.weight": None, "allconv17.conv.weight": None},
    ),
)


def example(card: ModelCard) -> tuple[nn.Module, list[Tensor]]:
    """A card's network with random weights; a picture in [-1, 1] with a hole, ones and the mask; and the mask."""
    import torch

    from ...nn.layers import holed_picture
    from .network import make

    picture, mask = holed_picture()
    return make(card), [torch.cat([(picture * 2 - 1) * (1 - mask), torch.ones_like(mask), mask], dim=1), mask]


@register(PLACES2, CELEBA_HQ, PLACES2_TF, CELEBA_HQ_TF, example=example)
def build(card: ModelCard, state: Mapping[str, Tensor]) -> Inpainting:
    """The backend of a card. Raises RuntimeError when the tensors are not exactly the network's."""
    from ...nn.layers import build_with
    from .network import Inpainting, make

    return Inpainting(build_with(lambda: make(card), state))


@register(MINI)
def build_mini(card: ModelCard, state: Mapping[str, Tensor]) -> FillingBackend:
    """The backend. Raises RuntimeError when the tensors are not exactly the network's."""
    from ...nn.filling import FillingBackend
    from ...nn.layers import build_with
    from .mini import ContextualAttentionMini

    return FillingBackend(build_with(ContextualAttentionMini, state))
