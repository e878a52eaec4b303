"""Pictures and masks between the app's files and the zoo."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from zoo.errors import OutputError, PictureError, ZooError
from zoo.io import images, masks
from zoo.io.images import Picture

MOST_MEGAPIXELS = 30
"""The largest picture of a request."""
LARGE = 2048
"""A picture with a longer side has a smaller copy, which the browser shows until it is zoomed in."""
SMALL = 1280
"""Longer side of that copy."""
GREY_FROM = 128
"""What of a mask with grey values, such as a JPEG, counts as white."""


def opened(path: str, megapixels: float | None = None) -> Picture:
    """The picture, made smaller where it has more megapixels. Raises PictureError, also for one that is too large."""
    picture = images.read(path)
    size = picture.width * picture.height / 1e6
    if megapixels is not None and size > megapixels:
        factor = (megapixels / size) ** 0.5
        width, height = (max(1, int(side * factor)) for side in (picture.width, picture.height))
        return replace(
            picture,
            color=cv2.resize(picture.color, (width, height), interpolation=cv2.INTER_AREA),
            alpha=None if picture.alpha is None
            else cv2.resize(picture.alpha, (width, height), interpolation=cv2.INTER_AREA),
            notes=(*picture.notes, f"made smaller, {width} × {height} pixels, as you chose."),
        )  # fmt: skip
    if size > MOST_MEGAPIXELS:
        raise PictureError(
            f"this picture has {size:.0f} megapixels, more than the {MOST_MEGAPIXELS} that are restored at once here. "
            "Choose a smaller size below the picture, or crop it."
        )
    return picture


def opened_mask(path: str, height: int, width: int) -> np.ndarray:
    """A mask as bool HxW, True where it is bright; drawn on a smaller copy, it is enlarged. Raises ZooError."""
    picture = images.read(path)
    if picture.width * picture.height > MOST_MEGAPIXELS * 1e6:
        raise PictureError(f"the mask has more pixels than the limit of {MOST_MEGAPIXELS} megapixels.")
    mask = masks.read(picture.array(), picture.height, picture.width, GREY_FROM)
    if mask.shape == (height, width):
        return mask
    own = mask.shape
    if own[0] != round(own[1] * height / width) and own[1] != round(own[0] * width / height):
        # Of another shape than a smaller copy of the picture: the error says both sizes.
        masks.read(picture.array(), height, width, GREY_FROM)
    shrinks = mask.shape[0] > height
    method = cv2.INTER_AREA if shrinks else cv2.INTER_NEAREST
    scaled = cv2.resize(mask.astype(np.float32), (width, height), interpolation=method) > 0
    masks.check(scaled)
    return scaled


def safe_name(text: str) -> str:
    """A part of a file name of letters, digits, dots, dashes and underscores."""
    return re.sub(r"[^\w.-]+", "_", text).strip("._")[:80] or "picture"


def shown(picture: Picture | np.ndarray, folder: str, name: str) -> dict[str, Any]:
    """What a browser shows of a picture: {path, small, width, height}; a PNG of 8 bits, and a smaller copy or None."""
    color = images.rgb8(picture if isinstance(picture, np.ndarray) else picture.color)
    height, width = color.shape[:2]
    path = _png(Path(folder) / f"{name}.png", color)
    small = None
    if max(height, width) > LARGE:
        factor = SMALL / max(height, width)
        size = max(1, round(width * factor)), max(1, round(height * factor))
        small = _png(Path(folder) / f"{name}-small.png", cv2.resize(color, size, interpolation=cv2.INTER_AREA))
    return {"path": path, "small": small, "width": width, "height": height}


def mask_file(mask: np.ndarray, folder: str, name: str) -> str:
    """The mask as a black and white PNG."""
    return _png(Path(folder) / f"{name}.png", np.repeat(mask.astype(np.uint8)[..., None] * 255, 3, axis=2))


def _png(path: Path, color: np.ndarray) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    done, data = cv2.imencode(".png", color[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])
    if not done:
        raise ZooError("the picture cannot be written as a PNG.")
    try:
        path.write_bytes(data.tobytes())
    except OSError:
        raise OutputError(f"{path.name} cannot be written here: the disk may be full.") from None
    return str(path)


def downloads(picture: Picture, source: str, folder: str, name: str) -> list[dict[str, str]]:
    """The picture as files to keep: [{label, path}]; in the input's format where that can hold it, and as PNG."""
    suffix = Path(source).suffix.lower()
    made = []
    for kind in dict.fromkeys([suffix if suffix in images.SUFFIXES - {".bmp"} else ".png", ".png"]):
        path = Path(folder) / "downloads" / f"{name}{kind}"
        path.parent.mkdir(parents=True, exist_ok=True)
        images.write(path, picture)
        label = {".jpg": "JPEG", ".jpeg": "JPEG", ".tif": "TIFF", ".tiff": "TIFF", ".webp": "WebP"}.get(kind, "PNG")
        made.append({"label": label, "path": str(path)})
    return made
