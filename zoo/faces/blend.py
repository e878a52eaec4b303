"""Blending: which pixels belong to which face, and putting restored faces back without a seam.

A face's region is an oval in its aligned crop. A pixel's distance from a face is 0 in the middle of its oval and 1 on
its rim. Masks are computed from it at every pixel of the picture, not warped, so that they have no steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from . import align

MIDDLE = (0.5, 0.53)
"""Of the oval, in parts of the crop's side, (x, y)."""
RADII = (0.42, 0.455)
"""Of the oval: forehead to chin and ear to ear, with some air."""
ROUNDNESS = 2.5
"""Exponent of the superellipse: 2 is an ellipse, more is fuller in the corners (the jaw)."""
FULL = 0.76
"""Distance up to which a feathered face replaces the picture wholly; from here it fades to the rim."""
POISSON_FULL = 0.94
"""The same for Poisson blending, whose colors fit at the rim already."""
HIDDEN = 1.25
"""An anonymous face is blurred wholly up to the rim, and fades up to this distance."""
SHARPNESS = 8
"""How fast the share of a pixel goes from one of two neighbors to the other."""
METHODS = ("feather", "poisson")


@dataclass(frozen=True, eq=False)
class Region:
    """Where a face lies in the picture."""

    to_crop: np.ndarray
    """2x3, from the picture to the aligned crop."""
    side: int
    """Of the crop, in pixels."""
    reach: float = 1.0
    """Distance at which the face's claim on pixels ends."""
    whole: bool = False
    """The picture is the crop: the region has no rim."""

    def window(self, height: int, width: int, margin: int = 1) -> tuple[int, int, int, int]:
        """(x0, y0, x1, y1): the part of a `height` x `width` picture that the region may touch; it may be empty."""
        if self.whole:
            return 0, 0, width, height
        angles = np.linspace(0, 2 * np.pi, 64, endpoint=False)
        rim = np.column_stack([np.cos(angles), np.sin(angles)])
        rim /= np.sum(np.abs(rim) ** ROUNDNESS, axis=1, keepdims=True) ** (1 / ROUNDNESS)
        points = (np.array(MIDDLE) + rim * np.array(RADII) * self.reach * 1.01) * self.side - 0.5
        points = align.apply(align.inverse(self.to_crop), points)
        x0, y0 = np.floor(points.min(0)).astype(int) - margin
        x1, y1 = np.ceil(points.max(0)).astype(int) + 1 + margin
        return max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)

    def distance(self, window: tuple[int, int, int, int]) -> np.ndarray:
        """Distance of every pixel of a window from the face: float32, h x w."""
        x0, y0, x1, y1 = window
        if self.whole:
            return np.zeros((y1 - y0, x1 - x0), np.float32)
        x = np.arange(x0, x1, dtype=np.float32)[None]
        y = np.arange(y0, y1, dtype=np.float32)[:, None]
        total = np.zeros((), np.float32)
        for row, middle, radius in zip(self.to_crop.astype(np.float32), MIDDLE, RADII, strict=True):
            part = (row[0] * x + row[1] * y + row[2] + 0.5) / self.side
            total = total + np.abs((part - middle) / radius) ** ROUNDNESS
        return total ** (1 / ROUNDNESS)


@dataclass(frozen=True, eq=False)
class Patch:
    """What a face is to look like."""

    region: Region
    pixels: np.ndarray | None
    """The new face as an aligned crop, HxW or HxWx3 of the picture's type; None: the face stays as it is."""
    strength: float = 1.0
    """Share of the new face, 0 to 1."""
    hidden: bool = False
    """Blur the face beyond recognition."""


def composite(background: np.ndarray, patches: Sequence[Patch], method: str = "feather") -> np.ndarray:
    """The picture (HxW or HxWx3, uint8 or uint16) with its faces put in; all others of its pixels stay bit for bit.

    `patches` has every face of the picture, also those that stay as they are: each keeps its share of the pixels
    that it and a neighbor claim; their order does not matter, bit for bit. method: "feather", or "poisson", which
    fits each face's colors to those around it.
    """
    height, width = background.shape[:2]
    patches = sorted(patches, key=_order)
    regions = [patch.region for patch in patches]
    windows = [region.window(height, width) for region in regions]
    changing = [
        index
        for index, (patch, (x0, y0, x1, y1)) in enumerate(zip(patches, windows, strict=True))
        if (patch.pixels is not None or patch.hidden) and patch.strength != 0 and x0 < x1 and y0 < y1
    ]
    out = background.copy()
    if not changing:
        return out
    boxes = np.array([windows[index] for index in changing])
    (left, top), (right, bottom) = boxes[:, :2].min(0), boxes[:, 2:].max(0)
    total = background[top:bottom, left:right].astype(np.float32)
    for index in changing:
        patch, window = patches[index], windows[index]
        x0, y0, x1, y1 = window
        old = background[y0:y1, x0:x1].astype(np.float32)
        if patch.hidden or patch.pixels is None:
            new = _blurred(background, patch.region, window)
        else:
            new = _placed(patch.pixels, patch.region, window)
            if method == "poisson" and not patch.region.whole:
                new = _fitted(background, new, patch.region, window)
        weight = _fade(patch, window, method) * shares(regions, index, window) * patch.strength
        weight = weight if old.ndim == 2 else weight[..., None]
        total[y0 - top : y1 - top, x0 - left : x1 - left] += weight * (new.astype(np.float32) - old)
    # Rounded once: where no face has a weight, what was added is 0, and the picture's own value comes back.
    np.clip(np.rint(total, out=total), 0, np.iinfo(background.dtype).max, out=total)
    out[top:bottom, left:right] = total.astype(background.dtype)
    return out


