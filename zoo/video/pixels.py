"""Frames between FFmpeg's YUV and RGB arrays, by the video's own matrix and range."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .source import Info

UNSPECIFIED = 2
LIMITED, FULL = 1, 2
_MATRICES = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9, 10: 9}
"""Matrix coefficients (ITU-T H.273) -> swscale's number of them."""
BT709, SMPTE170M = 1, 6


@dataclass(frozen=True)
class Color:
    """How a video stores colors; numbers are those of ITU-T H.273."""

    primaries: int
    transfer: int
    matrix: int
    range: int
    """0 unspecified, 1 limited (16 to 235), 2 full."""
    depth: int
    """Bits of a component."""
    chroma: tuple[int, int]
    """By which powers of two chroma is smaller across and down: (1, 1) is 4:2:0."""
    rgb: bool = False
    """Stored as RGB or as a palette."""
    has_alpha: bool = False

    @classmethod
    def of(cls, frame: Any) -> Color:
        """What a decoded frame says of itself."""
        pixels = frame.format
        name = pixels.name
        parts = pixels.components
        rgb = pixels.is_rgb or pixels.has_palette
        luma = next((part for part in parts if part.is_luma), parts[0])
        chroma = next((part for part in parts if part.is_chroma), None)
        across = down = 0
        if chroma is not None and not rgb:
            across = (frame.width / max(chroma.width, 1) >= 1.5) + (frame.width / max(chroma.width, 1) >= 3)
            down = (frame.height / max(chroma.height, 1) >= 1.5) + (frame.height / max(chroma.height, 1) >= 3)
        range_ = FULL if name.startswith("yuvj") else int(frame.color_range)
        return cls(
            int(frame.color_primaries), int(frame.color_trc), int(frame.colorspace), range_, int(luma.bits),
            (across, down), rgb, any(part.is_alpha for part in parts) and not pixels.has_palette,
        )  # fmt: skip

    def swscale_matrix(self, width: int, height: int) -> int:
        """swscale's number of the matrix; an unspecified one is what players take it for: by the frame's size."""
        if self.matrix in _MATRICES:
            return _MATRICES[self.matrix]
        return _MATRICES[BT709 if max(width, height) >= 1280 or min(width, height) >= 720 else SMPTE170M]


def picture_of(frame: Any, info: Info) -> np.ndarray:
    """A decoded frame as H x W x 3 RGB, upright, at the size of `info`: uint8, or uint16 beyond 8 bits."""
    color = info.color
    turned = info.rotation in (90, 270)
    width, height = (info.height, info.width) if turned else (info.width, info.height)
    rgb = frame.reformat(
        width=width, height=height, format="rgb24" if color.depth <= 8 else "rgb48le",
        src_colorspace=color.swscale_matrix(width, height),
        src_color_range=FULL if color.rgb else color.range or LIMITED, dst_color_range=FULL, interpolation=_QUALITY,
    ).to_ndarray()  # fmt: skip
    return np.ascontiguousarray(np.rot90(rgb, info.rotation // 90)) if info.rotation else rgb


def frame_of(image: np.ndarray, pixel_format: str, matrix: int, range_: int) -> Any:
    """An H x W x 3 RGB array (uint8 or uint16) as a frame to encode. matrix: swscale's number; range_: 1 or 2."""
    import av

    deep = image.dtype == np.uint16
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb48le" if deep else "rgb24")
    if pixel_format in ("rgb24", "bgr0", "gbrp16le"):
        return frame.reformat(format=pixel_format)
    return frame.reformat(
        format=pixel_format, src_color_range=FULL, dst_colorspace=matrix, dst_color_range=range_, interpolation=_QUALITY
    )


_QUALITY = 4 | 0x2000 | 0x4000 | 0x40000 | 0x80000
"""swscale: bicubic, full chroma interpolation in and out, accurate rounding, the same bits on every processor."""
