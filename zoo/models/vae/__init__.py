"""A conditional variational autoencoder trained here: card and builder; the networks are in `network`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ...card import ModelCard
from ...registry import register
from ...weights.bundled import trained_card

if TYPE_CHECKING:
    from torch import Tensor

    from .network import Completion

MINI = trained_card(
    "vae.mini",
    title="Conditional VAE, mini",
    tasks=("inpaint",),
    summary="Completes aligned portraits, in several different ways on request; trained here.",
    paper=(
        "Sohn, Lee, Yan, Learning Structured Output Representation using Deep Conditional Generative Models, NeurIPS "
        "2015; Kingma, Welling, Auto-Encoding Variational Bayes, ICLR 2014, https://arxiv.org/abs/1312.6114"
    ),
    stochastic=True,
    portable=("network",),
    notes=("Without samples it gives the mean of the completions that it deems possible.",),
)


@register(MINI)
def build(card: ModelCard, state: Mapping[str, Tensor]) -> Completion:
    """The backend. Raises RuntimeError when the tensors are not exactly the network's."""
    from ...nn.layers import build_with
    from .network import Completion, ConditionalVAE

    return Completion(build_with(ConditionalVAE, state))
