"""autoencoder.nano: a tenth of the parameters of autoencoder.mini, distilled from it."""

from dataclasses import replace

from zoo.models.autoencoder import make_nano

from ..distillation import LOSSES, Distilled
from ..recipe import register
from .autoencoder_mini import RECIPE as TEACHER

RECIPE = replace(
    TEACHER,
    id="autoencoder.nano",
    network=Distilled(
        make_nano, TEACHER.id, ("down_blocks.0", "down_blocks.1", "down_blocks.2", "up_blocks.0", "up_blocks.1")
    ),
    losses=LOSSES,
    limits=(*TEACHER.limits, "It is made for previews: autoencoder.mini keeps more texture."),
    learning_rate=2e-3,
)
register(RECIPE)
