"""gpen.mini: portraits of 256 x 256 pixels, degraded as in the scenario `blind-face`, trained as GPEN is."""

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo import degradations
from zoo.degradations.chains import get_chain
from zoo.models.gpen.mini import GPENMini, resized

from .. import losses, sources
from ..adversarial import Adversarial
from ..discriminators import Features, StyleDiscriminator
from ..recipe import Recipe, Term, register


def degrade(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """HxWx3 to the same size: the chain `blind-face` of the portrait at twice its size (70 %) or as it is (25 %).

    Twice the size stands for portraits of 512 pixels, which are downscaled for the network. The rest (5 %) is only
    compressed as JPEG of quality 75 to 95, so that the network learns to leave good portraits unchanged.
    """
    kind, (height, width) = rng.random(), image.shape[:2]
    if kind >= 0.95:
        return degradations.jpeg(image, int(rng.integers(75, 96)))
    if kind >= 0.7:
        return get_chain("blind-face")(image, rng)
    large = cv2.resize(image, (2 * width, 2 * height), interpolation=cv2.INTER_CUBIC)
    large = get_chain("blind-face")(np.clip(large, 0, 1), rng)
    small = resized(torch.from_numpy(large).permute(2, 0, 1)[None], height)[0]
    return small.permute(1, 2, 0).clamp(0, 1).numpy()


def quarter(pictures: Tensor) -> Tensor:
    """N x 3 x S x S to N x 3 x S/2 x S/2: the upper left quarter of the first, the upper right of the second, ..."""
    half = pictures.shape[-1] // 2
    corners = [(half * (n // 2 % 2), half * (n % 2)) for n in range(len(pictures))]
    return torch.stack([one[:, y : y + half, x : x + half] for one, (y, x) in zip(pictures, corners, strict=True)])


def perceptual(restored: Tensor, target: Tensor) -> Tensor:
    """`losses.perceptual` of a quarter of each portrait: VGG-19 costs several times what the network does."""
    return losses.perceptual(quarter(restored), quarter(target))


class ShuffledDiscriminator(StyleDiscriminator):
    """StyleGAN2's discriminator of 256 x 256 pixels on 4 x 4 pixel-unshuffled inputs, at a third of the cost."""

    def __init__(self):
        super().__init__(64, (64, 96, 128, 128, 128))
        self.head = nn.Conv2d(48, 64, 1)

    def forward(self, x: Tensor) -> Features:
        """See the module."""
        return super().forward(F.pixel_unshuffle(x, 4))


RECIPE = Recipe(
    id="gpen.mini",
    network=GPENMini,
    data=sources.FACES,
    licenses=sources.FACES_LICENSES,
    degrade=degrade,
    degradation="as in the scenario `blind-face`, at twice the size (70 %), at the size itself (25 %); JPEG only (5 %)",
    # In gradients, the features count more than the pixels. The bundled weights had a third of that for 28 minutes,
    # and this for 6 more, --from there.
    losses=(
        Term("charbonnier", 1.0, losses.charbonnier),
        Term("perceptual", 0.006, perceptual, every=2),
        Term("identity", 0.002, losses.identity, start=0.3, every=4),
    ),
    adversarial=(
        Adversarial(
            "adversarial", ShuffledDiscriminator, "hinge", weight=0.002, start=0.75, learning_rate=2e-3, r1=1.0
        ),
    ),
    limits=(
        "It works at 256 x 256 pixels: what it adds to a larger portrait has no finer detail than that.",
        "It has no generator's prior: it mends what is left of a face, and invents no lost eyes, teeth or hair.",
        "Trained on aligned, mostly frontal portraits of adults, many of them official; other faces gain less.",
    ),
    steps=20_000,
    crop=256,
    margin=0,
    batch_size=4,
    learning_rate=1e-3,
    upright=True,
)
register(RECIPE)
