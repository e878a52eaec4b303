"""deblurgan.mini: motion blur undone, that of averaged frames of moving scenes and that of shakes.

The bundled weights come in two generations. The first, of 270 minutes, had no bottleneck at a 16th of the size and
simpler motion; its recipe is this file before the change that brought `averaged_frames` here. The second, of 72 minutes
that shared their core, is what stands here, started from it with `--from deblurgan.mini`.
"""

import cv2
import numpy as np
from torch import Tensor

from zoo import degradations
from zoo.degradations.averaged_frames import averaged_frames
from zoo.degradations.chains import get_chain
from zoo.models.deblurgan.mini import DeblurMini

from .. import losses, sources
from ..recipe import Recipe, Term, register


def prepare(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Half of the pictures enlarged by 1 to 2: frames of videos are softer than photographs."""
    if rng.random() < 0.5:
        return image
    height, width = image.shape[:2]
    zoom = rng.uniform(1, 2)
    high, wide = (round(length / zoom) for length in (height, width))
    top, left = rng.integers(0, height - high + 1), rng.integers(0, width - wide + 1)
    part = image[top : top + high, left : left + wide]
    return np.clip(cv2.resize(part, (width, height), interpolation=cv2.INTER_CUBIC), 0, 1)


def degrade(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The chain `motion-blur`; averaged frames of scenes that move; short shakes."""
    kind = rng.random()
    if kind < 0.35:
        return get_chain("motion-blur")(image, rng)
    if kind < 0.4:
        image = degradations.motion_blur(image, rng, 0.5, 5)
    else:  # short paths more often than long ones, as in videos
        lengths = (50 * rng.random() ** 2, *(50 * rng.random(rng.integers(0, 3)) ** 2))
        highlights = rng.uniform(1, 4) if rng.random() < 0.3 else 1.0
        image = averaged_frames(image, rng, lengths, rng.uniform(1, degradations.GAMMA), highlights)
    if rng.random() < 0.3:
        return degradations.poisson_noise(image, rng, rng.uniform(500, 10_000))
    return degradations.gaussian_noise(image, rng, rng.uniform(0, 0.006))


def part(pictures: Tensor) -> Tensor:
    """Their middle, N x 3 x 128 x 128: VGG-19 costs several times what the network does."""
    top, left = ((length - 128) // 2 for length in pictures.shape[2:])
    return pictures[..., top : top + 128, left : left + 128]


def perceptual(restored: Tensor, target: Tensor) -> Tensor:
    """`losses.perceptual` of a part of each picture."""
    return losses.perceptual(part(restored), part(target))


RECIPE = Recipe(
    id="deblurgan.mini",
    network=DeblurMini,
    data=sources.NATURAL,
    licenses=sources.NATURAL_LICENSES,
    prepare=prepare,
    degrade=degrade,
    degradation="half of the pictures enlarged by 1 to 2; shake of 5 to 25 px, noise up to 2 % (35 %); with little "
    "noise, shake up to 5 px (5 %), averages of 7 to 13 frames of moving cameras and up to two things that move by "
    "themselves, by up to 50 px (60 %)",
    losses=(
        Term("charbonnier", 1.0, losses.charbonnier),
        Term("edge", 0.05, losses.edge),
        Term("blurs", 0.1, lambda errors, target: errors.mean(), of="blurs", every=5),
        Term("perceptual", 0.001, perceptual, every=3),
    ),
    limits=(
        "Trained on synthetic blur of up to 50 px; noise up to 2 %, no JPEG.",
        "Long and curled shakes come out sharper, but not sharp; what is lost in noise stays lost.",
        "Blurs are estimated in windows of 192 px: where two motions meet in one, it is given one blur.",
        "2 of the 14 GoPro frames come out farther from their sharp frames than they were, by 0.1 and 0.8 dB; those do "
        "not lie in the middle of the blur. Blur of much more than 20 px stays.",
    ),
    steps=9_000,
    crop=320,
    margin=32,
    batch_size=2,
    learning_rate=4e-4,
    clip=0.3,
)
register(RECIPE)
