"""deblurgan.mini: motion blur undone, first from pixels and blurs alone, then against a double-scale PatchGAN."""

import numpy as np
from torch import Tensor

from ... import degradations
from ...blind_deconvolution import blur_distance
from ...models.deblurgan_mini import DeblurMini
from .. import sources
from ..adversarial import Adversarial
from ..discriminators import DoubleScale
from ..losses import charbonnier, edge
from ..recipe import Recipe, Term


def degrade(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Shake of 5 to 25 px as in the scenario `motion-blur` for most; short shakes, steady motion and turns for some."""
    kind = rng.random()
    if kind < 0.7:
        image = degradations.motion_blur(image, rng)
    elif kind < 0.8:
        image = degradations.motion_blur(image, rng, 0.5, 5)
    elif kind < 0.9:
        kernel = degradations.linear_kernel(rng.uniform(3, 20), rng.uniform(0, np.pi))
        image = degradations.blur(image, kernel)
    else:
        height, width = image.shape[:2]
        center = (width * rng.uniform(-0.5, 1.5), height * rng.uniform(-0.5, 1.5))
        image = degradations.rotation_blur(image, rng.uniform(5, 20) / np.hypot(height, width), center)
    return degradations.gaussian_noise(image, rng, rng.uniform(0, 0.02))


def blurs(found: Tensor, truth: Tensor) -> Tensor:
    """Of the estimated blurs (the first half) from those that lead from the truth to the input (the second)."""
    return blur_distance(*found.chunk(2))


RECIPE = Recipe(
    id="deblurgan.mini",
    network=DeblurMini,
    data=sources.NATURAL,
    licenses=sources.NATURAL_LICENSES,
    degrade=degrade,
    degradation="shake of 5 to 25 px (70 %), shake up to 5 px, steady motion, turns (10 % each); noise up to 2 %",
    losses=(
        Term("charbonnier", 1.0, charbonnier),
        Term("edge", 0.05, edge),
        Term("blurs", 0.1, blurs, of="blurs"),
    ),
    adversarial=(
        Adversarial("double scale", lambda: DoubleScale(width=16), "least-squares", weight=5e-4, start=0.9, rate=1e-3),
    ),
    limits=(
        "Trained on synthetic blur of up to 25 px, nearly the same all over a crop; noise up to 2 %, no JPEG.",
        "Long and curled shakes come out sharper, but not sharp; what is lost in noise stays lost.",
    ),
    steps=20_000,
    crop=320,
    margin=16,
    batch=6,
    rate=1e-3,
    clip=0.3,
)
