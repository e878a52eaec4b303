"""The first step of a comparison: the pictures that all results are laid beside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from leaderboard.votes import picture_digest
from zoo.errors import MaskError

from .files import opened, opened_mask, safe_name, shown
from .scores import scores


def run(
    tell: Callable[[float], None],
    *,
    picture: str,
    name: str,
    folder: str,
    megapixels: float | None,
    mask: str | None,
    truth: str | None,
    scale: int,
    digest: bool = False,
) -> dict[str, Any]:
    """{input, input_scores, truth or None, notes}; the truth has `scale` times the input's size. Raises ZooError.

    digest: add the one that votes keep of the picture.
    """
    source = opened(picture, megapixels)
    hole = None if mask is None else opened_mask(mask, source.height, source.width)
    made: dict[str, Any] = {"input": shown(source, folder, f"{safe_name(name)}-input"), "truth": None}
    tell(0.5)
    clean = None
    if truth is not None:
        clean = opened(truth)
        if (clean.height, clean.width) != (source.height * scale, source.width * scale):
            raise MaskError(
                f"the undamaged picture has {clean.width} × {clean.height} pixels, the results "
                f"{source.width * scale} × {source.height * scale}; they must be the same."
            )
        made["truth"] = shown(clean, folder, f"{safe_name(name)}-truth")
    made["input_scores"] = scores(source.rgb8(), None if clean is None else clean.rgb8(), hole)
    made["notes"] = list(source.notes)
    if digest:
        made["digest"] = picture_digest(source.rgb8())
    return made
