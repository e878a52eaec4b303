"""The smoothest surface over a hole that meets its rim in value and slope."""

from __future__ import annotations

import numpy as np


def biharmonic(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Fill the True pixels of an HxW mask in an HxWx3 float32 picture in [0, 1] (scikit-image's `inpaint_biharmonic`).

    Every hole by itself, so that memory grows with the largest hole only. scikit-image limits overshoot to the range of
    the values it is given, which here are those around the hole.
    """
    import cv2
    from scipy import ndimage
    from skimage.restoration import inpaint_biharmonic

    # Known values count up to 2 pixels away: holes as near as that are one, and a hole needs no more around it.
    grown = cv2.dilate(mask.astype(np.uint8), np.ones((5, 5), np.uint8))
    labels, _ = ndimage.label(grown, np.ones((3, 3)))
    filled = image.copy()
    for label, (rows, columns) in enumerate(ndimage.find_objects(labels), start=1):
        window = np.s_[max(0, rows.start - 2) : rows.stop + 2, max(0, columns.start - 2) : columns.stop + 2]
        hole = mask[window] & (labels[window] == label)
        result = inpaint_biharmonic(image[window], hole, channel_axis=-1)
        filled[window][hole] = result[hole]
    return filled
