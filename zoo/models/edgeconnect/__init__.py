"""EdgeConnect (2019) as published, in `network`, and its small form trained here, in `mini`: cards and builders."""

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
    "Nazeri et al., EdgeConnect: Generative Image Inpainting with Adversarial Edge Learning, ICCV Workshops 2019, "
    "https://arxiv.org/abs/1901.00212"
)
_FIGURES = tuple(
    Figure("PSNR", value, "Places2", f"holes of {holes} % of the picture, as printed in the paper", _PAPER)
    for holes, value in (("10-20", 27.95), ("20-30", 24.92), ("30-40", 22.84), ("40-50", 21.16))
)


def _card(variant: str, about: str, folder_id: str, **more: Any) -> ModelCard:
    page = Source(page=f"https://drive.google.com/drive/folders/{folder_id}")

    def file(name: str, prefix: str) -> Weights:
        return Weights(f"edgeconnect-{variant}/{name}", _LICENSE, (page,), prefix=prefix)

    return ModelCard(
        id=f"edgeconnect.{variant}",
        title=f"EdgeConnect, {about}",
        tasks=("inpaint",),
        license=_LICENSE,
        commercial_use=False,
        summary="Draws the edges inside the holes first, then fills in the colors.",
        paper=_PAPER,
        size=SizeRule(multiple_of=4, minimum=64),
        tiling=Tiling(margin=128, exact=False),
        portable=("network.edge", "network.inpaint"),
        weights=file("EdgeModel_gen.pth", "edge."),
        extra_weights=(file("InpaintingModel_gen.pth", "inpaint."),),
        notes=("It was trained at 256 x 256 pixels.", "It normalizes with the statistics of what it sees at once."),
        **more,
    )


PLACES2 = _card("places2", "scenes", "1KyXz4W4SAvfsGh3NJ7XgdOv5t46o-8aa", family_default=True, figures=_FIGURES)
CELEBA = _card("celeba", "faces", "1nkLOhzWL-w2euo0U6amhz7HVzqNC5rqb")
PSV = _card("psv", "Paris street view", "1cGwDaZqDcqYU7kDuEbMXa9TP3uDJRBR1")
MINI = trained_card(
    "edgeconnect.mini",
    title="EdgeConnect, mini",
    tasks=("inpaint",),
    summary="Draws the edges inside the holes first, then fills in the colors, in small, then copies texture; "
    "trained here, bundled.",
    paper=(
        "Nazeri et al., EdgeConnect: Generative Image Inpainting with Adversarial Edge Learning, ICCV Workshops 2019, "
        "https://arxiv.org/abs/1901.00212"
    ),
    size=SizeRule(multiple_of=64),
    tiling=Tiling(margin=128, exact=False),
    notes=(
        "Patches of the picture are joined with the network's fill; thin holes get a biharmonic surface in its place.",
    ),
    portable=("network.edge", "network.inpaint.encoded", "network.wide", "network.inpaint.decoded"),
)


register_signatures(
    Signature("the edge generator of EdgeConnect", "edgeconnect", {"encoder.1.weight_orig": (64, 3, 7, 7)}),
    Signature(
        "the inpainting generator of EdgeConnect",
        "edgeconnect",
        {"encoder.1.weight": (64, 4, 7, 7), "decoder.7.weight": None},
    ),
    Signature(
        "a discriminator of EdgeConnect, which restores nothing",
        None,
        {"conv1.0.weight_orig": None, "conv5.0.weight_orig": None},
    ),
)


def example(card: ModelCard) -> tuple[nn.Module, list[Tensor]]:
    """The networks with random weights; a picture in [0, 1], its luma, its edges and the mask of a hole."""
    from ...nn.layers import holed_picture
    from .network import make

    picture, mask = holed_picture()
    return make(card), [picture, picture.mean(1, keepdim=True), (picture[:, :1] > 0.9).float(), mask]


@register(PLACES2, CELEBA, PSV, example=example)
def build(card: ModelCard, state: Mapping[str, Tensor]) -> Inpainting:
    """The backend of a card. Raises RuntimeError when the tensors are not exactly the networks'."""
    from ...nn.layers import build_with
    from .network import Inpainting, fold_spectral_norm, make

    return Inpainting(build_with(lambda: make(card), fold_spectral_norm(state)))


@register(MINI)
def build_mini(card: ModelCard, state: Mapping[str, Tensor]) -> FillingBackend:
    """The backend. Raises RuntimeError when the tensors are not exactly the network's."""
    from ...nn.filling import FillingBackend
    from ...nn.layers import build_with
    from .mini import EdgeConnectMini

    return FillingBackend(build_with(EdgeConnectMini, state))
