"""Small networks with random weights, as backends that other runtimes can carry out."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.zoo.networks import card
from zoo.card import SizeRule
from zoo.runtimes.session import SessionBackend
from zoo.runtimes.torch import TorchBackend


class Small(nn.Module):
    """Down by 2 and up again, with a sum over channels; sides are even."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Conv2d(12, 8, 3, padding=1)
        self.inner = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1))
        self.last = nn.Conv2d(8, 12, 3, padding=1)

    def forward(self, image: Tensor) -> Tensor:
        x = F.relu(self.first(F.pixel_unshuffle(image, 2)))
        return image + F.pixel_shuffle(self.last(x + self.inner(x)), 2)


class SmallBackend(TorchBackend):
    """Takes RGB in [-1, 1] inside; a mask makes what it covers white first."""

    def restore(self, image: Tensor, mask: Tensor | None) -> Tensor:
        if mask is not None:
            image = torch.where(mask > 0, torch.ones_like(image), image)
        return self.network(image * 2 - 1).add(1).mul(0.5)


class ByMean(SmallBackend):
    """What it does depends on values of its input, which no exported graph can."""

    def restore(self, image: Tensor, mask: Tensor | None) -> Tensor:
        return image if image.mean() > 0.5 else self.network(image)


class Noisy(SmallBackend):
    """Two runs give two results."""

    def restore(self, image: Tensor, mask: Tensor | None) -> Tensor:
        return self.network(image) + torch.rand_like(image)


class BySize(SmallBackend):
    """Takes another way with wide pictures, so that no exported graph fits all sizes."""

    def restore(self, image: Tensor, mask: Tensor | None) -> Tensor:
        return self.network(image) if image.shape[3] > 40 else self.network(image).neg()


def made(kind: type[TorchBackend] = SmallBackend) -> TorchBackend:
    """A backend with the same weights every time."""
    return kind(Small())


def sessions(
    runtime: str, precision: str = "fp32", kind: type[TorchBackend] = SmallBackend, sha256: str | None = None, **options
) -> SessionBackend:
    """The backend as a runtime carries it out."""
    facts = {"size": SizeRule(multiple_of=2), **options.pop("facts", {})}
    return SessionBackend(card(**facts), made(kind), runtime, precision, sha256, **options)


def apart(one: Tensor, other: Tensor) -> float:
    """The largest difference in standard deviations."""
    return float((one - other).abs().max() / other.std())


def picture(height: int, width: int) -> Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(height * 1000 + width))
