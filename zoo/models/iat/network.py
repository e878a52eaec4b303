"""The network of IAT (https://arxiv.org/abs/2205.14871), with the names of the published files."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...nn.layers import build_with
from ...runtimes.torch import TorchBackend

WIDTH = 16
"""Channels of the local branch."""
QUERIES = 10
"""Of the global branch: one for the gamma, nine for the color matrix."""
DIM, HEADS = 64, 4
"""Channels and attention heads of the global branch."""
REACH = 11
"""Pixels around a pixel that the local branch sees: three blocks of a 3x3 and a 5x5, and two more 3x3."""
BAND_PIXELS = 1 << 20
"""The local branch computes bands of rows of about so many pixels: its widest features take 256 bytes a pixel."""


class Affine(nn.Module):
    """Mixes the channels by a matrix, then scales and shifts them (the paper's light normalization)."""

    def __init__(self, channels: int):
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(1, 1, channels))
        self.beta = nn.Parameter(torch.zeros(1, 1, channels))
        self.color = nn.Parameter(torch.eye(channels))

    def forward(self, x: Tensor) -> Tensor:
        weight = self.color * self.alpha.view(-1, 1)
        return F.conv2d(x, weight[..., None, None], self.beta.flatten())


class PixelMLP(nn.Module):
    """Two 1x1 convolutions."""

    def __init__(self, channels: int, hidden: int):
        super().__init__()
        self.fc1 = nn.Conv2d(channels, hidden, 1)
        self.fc2 = nn.Conv2d(hidden, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x)))


class LocalBlock(nn.Module):
    """A transformer block with a depth-wise 5x5 convolution in the attention's place."""

    def __init__(self, channels: int):
        super().__init__()
        self.gamma_1 = nn.Parameter(torch.ones(1, channels, 1, 1))
        self.gamma_2 = nn.Parameter(torch.ones(1, channels, 1, 1))
        self.pos_embed = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
        self.norm1 = Affine(channels)
        self.conv1 = nn.Conv2d(channels, channels, 1)
        self.conv2 = nn.Conv2d(channels, channels, 1)
        self.attn = nn.Conv2d(channels, channels, 5, padding=2, groups=channels)
        self.norm2 = Affine(channels)
        self.mlp = PixelMLP(channels, 4 * channels)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.pos_embed(x)
        x = x + self.gamma_1 * self.conv2(self.attn(self.conv1(self.norm1(x))))
        return x + self.gamma_2 * self.mlp(self.norm2(x))


class LocalBranch(nn.Module):
    """N x 3 x H x W RGB in [0, 1] to what each value is multiplied by (0 and up), and what is added ([-1, 1])."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, WIDTH, 3, padding=1)
        self.mul_blocks = nn.Sequential(*(LocalBlock(WIDTH) for _ in range(3)))
        self.add_blocks = nn.Sequential(*(LocalBlock(WIDTH) for _ in range(3)))
        self.mul_end = nn.Sequential(nn.Conv2d(WIDTH, 3, 3, padding=1), nn.ReLU())
        self.add_end = nn.Sequential(nn.Conv2d(WIDTH, 3, 3, padding=1), nn.Tanh())

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """See the class."""
        x = F.leaky_relu(self.conv1(image), 0.2)
        return self.mul_end(self.mul_blocks(x) + x), self.add_end(self.add_blocks(x) + x)


class QueryAttention(nn.Module):
    """Attention of ten learned queries over the picture's features: N x L x 64 to N x 10 x 64."""

    def __init__(self):
        super().__init__()
        self.q = nn.Parameter(torch.ones(1, QUERIES, DIM))
        self.k = nn.Linear(DIM, DIM, bias=False)
        self.v = nn.Linear(DIM, DIM, bias=False)
        self.proj = nn.Linear(DIM, DIM)

    def forward(self, x: Tensor) -> Tensor:
        def heads(tokens: Tensor) -> Tensor:
            return tokens.unflatten(-1, (HEADS, -1)).transpose(1, 2)

        queries = self.q.expand(len(x), -1, -1)
        seen = F.scaled_dot_product_attention(heads(queries), heads(self.k(x)), heads(self.v(x)))
        return self.proj(seen.transpose(1, 2).flatten(2))


class TokenMLP(nn.Module):
    """Two fully connected layers."""

    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(DIM, 4 * DIM)
        self.fc2 = nn.Linear(4 * DIM, DIM)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x)))


class QueryBlock(nn.Module):
    """N x 64 x H x W features to N x 10 x 64 tokens."""

    def __init__(self):
        super().__init__()
        self.pos_embed = nn.Conv2d(DIM, DIM, 3, padding=1, groups=DIM)
        self.norm1 = nn.LayerNorm(DIM)
        self.attn = QueryAttention()
        self.norm2 = nn.LayerNorm(DIM)
        self.mlp = TokenMLP()

    def forward(self, x: Tensor) -> Tensor:
        tokens = (x + self.pos_embed(x)).flatten(2).transpose(1, 2)
        x = self.attn(self.norm1(tokens))
        return x + self.mlp(self.norm2(x))


class GlobalBranch(nn.Module):
    """N x 3 x H x W RGB in [0, 1] to a gamma (N) and a color matrix (N x 3 x 3) for the whole picture."""

    def __init__(self):
        super().__init__()
        self.gamma_base = nn.Parameter(torch.ones(1))
        self.color_base = nn.Parameter(torch.eye(3))
        self.conv_large = nn.Module()
        self.conv_large.proj = nn.Sequential(
            nn.Conv2d(3, DIM // 2, 3, stride=2, padding=1),
            nn.BatchNorm2d(DIM // 2),
            nn.GELU(),
            nn.Conv2d(DIM // 2, DIM, 3, stride=2, padding=1),
            nn.BatchNorm2d(DIM),
        )
        self.generator = QueryBlock()
        self.gamma_linear = nn.Linear(DIM, 1)
        self.color_linear = nn.Linear(DIM, 1)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """See the class."""
        tokens = self.generator(self.conv_large.proj(image))
        gamma = self.gamma_linear(tokens[:, 0]).squeeze(1) + self.gamma_base
        return gamma, self.color_linear(tokens[:, 1:]).view(-1, 3, 3) + self.color_base


class IAT(nn.Module):
    """N x 3 x H x W RGB in [0, 1] to the same with corrected light. H and W are at least 8."""

    def __init__(self):
        super().__init__()
        self.local_net = LocalBranch()
        self.global_net = GlobalBranch()

    def forward(self, image: Tensor) -> Tensor:
        """See the class."""
        gamma, color = self.global_net(image)
        rows = max(1, BAND_PIXELS // image.shape[-1])
        bands = []
        for top in range(0, image.shape[-2], rows):
            above = min(top, REACH)
            band = image[:, :, top - above : top + rows + REACH]
            corrected = self._corrected(band, gamma, color)
            bands.append(corrected[:, :, above : above + min(rows, image.shape[-2] - top)])
        return torch.cat(bands, dim=2)

    def _corrected(self, image: Tensor, gamma: Tensor, color: Tensor) -> Tensor:
        multiplied, added = self.local_net(image)
        mixed = torch.einsum("nkc,nchw->nkhw", color, image * multiplied + added)
        return mixed.clamp(1e-8, 1).pow(gamma.view(-1, 1, 1, 1))


def build_backend(state: Mapping[str, Tensor]) -> TorchBackend:
    """The backend of these tensors. Raises RuntimeError when they are not exactly the network's."""
    return TorchBackend(build_with(IAT, state))
