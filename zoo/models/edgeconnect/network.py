"""EdgeConnect (2019): inpainting in two steps; one network draws the edges inside the hole, a second one the colors.

Networks and pictures are in [0, 1]; masks are 1 inside the hole.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from ...card import ModelCard
from ...layers import INFINITY, ImageNorm2d, NetworkBackend

SIGMA = 2.0
"""Blur of the Canny detector in the published configuration."""
GREY = (0.2125, 0.7154, 0.0721)
"""Weights of R, G and B in the grey that the edge network was trained on (skimage.color.rgb2gray)."""


class DilatedBlock(nn.Module):
    """x + two 3x3 convolutions, the first dilated by 2, instance-normalized (EdgeConnect, appendix A)."""

    def __init__(self, channels: int, *, bias: bool):
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.ReflectionPad2d(2),
            nn.Conv2d(channels, channels, 3, dilation=2, bias=bias),
            ImageNorm2d(channels, tracked=False, cap=INFINITY),
            nn.Identity(),
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3, bias=bias),
            ImageNorm2d(channels, tracked=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.conv_block(x).add_(x)


class Generator(nn.Module):
    """The generator of both steps: two strided convolutions, eight dilated blocks, two transposed convolutions.

    The edge network takes [masked grey, masked edges, mask] and gives the probability of an edge; the inpainting
    network takes [masked RGB, edges] and gives RGB. N x C x H x W, H and W multiples of 4, to N x C' x H x W.
    """

    def __init__(self, inputs: int, outputs: int, *, edges: bool):
        super().__init__()
        self.edges = edges

        def norm(channels: int) -> list[nn.Module]:
            return [ImageNorm2d(channels, tracked=False, cap=INFINITY), nn.Identity()]

        self.encoder = nn.Sequential(
            nn.ReflectionPad2d(3),
            nn.Conv2d(inputs, 64, 7),
            *norm(64),
            nn.Conv2d(64, 128, 4, stride=2, padding=1),
            *norm(128),
            nn.Conv2d(128, 256, 4, stride=2, padding=1),
            *norm(256),
        )
        # The edge network's convolutions were trained with spectral norm, those between two norms without a bias.
        self.middle = nn.Sequential(*(DilatedBlock(256, bias=not edges) for _ in range(8)))
        self.decoder = nn.Sequential(
            nn.ConvTranspose2d(256, 128, 4, stride=2, padding=1),
            *norm(128),
            nn.ConvTranspose2d(128, 64, 4, stride=2, padding=1),
            *norm(64),
            nn.ReflectionPad2d(3),
            nn.Conv2d(64, outputs, 7),
        )

    def forward(self, x: Tensor) -> Tensor:
        y = self.decoder(self.middle(self.encoder(x)))
        return y.sigmoid_() if self.edges else y.tanh_().add_(1).mul_(0.5)


def fold_spectral_norm(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights with their spectral norm divided out: W = W_orig / (u^T W_orig v) with the stored u and v.

    A checkpoint stores `weight_orig`, `weight_u`, `weight_v` in place of `weight` (arXiv:1802.05957, algorithm 1);
    what has been folded already is left alone.
    """
    folded = {}
    for name, tensor in state.items():
        if name.endswith(("weight_u", "weight_v")):
            continue
        if name.endswith("weight_orig"):
            stem = name.removesuffix("_orig")
            u, v = state[f"{stem}_u"], state[f"{stem}_v"]
            # The matrix has a row per output channel, which a transposed convolution stores second.
            rows = tensor if tensor.shape[0] == u.numel() else tensor.transpose(0, 1)
            sigma = torch.dot(u, rows.reshape(u.numel(), v.numel()) @ v)
            name, tensor = stem, tensor / sigma
        folded[name] = tensor
    return folded


class EdgeConnect(nn.Module):
    """Both steps. forward(image, grey, edges, mask): N x 3, 1, 1 and 1 x H x W in [0, 1], to N x 3 x H x W."""

    def __init__(self):
        super().__init__()
        self.edge = Generator(3, 1, edges=True)
        self.inpaint = Generator(4, 3, edges=False)

    def forward(self, image: Tensor, grey: Tensor, edges: Tensor, mask: Tensor) -> Tensor:
        known = 1 - mask
        drawn = self.edge(torch.cat([grey * known + mask, edges * known, mask], dim=1))
        return self.inpaint(torch.cat([image * known + mask, drawn], dim=1))


class Inpainting(NetworkBackend):
    """Backend: RGB in [0, 1] and a mask, 1 = hole, to RGB in [0, 1] with only the holes replaced."""

    def restore(self, image: Tensor, mask: Tensor) -> Tensor:
        mask = (mask > 0).to(image.dtype)
        weights = image.new_tensor(GREY).view(1, 3, 1, 1)
        grey = (image * weights).sum(1, keepdim=True)
        filled = self.network(image, grey, known_edges(grey, mask), mask)
        return torch.where(mask > 0, filled, image)


def known_edges(grey: Tensor, mask: Tensor) -> Tensor:
    """Canny edges (1) of each picture's known region, N x 1 x H x W like both arguments."""
    import numpy as np
    from skimage.feature import canny

    pictures = grey[:, 0].float().cpu().numpy()
    known = (mask[:, 0] == 0).cpu().numpy()
    edges = np.stack([canny(p, sigma=SIGMA, mask=k) for p, k in zip(pictures, known, strict=True)])
    return torch.from_numpy(edges)[:, None].to(grey)


def make(card: ModelCard) -> EdgeConnect:
    """The networks of a card, with random weights."""
    return EdgeConnect()
