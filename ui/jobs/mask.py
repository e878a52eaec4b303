"""Masks that are not painted: read from a file, or found in the picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from zoo.errors import MaskError
from zoo.io import images

from .files import mask_file, opened_mask, safe_name

SIDE = 1536
"""Scratches are looked for in a copy of at most this side."""


def run(tell: Callable[[float], None], *, picture: str, folder: str, name: str, file: str | None) -> dict[str, Any]:
    """{path, share}: the mask in `file`, or that of thin scratches where there is none. Raises ZooError."""
    opened = images.read(picture)
    if file is not None:
        mask = opened_mask(file, opened.height, opened.width)
    else:
        mask = scratches(opened.rgb8())
        if not mask.any():
            raise MaskError("no scratches were found; paint over what is to be replaced.")
    return {"path": mask_file(mask, folder, f"{safe_name(name)}-mask"), "share": float(mask.mean())}


def scratches(picture: np.ndarray) -> np.ndarray:
    """Thin lines and specks that are much brighter or darker than what lies on both sides of them; bool HxW.

    Morphological top-hat and black-hat of luma (Serra, Image Analysis and Mathematical Morphology, 1982), with a
    hysteresis threshold at the values that only few pixels of the picture reach. A hint to be corrected by hand: fine
    texture is taken for scratches, too.
    """
    height, width = picture.shape[:2]
    factor = min(1.0, SIDE / max(height, width))
    luma = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    if factor < 1:
        luma = cv2.resize(luma, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    side = max(3, round(min(luma.shape) / 60)) | 1
    element = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    smooth = cv2.GaussianBlur(luma, (0, 0), 0.7)
    hats = (cv2.morphologyEx(smooth, kind, element) for kind in (cv2.MORPH_TOPHAT, cv2.MORPH_BLACKHAT))
    response = np.maximum(*hats).astype(np.float32)
    strong = response > max(40.0, float(np.percentile(response, 98.5)))
    weak = (response > max(24.0, float(np.percentile(response, 96)))).astype(np.uint8)
    count, labels = cv2.connectedComponents(weak, connectivity=8)
    kept = np.zeros(count, bool)
    kept[np.unique(labels[strong])] = True
    kept[0] = False
    found = kept[labels].astype(np.uint8)
    found = cv2.dilate(found, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3)))
    return cv2.resize(found, (width, height), interpolation=cv2.INTER_NEAREST) > 0
