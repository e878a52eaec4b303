"""old-photo.mini: photographs degraded as in the scenario `old-photo`; the scratch mask is a second target.

The bundled weights come from two runs: 12 minutes without the loss `tone`, then what stands here, --from the first.
"""

import numpy as np

from zoo.degradations.chains import old_photo_and_scratches
from zoo.models.old_photo.mini import OldPhotoMini

from .. import sources
from ..losses import charbonnier, edge
from ..recipe import Recipe, Term, register


def degrade(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """HxWx3 to HxWx4: the degraded picture and its scratch mask (1 = scratch)."""
    picture, scratched = old_photo_and_scratches(image, rng)
    return np.concatenate([picture, scratched[..., None]], axis=2, dtype=np.float32)


RECIPE = Recipe(
    id="old-photo.mini",
    network=OldPhotoMini,
    data=sources.NATURAL,
    licenses=sources.NATURAL_LICENSES,
    degrade=degrade,
    degradation="as in the scenario `old-photo`: softness, fading of color and contrast on yellowed paper, grain, "
    "light scratches and specks, JPEG",
    losses=(
        Term("charbonnier", 1.0, charbonnier),
        Term("edge", 0.05, edge),
        Term("tone", 0.5, lambda loss, target: loss, of="tone"),
        Term("scratches", 0.05, lambda loss, target: loss, of="scratches"),
    ),
    limits=(
        "Trained on synthetic fading, grain of 2 to 8 % and light scratches of up to some pixels.",
        "Colors that have gone altogether do not come back; large tears, stains and missing corners stay.",
    ),
    steps=6_000,
    crop=288,
    margin=16,
    batch_size=4,
    learning_rate=1e-3,
)
register(RECIPE)
