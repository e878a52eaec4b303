"""The tab that restores the user's picture with several backends and lays the results side by side."""

from __future__ import annotations

import functools
import logging
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

import zoo
import zoo.masks
from zoo import images
from zoo.card import TASKS
from zoo.errors import UnknownNameError, WeightsError, ZooError
from zoo.faces import FacePipeline
from zoo.restorer import Restoration, Restorer

from . import examples
from .guard import VisitorError, shortened
from .pictures import MaskEditor, painted_mask, picture_input, preview, same_size

log = logging.getLogger(__name__)

SLOTS = 6
"""How many results are shown at once."""
_NOTHING = {"identity", "identity.x4"}


def choices(task: str) -> list[tuple[str, str]]:
    """(label, id) of the backends that can run here: those made for the task first, of these the trained ones."""
    cards = sorted(
        zoo.list_models(task=task, available=True),
        key=lambda c: (c.id in _NOTHING, c.tasks[0] != task, c.weights is None, c.id),
    )
    return [(f"{card.title} ({card.id}, {card.license})", card.id) for card in cards]


def has_backend(task: str) -> bool:
    """Whether something better than doing nothing can run here."""
    return any(id not in _NOTHING for _, id in choices(task))


def missing(task: str) -> str:
    """A line on the backends whose weights are not here."""
    absent = len(zoo.list_models(task=task, available=False))
    if not absent:
        return ""
    return f"{absent} more need weights that are not here: `python -m zoo list --task {task}` names them."


def for_task(task: str):
    """What changes when another task is chosen: the backends, the mask's place, the missing ones."""
    _check_task(task)
    found = choices(task)
    return (
        gr.update(choices=found, value=[id for _, id in found[:2]]),
        gr.update(visible=task == "inpaint"),
        missing(task),
    )


def for_models(ids: list[str]):
    """What changes when other models are chosen: whether there can be samples."""
    _check_ids(ids)
    return gr.update(visible=any(card.stochastic for card in zoo.list_models(available=True) if card.id in ids))


def _check_task(task: Any) -> None:
    if task not in TASKS:
        raise VisitorError("Choose what is wrong with the picture first.")


def _check_ids(ids: Any) -> None:
    """Programs may send anything for the list of models."""
    if not isinstance(ids, list) or not all(isinstance(id, str) for id in ids):
        raise VisitorError("The models must be a list of ids.")


@functools.lru_cache(maxsize=4)
def _model(id: str):
    return zoo.load(id)


def compare(
    picture: str | None, task: str, ids: list[str], painted: list[str], mask_file: str | None, samples: int = 0
) -> Iterator[tuple]:
    """Restore with one backend after the other; yields the status line and all slots after each.

    Of models that can draw them, so many samples follow the plain result, as far as there are slots. `painted` is the
    layers of the mask editor, as paths.
    """
    if picture is None:
        raise VisitorError("Choose a picture first: upload one, or click an example.")
    _check_task(task)
    _check_ids(ids or [])
    if not ids:
        raise VisitorError("Choose at least one model.")
    if len(ids) > SLOTS:
        raise VisitorError(f"Choose at most {SLOTS} models; {len(ids)} are chosen.")
    if not 0 <= samples < SLOTS:  # not a number (NaN) neither
        raise VisitorError(f"Choose 0 to {SLOTS - 1} samples.")
    offered = [id for _, id in choices(task)]
    for id in ids:
        if id not in offered:  # whoever calls this from outside names no files of the server
            error = UnknownNameError(f"model for the task {task}", shortened(id, 60), offered)
            raise VisitorError(_capital(str(error)))
    slots = [_empty() for _ in range(SLOTS)]
    # Gradio copies what is yielded into its own cache at once, so this folder can go when the run ends.
    with tempfile.TemporaryDirectory(prefix="restoration-zoo-") as folder:
        try:
            source = images.read(picture)
            mask = _mask(task, painted, mask_file, source)
        except ZooError as error:
            raise VisitorError(_sentence(error, picture, mask_file)) from None
        before = source.rgb8()
        failed, used = 0, 0
        for index, id in enumerate(ids):
            yield (f"Restoring with {id}, {index + 1} of {len(ids)}…", *_flat(slots))
            try:
                left = SLOTS - used - (len(ids) - index)  # each of the models to come has its slot
                for name, result in _results(id, task, source, mask, min(int(samples), left)):
                    slots[used] = _filled(id, name, before, result, _save(Path(folder), picture, name, result))
                    used += 1
            except ZooError as error:
                failed += 1
                text = f"**{id}** failed: {_failure(error, folder)}"
                slots[used] = (gr.update(visible=True), text, None, gr.update(visible=False))
                used += 1
        done = f"Done: {len(ids) - failed} of {len(ids)}" + (f", {failed} failed." if failed else ".")
        yield (" ".join([done, *source.notes]), *_flat(slots))


def _results(id: str, task: str, source: images.Picture, mask: Any, samples: int) -> list[tuple[str, Restoration]]:
    """The results of a model with their names: one, and samples where it can draw them."""
    model = _model(id)
    pixels, limit = source.height * source.width * model.card.scale**2, images.max_pixels()
    if pixels > limit:
        raise ZooError(f"its result would have {pixels:,} pixels, more than the limit of {limit:,}.")
    if task == "face" and id not in _NOTHING:
        return [(id, _faces(model, source))]
    found = [(id, model.restore(source, mask))]
    if model.card.stochastic and samples > 0:
        drawn = model.sample(source, mask, count=samples)
        found += [(f"{id}, sample {number}", result) for number, result in enumerate(drawn, 1)]
    return found


