"""Read and write pictures without losing what they carry, and without trusting them.

Kept from file to file: EXIF orientation (applied), other EXIF data, color profile, alpha, grey, 16 bit.
"""

from __future__ import annotations

import contextlib
import io
import os
import struct
import tempfile
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .errors import OutputError, PictureError, describe_os_error

if TYPE_CHECKING:
    from PIL import Image

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp"}
"""What is read; written are all of them but .bmp."""
DEFAULT_MAX_PIXELS = 150_000_000
_ORIENTATION = 0x0112
_pillow_limit = threading.Lock()


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


def read(source: str | os.PathLike | bytes | Image.Image | np.ndarray | Picture) -> Picture:
    """Decode a picture from a path, encoded bytes, a PIL image or an array (HxW, HxWx2, x3, x4; uint8, uint16).

    Raises PictureError when it is missing, empty, damaged, truncated, animated, of an unsupported kind, or larger
    than `max_pixels()`.
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
            data = Path(source).read_bytes()
        except OSError as error:
            raise PictureError(f"cannot read {name}: {describe_os_error(error)}.") from None
    if not data:
        raise PictureError(f"{name} is empty (0 bytes).")
    try:
        # Pillow's own limit is a warning first; this module's comes before anything is decoded.
        with _pillow_limit:
            limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
            try:
                image = Image.open(io.BytesIO(data))
            finally:
                Image.MAX_IMAGE_PIXELS = limit
    except Image.UnidentifiedImageError:
        raise PictureError(f"{name} is not a picture, or is damaged: no known format fits its content.") from None
    except Exception as error:  # decoders raise anything on hostile bytes
        raise PictureError(f"{name} is damaged and cannot be opened: {error}.") from None
    with image:
        return _from_pil(image, name, data)


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
            f"{name} has {width} x {height} = {width * height / 1e6:,.0f} million pixels, more than the limit of "
            f"{limit / 1e6:,.1f} million; set ZOO_MAX_PIXELS to allow more."
        )


def _from_pil(image: Image.Image, name: str, data: bytes | None) -> Picture:
    _check_size(*image.size, name)
    frames = getattr(image, "n_frames", 1)
    # An MPO is a phone's JPEG with a preview or depth map behind it, not an animation.
    if frames > 1 and image.format != "MPO":
        kind = "pages" if image.format == "TIFF" else "frames"
        raise PictureError(f"{name} has {frames} {kind}; only still pictures are restored: save one of them first.")
    try:
        image.load()
        exif = image.getexif()
        orientation = exif.pop(_ORIENTATION, 1)
        exif_bytes = exif.tobytes() if len(exif) else None
    except MemoryError:
        raise PictureError(f"{name} does not fit into memory.") from None
    except Exception as error:
        raise PictureError(f"{name} is damaged or cut off: {error}.") from None
    icc = image.info.get("icc_profile")
    notes: list[str] = []
    mode = image.mode
    if data is not None and _is_16_bit(image, data):
        color, alpha = _decode_16_bit(data, grey=mode[0] in "LI", name=name)
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
            image = image.convert("RGBA" if mode in ("RGBa", "La") else "RGB")
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


def _decode_16_bit(data: bytes, grey: bool, name: str) -> tuple[np.ndarray, np.ndarray | None]:
    """(color, alpha) of a 16-bit PNG or TIFF, RGB or grey."""
    import cv2

    array = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if array is None or array.dtype != np.uint16:
        raise PictureError(f"{name} has 16 bits per channel in a layout that cannot be read.")
    if array.ndim == 2:
        return array, None
    alpha = array[..., 3] if array.shape[2] == 4 else None
    return (array[..., 0] if grey else array[..., 2::-1]), alpha


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


def check_writable(path: str | os.PathLike, bits: int = 8) -> None:
    """Raise OutputError when a picture of 8 or 16 bits cannot be written under this name, before work is done."""
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES - {".bmp"}:
        raise OutputError(f"cannot write {path}: use .png, .jpg, .webp or .tif.")
    if bits == 16 and suffix not in (".png", ".tif", ".tiff"):
        raise OutputError(f"cannot write 16 bits per channel to {path}: use .png or .tif.")


def write(path: str | os.PathLike, picture: Picture) -> None:
    """Write a picture whole or not at all, in the format of the name's suffix.

    JPEG is written at quality 95 without chroma subsampling, WebP losslessly, TIFF with deflate. Raises OutputError
    when the format cannot hold the picture (JPEG has no alpha; only PNG and TIFF hold 16 bits) or the file cannot
    be written (a full disk, no permission).
    """
    path = Path(path)
    check_writable(path, 16 if picture.maximum == 65535 else 8)
    if picture.alpha is not None and path.suffix.lower() in (".jpg", ".jpeg"):
        raise OutputError(f"cannot write transparency to {path}: use .png, .webp or .tif.")
    write_bytes(path, encode(picture, path.suffix.lower()))


def write_bytes(path: str | os.PathLike, data: bytes) -> None:
    """Write a file whole or not at all. Raises OutputError with the reason when it cannot be written."""
    path = Path(path)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            temporary = Path(file.name)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {describe_os_error(error)}.") from None
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def encode(picture: Picture, suffix: str) -> bytes:
    """The picture's encoded bytes; `suffix` is one of .png, .jpg, .jpeg, .webp, .tif, .tiff."""
    from PIL import Image

    if picture.maximum == 65535:
        return _encode_16_bit(picture, suffix)
    image = Image.fromarray(picture.array())
    options: dict = {"icc_profile": picture.icc}
    if picture.exif:
        options["exif"] = picture.exif
    stream = io.BytesIO()
    if suffix in (".jpg", ".jpeg"):
        image.save(stream, "JPEG", quality=95, subsampling=0, **options)
    elif suffix == ".webp":
        image.save(stream, "WEBP", lossless=True, exact=True, **options)
    elif suffix == ".png":
        image.save(stream, "PNG", compress_level=4, **options)
    else:
        image.save(stream, "TIFF", compression="tiff_adobe_deflate", **options)
    return stream.getvalue()


def _encode_16_bit(picture: Picture, suffix: str) -> bytes:
    """PNG or TIFF with 16 bits per channel, which Pillow cannot write in color."""
    array = picture.array()
    if suffix != ".png":
        import tifffile

        stream = io.BytesIO()
        tifffile.imwrite(
            stream,
            array,
            photometric="minisblack" if picture.color.ndim == 2 else "rgb",
            planarconfig="contig" if array.ndim == 3 else None,
            extrasamples=["unassalpha"] if picture.alpha is not None else None,
            iccprofile=picture.icc,
            compression="zlib",
            metadata=None,
        )
        return stream.getvalue()
    import cv2

    if array.ndim == 3:
        if array.shape[2] == 2:  # OpenCV writes no grey with alpha
            array = array[..., [0, 0, 0, 1]]
        array = array[..., [2, 1, 0, 3][: array.shape[2]]]
    data = cv2.imencode(".png", array)[1].tobytes()
    header = 33  # signature and IHDR; the profile and EXIF must come before the pixels
    extra = b""
    if picture.icc:
        extra += _png_chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(picture.icc))
    if picture.exif:
        extra += _png_chunk(b"eXIf", picture.exif.removeprefix(b"Exif\0\0"))
    return data[:header] + extra + data[header:]


def _png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def find_pictures(folder: str | os.PathLike, recursive: bool = False) -> Iterator[Path]:
    """The pictures in a folder by suffix, sorted by path; hidden files are left out."""
    for path in sorted(Path(folder).glob("**/*" if recursive else "*")):
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file():
            yield path
