"""The networks of DMPHN (https://arxiv.org/abs/1904.03468), with the names of the published files."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from ...card import ModelCard
from ...nn.layers import build_with
from ...runtimes.torch import TorchBackend

GRIDS = ((1, 1), (2, 1), (2, 2), (4, 2))
"""Rows and columns of patches that the encoders of levels 1 to 4 see."""


class Residual(nn.Sequential):
    """x + two 3x3 convolutions."""

    def __init__(self, channels: int):
        super().__init__(
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).add_(x)  # in place: three tensors of the picture's size at a time, not four


class Encoder(nn.Sequential):
    """N x 3 x H x W to N x 128 x H/4 x W/4."""

    def __init__(self):
        super().__init__()
        self.layer1 = nn.Conv2d(3, 32, 3, padding=1)
        self.layer2, self.layer3 = Residual(32), Residual(32)
        self.layer5 = nn.Conv2d(32, 64, 3, stride=2, padding=1)
        self.layer6, self.layer7 = Residual(64), Residual(64)
        self.layer9 = nn.Conv2d(64, 128, 3, stride=2, padding=1)
        self.layer10, self.layer11 = Residual(128), Residual(128)


class Decoder(nn.Sequential):
    """N x 128 x H/4 x W/4 to N x 3 x H x W."""

    def __init__(self):
        super().__init__()
        self.layer13, self.layer14 = Residual(128), Residual(128)
        self.layer16 = nn.ConvTranspose2d(128, 64, 4, stride=2, padding=1)
        self.layer17, self.layer18 = Residual(64), Residual(64)
        self.layer20 = nn.ConvTranspose2d(64, 32, 4, stride=2, padding=1)
        self.layer21, self.layer22 = Residual(32), Residual(32)
        self.layer24 = nn.Conv2d(32, 3, 3, padding=1)


class DMPHN(nn.Module):
    """N x 3 x H x W RGB in [-0.5, 0.5] to the same, deblurred. H is a multiple of 16, W of 8."""

    def __init__(self):
        super().__init__()
        for level in range(1, 5):
            self.add_module(f"encoder_lv{level}", Encoder())
            self.add_module(f"decoder_lv{level}", Decoder())

    def forward(self, image: Tensor) -> Tensor:
        """See the class.

        Each level adds what the one before made to the picture and its features; each decoder sees the patches that
        the next level's encoder will see.
        """
        made = features = None
        for level in range(4, 0, -1):
            given = image if made is None else image + made
            encoded = _by_patches(getattr(self, f"encoder_lv{level}"), given, GRIDS[level - 1])
            features = encoded if features is None else encoded.add_(features)
            made = _by_patches(getattr(self, f"decoder_lv{level}"), features, GRIDS[max(level - 2, 0)])
        return made


def _by_patches(network: Callable[[Tensor], Tensor], x: Tensor, grid: tuple[int, int]) -> Tensor:
    """Each of grid[0] x grid[1] equal patches through the network, and together again."""
    rows = []
    for row in x.chunk(grid[0], dim=2):
        patches = [patch.contiguous(memory_format=torch.channels_last) for patch in row.chunk(grid[1], dim=3)]
        rows.append(torch.cat([network(patch) for patch in patches], dim=3))
    return torch.cat(rows, dim=2)


def make(card: ModelCard) -> DMPHN:
    """The networks, untrained."""
    return DMPHN()


class DMPHNBackend(TorchBackend):
    """Backend of the networks."""

    def restore(self, image: Tensor, mask: Tensor | None) -> Tensor:
        """The deblurred picture, not clipped."""
        return self.network(image - 0.5) + 0.5


def build_backend(state: Mapping[str, Tensor]) -> DMPHNBackend:
    """The backend of these tensors. Raises RuntimeError when they are not exactly the networks'."""
    return DMPHNBackend(build_with(DMPHN, state))
