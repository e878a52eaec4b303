"""What a picture's own pixels tell without a reference, and how well edges and structure come back in a hole."""

from __future__ import annotations

import math

import numpy as np

from .fidelity import WINDOW, luma, ssim_parts
from .metric import NotComputable, need_mask

EDGE_SIGMA = 2.0
"""Standard deviation of the smoothing before edges are looked for, in pixels: EdgeConnect's."""


def colorfulness_of(picture: np.ndarray) -> float:
    """Hasler and Susstrunk, "Measuring colorfulness in natural images" (SPIE 2003), equation for M3, of 0 to 255."""
    red, green, blue = (picture[..., channel].astype(np.float64) for channel in range(3))
    across, along = red - green, (red + green) / 2 - blue
    spread = math.hypot(across.std(), along.std())
    return spread + 0.3 * math.hypot(across.mean(), along.mean())


def colorfulness(restored: np.ndarray, target: np.ndarray, mask: np.ndarray | None) -> float:
    """`colorfulness_of` the restored picture."""
    return colorfulness_of(restored)


def colorfulness_error(restored: np.ndarray, target: np.ndarray, mask: np.ndarray | None) -> float:
    """By how many percent of the target's the colorfulness is off. Raises NotComputable for a grey target."""
    wanted = colorfulness_of(target)
    if wanted < 2:
        raise NotComputable("the target has no colors")
    return 100 * abs(colorfulness_of(restored) / wanted - 1)


def sharpness(restored: np.ndarray, target: np.ndarray | None = None, mask: np.ndarray | None = None) -> float:
    """The root mean square of the Sobel gradient of luma (in [16, 235]), per pixel of distance: Tenengrad's.

    Krotkov, "Focusing" (IJCV 1988), without a threshold. Noise and halos count as sharpness, so it is read beside a
    metric that has a reference. Raises NotComputable below 3 x 3 pixels.
    """
    import cv2

    if min(restored.shape[:2]) < 3:
        raise NotComputable("needs pictures of at least 3 x 3 pixels")
    plane = luma(restored)
    across, down = (cv2.Sobel(plane, cv2.CV_64F, *order)[1:-1, 1:-1] / 8 for order in ((1, 0), (0, 1)))
    return float(np.sqrt(np.mean(across**2 + down**2)))


def edge_f1_hole(restored: np.ndarray, target: np.ndarray, mask: np.ndarray | None) -> float:
    """The F1 score of the edges in the hole: of the restored ones that the target has, and of the target's found.

    Edges are Canny's of luma, smoothed by EDGE_SIGMA, with scikit-image's thresholds (0.1 and 0.2 of the range); one
    counts as found where the other picture has one within a pixel, diagonals included. 1 where neither picture has an
    edge in the hole. Raises NotComputable without a mask.
    """
    import cv2
    from skimage.feature import canny

    hole = need_mask(mask)
    found, wanted = (canny(luma(image) / 255, sigma=EDGE_SIGMA) for image in (restored, target))
    near_found, near_wanted = (cv2.dilate(edges.astype(np.uint8), np.ones((3, 3))) > 0 for edges in (found, wanted))
    found, wanted = found & hole, wanted & hole
    if not found.any() and not wanted.any():
        return 1.0
    right = (found & near_wanted).sum() / max(found.sum(), 1)
    told = (wanted & near_found).sum() / max(wanted.sum(), 1)
    return float(2 * right * told / (right + told)) if right + told else 0.0


def ssim_hole(restored: np.ndarray, target: np.ndarray, mask: np.ndarray | None) -> float:
    """The mean of the SSIM map of luma over the pixels of the hole whose window lies inside the picture.

    Raises NotComputable without a mask, or where there is no such pixel.
    """
    hole = need_mask(mask)
    reach = WINDOW // 2
    if min(target.shape[:2]) < WINDOW:
        raise NotComputable(f"needs pictures of at least {WINDOW} x {WINDOW} pixels")
    inside = hole[reach:-reach, reach:-reach]
    if not inside.any():
        raise NotComputable("needs a hole away from the picture's edge")
    luminance, structure = ssim_parts(luma(restored), luma(target))
    return float((luminance * structure)[inside].mean())
