"""vae.mini: several completions of a portrait, by a conditional VAE.

Three things are asked of it: what is drawn from q(z | truth) is the truth; the prior's mean gives the mean of what may
be in the hole; and q stays near the prior, so that what is drawn from the prior is as good.
"""

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from ... import masks
from ...models.vae.network import ConditionalVAE
from .. import sources
from ..adversarial import Adversarial
from ..discriminators import PatchGAN
from ..holes import mask_of
from ..losses import charbonnier, perceptual
from ..recipe import Recipe, Term

FREE = 0.4
"""Nats that each number of the latent may carry at no cost."""


def degrade(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """HxWx3 to HxWx4: mid-grey holes, and their mask; rectangles for 70 %, strokes for the rest."""
    draw = masks.rectangles if rng.random() < 0.7 else masks.free_form
    hole = draw(rng, *image.shape[:2])[..., None]
    return np.concatenate([np.where(hole, np.float32(0.5), image), hole.astype(np.float32)], axis=2)


def colors(restored: Tensor, truth: Tensor) -> Tensor:
    """Wide enough at its bottom that the mean, not the median, of what may be in a hole is best."""
    return charbonnier(restored, truth[: len(restored)], epsilon=0.05)


def free_kl(latent: Tensor, truth: Tensor, free: float = FREE) -> Tensor:
    """KL from N(0, 1), summed over the latent's numbers, each of which pays only for what is above `free` nats.

    latent: N x 2Z, means and logarithms of variances; each number's KL is the batch's mean, as in Kingma et al.
    (arXiv:1606.04934, equation 15). With `free` = 0 it is `losses.kl`. The truth is not used.
    """
    mean, log_variance = latent.float().chunk(2, dim=1)
    each = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean(0)
    return each.clamp_min(free).sum()


def coarse_perceptual(restored: Tensor, truth: Tensor) -> Tensor:
    """At half the size, where four times as many pictures cost as much, and as much as the network can draw."""
    return perceptual(F.avg_pool2d(restored, 2), F.avg_pool2d(truth, 2))


def discriminator() -> PatchGAN:
    """0.4 M parameters."""
    return PatchGAN(inputs=4, width=24)


RECIPE = Recipe(
    id="vae.mini",
    network=ConditionalVAE,
    data=sources.FACES,
    licenses=sources.FACES_LICENSES,
    degrade=degrade,
    degradation="1 to 4 rectangles over 5 to 40 % (70 %), brush strokes over 10 to 40 % (30 %); mid-grey inside",
    losses=(
        Term("restored", 1.0, colors),
        Term("mean", 1.0, colors, of="mean"),
        Term("kl", 5e-5, free_kl, of="latent"),
        Term("features", 1e-3, coarse_perceptual, start=0.3, every=4),
    ),
    adversarial=(
        Adversarial("patches", discriminator, "hinge", 0.02, start=0.65, rate=1e-3, of="drawn", condition=mask_of),
    ),
    limits=(
        "Portraits aligned as in FFHQ only; elsewhere it fills smoothly or draws parts of faces.",
        "Trained at 256 x 256 pixels: holes in larger pictures are filled softly.",
        "The mean completion is smooth; samples differ in expression, light and background more than in identity.",
    ),
    steps=20_000,
    crop=256,
    margin=0,
    batch=8,
    rate=1e-3,
    upright=True,
)
