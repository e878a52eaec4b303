"""Read and write pictures without losing what they carry, and without trusting them.

Kept from file to file: EXIF orientation (applied), other EXIF data, color profile, alpha, grey, 16 bit.
"""

from __future__ import annotations

import contextlib
import io
import os
import struct
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .containers import check_whole
from .errors import OutputError, PictureError, describe_os_error
from .exif import read_exif
from .files import read_bytes, written_whole

if TYPE_CHECKING:
    from PIL import Image

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp"}
"""What is read; written are all of them but .bmp."""
DEFAULT_MAX_PIXELS = 150_000_000
_SIDE_LIMITS = {".jpg": 65_500, ".jpeg": 65_500, ".webp": 16_383}
"""The longest side that a format, or its encoder, can hold."""
_FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP")
"""Pillow's names of what is opened, whatever a file's name ends in; others of its formats run other programs."""
_JPEG_EXIF_LIMIT = 65_533
"""Bytes; a JPEG segment holds no more, so a longer block (from another format) is left out."""
_MAX_PROFILE_BYTES = 16_000_000
"""A longer color profile is left out: JPEG holds no more, and a few hundred bytes can unpack to any length in PNG."""
_MAX_BYTES_BESIDES_PIXELS = 64 << 20
_pillow_limits = threading.Lock()


@dataclass(frozen=True)
class Picture:
    """A decoded picture, upright, with what its file carried."""

    color: np.ndarray
    """HxWx3 RGB, or HxW grey; uint8 or uint16."""
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
        """The value of white: 255 or 65535."""
        return int(np.iinfo(self.color.dtype).max)

    def array(self) -> np.ndarray:
        """HxW, HxWx2 (grey and alpha), HxWx3 or HxWx4 array of the picture's own type."""
        if self.alpha is None:
            return self.color
        color = self.color if self.color.ndim == 3 else self.color[..., None]
        return np.concatenate([color, self.alpha[..., None]], axis=2)

    def rgb8(self) -> np.ndarray:
        """HxWx3 uint8 RGB without alpha."""
        color = self.color if self.color.ndim == 3 else np.repeat(self.color[..., None], 3, axis=2)
        return color if color.dtype == np.uint8 else np.round(color / 257.0).astype(np.uint8)


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


def read(source: str | os.PathLike | bytes | Image.Image | np.ndarray | Picture) -> Picture:
    """Decode a picture from a path, encoded bytes, a PIL image or an array (HxW, HxWx2, x3, x4; uint8, uint16).

    Raises PictureError when it is missing, no regular file, empty, damaged, truncated, animated, of an unsupported
    kind, or larger than `max_pixels()` or `max_bytes()`.
    """
    from PIL import Image

    if isinstance(source, Picture):
        return source
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, Image.Image):
        return _from_pil(source, "the image", None)
    if isinstance(source, bytes):
        name, data = "the image", source
    else:
        name = str(source)
        try:
            data = read_bytes(source, max_bytes())
        except OSError as error:
            raise PictureError(f"cannot read {name}: {describe_os_error(error)}.") from None
        except ValueError:  # a null character
            raise PictureError(f"there can be no file named {name!r}.") from None
        except MemoryError:
            raise PictureError(f"{name} does not fit into memory.") from None
    if not data:
        raise PictureError(f"{name} is empty (0 bytes).")
    try:
        image = _opened(data)
    except Image.UnidentifiedImageError:
        raise PictureError(f"{name} is not a picture, or is damaged: {_why_unknown(data)}.") from None
    except Exception as error:  # decoders raise anything on hostile bytes
        raise PictureError(f"{name} is damaged and cannot be opened: {error}.") from None
    with image:
        return _from_pil(image, name, data)


def _opened(data: bytes) -> Image.Image:
    """Open with this module's limits in place of Pillow's: on pixels its own is a warning first, and color profiles
    of PNG are refused beyond 1 MB."""
    from PIL import Image, PngImagePlugin

    with _pillow_limits:
        limits = Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK
        Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK = None, _MAX_PROFILE_BYTES
        try:
            return Image.open(io.BytesIO(data), formats=_FORMATS)
        finally:
            Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK = limits


