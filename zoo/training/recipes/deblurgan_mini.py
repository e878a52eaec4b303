"""deblurgan.mini: motion blur undone, first from pixels and blurs alone, then against a double-scale PatchGAN.

The bundled weights come from three runs, each --from the one before: 29 minutes for the blurs alone in crops of 192
px and 46 minutes in crops of 320 px, both with shake, steady motion and turns at a noise up to 2 %; then 20 minutes of
what stands here.
"""

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
    """Shake of 5 to 25 px as in the scenario `motion-blur` for half; short shakes, and cameras that move and turn."""
    kind = rng.random()
    if kind < 0.5:
        return degradations.gaussian_noise(degradations.motion_blur(image, rng), rng, rng.uniform(0, 0.02))
    if kind < 0.6:
        image = degradations.motion_blur(image, rng, 0.5, 5)
    else:
        image = degradations.camera_motion(image, rng, rng.uniform(1, 20), rng.choice([1.0, degradations.GAMMA]))
    if rng.random() < 0.3:
        return degradations.poisson_noise(image, rng, rng.uniform(500, 10_000))
    return degradations.gaussian_noise(image, rng, rng.uniform(0, 0.006))


def blurs(found: Tensor, truth: Tensor) -> Tensor:
    """Of the estimated blurs (the first half) from those that lead from the truth to the input (the second)."""
    return blur_distance(*found.chunk(2))


RECIPE = Recipe(
    id="deblurgan.mini",
    network=DeblurMini,
    data=sources.NATURAL,
    licenses=sources.NATURAL_LICENSES,
    degrade=degrade,
    degradation="shake of 5 to 25 px, noise up to 2 % (50 %); with little noise, shake up to 5 px (10 %), and cameras "
    "that move, turn and come nearer (40 %)",
    losses=(
        Term("charbonnier", 1.0, charbonnier),
        Term("edge", 0.05, edge),
        Term("blurs", 0.1, blurs, of="blurs"),
    ),
    adversarial=(
        Adversarial("double scale", lambda: DoubleScale(width=16), "least-squares", weight=5e-4, start=0.9, rate=1e-3),
    ),
    limits=(
        "Trained on synthetic blur of up to 25 px, of the whole scene; noise up to 2 %, no JPEG.",
        "Long and curled shakes come out sharper, but not sharp; what is lost in noise stays lost.",
    ),
    steps=20_000,
    crop=256,
    margin=16,
    batch=6,
    rate=8e-4,
    clip=0.3,
)
