"""autoencoder.mini: a small residual U-Net against blur, noise and JPEG, combined and alone.

The bundled weights come from two runs: 29 minutes of `mixed` alone, then what stands here, --from the first.
"""

import numpy as np

from zoo.degradations.chains import get_chain
from zoo.models.autoencoder import make_mini

from .. import sources
from ..losses import charbonnier
from ..recipe import Recipe, Term, register

PHONES = [get_chain(f"phone-{what}") for what in ("dark", "motion", "compressed")]


def degrade(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Combined degradations (60 %), noise or JPEG alone, or one of the `phone-` chains."""
    kind = rng.random()
    if kind < 0.6:
        return get_chain("mixed")(image, rng)
    if kind < 0.75:
        return get_chain("noise")(image, rng)
    if kind < 0.85:
        return get_chain("jpeg")(image, rng)
    return PHONES[rng.integers(len(PHONES))](image, rng)


RECIPE = Recipe(
    id="autoencoder.mini",
    network=make_mini,
    data=sources.NATURAL,
    licenses=sources.NATURAL_LICENSES,
    degrade=degrade,
    degradation="the scenario `mixed`, that is one blur, Gaussian noise of 2 to 25 and JPEG (60 %); alone, Gaussian "
    "noise of 5 to 50 (15 %) or JPEG of quality 10 to 40 (10 %); the three `phone-` scenarios (15 %)",
    losses=(Term("charbonnier", 1.0, charbonnier),),
    limits=(
        "It mends moderate faults; strong blur, low light and missing parts stay.",
        "Fine texture that noise or JPEG has covered comes back smooth.",
    ),
    steps=20_000,
    crop=96,
    margin=16,
    batch_size=8,
    learning_rate=1.5e-3,
)
register(RECIPE)
