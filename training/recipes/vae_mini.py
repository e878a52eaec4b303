"""vae.mini: several completions of a portrait, by a conditional VAE.

Its losses: the reconstruction from a sample of q(z | target), that from the prior's mean (which gives the mean of the
possible contents), and the KL divergence, which keeps q near the prior, from which inference samples.
"""

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from zoo.io import masks
from zoo.models.vae.network import ConditionalVAE

from .. import sources
from ..adversarial import Adversarial
from ..discriminators import PatchGAN
from ..holes import mask_of
from ..losses import charbonnier, perceptual
from ..recipe import Recipe, Term, register

FREE = 0.4
"""Free nats of each latent variable (free bits)."""


def degrade(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """HxWx3 to HxWx4: the picture with mid-grey holes, and the mask: rectangles (70 %) or brush strokes."""
    draw = masks.rectangles if rng.random() < 0.7 else masks.free_form
    hole = draw(rng, *image.shape[:2])[..., None]
    return np.concatenate([np.where(hole, np.float32(0.5), image), hole.astype(np.float32)], axis=2)


def colors(restored: Tensor, target: Tensor) -> Tensor:
    """Charbonnier with a large epsilon: nearly quadratic, so that the mean of the possible contents minimizes it."""
    return charbonnier(restored, target[: len(restored)], epsilon=0.05)


def free_kl(latent: Tensor, target: Tensor, free: float = FREE) -> Tensor:
    """KL divergence from N(0, 1) with free bits: summed over the latent variables, each at least `free` nats.

    latent: N x 2Z, means and log variances; the KL of each variable is the mean over the batch, as in Kingma et al.
    (arXiv:1606.04934, equation 15). With `free` = 0 it is `losses.kl`. The target is not used.
    """
    mean, log_variance = latent.float().chunk(2, dim=1)
    each = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean(0)
    return each.clamp_min(free).sum()


def coarse_perceptual(restored: Tensor, target: Tensor) -> Tensor:
    """`losses.perceptual` at half the size: the network draws no finer detail, and it costs a quarter."""
    return perceptual(F.avg_pool2d(restored, 2), F.avg_pool2d(target, 2))


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
        Adversarial(
            "patches", discriminator, "hinge", 0.02, start=0.65, learning_rate=1e-3, of="drawn", condition=mask_of
        ),
    ),
    limits=(
        "Portraits aligned as in FFHQ only; elsewhere it fills smoothly or draws parts of faces.",
        "Trained at 256 x 256 pixels: holes in larger pictures are filled softly.",
        "The mean completion is smooth; samples differ in expression, light and background more than in identity.",
    ),
    steps=20_000,
    crop=256,
    margin=0,
    batch_size=8,
    learning_rate=1e-3,
    upright=True,
)
register(RECIPE)
