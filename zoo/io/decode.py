"""Read pictures without trusting them.

Kept: EXIF data (its orientation is applied), color profile, alpha, grey, 16 bit.
"""

from __future__ import annotations

import contextlib
import io
import os
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import PictureError, describe_os_error
from .containers import check_whole
from .exif import read_exif
from .files import read_bytes
from .limits import check_size, max_bytes
from .picture import Picture

if TYPE_CHECKING:
    from PIL import Image

_FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP")
"""Pillow's names of what is opened, whatever a file's name ends in; others of its formats run other programs."""
_MAX_PROFILE_BYTES = 16_000_000
"""A longer color profile is left out: JPEG holds no more, and a few hundred bytes can unpack to any length in PNG."""
_pillow_limits = threading.Lock()


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
    check_size(array.shape[1], array.shape[0], "the array")
    if array.ndim == 2 or array.shape[2] == 3:
        return Picture(array)
    if array.shape[2] == 2:
        return Picture(array[..., 0], alpha=array[..., 1])
    return Picture(array[..., :3], alpha=array[..., 3])


def _from_pil(image: Image.Image, name: str, data: bytes | None) -> Picture:
    check_size(*image.size, name)
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
    tags = _tiff_tags(image)
    if tags is not None:
        return max(tags.get(258, (8,))) == 16
    return image.format == "PNG" and data[24] == 16


def _tiff_tags(image: Image.Image) -> Mapping[int, Any] | None:
    from PIL.TiffImagePlugin import TiffImageFile

    return image.tag_v2 if isinstance(image, TiffImageFile) else None


def _decode_16_bit(image: Image.Image, data: bytes, name: str) -> tuple[np.ndarray, np.ndarray | None]:
    """(color, alpha) of a 16-bit PNG or TIFF, RGB or grey, that Pillow has opened."""
    import cv2

    tags = _tiff_tags(image) or {}
    white_is_zero, premultiplied = tags.get(262) == 0, 1 in tags.get(338, ())
    # OpenCV reads channels that are stored apart (tag 284) as if they were not.
    known = not tags or (tags.get(262) in (0, 1, 2) and tags.get(284, 1) == 1)
    array: np.ndarray | None
    try:
        array = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) if known else None
    except cv2.error:
        array = None
    if array is None or array.dtype != np.uint16:
        raise PictureError(f"{name} has 16 bits per channel in a layout that cannot be read.")
    if array.ndim == 2:
        hidden = image.info.get("transparency")  # one grey value that stands for transparent
        opaque = None if hidden is None else np.where(array == hidden, 0, 65535).astype(np.uint16)
        return (65535 - array if white_is_zero else array), opaque
    grey = image.format == "PNG" and data[25] == 4  # color type; OpenCV repeats the grey channel
    color: np.ndarray = array[..., 0] if grey else array[..., 2::-1]
    alpha = array[..., 3] if array.shape[2] == 4 else None
    if premultiplied and alpha is not None:
        color = np.minimum(np.rint(color * (65535 / np.maximum(alpha, 1))[..., None]), 65535).astype(np.uint16)
    return color, alpha


def _cmyk_to_rgb(image: Image.Image, icc: bytes | None) -> Image.Image:
    from PIL import ImageCms

    if icc:
        # A damaged profile is no reason to refuse the picture: the plain conversion remains.
        with contextlib.suppress(ImageCms.PyCMSError, OSError):
            profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
            converted = ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"), outputMode="RGB")
            if converted is not None:
                return converted
    return image.convert("RGB")


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
