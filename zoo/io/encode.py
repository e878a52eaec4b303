"""Write pictures without losing what they carry: EXIF data, color profile, alpha, grey, 16 bit."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np

from ..errors import OutputError
from .files import write_bytes
from .formats import SUFFIXES
from .picture import Picture

_SIDE_LIMITS = {".jpg": 65_500, ".jpeg": 65_500, ".webp": 16_383}
"""The longest side that a format, or its encoder, can hold."""
_JPEG_EXIF_LIMIT = 65_533
"""Bytes; a JPEG segment holds no more, so a longer block (from another format) is left out."""


def check_writable(path: str | os.PathLike, picture: Picture | None = None, scale: int = 1) -> None:
    """Raise OutputError, before work is done, when this name's format is not written or cannot hold the picture.

    JPEG has no alpha, only PNG and TIFF have 16 bits per channel, JPEG and WebP have a largest side. `scale` is how
    much larger than `picture` the output will be.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES - {".bmp"}:
        raise OutputError(f"cannot write {path}: use .png, .jpg, .webp or .tif.")
    if picture is None:
        return
    if picture.maximum == 65535 and suffix not in (".png", ".tif", ".tiff"):
        raise OutputError(f"cannot write 16 bits per channel to {path}: use .png or .tif.")
    if picture.alpha is not None and suffix in (".jpg", ".jpeg"):
        raise OutputError(f"cannot write transparency to {path}: use .png, .webp or .tif.")
    longest, limit = max(picture.height, picture.width) * scale, _SIDE_LIMITS.get(suffix)
    if limit and longest > limit:
        raise OutputError(f"cannot write a side of {longest} pixels to {path}, at most {limit}: use .png or .tif.")


def write(path: str | os.PathLike, picture: Picture) -> None:
    """Write a picture whole or not at all, in the format of the name's suffix.

    JPEG is written at quality 95 without chroma subsampling, WebP losslessly, TIFF with deflate. Raises OutputError
    when the format cannot hold the picture (see `check_writable`) or the file cannot be written (a full disk, no
    permission).
    """
    check_writable(path, picture)
    write_bytes(path, encode(picture, Path(path).suffix.lower()))


def encode(picture: Picture, suffix: str) -> bytes:
    """The picture's encoded bytes; `suffix` is one of .png, .jpg, .jpeg, .webp, .tif, .tiff."""
    from PIL import Image

    if suffix in (".tif", ".tiff"):
        return _encode_tiff(picture)
    if picture.maximum == 65535:
        return _encode_16_bit_png(picture)
    image = Image.fromarray(picture.array())
    options: dict = {"icc_profile": picture.icc}
    stream = io.BytesIO()
    if picture.exif and not (suffix in (".jpg", ".jpeg") and len(picture.exif) > _JPEG_EXIF_LIMIT):
        options["exif"] = picture.exif
    if suffix in (".jpg", ".jpeg"):
        image.save(stream, "JPEG", quality=95, subsampling=0, **options)
    elif suffix == ".webp":
        image.save(stream, "WEBP", lossless=True, exact=True, **options)
    else:
        image.save(stream, "PNG", compress_level=4, **options)
    return stream.getvalue()


def _encode_16_bit_png(picture: Picture) -> bytes:
    """PNG with 16 bits per channel: Pillow cannot write it in color, OpenCV not with grey and alpha or a profile."""
    array = picture.array()
    height, width = array.shape[:2]
    channels = 1 if array.ndim == 2 else array.shape[2]
    color_type = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    values = np.ascontiguousarray(array, dtype=">u2").view(np.uint8).reshape(height, -1)
    rows = np.ones((height, 1 + values.shape[1]), np.uint8)  # filter 1: what is stored is the change along a row
    rows[:, 1:] = values
    rows[:, 1 + 2 * channels :] -= values[:, : -2 * channels]
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, color_type, 0, 0, 0))]
    if picture.icc:
        chunks.append((b"iCCP", b"ICC profile\0\0" + zlib.compress(picture.icc)))
    if picture.exif:
        chunks.append((b"eXIf", picture.exif.removeprefix(b"Exif\0\0")))
    chunks += [(b"IDAT", zlib.compress(rows.tobytes(), 4)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def _encode_tiff(picture: Picture) -> bytes:
    """TIFF with 8 or 16 bits per channel; Pillow writes no 16-bit color and fails on most cameras' EXIF data, and
    OpenCV writes neither EXIF data nor ICC profiles.

    An EXIF block is a TIFF file without a picture, so the picture's tags are added to it and its pixels put behind.
    """
    from PIL import Image

    array = picture.array()
    if array.ndim == 2:
        array = array[..., None]
    elif array.shape[2] == 2 and array.itemsize == 2:  # no common reader opens grey with alpha of 16 bits
        array = array[..., [0, 0, 0, 1]]
    height, width, channels = array.shape
    rows = np.diff(array, axis=1, prepend=array.dtype.type(0))  # predictor 2: what is stored is the change along a row
    pixels = zlib.compress(rows.astype(rows.dtype.newbyteorder("<"), copy=False).tobytes(), 4)

    exif = Image.Exif()
    if picture.exif:
        exif.load(picture.exif)
    exif.endian = "<"
    tags = {
        256: width, 257: height, 258: (array.itemsize * 8,) * channels, 259: 8, 262: 1 if channels < 3 else 2,
        273: 0,  # Pillow adds the length of the whole block to it: where the pixels begin
        277: channels, 278: height, 279: len(pixels), 284: 1, 317: 2,
    }  # fmt: skip
    if picture.alpha is not None:
        tags[338] = 2  # alpha that colors are not multiplied with
    if picture.icc:
        tags[34675] = picture.icc
    for tag, value in tags.items():
        exif[tag] = value
    return exif.tobytes().removeprefix(b"Exif\0\0") + pixels
