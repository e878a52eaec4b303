"""Other sizes, by Pillow, whose results do not depend on the processor."""

from __future__ import annotations

import numpy as np


def downscale(image: np.ndarray, factor: int) -> np.ndarray:
    """Smaller by an integer factor, bicubic with anti-aliasing; height and width must be multiples of it."""
    from PIL import Image

    height, width = image.shape[:2]
    if height % factor or width % factor:
        raise ValueError(f"{width} x {height} is no multiple of {factor}")
    return _by_pillow(image, (width // factor, height // factor), Image.Resampling.BICUBIC)


def resized(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """To another size, bilinear, as viewers enlarge a picture."""
    from PIL import Image

    # OpenCV's bilinear resizing differs by 1e-6 from one processor to another.
    return _by_pillow(image, (width, height), Image.Resampling.BILINEAR)


def _by_pillow(image: np.ndarray, size: tuple[int, int], filter: int) -> np.ndarray:
    from PIL import Image

    channels = [np.asarray(Image.fromarray(np.ascontiguousarray(image[..., c])).resize(size, filter)) for c in range(3)]
    return np.clip(np.stack(channels, axis=2), 0, 1)


def reduced(image: np.ndarray, factor: float) -> np.ndarray:
    """Smaller by any factor from 1 up, each pixel the mean of those it covers; float64, not clipped."""
    import cv2

    height, width = image.shape[:2]
    size = (max(1, round(width / factor)), max(1, round(height / factor)))
    return cv2.resize(image.astype(np.float64), size, interpolation=cv2.INTER_AREA)
