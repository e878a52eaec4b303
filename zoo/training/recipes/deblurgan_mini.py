"""deblurgan.mini: motion blur undone by a small U-Net with gates, trained on pixels.

Not bundled: 1,400 steps on a CPU brought 0.46 dB on kodak24 and 0.12 dB on the GoPro pairs, and it still rose slowly.
"""

import numpy as np

from ... import degradations
from ...unet import GatedBlock, ShuffledUNet
from ..losses import charbonnier
from ..recipe import Recipe, Term


def network() -> ShuffledUNet:
    """1.7 M parameters, at a half, a quarter and an eighth of the size."""
    return ShuffledUNet(shuffle=2, widths=(32, 64, 128), depths=(1, 2, 4), block=GatedBlock)


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


RECIPE = Recipe(
    id="deblurgan.mini",
    network=network,
    data=("natural/train",),
    licenses="CC BY-SA 4.0 (CID22), CC BY-SA (Wikimedia), GPL-2+ and CC BY(-SA) (Debian), CC0 (Budgie)",
    degrade=degrade,
    degradation="shake of 5 to 25 px (70 %), shake up to 5 px, steady motion, turns (10 % each); noise up to 2 %",
    losses=(Term("charbonnier", 1.0, charbonnier),),
    limits=(
        "Trained on synthetic camera shake of up to 25 px that is the same all over the picture.",
        "Long and curled shakes come out sharper, but not sharp.",
    ),
    steps=20_000,
    crop=128,
    margin=16,
    batch=6,
    rate=1e-3,
    clip=0.1,
)
