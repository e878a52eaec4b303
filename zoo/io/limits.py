"""The largest picture that is opened."""

from __future__ import annotations

import os

from ..errors import PictureError

DEFAULT_MAX_PIXELS = 150_000_000
_MAX_BYTES_BESIDES_PIXELS = 64 << 20


def max_pixels() -> int:
    """The largest picture that is opened, in pixels: ZOO_MAX_PIXELS or 150 million. Raises PictureError."""
    text = os.environ.get("ZOO_MAX_PIXELS")
    if not text:
        return DEFAULT_MAX_PIXELS
    try:
        limit = int(float(text))
    except (ValueError, OverflowError):
        limit = 0
    if limit < 1:
        raise PictureError(f"ZOO_MAX_PIXELS must be a positive number of pixels, not '{text}'.")
    return limit


def max_bytes() -> int:
    """The largest picture file that is opened: `max_pixels()` of four channels of 16 bits, and 64 MB of metadata."""
    return 8 * max_pixels() + _MAX_BYTES_BESIDES_PIXELS


def check_size(width: int, height: int, name: str) -> None:
    """Raise PictureError for a picture of more than `max_pixels()` pixels."""
    limit = max_pixels()
    if width * height > limit:
        raise PictureError(
            f"{name} has {width} x {height} = {width * height:,} pixels, more than the limit of {limit:,}; "
            "set ZOO_MAX_PIXELS to allow more."
        )
