"""contextual-attention.mini: inpainting by gated convolutions and contextual attention, in two stages.

The bundled weights come from four runs, each --from the one before: 40, 18, 12 and 8 minutes with features at 0.01,
0.03, 0.08 and 0.2, as here. They are the mean of the weights of the last two. Texture that is copied afterwards (see
`zoo.nn.filling`) is no part of the training.
"""

import functools

from zoo.models.contextual_attention.mini import ContextualAttentionMini

from ..adversarial import Adversarial
from ..discriminators import PatchGAN
from ..holes import SETTINGS, colors_in_hole, features_in_hole, mask_of
from ..recipe import Recipe, Term, register

RECIPE = Recipe(
    id="contextual-attention.mini",
    network=ContextualAttentionMini,
    losses=(
        Term("coarse colors", 0.5, colors_in_hole, of="coarse in hole"),
        Term("colors", 1.0, colors_in_hole, of="restored in hole"),
        Term("features", 0.2, features_in_hole, of="restored in hole", every=3),
    ),
    adversarial=(
        Adversarial(
            "patches",
            functools.partial(PatchGAN, inputs=4),
            kind="hinge",
            weight=0.02,
            start=0.75,
            learning_rate=2e-3,  # of which the cosine has left 15 % by then
            condition=mask_of,
        ),
    ),
    limits=(
        "Lines and edges are continued some way into the hole; what a wide hole hid is not found again.",
        "No objects are invented; texture is what the picture has elsewhere, and comes out softer than it is there.",
    ),
    **SETTINGS,
)
register(RECIPE)
