"""Pictures between the browser and the zoo."""

from __future__ import annotations

import cv2
import gradio as gr
import numpy as np
from PIL import Image

from zoo import images
from zoo.errors import PictureError

from .guard import ForeignFileError, is_received

PREVIEW_SIDE = 1024
MAX_LAYERS = 4
"""How many layers of painting are opened; the editor itself sends one."""
MAX_LAYER_PIXELS = (2 * PREVIEW_SIDE) ** 2
"""The largest layer that is opened; the editor's has the preview's size, twice that a side on a fine display."""


class PictureInput(gr.Image):
    """An upload that hands on the file as it was sent.

    gr.Image opens the file first, which cuts 16 bits to 8 and turns a damaged file into an error without a sentence.
    """

    is_template = True  # the browser shows a gr.Image; __init__ stays, as Gradio reads the settings off its signature

    def preprocess(self, payload) -> str | None:
        """The uploaded file's path. Raises ForeignFileError for any other."""
        return None if payload is None else _received(payload.path)


class MaskEditor(gr.ImageEditor):
    """An editor that hands on the files of its layers, and opens nothing.

    gr.ImageEditor decodes layers, background and composite, whatever their number and size.
    """

    is_template = True
    accept_blobs = None  # the other way to send layers, kept in memory without a limit; the browser does not need it

    def preprocess(self, payload) -> list[str]:  # type: ignore[override]  # files instead of pictures is the point
        """The paths of the painted layers. Raises ForeignFileError for files that were not uploaded."""
        return [] if payload is None else [_received(layer.path) for layer in payload.layers]


def _received(path: str | None) -> str:
    if path is None or not is_received(path):
        raise ForeignFileError
    return path


def picture_input(**options) -> PictureInput:
    """An upload for pictures of any kind that the zoo reads."""
    return PictureInput(type="filepath", format="png", image_mode=None, sources=["upload", "clipboard"], **options)


def preview(path: str) -> np.ndarray:
    """The picture as HxWx3 uint8 RGB of at most 1024 pixels a side. Raises PictureError."""
    picture = images.read(path).rgb8()
    shrink = PREVIEW_SIDE / max(picture.shape[:2])
    if shrink >= 1:
        return picture
    return cv2.resize(picture, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)


def painted_mask(layers: list[str], height: int, width: int) -> np.ndarray | None:
    """What was painted, as a boolean HxW mask of the picture's size; None when nothing was.

    A layer is painted where it is not transparent. Raises PictureError for too many layers, before any is opened, and
    for layers that are too large, before they are decoded.
    """
    if len(layers) > MAX_LAYERS:
        raise PictureError(f"the mask has {len(layers)} layers; at most {MAX_LAYERS} are read.")
    painted = np.zeros((height, width), bool)
    for layer in layers:
        strokes = cv2.resize(_strokes(layer), (width, height), interpolation=cv2.INTER_NEAREST)
        painted |= strokes > 0
    return painted if painted.any() else None


def _strokes(path: str) -> np.ndarray:
    """A layer's opacity, uint8 or uint16, HxW. Raises PictureError."""
    try:
        with Image.open(path, formats=["PNG"]) as header:  # reads no pixels yet
            width, height = header.size
    except Image.DecompressionBombError:  # raised from the header alone
        raise PictureError(f"a layer of the mask has too many pixels, the limit is {MAX_LAYER_PIXELS:,}.") from None
    except Exception:  # decoders raise anything on hostile bytes
        raise PictureError("a layer of the mask is not a PNG, or is damaged.") from None
    if width * height > MAX_LAYER_PIXELS:
        raise PictureError(
            f"a layer of the mask has {width} x {height} pixels, more than the limit of {MAX_LAYER_PIXELS:,}."
        )
    picture = images.read(path)
    return np.full((height, width), 255, np.uint8) if picture.alpha is None else picture.alpha


def same_size(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """The input enlarged to the result's size, so that the slider lays them over each other."""
    height, width = after.shape[:2]
    if before.shape[:2] == (height, width):
        return before
    return cv2.resize(before, (width, height), interpolation=cv2.INTER_NEAREST)
