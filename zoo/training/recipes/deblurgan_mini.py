"""deblurgan.mini: motion blur undone, first from pixels and blurs alone, then against a double-scale PatchGAN.

The bundled weights come from a chain of runs, each --from the one before. Three, of 95 minutes together, had blurs that
were read from one window alone; one of 16 minutes, and then one of 60 for nothing but the blurs, of a window and its
surroundings; beside the last, 75 minutes for nothing but the U-Net. Put together, they were trained by what stands
here.
"""

import numpy as np

from ... import degradations
from ...chains import get_chain
from ...models.deblurgan.mini import DeblurMini
from .. import sources
from ..adversarial import Adversarial
from ..discriminators import DoubleScale
from ..losses import charbonnier, edge
from ..recipe import Recipe, Term


def degrade(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The chain `motion-blur`; short shakes; cameras that move, and things before them."""
    kind = rng.random()
    if kind < 0.35:
        return get_chain("motion-blur")(image, rng)
    gamma = rng.uniform(1, degradations.GAMMA)
    if kind < 0.4:
        image = degradations.motion_blur(image, rng, 0.5, 5)
    elif kind < 0.6:
        image = degradations.camera_motion(image, rng, 20 * rng.random() ** 1.5, gamma)
    else:  # short paths more often than long ones, as in videos
        image = degradations.scene_motion(image, rng, tuple(25 * rng.random(2) ** 2), gamma)
    if rng.random() < 0.3:
        return degradations.poisson_noise(image, rng, rng.uniform(500, 10_000))
    return degradations.gaussian_noise(image, rng, rng.uniform(0, 0.006))


RECIPE = Recipe(
    id="deblurgan.mini",
    network=DeblurMini,
    data=sources.NATURAL,
    licenses=sources.NATURAL_LICENSES,
    degrade=degrade,
    degradation="shake of 5 to 25 px, noise up to 2 % (35 %); with little noise, shake up to 5 px (5 %), cameras that "
    "move, turn and come nearer (20 %), and things that move before them (40 %)",
    losses=(
        Term("charbonnier", 1.0, charbonnier),
        Term("edge", 0.05, edge),
        Term("blurs", 0.1, lambda errors, truth: errors.mean(), of="blurs"),
    ),
    adversarial=(
        Adversarial("double scale", lambda: DoubleScale(width=16), "least-squares", weight=5e-4, start=0.9, rate=1e-3),
    ),
    limits=(
        "Trained on synthetic blur of up to 25 px; noise up to 2 %, no JPEG.",
        "Long and curled shakes come out sharper, but not sharp; what is lost in noise stays lost.",
        "Blurs are estimated in windows of 192 px: where two motions meet in one, it is given one blur.",
    ),
    steps=20_000,
    crop=384,
    margin=16,
    batch=4,
    rate=8e-4,
    clip=0.3,
)
