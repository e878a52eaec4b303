"""The first tab: a picture comes in, several models restore it, or a marked part of it, side by side."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from typing import Any

import gradio as gr

import zoo
from zoo.card import TASKS

from . import examples, models
from .components import FileInput, Painter, PictureInput, Progress, Status, Thumbs, View, Viewer
from .guard import VisitorError
from .run import SIZES, Request, comparison, folder_for_results, quick, view_of
from .words import capital, original_name

FIRST = "deblur"
HALT = "() => { rz.halted = true; }"
"""In the page, what comes from a run that was stopped is not shown any more."""
SAMPLES = 5
"""At most so many different results of one model."""


async def look(picture: str | None) -> tuple:
    """What can be seen of an uploaded picture and what seems to be wrong with it, with the models for that."""
    if picture is None:
        return None, None, "", gr.skip(), gr.skip(), gr.skip()
    seen = await quick("look", picture=picture, name=original_name(picture), folder=folder_for_results())
    view = view_of(seen["view"])
    assert view is not None
    found = "; ".join(seen["faults"].values())
    task = examples.task_of(picture) or models.task_of(seen["faults"])
    hint = f"**Looks like this:** {found}. " if found else "**No fault was found** in this picture by itself. "
    hint += "Choose below what you want." if task is None else f"So *{task}* is chosen; change it if that is wrong."
    chosen = gr.skip() if task is None else gr.update(value=task)
    offered = gr.skip() if task is None else _offered(task)
    time = models.estimate(models.chosen(task), view.width, view.height) if task is not None else ""
    return view, examples.mask_of(picture), hint, chosen, offered, time


def _offered(task: str) -> dict[str, Any]:
    return gr.update(choices=models.choices(task), value=models.chosen(task))


def models_for_task(task: str) -> tuple:
    """The models that can do a task here, the recommended ones chosen, and whether the task needs a mask."""
    models.check_task(task)
    need = "Mark on the picture what is to be filled." if task == "inpaint" else ""
    return _offered(task), need


def settings_for_models(ids: list[str], view: View | None) -> tuple:
    """Whether these models can give several results, and about how long they take for the picture."""
    if not isinstance(ids, list) or not all(isinstance(id, str) for id in ids):
        raise VisitorError("The models must be a list of ids.")
    known = [card for card in zoo.list_models(available=True) if card.id in ids]
    time = "" if view is None else models.estimate([card.id for card in known], view.width, view.height)
    return gr.update(visible=any(card.stochastic for card in known)), time


async def find_scratches(picture: str | None) -> str:
    """A mask of thin scratches and specks, found by itself: white where something is to be filled."""
    return await _mask(picture, None)


async def read_mask(picture: str | None, file: str | None) -> str:
    """An uploaded mask as it will be used: black and white, of the picture's size; grey is cut at the middle."""
    if file is None:
        raise VisitorError("Choose a mask: a picture of the same size, white where something is to be filled.")
    return await _mask(picture, file)


async def _mask(picture: str | None, file: str | None) -> str:
    if picture is None:
        raise VisitorError("Choose a picture first.")
    made = await quick(
        "mask", picture=picture, name=original_name(picture), folder=folder_for_results(), file=file
    )  # fmt: skip
    return made["path"]


async def compare(
    picture: str | None,
    task: str,
    models_: list[str],
    mask: str | None = None,
    samples: float = 0,
    size: str = "as it is",
    truth: str | None = None,
) -> AsyncIterator[tuple]:
    """Restore a picture with one model after the other; every step yields what is done and all results so far.

    mask: for inpainting, what is to be filled (white); for other tasks, the only part that may change. samples: so
    many different results of models that can give them. size: how large the picture that is worked on may be. truth:
    the undamaged picture, if there is one, to measure the results by.
    """
    request = checked(picture, task, models_, mask, samples, size, truth)
    try:
        async for progress, shown in comparison(request):
            yield progress, gr.skip() if shown is None else shown
    except VisitorError as error:
        yield Progress(text=error.message), gr.skip()
        raise


def checked(
    picture: str | None, task: Any, ids: Any, mask: str | None, samples: Any, size: Any, truth: str | None
) -> Request:
    """The request, if it makes sense. Raises VisitorError."""
    if picture is None:
        raise VisitorError("Choose a picture first: drop one, or click an example.")
    models.check_task(task)
    ids = models.check_ids(ids or [], task)
    if not isinstance(samples, (int, float)) or not math.isfinite(samples) or not 0 <= samples <= SAMPLES:
        raise VisitorError(f"Choose 0 to {SAMPLES} samples.")
    if not isinstance(size, str) or size not in SIZES:
        raise VisitorError(f"The size is one of: {', '.join(SIZES)}.")
    if task == "inpaint" and mask is None:
        raise VisitorError(
            "Inpainting needs a mask: paint over what is to be replaced, draw a box, or upload a black-and-white mask."
        )
    settings = {"task": task, "models": ",".join(ids), "size": size}
    return Request(picture, task, ids, mask, truth, int(samples), size, settings)


