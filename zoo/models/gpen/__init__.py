"""GPEN (2021) as published, in `network`, and its small form trained here, in `mini`: cards and builders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...card import Figure, ModelCard, SizeRule, Source, Weights
from ...registry import register
from ...weights.bundled import trained_card
from ...weights.recognize import Signature, register_signatures

if TYPE_CHECKING:
    from torch import Tensor, nn

    from .mini import PortraitMini
    from .network import Portrait

_LICENSE = "no license file; the authors allow academic and non-commercial use only"
_PAPER = (
    "Yang et al., GAN Prior Embedded Network for Blind Face Restoration in the Wild, CVPR 2021, "
    "https://arxiv.org/abs/2105.06070"
)
_HOST = "https://public-vigen-video.oss-cn-shanghai.aliyuncs.com/robin/models/"
_PAGE = Source(page="https://github.com/yangxy/GPEN")
_HIRES_PAGE = "https://www.modelscope.cn/models/damo/cv_gpen_image-portrait-enhancement-hires/summary"
_HIRES_FILES = "https://www.modelscope.cn/models/iic/cv_gpen_image-portrait-enhancement-hires/resolve/master/"
_ALIGNED = "It expects one aligned face that fills the picture."
_FIGURES = tuple(
    Figure(
        metric, value, "CelebA-HQ, synthetically degraded", "blind face restoration, as printed in the paper", _PAPER
    )
    for metric, value in (("PSNR", 20.80), ("FID", 31.72), ("LPIPS", 0.346))
)


def _card(
    variant: str,
    size: int,
    weights: Weights,
    *,
    title: str,
    task: str = "face",
    summary: str = "Restores a degraded portrait with a generative prior.",
    notes: tuple[str, ...] = (),
    **more: Any,
) -> ModelCard:
    return ModelCard(
        id=f"gpen.{variant}",
        title=title,
        tasks=(task,),
        license=_LICENSE,
        commercial_use=False,
        summary=summary,
        paper=_PAPER,
        size=SizeRule(square=size),
        weights=weights,
        notes=(_ALIGNED, *notes),
        **more,
    )


def _hosted(name: str) -> Weights:
    return Weights(f"{name}.pth", _LICENSE, (Source(url=f"{_HOST}{name}.pth"), _PAGE))


def _hires(name: str, published: str) -> Weights:
    return Weights(f"{name}.pth", _LICENSE, (Source(url=_HIRES_FILES + published), Source(page=_HIRES_PAGE)))


CARDS = (
    _card("bfr-256", 256, _hosted("GPEN-BFR-256"), title="GPEN 256", notes=("A narrow network, weaker than 512.",)),
    _card(
        "bfr-512",
        512,
        Weights(
            "GPEN-BFR-512.pth",
            _LICENSE,
            (
                Source(repo="akhaliq/GPEN-BFR-512", file="GPEN-BFR-512.pth"),
                Source(url=f"{_HOST}GPEN-BFR-512.pth"),
                _PAGE,
            ),
            size=284_085_738,
            sha256="f1002c41add95b0decad69604d80455576f7187dd99ca16bd611bcfd44c10b51",
        ),
        title="GPEN 512",
        family_default=True,
        figures=_FIGURES,
        notes=("The authors say that the released weights are not their best ones.",),
    ),
    _card(
        "bfr-1024",
        1024,
        _hires("GPEN-BFR-1024", "pytorch_model.pt"),
        title="GPEN 1024",
        notes=("The published file is called pytorch_model.pt.",),
    ),
    _card(
        "bfr-2048",
        2048,
        _hires("GPEN-BFR-2048", "pytorch_model-2048.pt"),
        title="GPEN 2048",
        summary="Restores a degraded portrait at the resolution of a selfie camera.",
        notes=("The published file is called pytorch_model-2048.pt.",),
    ),
    _card(
        "colorization-1024",
        1024,
        _hosted("GPEN-Colorization-1024"),
        title="GPEN face colorization",
        task="colorize",
        summary="Gives a grey portrait its colors.",
    ),
    _card(
        "inpainting-1024",
        1024,
        _hosted("GPEN-Inpainting-1024"),
        title="GPEN face inpainting",
        task="inpaint",
        summary="Fills holes in a portrait.",
    ),
)
MINI = trained_card(
    "gpen.mini",
    title="GPEN, mini",
    tasks=("face",),
    summary="Mends degraded portraits by a small encoder with a style-modulated decoder; trained here, bundled.",
    paper=(
        "Yang et al., GAN Prior Embedded Network for Blind Face Restoration in the Wild, CVPR 2021, "
        "https://arxiv.org/abs/2105.06070"
    ),
    portable=("network.result",),
    notes=(_ALIGNED,),
)


def _sizes(tensors: Mapping[str, Tensor]) -> str:
    # The generator has two convolutions per doubling from 4 pixels, the encoder one level per halving down to 4.
    out = 4 << sum(f"generator.convs.{i}.conv.weight" in tensors for i in range(40)) // 2
    into = 4 << sum(f"ecd{i}.0.1.weight" in tensors for i in range(1, 20))
    return f"for {out} x {out} pixels" + (f" from {into} x {into}" if into != out else "")


register_signatures(
    Signature(
        "GPEN",
        "gpen",
        {"generator.style.1.weight": None, "ecd0.0.0.weight": None, "final_linear.0.weight": None},
        _sizes,
    ),
    Signature("a StyleGAN2 generator", None, {"style.1.weight": None, "to_rgb1.bias": None}),
)


def example(card: ModelCard) -> tuple[nn.Module, list[Tensor]]:
    """A card's network with random weights, and an aligned face in [-1, 1]."""
    import torch

    from .network import make

    assert card.size.square is not None, "published GPEN networks have one size"
    return make(card), [torch.rand(1, 3, card.size.square, card.size.square) * 2 - 1]


@register(*CARDS, example=example)
def build(card: ModelCard, state: Mapping[str, Tensor]) -> Portrait:
    """The backend of a card. Raises RuntimeError when the tensors are not exactly the network's."""
    from ...nn.layers import build_with
    from .network import Portrait, make

    return Portrait(build_with(lambda: make(card), state), grey=card.tasks == ("colorize",))


@register(MINI)
def build_mini(card: ModelCard, state: Mapping[str, Tensor]) -> PortraitMini:
    """The backend. Raises RuntimeError when the tensors are not exactly the network's."""
    from ...nn.layers import build_with
    from .mini import GPENMini, PortraitMini

    return PortraitMini(build_with(GPENMini, state))
