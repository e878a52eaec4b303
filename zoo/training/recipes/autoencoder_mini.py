"""autoencoder.mini: blur, noise and JPEG together, undone by a small residual U-Net."""

from ... import degradations
from ...models.autoencoder import make_mini
from .. import sources
from ..losses import charbonnier
from ..recipe import Recipe, Term

RECIPE = Recipe(
    id="autoencoder.mini",
    network=make_mini,
    data=sources.NATURAL,
    licenses=sources.NATURAL_LICENSES,
    degrade=degradations.mixed,
    degradation="the scenario `mixed`: one blur (shake, defocus, Gaussian or none), Gaussian noise of 2 to 25, JPEG",
    losses=(Term("charbonnier", 1.0, charbonnier),),
    limits=(
        "It mends moderate faults that come together; strong blur, low light and missing parts stay.",
        "Noise that has not gone through JPEG is mostly left: in training JPEG always came last.",
        "Fine texture that noise or JPEG has covered comes back smooth.",
    ),
    steps=20_000,
    crop=96,
    margin=16,
    batch=8,
    rate=1.5e-3,
)
