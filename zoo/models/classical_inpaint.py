"""Hole filling without learning, by diffusion from the rim: OpenCV's two methods and scikit-image's biharmonic one."""

from __future__ import annotations

import numpy as np

from ..card import ModelCard
from ..registry import register
from ..runtimes import NumpyBackend

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
    """One of OpenCV's two methods."""
    return NumpyBackend(lambda image, mask: diffuse(image, mask, card.id))


def diffuse(image: np.ndarray, mask: np.ndarray, method: str = "telea") -> np.ndarray:
    """cv2.inpaint on 8-bit RGB: fill the True pixels of an HxW mask in an HxWx3 picture in [0, 1]."""
    import cv2

    flag = {"telea": cv2.INPAINT_TELEA, "navier-stokes": cv2.INPAINT_NS}[method]
    height, width = mask.shape
    # OpenCV reads past pictures of one row or column: those are repeated to three.
    more = ((0, 2 * (height == 1)), (0, 2 * (width == 1)))
    # At the picture's edges OpenCV looks at what is under the mask, so there must be nothing to see.
    values = np.rint(image * 255).astype(np.uint8)
    values[mask] = np.rint(values[~mask].mean(axis=0))
    known = np.pad(values, (*more, (0, 0)), mode="edge")
    filled = cv2.inpaint(known, np.pad(mask.astype(np.uint8), more, mode="edge"), 3, flag)
    return filled[:height, :width].astype(np.float32) / 255


@register(BIHARMONIC)
def build_biharmonic(card: ModelCard, state: None):
    """scikit-image's method, each hole by itself."""
    from ..nn.biharmonic import biharmonic

    return NumpyBackend(biharmonic)