def _faces(model: Restorer, source: images.Picture) -> Restoration:
    """Every face of the picture found, restored and blended back."""
    done = FacePipeline(model).run(source)
    return Restoration(done.picture, done.seconds, (*done.notes, _capital(done.summary())))


def _sentence(error: ZooError, *paths: str | None) -> str:
    """The error with the user's file names instead of the server's paths."""
    text = str(error)
    for path in paths:
        if path:
            text = text.replace(path, Path(path).name)
    return _capital(text)


def _failure(error: ZooError, folder: str) -> str:
    """Why a model failed, without the server's paths; what names its weights is for the log."""
    if isinstance(error, WeightsError):
        log.error("%s", error)
        return "its weights cannot be opened here."
    return str(error).replace(f"{folder}{os.sep}", "")


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _mask(task: str, painted: list[str], file: str | None, source: images.Picture) -> Any:
    """The mask to use: an uploaded file before a painted one. Raises ZooError when one is needed and there is none."""
    if task != "inpaint":
        return None
    if file is not None:
        return zoo.masks.read(file, source.height, source.width)
    mask = painted_mask(painted, source.height, source.width)
    if mask is None:
        raise ZooError("inpainting needs a mask: paint over what is to be replaced, or upload a black-and-white mask.")
    zoo.masks.check(mask)
    return mask


def _save(folder: Path, picture: str, name: str, result) -> Path:
    """The result as a file to download, in the input's format where that can hold it."""
    suffix = Path(picture).suffix.lower()
    suffix = suffix if suffix in images.SUFFIXES - {".bmp"} else ".png"
    target = folder / f"{Path(picture).stem}-{re.sub(r'[:/]', '_', name).replace(', sample ', '-')}{suffix}"
    result.save(target)
    return target


def _empty() -> tuple:
    return gr.update(visible=False), "", None, gr.update(visible=False)


def _filled(id: str, name: str, before: np.ndarray, result, file: Path) -> tuple:
    card = _model(id).card
    after = result.picture.rgb8()
    notes = "".join(f" {note}" for note in result.notes)
    text = f"**{card.title}** ({name}): {result.seconds:.2f} s, {after.shape[1]} × {after.shape[0]} px.{notes}"
    download = gr.update(value=str(file), visible=True, label=f"Download {file.name}")
    return gr.update(visible=True), text, (same_size(before, after), after), download


def _flat(slots: list[tuple]) -> list:
    # Copies, as Gradio writes into the updates that it is handed.
    return [dict(part) if isinstance(part, dict) else part for slot in slots for part in slot]


def background(picture: str | None):
    """What the mask is painted on."""
    if picture is None:
        return None
    try:
        return {"background": preview(picture), "layers": [], "composite": None}
    except ZooError as error:
        raise VisitorError(_sentence(error, picture)) from None


def build() -> None:
    """Lay out the tab inside the current Blocks."""
    rows, labels = examples.make()
    first = "deblur"
    task = gr.Radio(
        [(f"{name}: {text}", name) for name, text in TASKS.items() if has_backend(name)],
        value=first, label="What is wrong with it?", elem_id="task", render=False,
    )  # fmt: skip
    mask_file = picture_input(label="or upload a mask: white = replace", height=180, elem_id="mask", render=False)
    with gr.Row():
        with gr.Column(scale=1, min_width=320):
            picture = picture_input(label="Your picture", height=320, elem_id="picture")
            gr.Examples(rows, [picture, task, mask_file], example_labels=labels, label="or an example",
                        api_name="load_example", api_visibility="public")  # fmt: skip
            task.render()
            with gr.Column(visible=False) as masking:
                editor = MaskEditor(
                    label="Paint over it", type="filepath", format="png", sources=(), transforms=(), layers=False,
                    brush=gr.Brush(default_size=16, colors=["#ff00ff"], color_mode="fixed"), height=420,
                    elem_id="editor",
                )  # fmt: skip
                mask_file.render()
            models = gr.Dropdown(
                choices(first), value=[id for _, id in choices(first)[:2]], multiselect=True, label="Models to compare",
                max_choices=SLOTS, elem_id="models", allow_custom_value=True,  # the choices are those of one task only
            )  # fmt: skip
            samples = gr.Slider(
                0, SLOTS - 1, 3, step=1, label="Different results of models that can draw them", visible=False,
                elem_id="samples",
            )  # fmt: skip
            absent = gr.Markdown(missing(first), elem_classes="rz-small")
            run = gr.Button("Restore and compare", variant="primary", elem_id="run")
        with gr.Column(scale=2, min_width=480):
            status = gr.Markdown("Results appear here one by one, as each finishes.", elem_id="status")
            slots = []
            for index in range(SLOTS):
                if index % 2 == 0:
                    row = gr.Row()
                with row, gr.Column(visible=False, min_width=340) as box:
                    text = gr.Markdown(elem_id=f"text-{index}")
                    slider = gr.ImageSlider(
                        show_label=False, format="png", type="numpy", max_height=640, elem_id=f"slider-{index}",
                        interactive=False,
                    )  # fmt: skip
                    download = gr.DownloadButton(visible=False, size="sm", elem_id=f"download-{index}")
                slots += [box, text, slider, download]
    task.change(for_task, task, [models, masking, absent], api_name="models_for_task")
    models.change(for_models, models, samples, api_name="samples_for_models", show_progress="hidden")
    picture.change(background, picture, editor, api_name="mask_background", show_progress="hidden")
    run.click(
        compare, [picture, task, models, editor, mask_file, samples], [status, *slots], api_name="compare",
        concurrency_id="heavy", concurrency_limit=1,
    )  # fmt: skip
