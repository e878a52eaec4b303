"""A convolutional encoder-decoder that mends noise, JPEG and blur together, trained by this project."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..card import ModelCard, SizeRule, Tiling, Weights
from ..registry import register

if TYPE_CHECKING:
    from torch import Tensor

    from ..unet import ShuffledUNet, UNetBackend


def make_mini() -> ShuffledUNet:
    """0.9 M parameters, at a half, a quarter and an eighth of the size."""
    from ..unet import ShuffledUNet

    return ShuffledUNet(shuffle=2, widths=(32, 64, 96), depths=(2, 2, 3))


MINI = ModelCard(
    id="autoencoder.mini",
    title="Autoencoder, mini",
    tasks=("restore",),
    license="MIT",
    commercial_use=True,
    summary="Mends noise, JPEG and moderate blur that come together, by a small residual U-Net; trained here, bundled.",
    paper=(
        "Mao, Shen, Yang, Image Restoration Using Very Deep Convolutional Encoder-Decoder Networks with Symmetric Skip "
        "Connections, NeurIPS 2016, https://arxiv.org/abs/1603.09056"
    ),
    size=SizeRule(multiple_of=8),
    tiling=Tiling(margin=128),
    weights=Weights("autoencoder.mini.safetensors", "MIT"),
    notes=(
        "Trained for minutes on a CPU; zoo/pretrained/autoencoder.mini.json says on what and how well it does.",
        "Noise that has not gone through JPEG is mostly left: in training JPEG always came last. Use nl-means there.",
        "Fine texture that noise or JPEG has covered comes back smooth; strong blur stays.",
    ),
)


@register(MINI)
def build(card: ModelCard, state: Mapping[str, Tensor]) -> UNetBackend:
    """The backend. Raises RuntimeError when the tensors are not exactly the network's."""
    from ..layers import build_with
    from ..unet import UNetBackend

    return UNetBackend(build_with(make_mini, state))
