"""The tab for faces: found, chosen by a click, restored with a strength and a style, or made unrecognizable."""

from __future__ import annotations

import math
import re
import shutil
from collections.abc import AsyncIterator
from typing import Any

import gradio as gr

from zoo.faces.style import STYLES

from . import models
from .components import FaceBoxes, Faces, PictureInput, Progress, Shown, Status, Viewer
from .guard import VisitorError
from .pool import HEAVY
from .restore import HALT, stopped
from .run import folder_for_results, quick, result_of, view_of, waiting
from .words import count, original_name

ANONYMIZE = ("nobody", "the others", "everybody")
PLAIN = "plain"
"""The style that changes nothing."""


async def find_faces(picture: str | None) -> tuple:
    """The faces of a picture: their boxes in shares of its width and height, and a sentence."""
    if picture is None:
        return None, "all", ""
    made = await quick("faces", picture=picture, name=original_name(picture), folder=folder_for_results())
    view = view_of(made["view"])
    assert view is not None
    boxes = made["boxes"]
    said = f"Found {count(len(boxes), 'face')}." if boxes else "No face was found."
    if len(boxes) > 1:
        said += " All of them are restored; click one to restore it alone."
    return Faces(view=view, boxes=boxes), "all", said


def checked_face(only: Any) -> str:
    """Which faces are meant. Raises VisitorError."""
    if isinstance(only, str) and (
        only in ("all", "largest", "center") or re.fullmatch(r"[\d.]{1,12},[\d.]{1,12}", only)
    ):
        return only
    raise VisitorError("Choose all, largest, center, or a pixel of the face as x,y.")


async def restore_faces(
    picture: str | None,
    model: str,
    only: str = "all",
    strength: float = 1.0,
    style: str = PLAIN,
    anonymize: str = "nobody",
) -> AsyncIterator[tuple]:
    """Restore the faces of a picture, or make them unrecognizable; a sentence and a picture for each face.

    only: "all", "largest", "center", or "x,y", a pixel of the face. strength: 0 (the original) to 1. anonymize: who is
    blurred: "nobody", "the others" (who are not restored) or "everybody".
    """
    if picture is None:
        raise VisitorError("Choose a picture first.")
    models.check_ids([model], "face")
    checked_face(only)
    if not isinstance(strength, (int, float)) or not math.isfinite(strength) or not 0 <= strength <= 1:
        raise VisitorError("The strength goes from 0 to 1.")
    if style not in (PLAIN, *STYLES) or anonymize not in ANONYMIZE:
        raise VisitorError(f"The style is one of {PLAIN}, {', '.join(STYLES)}; blurred are {', '.join(ANONYMIZE)}.")
    yield Progress(text="Starting…", share=0.0), gr.skip(), gr.skip()
    turn, folder, finished = HEAVY.turn(), folder_for_results(), False
    wishes = {"model": model, "only": only, "strength": float(strength), "style": style, "anonymize": anonymize}
    try:
        async for told in waiting(turn):
            yield told, gr.skip(), gr.skip()
        async for answer in turn.run("faces", picture=picture, name=original_name(picture).rpartition(".")[0],
                                     folder=folder, **wishes):  # fmt: skip
            if isinstance(answer, float):
                yield Progress(text="Restoring the faces…", share=answer), gr.skip(), gr.skip()
                continue
            finished = True
            shown = Shown(input=view_of(answer["input"]), results=[result_of(answer["result"])])
            gallery = [(each["path"], each["sentence"]) for each in answer["faces"] if each["path"]]
            said = " ".join(each["sentence"] for each in answer["faces"]) or "No face was found."
            yield Progress(text=f"Done. {said}"), shown, gallery
    except VisitorError as error:
        yield Progress(text=error.message), gr.skip(), gr.skip()
        raise
    finally:
        turn.leave()
        if not finished:
            shutil.rmtree(folder, ignore_errors=True)


def build() -> None:
    """Lay out the tab inside the current Blocks."""
    with gr.Row(elem_id="work-faces", elem_classes="rz-work"):
        with gr.Column(scale=7, min_width=320, elem_classes="rz-stage"):
            picture = PictureInput("faces-picture", text="Drop a picture with faces here, paste it, or click",
                                   elem_id="faces-picture")  # fmt: skip
            status = Status(
                "Bring a picture with faces: they are found, restored and put back.", elem_id="faces-status"
            )
            boxes = FaceBoxes(elem_id="faces-boxes")
            viewer = Viewer(elem_id="faces-viewer")
            gallery = gr.Gallery(
                label="Before and after, face by face", elem_id="faces-gallery", columns=3, format="png",
                object_fit="contain", height=240, interactive=False, preview=False,
            )  # fmt: skip
        with gr.Column(scale=3, min_width=280, elem_classes="rz-side"):
            found = gr.Markdown(elem_classes="rz-hint", elem_id="faces-found")
            only = gr.Textbox("all", label="Which faces: all, largest, center, or click one", elem_id="faces-only")
            faces = [choice for choice in models.choices("face") if choice[1] in models.trained("face")]
            model = gr.Dropdown(faces, value=faces[0][1] if faces else None, label="Model", elem_id="faces-model")
            strength = gr.Slider(0, 1, 1, step=0.05, label="Strength: 0 is the original", elem_id="faces-strength")
            style = gr.Radio([PLAIN, *STYLES], value=PLAIN, label="Style", elem_id="faces-style")
            anonymize = gr.Radio(list(ANONYMIZE), value="nobody", label="Make unrecognizable", elem_id="anonymize")
            with gr.Row(elem_classes="rz-go"):
                run = gr.Button("Restore faces", variant="primary", elem_id="faces-run")
                stop = gr.Button("Stop", elem_id="faces-stop", elem_classes="rz-stop")
    picture.change(find_faces, picture, [boxes, only, found], api_name="find_faces", concurrency_limit=None,
                   show_progress="hidden")  # fmt: skip
    begun = run.click(
        restore_faces, [picture, model, only, strength, style, anonymize], [status, viewer, gallery],
        api_name="restore_faces", concurrency_limit=None, show_progress="hidden", trigger_mode="once",
        js="async (...args) => { rz.halted = false; return rz.ready(args, {0: 'faces-picture'}); }",
    )  # fmt: skip
    stop.click(stopped, None, status, cancels=begun, api_visibility="private", show_progress="hidden", js=HALT)
