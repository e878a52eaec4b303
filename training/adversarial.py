"""Adversarial training: the generator's and the discriminator's losses, and the discriminator's optimizer and state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .discriminators import Features

KINDS = ("hinge", "least-squares", "wasserstein")


def _unchanged(picture: Tensor) -> Tensor:
    return picture


@dataclass(frozen=True)
class Adversarial:
    """One adversarial loss of a recipe, with its discriminator."""

    name: str
    discriminator: Callable[[], nn.Module]
    kind: str
    """hinge (Lim and Ye, arXiv:1705.02894), least-squares (Mao et al., arXiv:1611.04076), or wasserstein (with its
    gradient penalty: Gulrajani et al., arXiv:1704.00028)."""
    weight: float
    start: float
    """Progress of the run (0 to 1) from which it is applied; before that, the generator has only the other losses."""
    learning_rate: float
    """Peak learning rate of the discriminator; it follows the run's schedule."""
    of: str = "restored"
    """Which output of the network the discriminator sees."""
    real: Callable[[Tensor], Tensor] = _unchanged
    """target -> the real example of that output, such as the target's edge map."""
    condition: Callable[[Tensor], Tensor] | None = None
    """(the network's input) -> channels that condition the discriminator, such as the mask."""
    matching: float = 0.0
    """Weight of feature matching (Wang et al., pix2pixHD, arXiv:1711.11585, equation 4)."""
    r1: float = 0.0
    """Weight of the R1 penalty (Mescheder et al., arXiv:1801.04406), every 16 steps with 16 times the weight."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown kind of adversarial loss '{self.kind}': {', '.join(KINDS)}")


def generator_loss(kind: str, fake: Features) -> Tensor:
    """The generator's adversarial loss of that kind, without its weight; mean over scores and scales."""
    scores = [scale[-1].float() for scale in fake]
    losses = [(s - 1).square().mean() if kind == "least-squares" else -s.mean() for s in scores]
    return torch.stack(losses).mean()


def discriminator_loss(kind: str, real: Features, fake: Features) -> Tensor:
    """The discriminator's loss of that kind, without penalties; mean over scores and scales."""
    losses = []
    for r, f in ((a[-1].float(), b[-1].float()) for a, b in zip(real, fake, strict=True)):
        if kind == "hinge":
            losses.append(F.relu(1 - r).mean() + F.relu(1 + f).mean())
        elif kind == "least-squares":
            losses.append((r - 1).square().mean() + f.square().mean())
        else:
            losses.append(f.mean() - r.mean())
    return torch.stack(losses).mean()


def feature_matching(real: Features, fake: Features) -> Tensor:
    """L1 between the discriminator's features of real and generated pictures; the real ones are detached."""
    losses = [F.l1_loss(f.float(), r.detach().float())
              for a, b in zip(real, fake, strict=True) for r, f in zip(a[:-1], b[:-1], strict=True)]  # fmt: skip
    return torch.stack(losses).mean()


def gradient_norm(discriminator: nn.Module, pictures: Tensor) -> Tensor:
    """Norm of the gradient of the scores, summed over scales, with respect to each picture; shape N."""
    pictures = pictures.detach().float().requires_grad_(True)
    total = torch.stack([scale[-1].sum() for scale in discriminator(pictures)]).sum()
    (gradient,) = torch.autograd.grad(total, pictures, create_graph=True)
    return gradient.flatten(1).square().sum(1).add(1e-12).sqrt()


class DiscriminatorTrainer:
    """A discriminator with its optimizer: gives the generator's adversarial loss and is trained on the same batch."""

    R1_INTERVAL = 16
    """Steps between R1 penalties ("lazy regularization", Karras et al., arXiv:1912.04958, section 3.1)."""
    GRADIENT_PENALTY = 10.0
    """Weight of the Wasserstein gradient penalty."""

    def __init__(self, settings: Adversarial, seed: int, device: torch.device, dtype: torch.dtype):
        self.settings, self.device, self.dtype = settings, device, dtype
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.discriminator = settings.discriminator().to(device, memory_format=torch.channels_last)
        self.optimizer = torch.optim.Adam(self.discriminator.parameters(), lr=settings.learning_rate, betas=(0.5, 0.99))
        self.steps = 0

    def inputs(self, outputs: dict[str, Tensor], target: Tensor, degraded: Tensor) -> tuple[Tensor, Tensor]:
        """(fake, real): what the discriminator is shown, with the condition behind it."""
        both = (outputs[self.settings.of], self.settings.real(target))
        if self.settings.condition is None:
            return both
        condition = self.settings.condition(degraded)
        return tuple(torch.cat([picture, condition], dim=1) for picture in both)

    def features(self, picture: Tensor) -> Features:
        """The discriminator's features and scores, computed in the run's precision."""
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
            return self.discriminator(picture)

    def generator_loss(self, fake: Tensor, real: Tensor) -> Tensor:
        """The weighted adversarial and feature matching losses of the generator."""
        self.discriminator.requires_grad_(False)
        found = self.features(fake)
        loss = self.settings.weight * generator_loss(self.settings.kind, found)
        if self.settings.matching:
            with torch.no_grad():
                target = self.features(real)
            loss = loss + self.settings.matching * feature_matching(target, found)
        return loss

    def update(self, fake: Tensor, real: Tensor, schedule: float) -> float:
        """One optimizer step at `schedule` (0 to 1) times the peak learning rate; returns the loss less penalties."""
        settings = self.settings
        self.discriminator.requires_grad_(True)
        for group in self.optimizer.param_groups:
            group["lr"] = settings.learning_rate * schedule
        loss = total = discriminator_loss(settings.kind, self.features(real.detach()), self.features(fake.detach()))
        if settings.kind == "wasserstein":
            mix = ((torch.arange(len(real), device=real.device) + 0.5) / len(real)).view(-1, 1, 1, 1)
            between = torch.lerp(real.detach(), fake.detach(), mix)
            total = total + self.GRADIENT_PENALTY * (gradient_norm(self.discriminator, between) - 1).square().mean()
        if settings.r1 and self.steps % self.R1_INTERVAL == 0:
            penalty = gradient_norm(self.discriminator, real).square().mean() / 2
            total = total + self.R1_INTERVAL * settings.r1 * penalty
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        self.optimizer.step()
        self.steps += 1
        return float(loss.detach())

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint holds of it: weights, optimizer and step."""
        return {
            "network": self.discriminator.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "steps": self.steps,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from `state_dict()` of an earlier one."""
        self.discriminator.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.steps = state["steps"]
