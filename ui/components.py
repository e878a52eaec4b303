"""The app's own elements: HTML and a script (ui/static) around values with a type, so that programs can use them."""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components.base import Component
from gradio.data_classes import FileData, GradioModel

from .guard import received

STATIC = Path(__file__).parent / "static"
SCRIPTS = ("base.js", "view.js", "viewer.js", "paint.js", "drop.js", "status.js", "faces.js")
ACCEPTED = ".png,.jpg,.jpeg,.webp,.tif,.tiff,.bmp"


def head() -> str:
    """The scripts, for the page's head: they are there before any element asks for them."""
    return "".join(f"<script>{(STATIC / name).read_text(encoding='utf-8')}</script>" for name in SCRIPTS)


def css() -> str:
    """The style sheet."""
    return (STATIC / "rz.css").read_text(encoding="utf-8")


class View(GradioModel):
    """A picture that the page shows."""

    file: FileData
    """PNG of 8 bits, lossless."""
    small: FileData | None = None
    """A smaller copy of a large picture."""
    width: int
    height: int


class Score(GradioModel):
    """One measured value."""

    id: str
    title: str
    about: str = ""
    value: float
    shown: str
    higher_is_better: bool


class Download(GradioModel):
    """A file to keep."""

    label: str
    file: FileData


class ShownResult(GradioModel):
    """What one model made of the picture, or why it made nothing."""

    model: str
    label: str
    title: str = ""
    license: str = ""
    offline: bool = True
    seconds: float | None = None
    notes: list[str] = []  # noqa: RUF012  # pydantic copies it
    view: View | None = None
    error: View | None = None
    """Where it differs from the truth."""
    scores: list[Score] = []  # noqa: RUF012
    files: list[Download] = []  # noqa: RUF012
    failed: str | None = None


class Shown(GradioModel):
    """Everything that a comparison shows."""

    input: View | None = None
    input_label: str = "Original"
    input_scores: list[Score] = []  # noqa: RUF012
    truth: View | None = None
    results: list[ShownResult] = []  # noqa: RUF012
    note: str = ""
    bundle: FileData | None = None
    """All files and a JSON of what was done, as a zip."""
    settings: dict[str, str] = {}  # noqa: RUF012


class Faces(GradioModel):
    """The faces of a picture."""

    view: View | None = None
    boxes: list[list[float]] = []  # noqa: RUF012
    """(x0, y0, x1, y1) in shares of the width and the height."""


class Progress(GradioModel):
    """How far an action is."""

    text: str = ""
    share: float | None = None
    """0 to 1; None when nothing runs."""


class Own(gr.HTML):
    """An element with a script of its own; its HTML never changes, so the script's additions stay."""

    def __init__(self, value: Any = None, *, markup: str, script: str, **options: Any):
        super().__init__(
            value, html_template=markup, js_on_load=script, apply_default_css=False, padding=False, **options
        )

    def api_info(self) -> dict[str, Any]:
        """The type of the value, from its model."""
        return Component.api_info(self)

    def preprocess(self, payload: Any) -> Any:
        """The value as it is."""
        return payload

    def postprocess(self, value: Any) -> Any:
        """The value as it is."""
        return value


class FileInput(Own):
    """A file that the page's script chooses; nothing is seen of it. Hands on the path of what was received."""

    data_model = FileData

    def __init__(self, name: str, **options: Any):
        super().__init__(
            markup="", script=f"rz.register({json.dumps(name)}, props, watch);", elem_classes="rz-hidden", **options
        )

    def preprocess(self, payload: FileData | None) -> str | None:  # type: ignore[override]  # a file, no HTML
        """The uploaded file's path. Raises ForeignFileError for any other."""
        return None if payload is None else received(payload.path)

    def postprocess(self, value: str | FileData | None) -> FileData | None:  # type: ignore[override]
        """A path as a file for the page."""
        if value is None or isinstance(value, FileData):
            return value
        return FileData(path=value, orig_name=Path(value).name)

    def example_payload(self) -> Any:
        """A picture for the page of examples."""
        return {"path": "photo.png", "meta": {"_type": "gradio.FileData"}}


class PictureInput(FileInput):
    """The drop zone."""

    def __init__(self, name: str, *, text: str, accept: str = ACCEPTED, label: str = "Your picture", **options: Any):
        markup = (
            f'<div class="rz-drop" data-accept="{html.escape(accept)}" data-label="{html.escape(label)}">'
            f'<span class="rz-drop-icon" aria-hidden="true">⬆</span>'
            f'<span class="rz-drop-text">{html.escape(text)}</span></div>'
        )
        Own.__init__(
            self, markup=markup, script=f"rz.drop(element, props, upload, watch, {json.dumps(name)});", label=label,
            **options,
        )  # fmt: skip


class Painter(Own):
    """The picture with the mask that is painted on it; the mask itself is the FileInput of that name."""

    data_model = View

    def __init__(self, name: str, **options: Any):
        super().__init__(
            markup='<div class="rz-painter" data-state="empty"></div>',
            script=f"rz.painter(element, props, upload, watch, {json.dumps(name)});", **options,
        )  # fmt: skip


class Viewer(Own):
    """Results side by side."""

    data_model = Shown

    def __init__(self, value: Shown | None = None, **options: Any):
        super().__init__(
            value, markup='<div class="rz-viewer" role="group" aria-label="Comparison" data-state="empty"></div>',
            script="rz.viewer(element, props, trigger, watch);", **options,
        )  # fmt: skip


class FaceBoxes(Own):
    """A picture with its faces to click."""

    data_model = Faces

    def __init__(self, **options: Any):
        super().__init__(
            markup='<div class="rz-faces"></div>', script="rz.faces(element, props, watch);", **options
        )  # fmt: skip


class Status(Own):
    """A line on what happens, with a bar."""

    data_model = Progress

    def __init__(self, text: str = "", **options: Any):
        super().__init__(
            Progress(text=text), markup='<div class="rz-status" role="status" aria-live="polite"></div>',
            script="rz.status(element, props, watch);",
            elem_classes="rz-status-box", **options,
        )  # fmt: skip


class Thumbs(Own):
    """A row of pictures to click; the value is the name of the one that was clicked."""

    def __init__(self, pictures: dict[str, str], **options: Any):
        """pictures: name -> data URI."""
        self.names = list(pictures)
        buttons = "".join(
            f'<button type="button" data-index="{html.escape(name)}" title="{html.escape(name)}">'
            f'<img src="{uri}" alt="Example: {html.escape(name)}" width="72" height="72"></button>'
            for name, uri in pictures.items()
        )
        super().__init__(
            markup=f'<div class="rz-thumbs" role="group" aria-label="Examples">{buttons}</div>',
            script='rz.thumbs(element, props, trigger); /* "choose" */', **options,
        )  # fmt: skip

    def api_info(self) -> dict[str, Any]:
        """One of the names."""
        return {"type": "string", "enum": self.names}
