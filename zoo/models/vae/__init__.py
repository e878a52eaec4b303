"""A conditional variational autoencoder trained here: card and builder; the networks are in `network`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ...card import ModelCard, Weights
from ...registry import register

if TYPE_CHECKING:
    from torch import Tensor

    from .network import Completion

MINI = ModelCard(
    id="vae.mini",
    title="Conditional VAE, mini",
    tasks=("inpaint",),
    license="MIT",
    commercial_use=True,
    summary="Completes aligned portraits, in several different ways on request; trained here.",
    paper=(
        "Sohn, Lee, Yan, Learning Structured Output Representation using Deep Conditional Generative Models, NeurIPS "
        "2015; Kingma, Welling, Auto-Encoding Variational Bayes, ICLR 2014, https://arxiv.org/abs/1312.6114"
    ),
    weights=Weights("vae.mini.safetensors", "MIT"),
    stochastic=True,
    notes=(
        "For portraits only, aligned as in FFHQ: eyes and mouth where they are in its training pictures.",
        "It works at 256 x 256 pixels, whatever the picture's size, so holes in larger pictures are filled softly.",
        "Without samples it gives the mean of what it deems possible, which is right on average and smooth.",
    ),
)


@register(MINI)
def build(card: ModelCard, state: Mapping[str, Tensor]) -> Completion:
    """The backend. Raises RuntimeError when the tensors are not exactly the network's."""
    from ...layers import build_with
    from .network import Completion, ConditionalVAE

    return Completion(build_with(ConditionalVAE, state))
