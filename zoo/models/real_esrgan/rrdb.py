"""ESRGAN's generator: residual-in-residual dense blocks (RRDBNet), as Real-ESRGAN uses it."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...nn.layers import build_with, conv_of_upsampled
from ...runtimes.torch import TorchBackend

WIDTH, GROWTH, BLOCKS = 64, 32, 23
SLOPE = 0.2
RESIDUAL = 0.2
"""The share of a block's result that is added to its input."""


class DenseBlock(nn.Module):
    """Five convolutions, each of which sees the input and the results of all before it."""

    def __init__(self):
        super().__init__()
        for number in range(1, 6):
            outputs = GROWTH if number < 5 else WIDTH
            self.add_module(f"conv{number}", nn.Conv2d(WIDTH + (number - 1) * GROWTH, outputs, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        seen = x
        for number in range(1, 5):
            grown = F.leaky_relu(getattr(self, f"conv{number}")(seen), SLOPE, inplace=True)
            seen = torch.cat([seen, grown], dim=1)
        return x + RESIDUAL * self.conv5(seen)


class ResidualBlock(nn.Module):
    """Three dense blocks with a way around them."""

    def __init__(self):
        super().__init__()
        self.rdb1, self.rdb2, self.rdb3 = DenseBlock(), DenseBlock(), DenseBlock()

    def forward(self, x: Tensor) -> Tensor:
        return x + RESIDUAL * self.rdb3(self.rdb2(self.rdb1(x)))


class RRDBNet(nn.Module):
    """N x 3 x H x W RGB in [0, 1] to N x 3 x 4H x 4W."""

    def __init__(self):
        super().__init__()
        self.conv_first = nn.Conv2d(3, WIDTH, 3, padding=1)
        self.body = nn.Sequential(*(ResidualBlock() for _ in range(BLOCKS)))
        self.conv_body = nn.Conv2d(WIDTH, WIDTH, 3, padding=1)
        self.conv_up1 = nn.Conv2d(WIDTH, WIDTH, 3, padding=1)
        self.conv_up2 = nn.Conv2d(WIDTH, WIDTH, 3, padding=1)
        self.conv_hr = nn.Conv2d(WIDTH, WIDTH, 3, padding=1)
        self.conv_last = nn.Conv2d(WIDTH, 3, 3, padding=1)

    def forward(self, image: Tensor) -> Tensor:
        """See the class."""
        x = self.conv_first(image)
        x = x + self.conv_body(self.body(x))
        for conv in (self.conv_up1, self.conv_up2):
            # Nearest-neighbor enlarging and a convolution; together they need less than half of the products.
            x = F.leaky_relu(conv_of_upsampled(x, conv.weight, 2, conv.bias), SLOPE, inplace=True)
        return self.conv_last(F.leaky_relu(self.conv_hr(x), SLOPE, inplace=True))


def build_backend(state: Mapping[str, Tensor]) -> TorchBackend:
    """The backend of these tensors, under their own names or those of the ncnn file (Conv_0.weight and so on).

    Raises RuntimeError when they are not exactly the network's.
    """
    if all(name.startswith("Conv_") for name in state):
        state = _from_ncnn(state)
    return TorchBackend(build_with(RRDBNet, state))


def _from_ncnn(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under the network's own names: convolutions are numbered in the order in which they run."""

    def place(name: str) -> tuple[int, bool]:
        layer, _, kind = name.partition(".")
        return int(layer.removeprefix("Conv_")), kind == "bias"

    with torch.device("meta"):
        names = RRDBNet().state_dict()
    ordered = sorted(state, key=place)
    if len(ordered) != len(names):
        raise RuntimeError(f"{len(ordered)} tensors where the network has {len(names)}")
    return {name: state[other] for name, other in zip(names, ordered, strict=True)}
