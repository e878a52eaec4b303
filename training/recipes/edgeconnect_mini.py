"""edgeconnect.mini: inpainting in two stages, edges first, then colors."""

import functools

import torch.nn.functional as F
from torch import Tensor

from zoo.models.edgeconnect.mini import EdgeConnectMini, half_edges

from ..adversarial import Adversarial
from ..discriminators import PatchGAN
from ..holes import SETTINGS, colors_in_hole, features_in_hole, mask_of
from ..recipe import Recipe, Term, register


def edges_in_hole(predicted: Tensor, target: Tensor) -> Tensor:
    """Binary cross-entropy of the predicted edges, minus the target's entropy so that its minimum is 0, in the zone.

    predicted: N x 2 x H/2 x W/2, edges in (0, 1) and the zone (1 = predicted here); target: N x 3 x H x W.
    """
    edges, zone = predicted.split(1, dim=1)
    target_edges = half_edges(target)

    def entropy(p: Tensor) -> Tensor:
        p = p.clamp(1e-4, 1 - 1e-4)
        return -(target_edges * p.log() + (1 - target_edges) * (1 - p).log())

    return ((entropy(edges) - entropy(target_edges)) * zone).sum() / zone.sum().clamp_min(1)


def half_mask(degraded: Tensor) -> Tensor:
    """The mask at the half resolution of the edge maps."""
    return F.max_pool2d(mask_of(degraded), 2)


RECIPE = Recipe(
    id="edgeconnect.mini",
    network=EdgeConnectMini,
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
            learning_rate=1e-3,
            of="edges",
            real=half_edges,
            condition=half_mask,
            matching=1.0,
        ),
    ),
    limits=(
        "Lines and edges are continued some way into the hole; what a wide hole hid is not found again.",
        "No objects are invented; texture is what the picture has elsewhere, and comes out softer than it is there.",
    ),
    **SETTINGS,
)
register(RECIPE)