def _why_unknown(data: bytes) -> str:
    if data[:4] in (b"II*\0", b"MM\0*"):
        return "no known kind of TIFF fits its content (8 and 16 bits per channel are supported)"
    if data[4:8] == b"ftyp":
        return "HEIC pictures and videos are not supported; export a JPEG or PNG"
    if data[:4] == b"GIF8":
        return "GIF pictures are not supported; export a PNG"
    return "no known format fits its content"


def _from_array(array: np.ndarray) -> Picture:
    if array.dtype not in (np.uint8, np.uint16):
        raise PictureError(f"arrays must be uint8 or uint16, not {array.dtype}.")
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (2, 3, 4)) or array.size == 0:
        raise PictureError(f"arrays must be HxW, HxWx2, HxWx3 or HxWx4 and not empty, not {array.shape}.")
    _check_size(array.shape[1], array.shape[0], "the array")
    if array.ndim == 2 or array.shape[2] == 3:
        return Picture(array)
    if array.shape[2] == 2:
        return Picture(array[..., 0], alpha=array[..., 1])
    return Picture(array[..., :3], alpha=array[..., 3])


def _check_size(width: int, height: int, name: str) -> None:
    limit = max_pixels()
    if width * height > limit:
        raise PictureError(
            f"{name} has {width} x {height} = {width * height:,} pixels, more than the limit of {limit:,}; "
            "set ZOO_MAX_PIXELS to allow more."
        )


def _from_pil(image: Image.Image, name: str, data: bytes | None) -> Picture:
    _check_size(*image.size, name)
    try:
        frames = getattr(image, "n_frames", 1)  # counting them reads the file
        # An MPO is a phone's JPEG with a preview or depth map behind it, not an animation.
        if frames == 1 or image.format == "MPO":
            if data is not None:
                check_whole(image, data)
            image.load()
    except MemoryError:
        raise PictureError(f"{name} does not fit into memory.") from None
    except Exception as error:  # decoders raise anything on hostile bytes
        raise PictureError(f"{name} is damaged or cut off: {str(error).rstrip('.')}.") from None
    if frames > 1 and image.format != "MPO":
        kind = "pages" if image.format == "TIFF" else "frames"
        raise PictureError(f"{name} has {frames} {kind}; only still pictures are restored: save one of them first.")
    orientation, exif_bytes = read_exif(image)
    notes: list[str] = []
    icc = image.info.get("icc_profile")
    if icc is not None and not (isinstance(icc, bytes) and 0 < len(icc) <= _MAX_PROFILE_BYTES):
        icc = None
        notes.append("its color profile is left out: it is damaged or too large.")
    mode = image.mode
    if data is not None and _is_16_bit(image, data):
        color, alpha = _decode_16_bit(image, data, name)
    elif mode.startswith("I;16"):
        color, alpha = np.asarray(image).astype(np.uint16), None
    elif mode in ("F", "I"):
        raise PictureError(f"{name} has 32 bits per channel; 8 and 16 bits are supported.")
    else:
        if mode == "CMYK":
            image, icc = _cmyk_to_rgb(image, icc), None
            notes.append("converted from CMYK to RGB (sRGB).")
        elif mode in ("P", "PA"):
            transparent = mode == "PA" or "transparency" in image.info
            image = image.convert("RGBA" if transparent else "RGB")
            notes.append("converted from a color palette to RGB.")
        elif mode == "1":
            image = image.convert("L")
        elif mode in ("L", "RGB") and "transparency" in image.info:
            image = image.convert("LA" if mode == "L" else "RGBA")
        elif mode not in ("L", "LA", "RGB", "RGBA"):
            image, icc = image.convert({"RGBa": "RGBA", "La": "LA"}.get(mode, "RGB")), None
            notes.append(f"converted from {mode} to {image.mode}.")
        array = np.asarray(image)
        has_alpha = image.mode in ("LA", "RGBA")
        color = array[..., 0] if image.mode == "LA" else array[..., :3] if has_alpha else array
        alpha = array[..., -1] if has_alpha else None
    color = np.ascontiguousarray(_upright(color, orientation))
    if alpha is not None:
        alpha = np.ascontiguousarray(_upright(alpha, orientation))
    return Picture(color, alpha, exif_bytes, icc, tuple(notes))


