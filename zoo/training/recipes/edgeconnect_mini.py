"""edgeconnect.mini: holes filled in two steps, edges first, in small."""

import functools

import torch.nn.functional as F
from torch import Tensor

from ...models.edgeconnect.mini import EdgeConnectMini, half_edges
from .. import sources
from ..adversarial import Adversarial
from ..discriminators import PatchGAN
from ..holes import DEGRADATION, colors_in_hole, degrade, features_in_hole, mask_of
from ..recipe import Recipe, Term


def edges_in_hole(drawn: Tensor, truth: Tensor) -> Tensor:
    """Cross-entropy of the drawn edges, less its least value, where they are drawn.

    drawn: N x 2 x H/2 x W/2, edges in (0, 1) and where they are drawn; truth: N x 3 x H x W.
    """
    edges, zone = drawn.split(1, dim=1)
    wanted = half_edges(truth)

    def entropy(p: Tensor) -> Tensor:
        p = p.clamp(1e-4, 1 - 1e-4)
        return -(wanted * p.log() + (1 - wanted) * (1 - p).log())

    return ((entropy(edges) - entropy(wanted)) * zone).sum() / zone.sum().clamp_min(1)


def half_mask(given: Tensor) -> Tensor:
    """The mask at the size of the edges."""
    return F.max_pool2d(mask_of(given), 2)


RECIPE = Recipe(
    id="edgeconnect.mini",
    network=EdgeConnectMini,
    data=sources.NATURAL,
    licenses=sources.NATURAL_LICENSES,
    degrade=degrade,
    degradation=DEGRADATION,
    losses=(
        Term("edges", 1.0, edges_in_hole, of="edges in hole"),
        Term("colors", 1.0, colors_in_hole, of="restored in hole"),
        Term("features", 0.01, features_in_hole, of="restored in hole", every=3),
    ),
    adversarial=(
        Adversarial(
            "edge patches",
            functools.partial(PatchGAN, inputs=2, strides=2),
            kind="least-squares",
            weight=0.2,
            start=0.5,
            rate=1e-3,
            of="edges",
            real=half_edges,
            condition=half_mask,
            matching=1.0,
        ),
    ),
    limits=(
        "Lines and edges are continued some way into the hole; the middle of a wide hole stays smooth.",
        "No texture and no objects are invented.",
    ),
    steps=20_000,
    crop=192,
    margin=0,
    batch=4,
    rate=4e-4,  # at 1.5e-3 the gradients burst
)