def from_link(request: gr.Request) -> tuple:
    """The settings that the page's address names, such as ?task=denoise&models=nl-means."""
    asked = dict(request.query_params)
    task = asked.get("task")
    if task not in models.tasks():
        return gr.skip(), gr.skip(), gr.skip()
    known = [id for id in str(asked.get("models", "")).split(",") if id in models.order(task)][: models.MOST]
    offered = gr.update(choices=models.choices(task), value=known or models.chosen(task))
    size = asked.get("size")
    return gr.update(value=task), offered, gr.update(value=size) if size in SIZES else gr.skip()


async def load_example(name: str) -> str:
    """An example's picture, by its name."""
    return (await examples.load(name))["picture"]


def stopped() -> Progress:
    """What is told after Stop."""
    return Progress(text="Stopped.")


def build() -> None:
    """Lay out the tab inside the current Blocks."""
    with gr.Row(elem_id="work", elem_classes="rz-work"):
        with gr.Column(scale=7, min_width=320, elem_classes="rz-stage"):
            with gr.Row(elem_classes="rz-bring"):
                picture = PictureInput("picture", text="Drop a picture here, paste it, or click", elem_id="picture")
                thumbs = Thumbs(examples.thumbnails(), elem_id="examples")
            status = Status(elem_id="status")
            with gr.Column(elem_classes="rz-paint-box"):
                painter = Painter("mask", elem_id="painter")
                with gr.Row(elem_classes="rz-mask-row"):
                    mask_file = PictureInput(
                        "mask-file", text="Upload a mask", label="Upload a mask", elem_id="mask-file",
                        elem_classes="rz-slim",
                    )  # fmt: skip
                    scratch = gr.Button("Find scratches", size="sm", elem_id="find-scratches")
                    results = gr.Button("Show the results", size="sm", elem_id="show-results")
            with gr.Column(elem_classes="rz-results-box"):
                viewer = Viewer(examples.precomputed(), elem_id="viewer")
        with gr.Column(scale=3, min_width=280, elem_classes="rz-side"):
            hint = gr.Markdown(elem_id="hint", elem_classes="rz-hint")
            task = gr.Dropdown(
                [(f"{capital(name)}: {TASKS[name]}", name) for name in models.tasks()], value=FIRST,
                label="What is wrong with it?", elem_id="task", filterable=False,
            )  # fmt: skip
            need = gr.Markdown(elem_classes="rz-hint", elem_id="need")
            ids = gr.Dropdown(
                models.choices(FIRST), value=models.chosen(FIRST), multiselect=True, max_choices=models.MOST,
                label="Models to compare, the recommended ones are chosen", elem_id="models",
                allow_custom_value=True,  # the choices are those of one task only
            )  # fmt: skip
            with gr.Row(elem_classes="rz-go"):
                run = gr.Button("Restore", variant="primary", elem_id="run")
                stop = gr.Button("Stop", variant="secondary", elem_id="stop")
            time = gr.Markdown(elem_id="time", elem_classes="rz-hint")
            with gr.Row():
                edit = gr.Button("Mark a part", size="sm", elem_id="show-paint")
            with gr.Accordion("More", open=False, elem_id="more"):
                samples = gr.Slider(
                    0, SAMPLES, 3, step=1, label="Different results of models that can give them", visible=False,
                    elem_id="samples",
                )  # fmt: skip
                size = gr.Radio(
                    list(SIZES), value="as it is", label="Size of the picture that is restored", elem_id="size"
                )
                truth = PictureInput(
                    "truth",
                    text="The undamaged picture, if you have it: the results are measured by it",
                    label="Undamaged picture",
                    elem_id="truth",
                    elem_classes="rz-slim",
                )
            mask = FileInput("mask", elem_id="mask", label="Mask")

    picture.change(
        look, picture, [painter, mask, hint, task, ids, time], api_name="look", concurrency_limit=None,
        show_progress="hidden",
    )  # fmt: skip
    task.input(models_for_task, task, [ids, need], api_name="models_for_task", show_progress="hidden")
    ids.change(
        settings_for_models, [ids, painter], [samples, time], api_name="settings_for_models", show_progress="hidden"
    )
    scratch.click(find_scratches, picture, mask, api_name="find_scratches", concurrency_limit=None)
    mask_file.change(
        read_mask, [picture, mask_file], mask, api_name="read_mask", concurrency_limit=None, show_progress="hidden"
    )
    thumbs.choose(load_example, thumbs, picture, api_name="load_example", concurrency_limit=None)
    results.click(None, js="() => { rz.show('work', 'results'); }")
    edit.click(None, js="() => { rz.show('work', 'paint'); }")
    begun = run.click(
        compare, [picture, task, ids, mask, samples, size, truth], [status, viewer], api_name="compare",
        concurrency_limit=None, show_progress="hidden", trigger_mode="once",
        js="async (...args) => { const all = await rz.ready(args, {0: 'picture', 3: 'mask', 6: 'truth'});"
           " rz.halted = false; rz.show('work', 'results'); return all; }",
    )  # fmt: skip
    stop.click(stopped, None, status, cancels=begun, api_visibility="private", show_progress="hidden", js=HALT)
    page = gr.context.Context.root_block
    assert isinstance(page, gr.Blocks)
    page.load(from_link, None, [task, ids, size], api_visibility="private", show_progress="hidden")
