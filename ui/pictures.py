"""Pictures between the browser and the zoo."""

from __future__ import annotations

import cv2
import gradio as gr
import numpy as np

from zoo import images

PREVIEW_SIDE = 1024


class PictureInput(gr.Image):
    """An upload that hands on the file as it was sent.

    gr.Image opens the file first, which cuts 16 bits to 8 and turns a damaged file into an error without a sentence.
    """

    is_template = True  # the browser shows a gr.Image; __init__ stays, as Gradio reads the settings off its signature

    def preprocess(self, payload) -> str | None:
        """The uploaded file's path."""
        return None if payload is None else payload.path


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


def painted_mask(editor: dict | None, height: int, width: int) -> np.ndarray | None:
    """What was painted in an ImageEditor, as a boolean HxW mask of the picture's size; None when nothing was."""
    layers = [layer for layer in (editor or {}).get("layers") or [] if layer is not None and layer.ndim == 3]
    painted = None
    for layer in layers:
        if layer.shape[2] < 4:
            continue
        strokes = cv2.resize(layer[..., 3], (width, height), interpolation=cv2.INTER_NEAREST) > 0
        painted = strokes if painted is None else painted | strokes
    return painted if painted is not None and painted.any() else None


def same_size(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """The input enlarged to the result's size, so that the slider lays them over each other."""
    height, width = after.shape[:2]
    if before.shape[:2] == (height, width):
        return before
    return cv2.resize(before, (width, height), interpolation=cv2.INTER_NEAREST)
