"""EdgeConnect in small, trained by this project: one network draws the edges in the hole, a second one the colors.

What EdgeConnect (arXiv:1901.00212) does with two networks of 11 M parameters each, on a quarter of the size and from
a smooth fill instead of an empty hole.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..card import ModelCard, SizeRule, Tiling, Weights
from ..layers import NetworkBackend, build_with
from ..registry import register
from ..unet import ShuffledUNet

LEVELS = 6
"""Halvings of the pyramid that holes are first filled from."""


def smooth_fill(image: Tensor, known: Tensor) -> Tensor:
    """Fill what is not known from ever larger surroundings; N x 3 x H x W, N x 1 x H x W (1 = known).

    A pyramid of means over known pixels; every hole takes the finest level that knows something there (Burt's
    pull-push, in the form of Gortler et al., "The Lumigraph", SIGGRAPH 1996). H and W are multiples of 64.
    """
    mean = (image * known).sum((2, 3), keepdim=True) / known.sum((2, 3), keepdim=True).clamp_min(1)
    colors, weights = [image * known], [known]
    for _ in range(LEVELS):
        weight = F.avg_pool2d(weights[-1], 2)
        color = F.avg_pool2d(colors[-1], 2)
        share = weight.clamp(max=1 / 4) * 4  # one known pixel of four is enough to be known
        colors.append(color / weight.clamp_min(1e-6) * share)
        weights.append(share)
    filled = colors[-1] + (1 - weights[-1]) * mean
    for color, weight in zip(colors[-2::-1], weights[-2::-1], strict=True):
        larger = F.interpolate(filled, scale_factor=2, mode="bilinear", align_corners=False)
        filled = color + (1 - weight) * larger
    return filled


def edge_map(image: Tensor) -> Tensor:
    """How much of an edge there is at each pixel: Sobel's gradient of the luma, N x 1 x H x W in [0, 1)."""
    luma = (image * image.new_tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1, keepdim=True)
    across = image.new_tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]).div(8)
    kernels = torch.stack([across, across.T])[:, None]
    gradient = F.conv2d(F.pad(luma, (1, 1, 1, 1), mode="replicate"), kernels)
    return torch.tanh(4 * gradient.square().sum(1, keepdim=True).add(1e-6).sqrt())


class EdgeConnectMini(nn.Module):
    """N x 4 x H x W (RGB in [0, 1] with anything in the holes, mask with 1 = hole) to N x 4 x H x W.

    What comes out is RGB, with the known pixels as they were, and the edges that the first network drew. H and W are
    multiples of 64.
    """

    def __init__(self):
        super().__init__()
        self.edge = ShuffledUNet(4, (32, 64, 96), (1, 1, 2), inputs=5, outputs=1)
        self.inpaint = ShuffledUNet(4, (48, 96, 128, 128), (1, 2, 2, 3), inputs=5)

    def forward(self, x: Tensor) -> Tensor:
        image, mask = x[:, :3], x[:, 3:]
        filled = smooth_fill(image, 1 - mask)
        known_edges = edge_map(filled) * (1 - mask)
        drawn = known_edges + mask * self.edge.result(torch.cat([filled, mask, known_edges], dim=1)).sigmoid()
        restored = self.inpaint(torch.cat([filled, mask, drawn], dim=1))
        return torch.cat([torch.where(mask > 0, restored, image), drawn], dim=1)


class Inpainting(NetworkBackend):
    """Backend: RGB in [0, 1] and a mask, 1 = hole, to RGB in [0, 1] with only the holes replaced."""

    def restore(self, image: Tensor, mask: Tensor) -> Tensor:
        return self.network(torch.cat([image, (mask > 0).to(image.dtype)], dim=1))[:, :3]


MINI = ModelCard(
    id="edgeconnect.mini",
    title="EdgeConnect, mini",
    tasks=("inpaint",),
    license="MIT",
    commercial_use=True,
    summary="Draws the edges inside the holes first, then the colors, in small; trained here and bundled.",
    paper=(
        "Nazeri et al., EdgeConnect: Generative Image Inpainting with Adversarial Edge Learning, ICCV Workshops 2019, "
        "https://arxiv.org/abs/1901.00212"
    ),
    size=SizeRule(multiple_of=2**LEVELS),
    tiling=Tiling(margin=256, exact=False),
    weights=Weights("edgeconnect.mini.safetensors", "MIT"),
    notes=(
        "Trained for minutes on a CPU; zoo/pretrained/edgeconnect.mini.json says on what and how well it does.",
        "Large holes are filled smoothly: no texture and no objects are invented.",
    ),
)


@register(MINI)
def build(card: ModelCard, state: Mapping[str, Tensor]) -> Inpainting:
    """The backend. Raises RuntimeError when the tensors are not exactly the network's."""
    return Inpainting(build_with(EdgeConnectMini, state))
