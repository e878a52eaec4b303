"""Enlarging by interpolation."""

from __future__ import annotations

import numpy as np

from ..card import ModelCard, Tiling
from ..registry import register
from ..runtimes import NumpyBackend


def _cards(method: str, title: str, summary: str, license: str, paper: str, margin: int) -> list[ModelCard]:
    return [
        ModelCard(
            id=f"{method}.x{scale}",
            title=f"{title} {scale}x",
            tasks=("super-resolution",),
            license=license,
            summary=summary,
            paper=paper,
            scale=scale,
            tiling=Tiling(margin=margin),
            commercial_use=True,
            family_default=scale == 4,
        )
        for scale in (2, 4)
    ]


BICUBIC = _cards(
    "bicubic",
    "Bicubic",
    "Cubic convolution with a = -0.5, as papers on super-resolution compare with it.",
    "MIT",
    "Keys, IEEE TASSP 1981, https://doi.org/10.1109/TASSP.1981.1163711",
    4,
)
LANCZOS = _cards(
    "lanczos",
    "Lanczos",
    "Lanczos interpolation (OpenCV).",
    "Apache-2.0",
    "Duchon, J. Applied Meteorology 18, 1979",
    8,
)


@register(*BICUBIC)
def build_bicubic(card: ModelCard, state: None):
    """Resizing by Keys' kernel."""
    from ..degradations.bicubic import resize

    def run(image: np.ndarray, mask: None) -> np.ndarray:
        return resize(image, image.shape[0] * card.scale, image.shape[1] * card.scale)

    return NumpyBackend(run)


@register(*LANCZOS)
def build_lanczos(card: ModelCard, state: None):
    """cv2.resize with its kernel of 8 x 8 pixels."""
    import cv2

    def run(image: np.ndarray, mask: None) -> np.ndarray:
        return cv2.resize(image, None, fx=card.scale, fy=card.scale, interpolation=cv2.INTER_LANCZOS4)

    return NumpyBackend(run)
