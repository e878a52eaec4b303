"""DeblurGAN (2018) and DeblurGAN-v2 (2019) as published, in `network`, and a small form trained here, in `mini`:
cards and builders.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ...card import Figure, ModelCard, SizeRule, Source, Tiling, Weights
from ...registry import register
from ...weights.bundled import trained_card
from ...weights.recognize import Signature, register_signatures

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ...runtimes.torch import TorchBackend
    from .network import Deblur

_LICENSE = "BSD-3-Clause"
_PAPER_V1 = (
    "Kupyn et al., DeblurGAN: Blind Motion Deblurring Using Conditional Adversarial Networks, CVPR 2018, "
    "https://arxiv.org/abs/1711.07064"
)
_PAPER_V2 = (
    "Kupyn et al., DeblurGAN-v2: Deblurring (Orders-of-Magnitude) Faster and Better, ICCV 2019, "
    "https://arxiv.org/abs/1908.03826"
)
_NORMALIZATION = "It normalizes with the statistics of the whole picture, so tiles come out a little different."
_GOPRO = "GoPro test, 1111 pictures"
_CW_SSIM = "as printed in the paper; the authors' SSIM is CW-SSIM"


def _figures(psnr: float, ssim: float, protocol: str, paper: str) -> tuple[Figure, ...]:
    return (
        Figure("PSNR", psnr, _GOPRO, "as printed in the paper", paper),
        Figure("SSIM", ssim, _GOPRO, protocol, paper),
    )


V1 = ModelCard(
    id="deblurgan.v1-resnet9",
    title="DeblurGAN",
    tasks=("deblur",),
    license=_LICENSE,
    commercial_use=True,
    summary="Removes camera shake and motion blur with a residual network of nine blocks.",
    paper=_PAPER_V1,
    size=SizeRule(multiple_of=4, minimum=32),
    tiling=Tiling(margin=128, exact=False),
    weights=Weights(
        "deblurgan-v1/latest_net_G.pth",
        _LICENSE,
        (Source(page="https://github.com/KupynOrest/DeblurGAN"),),
    ),
    figures=(
        *_figures(28.70, 0.927, "as printed in the paper", _PAPER_V1),
        Figure("PSNR", 25.2, _GOPRO, "released weights, as measured by users: 25.2 to 26.3 dB", "users' reports"),
    ),
    notes=(_NORMALIZATION,),
)
V2_MOBILENET = ModelCard(
    id="deblurgan.v2-mobilenet",
    title="DeblurGAN-v2, MobileNet",
    tasks=("deblur",),
    license=_LICENSE,
    commercial_use=True,
    summary="Removes motion blur with a feature pyramid on MobileNetV2; small and fast.",
    paper=_PAPER_V2,
    size=SizeRule(multiple_of=32, minimum=64),
    tiling=Tiling(margin=128, exact=False),
    weights=Weights(
        "fpn_mobilenet.h5",
        _LICENSE,
        (
            Source(url="https://drive.google.com/uc?export=download&id=1JhnT4BBeKBBSLqTo6UsJ13HeBXevarrU"),
            Source(page="https://github.com/VITA-Group/DeblurGANv2"),
        ),
        size=13_505_344,
        sha256="6d1b6d9807da3ae8987021c063a5cb6ca0131e76388cdb5164404ee1b1bf522b",
    ),
    family_default=True,
    figures=(
        *_figures(28.17, 0.925, _CW_SSIM, _PAPER_V2),
        Figure("PSNR", 26.89, _GOPRO, "released weights, as measured by users", "users' reports"),
        Figure("SSIM", 0.814, _GOPRO, "released weights, as measured by users", "users' reports"),
    ),
    notes=(_NORMALIZATION,),
)
V2_INCEPTION = ModelCard(
    id="deblurgan.v2-inception",
    title="DeblurGAN-v2, Inception-ResNet-v2",
    tasks=("deblur",),
    license=_LICENSE,
    commercial_use=True,
    summary="Removes motion blur with a feature pyramid on Inception-ResNet-v2; the best of its family, and slow.",
    paper=_PAPER_V2,
    size=SizeRule(multiple_of=32, minimum=128),
    tiling=Tiling(margin=128, exact=False),
    weights=Weights(
        "fpn_inception.h5",
        _LICENSE,
        (
            Source(
                url="https://drive.usercontent.google.com/download?id=1UXcsRVW-6KF23_TNzxw-xC0SzaMfXOaR&export=download&confirm=t"
            ),
            Source(page="https://github.com/VITA-Group/DeblurGANv2"),
        ),
    ),
    figures=(
        *_figures(29.55, 0.934, _CW_SSIM, _PAPER_V2),
        Figure("PSNR", 27.66, _GOPRO, "released weights, as measured by users", "users' reports"),
        Figure("SSIM", 0.850, _GOPRO, "released weights, as measured by users", "users' reports"),
    ),
    notes=(_NORMALIZATION,),
)
MINI = trained_card(
    "deblurgan.mini",
    title="DeblurGAN, mini",
    tasks=("deblur",),
    summary="Removes camera shake: a blind deconvolution, chosen from and mended by a small U-Net; trained here, "
    "bundled.",
    paper=(
        "Kupyn et al., DeblurGAN-v2: Deblurring (Orders-of-Magnitude) Faster and Better, ICCV 2019, "
        "https://arxiv.org/abs/1908.03826"
    ),
    size=SizeRule(multiple_of=16, minimum=64),
    tiling=Tiling(margin=128, exact=False),
    portable=("network.unet.result",),
    notes=("Blur by defocus stays.",),
)


register_signatures(
    Signature(
        "DeblurGAN v1 (ResNet generator)",
        "deblurgan",
        {"model.1.weight": (64, 3, 7, 7), "model.10.conv_block.1.weight": None},
    ),
    Signature(
        "DeblurGAN-v2 with the MobileNet encoder",
        "deblurgan",
        {"fpn.features.0.0.weight": (32, 3, 3, 3), "final.weight": None},
    ),
    Signature(
        "DeblurGAN-v2 with the Inception-ResNet-v2 encoder",
        "deblurgan",
        {"fpn.inception.conv2d_1a.conv.weight": (32, 3, 3, 3), "final.weight": None},
    ),
)


def example(card: ModelCard) -> tuple[nn.Module, list[Tensor]]:
    """A card's network with random weights, and a padded picture of 1280 x 720 pixels in [-1, 1]."""
    import torch

    from .network import make

    return make(card), [torch.rand(1, 3, 736, 1280) * 2 - 1]


@register(V1, V2_MOBILENET, V2_INCEPTION, example=example)
def build(card: ModelCard, state: Mapping[str, Tensor]) -> Deblur:
    """The backend of a card. Raises RuntimeError when the tensors are not exactly the network's."""
    from ...nn.layers import build_with
    from .network import Deblur, make

    return Deblur(build_with(lambda: make(card), state))


@register(MINI)
def build_mini(card: ModelCard, state: Mapping[str, Tensor]) -> TorchBackend:
    """The backend. Raises RuntimeError when the tensors are not exactly the network's."""
    from ...nn.layers import build_with
    from ...runtimes.torch import TorchBackend
    from .mini import DeblurMini

    return TorchBackend(build_with(DeblurMini, state))
