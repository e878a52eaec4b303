"""Small random convolutional networks and the cards that go with them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from zoo.card import ModelCard, SizeRule, Tiling
from zoo.restorer import Restorer
from zoo.runtimes import Backend, FunctionBackend
from zoo.runtimes.torch import TorchBackend


def amplify(network: nn.Module, factor: float) -> None:
    """Make far pixels count: default weights shrink the signal from layer to layer."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter *= factor


class Plain(nn.Module):
    """Three 5 x 5 convolutions: no output depends on input farther away than 6 pixels."""

    reach = 6

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.network = nn.Sequential(
            nn.Conv2d(3, 8, 5, padding=2), nn.ReLU(), nn.Conv2d(8, 8, 5, padding=2), nn.ReLU(),
            nn.Conv2d(8, 3, 5, padding=2),
        )  # fmt: skip
        amplify(self.network, 2.0)

    def forward(self, image: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        return (image + self.network(image)).clamp(0, 1)


class Strided(nn.Module):
    """Down by 8 and up again, so it needs multiples of 8 and sees the picture on a grid of 8 pixels.

    The coarsest features see 22 pixels, so reach 11; the upward steps mix in neighbors 8 + 4 + 2 pixels away.
    """

    reach = 26

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.network = nn.Sequential(
            nn.Conv2d(3, 8, 4, stride=2, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 4, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(8, 8, 4, stride=2, padding=1), nn.ReLU(), nn.ConvTranspose2d(8, 8, 4, stride=2, padding=1),
            nn.ReLU(), nn.ConvTranspose2d(8, 8, 4, stride=2, padding=1), nn.ReLU(),
            nn.ConvTranspose2d(8, 3, 4, stride=2, padding=1),
        )  # fmt: skip
        amplify(self.network, 2.5)

    def forward(self, image: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        assert image.shape[2] % 8 == image.shape[3] % 8 == 0
        return (image + self.network(image)).clamp(0, 1)


class Twice(Plain):
    """Twice as large: nearest neighbors behind the plain network."""

    def forward(self, image: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        return F.interpolate(super().forward(image, mask), scale_factor=2)


def card(id: str = "test", **facts) -> ModelCard:
    """A card with the facts that matter to a test."""
    return ModelCard(**{"id": id, "title": "Test", "tasks": ("deblur",), "license": "MIT", **facts})


class ModuleBackend(TorchBackend):
    """A module that takes whole batches, (image, mask) to image."""

    channels_last = False

    def run(self, image: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        return self.network(image, mask)


def backend_of(model) -> Backend:
    """A backend of a module or a function, (image, mask) to image."""
    return ModuleBackend(model) if isinstance(model, nn.Module) else FunctionBackend(model)


def restorer(model, tile="auto", **facts) -> Restorer:
    """A Restorer of a module or a function, on the CPU."""
    return Restorer(card(**facts), backend_of(model), device="cpu", tile=tile)


NETWORKS = {
    "plain": (Plain, {"tiling": Tiling(margin=Plain.reach)}),
    "strided": (Strided, {"tiling": Tiling(margin=Strided.reach), "size": SizeRule(multiple_of=8)}),
    "twice": (Twice, {"tiling": Tiling(margin=Plain.reach), "scale": 2}),
}
