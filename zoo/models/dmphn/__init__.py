"""DMPHN, the Deep Multi-Patch Hierarchical Network: deblurs a picture in eighths, quarters and halves, then whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ...card import Figure, ModelCard, SizeRule, Source, Tiling, Weights
from ...registry import register

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

REPOSITORY = "HongguangZhang/DMPHN-cvpr19-master"
COMMIT = "9fff261daca8beb0cbaaa0b64df4239b5a05dd17"
FOLDER = "DMPHN_1_2_4_8"
LICENSE = "none stated (the repository names no license)"
FILES = {
    "encoder_lv1": (3_477_667, "938651e29071b661d59909b68d1772d590c3a7a7191cebee22b521dd78af84c0"),
    "encoder_lv2": (3_477_667, "1357fd72cec9da556864bf3d1156879d154f40efb1b806547b713c4bf3877fa2"),
    "encoder_lv3": (3_477_667, "c9864598889dca34503211e94978e056135d6ad9e8b7e297bf076665997a55ef"),
    "encoder_lv4": (3_477_667, "01de21b48fc6b216c737acb3fe854ed085f68d93b498f7f0862872606e99f632"),
    "decoder_lv1": (3_763_929, "387a0ee8dd945052d069cdce6e6322ec9c93173896a28a72ac2be211bb0a78b2"),
    "decoder_lv2": (3_763_929, "9ec171ef8513eb85598af0c150904dee1aafe2674416a1878a3f093752721c08"),
    "decoder_lv3": (3_763_925, "aff3d672b9c81bc9067fe8e111f1901d9e78269fdb103c3f56d7690bec1aa740"),
    "decoder_lv4": (3_763_927, "5f88c7117f902ce7087ba18fc2b4ec395680d2ad2e6ddc0931284c8e4f1c25e5"),
}
"""Network -> its published file's bytes and sha256."""


def _weights(network: str) -> Weights:
    size, sha256 = FILES[network]
    url = f"https://raw.githubusercontent.com/{REPOSITORY}/{COMMIT}/checkpoints/{FOLDER}/{network}.pkl"
    return Weights(
        f"{FOLDER.lower()}/{network}.pkl", LICENSE, (Source(url=url),), size=size, sha256=sha256, prefix=f"{network}."
    )


FIRST, *OTHERS = (_weights(network) for network in FILES)
GOPRO = ModelCard(
    id="dmphn.gopro",
    title="DMPHN 1-2-4-8",
    tasks=("deblur",),
    license=LICENSE,
    commercial_use=None,
    summary="Removes motion blur by four encoders and decoders, each on larger parts of the picture than the last.",
    paper=(
        "Zhang et al., Deep Stacked Hierarchical Multi-patch Network for Image Deblurring, CVPR 2019, "
        "https://arxiv.org/abs/1904.03468"
    ),
    size=SizeRule(multiple_of=16, minimum=32),
    tiling=Tiling(margin=64, exact=False),
    weights=FIRST,
    extra_weights=tuple(OTHERS),
    family_default=True,
    figures=(Figure("psnr_rgb", 30.21, "GoPro test, 1111 frames", "1280 x 720", "the paper's table"),),
    notes=(
        "Trained on GoPro's training part: compare it on GoPro's test part alone.",
        "Its repository states no license, so it is fetched from there and never shipped.",
        "A frame of 1280 x 720 takes 2.1 TFLOP: some 20 seconds on a core.",
    ),
)


def example(card: ModelCard) -> tuple[nn.Module, list[Tensor]]:
    """The networks with random weights, and a frame of 1280 x 720 in [-0.5, 0.5]."""
    import torch

    from .network import make

    return make(card), [torch.rand(1, 3, 720, 1280) - 0.5]


@register(GOPRO, example=example)
def build(card: ModelCard, state: Mapping[str, torch.Tensor]):
    """The backend. Raises RuntimeError when the tensors are not exactly the networks'."""
    from .network import build_backend

    return build_backend(state)