def _is_16_bit(image: Image.Image, data: bytes) -> bool:
    """Whether the file holds 16 bits per channel; Pillow itself cuts colors to 8."""
    if image.format == "TIFF":
        return max(image.tag_v2.get(258, (8,))) == 16
    return image.format == "PNG" and data[24] == 16


def _decode_16_bit(image: Image.Image, data: bytes, name: str) -> tuple[np.ndarray, np.ndarray | None]:
    """(color, alpha) of a 16-bit PNG or TIFF, RGB or grey, that Pillow has opened."""
    import cv2

    tags = image.tag_v2 if image.format == "TIFF" else {}
    white_is_zero, premultiplied = tags.get(262) == 0, 1 in tags.get(338, ())
    # OpenCV reads channels that are stored apart (tag 284) as if they were not.
    known = not tags or (tags.get(262) in (0, 1, 2) and tags.get(284, 1) == 1)
    try:
        array = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) if known else None
    except cv2.error:
        array = None
    if array is None or array.dtype != np.uint16:
        raise PictureError(f"{name} has 16 bits per channel in a layout that cannot be read.")
    if array.ndim == 2:
        hidden = image.info.get("transparency")  # one grey value that stands for transparent
        alpha = None if hidden is None else np.where(array == hidden, 0, 65535).astype(np.uint16)
        return (65535 - array if white_is_zero else array), alpha
    grey = image.format == "PNG" and data[25] == 4  # color type; OpenCV repeats the grey channel
    color, alpha = (array[..., 0] if grey else array[..., 2::-1]), (array[..., 3] if array.shape[2] == 4 else None)
    if premultiplied and alpha is not None:
        color = np.minimum(np.rint(color * (65535 / np.maximum(alpha, 1))[..., None]), 65535).astype(np.uint16)
    return color, alpha


def _cmyk_to_rgb(image: Image.Image, icc: bytes | None) -> Image.Image:
    from PIL import Image, ImageCms

    if icc:
        # A damaged profile is no reason to refuse the picture: the plain conversion remains.
        with contextlib.suppress(ImageCms.PyCMSError, OSError):
            profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
            return ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"), outputMode="RGB")
    return Image.Image.convert(image, "RGB")


def _upright(array: np.ndarray, orientation: int) -> np.ndarray:
    """Apply an EXIF orientation (1 to 8; Exif 2.32, tag 0x0112) to an HxW(xC) array."""
    steps = {
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.swapaxes(0, 1),
        6: lambda a: a.swapaxes(0, 1)[:, ::-1],
        7: lambda a: a.swapaxes(0, 1)[::-1, ::-1],
        8: lambda a: a.swapaxes(0, 1)[::-1],
    }
    return steps.get(orientation, lambda a: a)(array)


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


def write_bytes(path: str | os.PathLike, data: bytes) -> None:
    """Write a file whole or not at all. Raises OutputError with the reason when it cannot be written."""
    try:
        with written_whole(Path(path)) as temporary:
            temporary.write_bytes(data)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {describe_os_error(error)}.") from None


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
    """PNG with 16 bits per channel, which Pillow cannot write in color (nor OpenCV with grey and alpha)."""
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
    chunks += [(b"IDAT", zlib.compress(rows, 4)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def _encode_tiff(picture: Picture) -> bytes:
    """TIFF with 8 or 16 bits per channel; Pillow writes no 16-bit color, and fails on most cameras' EXIF data.

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


def find_pictures(folder: str | os.PathLike, recursive: bool = False) -> Iterator[Path]:
    """The pictures in a folder by suffix, sorted by path; what is hidden is left out."""
    folder = Path(folder)
    for path in sorted(folder.glob("**/*" if recursive else "*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.suffix.lower() in SUFFIXES and not hidden and path.is_file():
            yield path
