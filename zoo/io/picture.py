"""A decoded picture with what its file carried, and its values in 8 bits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Picture:
    """A decoded picture, upright, with what its file carried."""

    color: np.ndarray
    """HxWx3 RGB, or HxW grey; uint8 or uint16, or float32 that may exceed [0, 1], which measurements alone make."""
    alpha: np.ndarray | None = None
    """HxW, of the same type as `color`."""
    exif: bytes | None = None
    """EXIF block without its orientation, which has been applied."""
    icc: bytes | None = None
    """Color profile."""
    notes: tuple[str, ...] = ()
    """What had to be changed on reading, a sentence each."""

    @property
    def height(self) -> int:
        return self.color.shape[0]

    @property
    def width(self) -> int:
        return self.color.shape[1]

    @property
    def maximum(self) -> int:
        """The value of white: 255 or 65535; 1 for float32."""
        return 1 if self.color.dtype == np.float32 else int(np.iinfo(self.color.dtype).max)

    def array(self) -> np.ndarray:
        """HxW, HxWx2 (grey and alpha), HxWx3 or HxWx4 array of the picture's own type."""
        if self.alpha is None:
            return self.color
        color = self.color if self.color.ndim == 3 else self.color[..., None]
        return np.concatenate([color, self.alpha[..., None]], axis=2)

    def rgb8(self) -> np.ndarray:
        """HxWx3 uint8 RGB without alpha."""
        return rgb8(self.color)


def eight_bits(array: np.ndarray) -> np.ndarray:
    """An array of uint8, uint16 or floats in [0, 1] as uint8, clipped and rounded to the nearest of 256 levels."""
    if array.dtype == np.uint8:
        return array
    scaled = np.clip(array, 0, 1) * 255 if np.issubdtype(array.dtype, np.floating) else array / 257.0
    return np.round(scaled).astype(np.uint8)


def luma(rgb: np.ndarray) -> np.ndarray:
    """BT.601 luma of H x W x 3 RGB floats: H x W of the same type and range."""
    # Not as a matrix product, whose last bit differs from one processor to another.
    return 0.299 * rgb[..., 0] + 0.587 * rgb[..., 1] + 0.114 * rgb[..., 2]


def rgb8(color: np.ndarray) -> np.ndarray:
    """H x W or H x W x 3 of uint8, uint16 or float32 as H x W x 3 of uint8, contiguous."""
    color = eight_bits(color)
    return np.ascontiguousarray(color if color.ndim == 3 else np.repeat(color[..., None], 3, axis=2))
