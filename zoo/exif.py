"""The EXIF block of a picture: what of it is true of another file too, and what of it may show the picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PIL import Image

_ORIENTATION = 0x0112
_EXIF_IFD, _GPS_IFD, _INTEROPERABILITY_IFD = 0x8769, 0x8825, 0xA005
_LAYOUT_TAGS = {
    *range(254, 260), 262, 266, 273, *range(277, 282), 284, 292, 293, 297, 301, 317, *range(320, 326), 330,
    *range(332, 348), 351, *range(512, 522), *range(529, 533), 559, 700, *range(32994, 32999), 34675,
    _INTEROPERABILITY_IFD,
}  # fmt: skip
"""TIFF tags about how pixels are stored (and the copies of profile and XMP, and what belongs into another
directory): true of the source file only."""
_MOST_NUMBERS, _MOST_BYTES = 16, 16
"""The longest row of numbers, and of bytes, that is too short for a picture of a face."""


def read_exif(image: Image.Image) -> tuple[int, bytes | None]:
    """The orientation (1 to 8), and the EXIF block without it and without the tags of a TIFF file's layout.

    Thumbnails lie in a directory that is not kept. A damaged block counts as none.
    """
    from PIL import Image

    try:
        exif = Image.Exif()
        exif.load(image.getexif().tobytes())  # a copy: the caller's picture keeps its orientation
        orientation = exif.get(_ORIENTATION, 1)
        for tag in _LAYOUT_TAGS | {_ORIENTATION}:
            exif.pop(tag, None)
        block = exif.tobytes() if len(exif) else None
    except Exception:  # damaged EXIF data is no reason to refuse the picture
        return 1, None
    return orientation if isinstance(orientation, int) else 1, block


def without_previews(block: bytes) -> bytes | None:
    """The block without anything that can hold a small copy of the picture: numbers, dates and texts stay.

    Maker notes, Photoshop's resources and private tags all can, so bytes and rows of numbers are kept only where they
    are too short for it. None when nothing is left, or the block is damaged.
    """
    from PIL import Image

    try:
        exif, kept = Image.Exif(), Image.Exif()
        exif.load(block)
        for tag, value in _plain(exif).items():
            kept[tag] = value
        for tag in (_EXIF_IFD, _GPS_IFD):
            if directory := _plain(exif.get_ifd(tag)):
                kept[tag] = directory
        return kept.tobytes() if len(kept) else None
    except Exception:  # whatever cannot be understood is not kept
        return None


def _plain(directory: Mapping[int, Any]) -> dict[int, Any]:
    return {
        tag: value for tag, value in dict(directory).items() if tag not in (_EXIF_IFD, _GPS_IFD) and _is_plain(value)
    }


def _is_plain(value: Any) -> bool:
    if isinstance(value, bytes):
        return len(value) <= _MOST_BYTES
    if isinstance(value, str):
        return len(value) <= 1000 and value.isprintable()
    if isinstance(value, tuple):
        return len(value) <= _MOST_NUMBERS and all(_is_plain(item) for item in value)
    return not isinstance(value, dict)
