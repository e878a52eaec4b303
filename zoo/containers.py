"""Whether a picture file is whole, as far as its format tells: decoders fill up in silence what is missing."""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image
    from PIL.TiffImagePlugin import TiffImageFile

_JPEG_MARKER = re.compile(rb"\xff+([^\x00\xff])")
_JPEG_ALONE = frozenset((0x01, *range(0xD0, 0xD9)))
"""Markers without a length: TEM, RST0 to RST7, SOI."""
_JPEG_END = 0xD9


def check_whole(image: Image.Image, data: bytes) -> None:
    """Check an opened PNG, JPEG, WebP or TIFF picture and the bytes of its file. Raises ValueError with the reason.

    PNG has a checksum for every chunk. Of the others only the sizes and the end are known: what is spoiled in their
    middle is told by the decoder, or by nothing.
    """
    from PIL.TiffImagePlugin import TiffImageFile

    check = {"PNG": _check_png, "JPEG": _check_jpeg, "MPO": _check_jpeg, "WEBP": _check_webp}.get(image.format or "")
    if check is not None:
        check(data)
    elif isinstance(image, TiffImageFile):
        _check_tiff(image, len(data))


def _check_png(data: bytes) -> None:
    """Lengths and checksums of all chunks up to the last (PNG specification, 5.3)."""
    position = 8
    while position + 12 <= len(data):
        end = position + 12 + int.from_bytes(data[position : position + 4], "big")
        if end > len(data):
            break
        kind = data[position + 4 : position + 8]
        if zlib.crc32(memoryview(data)[position + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
            raise ValueError(f"the checksum of its chunk {kind.decode('ascii', 'backslashreplace')} is wrong")
        if kind == b"IEND":
            return
        position = end
    raise ValueError("its end is missing")


def _check_jpeg(data: bytes) -> None:
    """The marker that ends the picture (ITU T.81, B.1.1), behind all segments and the scans between them."""
    position = 2
    while found := _JPEG_MARKER.search(data, position):
        marker, position = found[1][0], found.end()
        if marker == _JPEG_END:
            return
        if marker not in _JPEG_ALONE:  # what follows the start of a scan has no length: the next marker is looked for
            position += max(2, int.from_bytes(data[position : position + 2], "big"))
    raise ValueError("its end is missing")


def _check_webp(data: bytes) -> None:
    """The size that its header tells (RFC 9649, 2.4)."""
    if int.from_bytes(data[4:8], "little") + 8 > len(data):
        raise ValueError("its end is missing")


def _check_tiff(image: TiffImageFile, size: int) -> None:
    """Pixels (strips, then tiles) that lie past the file's end, of which libtiff would write to stderr."""
    for offsets, counts in ((273, 279), (324, 325)):
        for offset, count in zip(image.tag_v2.get(offsets, ()), image.tag_v2.get(counts, ()), strict=False):
            if offset + count > size:
                raise ValueError("pixels lie past the end of the file")
