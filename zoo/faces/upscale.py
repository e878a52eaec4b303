"""Enlarging the whole picture under the faces, with any super-resolution backend."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import ZooError

if TYPE_CHECKING:
    from ..io.images import Picture
    from ..restorer import Restorer

FACTORS = (1, 2, 4)
DEFAULT = "bicubic"


def upscaler_id(name: str, factor: int) -> str:
    """The model id that enlarges `factor` times by that name.

    A family stands for its variant of that factor, or of a larger one whose result is reduced; an exact id (or
    "scheme:argument") is taken as it is. Raises UnknownNameError, and ZooError when it is no enlarger or too weak.
    """
    from ..registry import get_card, list_models

    card = get_card(name)
    if name == card.family:
        able = [c for c in list_models(task="super-resolution") if c.family == name and c.scale >= factor]
        card = min(able, key=lambda c: c.scale, default=card)
    if "super-resolution" not in card.tasks and card.scale == 1:
        raise ZooError(
            f"{card.id} does not enlarge pictures; `python -m zoo list --task super-resolution` shows which do."
        )
    if card.scale < factor:
        raise ZooError(f"{card.id} enlarges {card.scale} times, not {factor}; choose another upscaler.")
    return card.id if name == card.family else name


def enlarge(picture: Picture, factor: int, upscaler: Restorer) -> Picture:
    """The picture at `factor` times its size; what the upscaler makes larger is reduced by averaging.

    Raises RestorationError when the upscaler fails.
    """
    import cv2

    result = upscaler.restore(picture).picture
    if upscaler.card.scale == factor:
        return result
    size = (picture.width * factor, picture.height * factor)
    color = cv2.resize(result.color, size, interpolation=cv2.INTER_AREA)
    alpha = None if result.alpha is None else cv2.resize(result.alpha, size, interpolation=cv2.INTER_AREA)
    return replace(result, color=color, alpha=alpha)
