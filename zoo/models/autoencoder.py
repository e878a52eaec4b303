"""A convolutional encoder-decoder that mends noise, JPEG and blur together, trained by this project."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..card import ModelCard, SizeRule, Tiling
from ..registry import register
from ..weights.bundled import trained_card

if TYPE_CHECKING:
    from torch import Tensor

    from ..nn.unet import ShuffledUNet
    from ..runtimes.torch import TorchBackend


def make_mini() -> ShuffledUNet:
    """0.9 M parameters, at a half, a quarter and an eighth of the size."""
    from ..nn.unet import ShuffledUNet

    return ShuffledUNet(shuffle=2, widths=(32, 64, 96), depths=(2, 2, 3))


def make_nano() -> ShuffledUNet:
    """0.09 M parameters, of the same sizes: a student of `make_mini`'s network."""
    from ..nn.unet import ShuffledUNet

    return ShuffledUNet(shuffle=2, widths=(16, 24, 32), depths=(2, 1, 2))


MINI = trained_card(
    "autoencoder.mini",
    title="Autoencoder, mini",
    tasks=("restore",),
    summary="Mends noise, JPEG and moderate blur that come together, by a small residual U-Net; trained here, bundled.",
    paper=(
        "Mao, Shen, Yang, Image Restoration Using Very Deep Convolutional Encoder-Decoder Networks with Symmetric Skip "
        "Connections, NeurIPS 2016, https://arxiv.org/abs/1603.09056"
    ),
    size=SizeRule(multiple_of=8),
    tiling=Tiling(margin=128),
)


@register(MINI)
def build(card: ModelCard, state: Mapping[str, Tensor]) -> TorchBackend:
    """The backend. Raises RuntimeError when the tensors are not exactly the network's."""
    from ..nn.layers import build_with
    from ..runtimes.torch import TorchBackend

    return TorchBackend(build_with(make_mini, state))
