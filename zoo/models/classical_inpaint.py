"""Hole filling without learning, by diffusion from the rim: OpenCV's two methods and scikit-image's biharmonic one."""

from __future__ import annotations

import numpy as np

from ..card import ModelCard
from ..per_image import per_image
from ..registry import register

TELEA = ModelCard(
    id="telea",
    title="Telea fast marching",
    tasks=("inpaint",),
    license="Apache-2.0",
    summary="Fills from the rim inwards with weighted means of known pixels (OpenCV, radius 3).",
    paper="Telea, J. Graphics Tools 9 (2004), https://doi.org/10.1080/10867651.2004.10487596",
    commercial_use=True,
    notes=("Holes of 16-bit pictures are filled with 8 bits of precision.",),
)
NAVIER_STOKES = ModelCard(
    id="navier-stokes",
    title="Navier-Stokes",
    tasks=("inpaint",),
    license="Apache-2.0",
    summary="Continues lines of equal brightness into the hole as a fluid flows (OpenCV, radius 3).",
    paper="Bertalmio, Bertozzi, Sapiro, CVPR 2001, https://doi.org/10.1109/CVPR.2001.990497",
    commercial_use=True,
    notes=("Holes of 16-bit pictures are filled with 8 bits of precision.",),
)
BIHARMONIC = ModelCard(
    id="biharmonic",
    title="Biharmonic",
    tasks=("inpaint",),
    license="BSD-3-Clause",
    summary="The smoothest surface that meets the rim in value and slope (scikit-image).",
    paper="Damelin, Hoang, JMAA 2018, https://doi.org/10.1155/2018/3950312",
    commercial_use=True,
)


@register(TELEA, NAVIER_STOKES)
def build_opencv(card: ModelCard, state: None):
    """cv2.inpaint on 8-bit RGB."""
    import cv2

    method = {"telea": cv2.INPAINT_TELEA, "navier-stokes": cv2.INPAINT_NS}[card.id]

    def run(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
        filled = cv2.inpaint(np.rint(image * 255).astype(np.uint8), mask.astype(np.uint8), 3, method)
        return filled.astype(np.float32) / 255

    return per_image(run)


@register(BIHARMONIC)
def build_biharmonic(card: ModelCard, state: None):
    """Every connected hole by itself, so that memory grows with the largest hole only."""
    from skimage.restoration import inpaint_biharmonic

    def run(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
        return inpaint_biharmonic(image, mask, split_into_regions=True, channel_axis=-1)

    return per_image(run)