def _order(patch: Patch) -> tuple:
    """A sort key by all that a patch is, so that floating-point sums over patches do not depend on their order."""
    region = patch.region
    pixels = b"" if patch.pixels is None else patch.pixels.tobytes()
    return region.to_crop.tobytes(), region.side, region.reach, region.whole, patch.hidden, patch.strength, pixels


def _fade(patch: Patch, window: tuple[int, int, int, int], method: str) -> np.ndarray:
    """A face's own weight in a window: 1 inside, falling smoothly to 0 at the end of its region."""
    if patch.region.whole:
        return np.ones((window[3] - window[1], window[2] - window[0]), np.float32)
    full = 1.0 if patch.hidden else POISSON_FULL if method == "poisson" else FULL
    t = np.clip((patch.region.reach - patch.region.distance(window)) / (patch.region.reach - full), 0, 1)
    return t * t * (3 - 2 * t)


def shares(regions: Sequence[Region], index: int, window: tuple[int, int, int, int]) -> np.ndarray:
    """How much of each pixel of a window is one face's, among all that claim it: float32 in [0, 1], h x w.

    A claim falls with the distance from the face and ends with its region, so that the border between two neighbors
    runs midway, whatever their order, and nothing jumps. The shares of all faces add up to 1 wherever there is a claim.
    """
    own = _claim(regions[index], window)
    total = own.copy()
    for other, region in enumerate(regions):
        if other == index:
            continue
        x0, y0, x1, y1 = region.window(window[3], window[2])  # its part of the picture up to this window's end
        x0, y0 = max(x0, window[0]), max(y0, window[1])
        if x0 < x1 and y0 < y1:
            total[y0 - window[1] : y1 - window[1], x0 - window[0] : x1 - window[0]] += _claim(region, (x0, y0, x1, y1))
    return np.divide(own, total, out=np.zeros_like(own), where=total > 0)


def _claim(region: Region, window: tuple[int, int, int, int]) -> np.ndarray:
    near = np.maximum(region.distance(window) / np.float32(region.reach), 0.05)
    return np.maximum(near**-SHARPNESS - 1, 0)


def _placed(crop: np.ndarray, region: Region, window: tuple[int, int, int, int]) -> np.ndarray:
    """The crop warped into a window of the picture."""
    x0, y0, x1, y1 = window
    side = crop.shape[0]
    to_crop = align.resized(region.to_crop, after=side / region.side)
    from_crop = align.inverse(to_crop)
    from_crop[:, 2] -= (x0, y0)
    return align.warp(crop, from_crop, x1 - x0, y1 - y0)


def _fitted(background: np.ndarray, new: np.ndarray, region: Region, window: tuple[int, int, int, int]) -> np.ndarray:
    """A placed face with its colors fitted to the rim (Perez et al., Poisson Image Editing, SIGGRAPH 2003).

    OpenCV's seamless cloning takes 8 bits; its correction is smooth, so it is carried over to 16 bits smoothed.
    """
    margin = 4  # cloning needs a rim of known pixels; beyond the picture's edge it is mirrored
    old8, new8 = (_eight_bit_rgb(part) for part in (background[window[1] : window[3], window[0] : window[2]], new))
    old8, new8 = (cv2.copyMakeBorder(part, margin, margin, margin, margin, cv2.BORDER_REFLECT) for part in (old8, new8))
    mask = np.zeros(old8.shape[:2], np.uint8)
    mask[margin:-margin, margin:-margin] = np.where(region.distance(window) < 1, 255, 0)
    x, y, width, height = cv2.boundingRect(mask)
    if min(width, height) < 3:
        return new
    # A copy, because cloning changes its mask.
    cloned = cv2.seamlessClone(new8, old8, mask.copy(), (x + width // 2, y + height // 2), cv2.NORMAL_CLONE)
    inner = np.s_[margin:-margin, margin:-margin]
    if new.dtype == np.uint8 and new.ndim == 3:
        return cloned[inner]
    # Cloning leaves some pixels along the rim as they were; they say nothing of the correction.
    inside = (cv2.erode(mask, np.ones((9, 9), np.uint8))[inner] > 0).astype(np.float32)[..., None]
    correction = (cloned[inner].astype(np.float32) - new8[inner]) * inside
    smooth = cv2.GaussianBlur(correction, (0, 0), 2) / np.maximum(cv2.GaussianBlur(inside, (0, 0), 2), 1e-3)[..., None]
    smooth = smooth.mean(2) if new.ndim == 2 else smooth
    top = np.iinfo(new.dtype).max
    return np.clip(new + smooth * (top / 255), 0, top)


def _eight_bit_rgb(image: np.ndarray) -> np.ndarray:
    image = image if image.dtype == np.uint8 else np.rint(image / 257.0).astype(np.uint8)
    return np.ascontiguousarray(image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2))


def _blurred(background: np.ndarray, region: Region, window: tuple[int, int, int, int]) -> np.ndarray:
    """The window with the face averaged into about five cells across, and smoothed: no feature is left to undo."""
    x0, y0, x1, y1 = window
    sigma = 0.09 * region.side / align.scale_of(region.to_crop)
    part = np.ascontiguousarray(background[y0:y1, x0:x1])
    cell = max(round(1.6 * sigma), 1)
    coarse = cv2.resize(part, (-(-(x1 - x0) // cell), -(-(y1 - y0) // cell)), interpolation=cv2.INTER_AREA)
    return cv2.GaussianBlur(
        cv2.resize(coarse, (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR), (0, 0), max(sigma, 0.5)
    )
