"""Enlarging by interpolation."""

from __future__ import annotations

import numpy as np

from ..card import ModelCard, Tiling
from ..registry import register
from ..runtimes.per_image import per_image


def _cards(method: str, title: str, paper: str, margin: int) -> list[ModelCard]:
    return [
        ModelCard(
            id=f"{method}.x{scale}",
            title=f"{title} {scale}x",
            tasks=("super-resolution",),
            license="Apache-2.0",
            summary=f"{title} interpolation (OpenCV).",
            paper=paper,
            scale=scale,
            tiling=Tiling(margin=margin),
            commercial_use=True,
            family_default=scale == 4,
        )
        for scale in (2, 4)
    ]


BICUBIC = _cards("bicubic", "Bicubic", "Keys, IEEE TASSP 1981, https://doi.org/10.1109/TASSP.1981.1163711", 4)
LANCZOS = _cards("lanczos", "Lanczos", "Duchon, J. Applied Meteorology 18, 1979", 8)


@register(*BICUBIC, *LANCZOS)
def build(card: ModelCard, state: None):
    """cv2.resize with the card's kernel."""
    import cv2

    kernel = {"bicubic": cv2.INTER_CUBIC, "lanczos": cv2.INTER_LANCZOS4}[card.family]

    def run(image: np.ndarray, mask: None) -> np.ndarray:
        return cv2.resize(image, None, fx=card.scale, fy=card.scale, interpolation=kernel)

    return per_image(run)
