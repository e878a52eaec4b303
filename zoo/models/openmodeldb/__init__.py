"""Community checkpoints by their name at OpenModelDB: `openmodeldb:4x-UltraSharp`. Facts from openmodeldb.info."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ...card import ModelCard, Tiling
from ...errors import WeightsError
from ...registry import register_scheme

if TYPE_CHECKING:
    import torch

MARGIN = 32
"""Context of a tile in pixels; how far a checkpoint looks is not known beforehand."""


@register_scheme("openmodeldb")
def open_entry(name: str) -> tuple[ModelCard, object]:
    """The card and the builder of a catalog entry; nothing is downloaded yet.

    Raises UnknownNameError, and WeightsError when spandrel does not know its architecture.
    """
    from . import catalog

    entry = catalog.find(name)
    if entry.architecture not in catalog.SPANDREL:
        raise WeightsError(
            f"openmodeldb:{entry.key} is of the architecture {entry.architecture}, which spandrel does not know."
        )
    weights = catalog.weights_of(entry)
    card = ModelCard(
        id=f"openmodeldb.{catalog.slug(entry.key)}",
        scheme="openmodeldb",
        title=f"{entry.name} by {' and '.join(entry.authors)}",
        tasks=(entry.task,),
        license=weights.license,
        commercial_use=entry.commercial_use,
        summary=f"A community checkpoint of the {entry.architecture} architecture ({', '.join(entry.tags)}), run by "
        "spandrel.",
        scale=entry.scale,
        tiling=None if entry.task == "inpaint" else Tiling(MARGIN, exact=False),
        weights=weights,
        notes=(f"What is known of it is from {entry.page}.",),
    )
    return card, build


def build(card: ModelCard, state: Mapping[str, torch.Tensor]):
    """The backend; says so on stderr when the license forbids commercial use. Raises WeightsError."""
    from ..spandrel_models import backend

    if card.commercial_use is False:
        print(f"note: the license of {card.name} ({card.license}) forbids commercial use.", file=sys.stderr)
    return backend(card, state)
