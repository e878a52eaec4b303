"""Training against a discriminator: the losses of both sides, and the opponent's own optimizer and state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .discriminators import Judgement

KINDS = ("hinge", "least-squares", "wasserstein")


def _as_it_is(picture: Tensor) -> Tensor:
    return picture


@dataclass(frozen=True)
class Adversarial:
    """How a recipe sets a discriminator against its network."""

    name: str
    discriminator: Callable[[], nn.Module]
    kind: str
    """hinge (Lim and Ye, arXiv:1705.02894), least-squares (Mao et al., arXiv:1611.04076), or wasserstein (with its
    gradient penalty: Gulrajani et al., arXiv:1704.00028)."""
    weight: float
    start: float
    """Progress of the run from which it counts: before, the network learns from the truth alone."""
    rate: float
    """Highest learning rate of the discriminator; it follows the run's cosine."""
    of: str = "restored"
    """Which output of the network is judged."""
    real: Callable[[Tensor], Tensor] = _as_it_is
    """What of the truth it is compared with."""
    condition: Callable[[Tensor], Tensor] | None = None
    """(the network's input) -> further channels that the discriminator sees, such as the mask."""
    matching: float = 0.0
    """Weight of feature matching (Wang et al., pix2pixHD, arXiv:1711.11585, equation 4)."""
    r1: float = 0.0
    """Weight of the R1 penalty (Mescheder et al., arXiv:1801.04406), which comes every 16 steps, 16 times as large."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown kind of adversarial loss '{self.kind}': {', '.join(KINDS)}")


def network_loss(kind: str, fake: Judgement) -> Tensor:
    """What the network pays for what is told from the truth; mean over scores and scales."""
    scores = [scale[-1].float() for scale in fake]
    losses = [(s - 1).square().mean() if kind == "least-squares" else -s.mean() for s in scores]
    return torch.stack(losses).mean()


def discriminator_loss(kind: str, real: Judgement, fake: Judgement) -> Tensor:
    """What the discriminator pays for what it does not tell; without penalties."""
    losses = []
    for r, f in ((a[-1].float(), b[-1].float()) for a, b in zip(real, fake, strict=True)):
        if kind == "hinge":
            losses.append(F.relu(1 - r).mean() + F.relu(1 + f).mean())
        elif kind == "least-squares":
            losses.append((r - 1).square().mean() + f.square().mean())
        else:
            losses.append(f.mean() - r.mean())
    return torch.stack(losses).mean()


def feature_matching(real: Judgement, fake: Judgement) -> Tensor:
    """The mean absolute difference of the discriminator's features; no gradient goes into the real ones."""
    losses = [F.l1_loss(f.float(), r.detach().float())
              for a, b in zip(real, fake, strict=True) for r, f in zip(a[:-1], b[:-1], strict=True)]  # fmt: skip
    return torch.stack(losses).mean()


def slope(discriminator: nn.Module, pictures: Tensor) -> Tensor:
    """The norm of the scores' gradient by each picture, summed over scales; N."""
    pictures = pictures.detach().float().requires_grad_(True)
    total = torch.stack([scale[-1].sum() for scale in discriminator(pictures)]).sum()
    (gradient,) = torch.autograd.grad(total, pictures, create_graph=True)
    return gradient.flatten(1).square().sum(1).add(1e-12).sqrt()


class Opponent:
    """A discriminator at work: it lends its judgement to the network's loss and learns from the same batch."""

    EVERY = 16
    """Steps between R1 penalties ("lazy regularization", Karras et al., arXiv:1912.04958, section 3.1)."""
    PENALTY = 10.0
    """Weight of the Wasserstein gradient penalty."""

    def __init__(self, settings: Adversarial, seed: int, device: torch.device, dtype: torch.dtype):
        self.settings, self.device, self.dtype = settings, device, dtype
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.discriminator = settings.discriminator().to(device, memory_format=torch.channels_last)
        self.optimizer = torch.optim.Adam(self.discriminator.parameters(), lr=settings.rate, betas=(0.5, 0.99))
        self.steps = 0

    def views(self, outputs: dict[str, Tensor], truth: Tensor, given: Tensor) -> tuple[Tensor, Tensor]:
        """(fake, real) as the discriminator sees them."""
        both = (outputs[self.settings.of], self.settings.real(truth))
        if self.settings.condition is None:
            return both
        condition = self.settings.condition(given)
        return tuple(torch.cat([picture, condition], dim=1) for picture in both)

    def judge(self, picture: Tensor) -> Judgement:
        """The discriminator's judgement, in the run's precision."""
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
            return self.discriminator(picture)

    def loss(self, fake: Tensor, real: Tensor) -> Tensor:
        """What the network pays, weights included."""
        self.discriminator.requires_grad_(False)
        judged = self.judge(fake)
        loss = self.settings.weight * network_loss(self.settings.kind, judged)
        if self.settings.matching:
            with torch.no_grad():
                wanted = self.judge(real)
            loss = loss + self.settings.matching * feature_matching(wanted, judged)
        return loss

    def learn(self, fake: Tensor, real: Tensor, share: float) -> float:
        """One step of the discriminator at this share of its highest rate; returns its loss, without penalties."""
        settings = self.settings
        self.discriminator.requires_grad_(True)
        for group in self.optimizer.param_groups:
            group["lr"] = settings.rate * share
        loss = total = discriminator_loss(settings.kind, self.judge(real.detach()), self.judge(fake.detach()))
        if settings.kind == "wasserstein":
            mix = ((torch.arange(len(real), device=real.device) + 0.5) / len(real)).view(-1, 1, 1, 1)
            between = torch.lerp(real.detach(), fake.detach(), mix)
            total = total + self.PENALTY * (slope(self.discriminator, between) - 1).square().mean()
        if settings.r1 and self.steps % self.EVERY == 0:
            penalty = slope(self.discriminator, real).square().mean() / 2
            total = total + self.EVERY * settings.r1 * penalty
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        self.optimizer.step()
        self.steps += 1
        return float(loss.detach())

    def state(self) -> dict[str, Any]:
        """What a checkpoint holds of it."""
        return {
            "network": self.discriminator.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "steps": self.steps,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Go on from what a checkpoint held."""
        self.discriminator.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.steps = state["steps"]
