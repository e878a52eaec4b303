"""autoencoder.mini: blur, noise and JPEG together, undone by a small residual U-Net."""

from ... import degradations
from ...unet import ShuffledUNet
from ..losses import charbonnier
from ..recipe import Recipe, Term


def network() -> ShuffledUNet:
    """0.9 M parameters, at a half, a quarter and an eighth of the size."""
    return ShuffledUNet(shuffle=2, widths=(32, 64, 96), depths=(2, 2, 3))


RECIPE = Recipe(
    id="autoencoder.mini",
    network=network,
    data=("natural/train",),
    licenses="CC BY-SA 4.0 (CID22), CC BY-SA (Wikimedia), GPL-2+ and CC BY(-SA) (Debian), CC0 (Budgie)",
    degrade=degradations.mixed,
    degradation="the scenario `mixed`: one blur (shake, defocus, Gaussian or none), Gaussian noise of 2 to 25, JPEG",
    losses=(Term("charbonnier", 1.0, charbonnier),),
    steps=20_000,
    crop=96,
    margin=16,
    batch=8,
    rate=1.5e-3,
)
