"""Exemplar-based hole filling: the hole is made of patches from the rest of the picture (see `zoo.nn.patch_match`)."""

from __future__ import annotations

from ..card import ModelCard
from ..nn.patch_match import complete
from ..registry import register
from ..runtimes import NumpyBackend

CARD = ModelCard(
    id="patch-fill",
    title="Patch-based fill",
    tasks=("inpaint",),
    license="MIT",
    summary="Composes the hole of 7 x 7 patches found elsewhere in the picture, coarse to fine; keeps texture.",
    paper="Wexler et al., TPAMI 2007, https://doi.org/10.1109/TPAMI.2007.60; Barnes et al., SIGGRAPH 2009, "
    "https://doi.org/10.1145/1531326.1531330",
    commercial_use=True,
    notes=(
        "A picture of more than a megapixel is filled at a reduced size first; full-size texture is then copied from "
        "within 128 to 640 pixels.",
    ),
)


@register(CARD)
def build(card: ModelCard, state: None):
    """Deterministic: the random search starts from a fixed seed."""
    return NumpyBackend(lambda image, hole: complete(image, hole).image)
