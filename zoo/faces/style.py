"""How a restored face is finished: strength, sharpening, local contrast, skin saturation, and presets of them.

All work on the aligned crop, so that a setting means the same for a small and a large face.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

from ..errors import UnknownNameError, ZooError
from ..io.images import luma

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Look:
    """What is done to a restored face. The defaults change nothing."""

    strength: float = 1.0
    """Share of the restored face in the result, 0 (the original) to 1 (GPEN's demo calls it alpha)."""
    sharpening: float = 0.0
    """0 to 2: how much of the finest detail (0.4 % of the crop's side) is added once more."""
    contrast: float = 0.0
    """0 to 2: how much of the modeling of the face (5 % of the crop's side) is added once more."""
    saturation: float = 1.0
    """0 to 2: what the colors of skin are multiplied by; other colors stay, and so does brightness."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value, most = getattr(self, field.name), 1 if field.name == "strength" else 2
            if not 0 <= value <= most:
                raise ZooError(f"{field.name} goes from 0 to {most}, not {value}.")

    def changed(self, **given: float | None) -> Look:
        """This look with the given settings in place of its own; None leaves one as it is. Raises ZooError."""
        return replace(self, **{name: value for name, value in given.items() if value is not None})


STYLES = {
    "natural": Look(strength=0.8),
    "clear": Look(sharpening=0.5, contrast=0.1),
    "cinematic": Look(strength=0.9, sharpening=0.2, contrast=0.35, saturation=0.8),
}
"""Name -> its settings. natural keeps a fifth of the original's own texture; clear is crisp; cinematic has deeper
modeling and quieter skin. Without a style the face is as the backend made it."""


def get_style(name: str | None) -> Look:
    """The settings of a style, or those that change nothing for None. Raises UnknownNameError."""
    if name is None:
        return Look()
    if name not in STYLES:
        raise UnknownNameError("style", name, STYLES)
    return STYLES[name]


def finish(crop: np.ndarray, look: Look) -> np.ndarray:
    """A restored crop (HxW or HxWx3, uint8 or uint16) sharpened, modeled and colored; strength is left to blending."""
    import cv2
    import numpy as np

    if look.sharpening == look.contrast == 0 and (look.saturation == 1 or crop.ndim == 2):
        return crop
    top = np.iinfo(crop.dtype).max
    image = crop.astype(np.float32) / top
    y = image if image.ndim == 2 else luma(image)
    added = np.zeros_like(y)
    for amount, size in ((look.sharpening, 0.004), (look.contrast, 0.05)):
        if amount:
            added += amount * (y - cv2.GaussianBlur(y, (0, 0), max(size * crop.shape[0], 0.6)))
    if crop.ndim == 3:
        if look.saturation != 1:
            factor = 1 + (look.saturation - 1) * skin(image)
            image = y[..., None] + (image - y[..., None]) * factor[..., None]
        added = added[..., None]
    return np.clip(np.rint((image + added) * top), 0, top).astype(crop.dtype)


def skin(image: np.ndarray) -> np.ndarray:
    """How much each pixel of a HxWx3 float32 picture in [0, 1] has the hue of skin: HxW in [0, 1], smooth.

    Skin of all tones lies along one direction of chroma, red over yellow (about 123 degrees in the plane of Cb and
    Cr; it is the I axis that NTSC gave its bandwidth to); lips and make-up beside it count in part.
    """
    import cv2
    import numpy as np

    y = luma(image)
    cb, cr = (image[..., 2] - y) * 0.564, (image[..., 0] - y) * 0.713
    size = np.hypot(cb, cr)
    along = (-0.545 * cb + 0.839 * cr) / np.maximum(size, 1e-6)
    weight = np.clip((along - 0.7) / 0.2, 0, 1) * np.clip(size / 0.02, 0, 1)
    return cv2.GaussianBlur(weight.astype(np.float32), (0, 0), max(image.shape[0] / 150, 0.6))
