"""The tab that damages a clean picture with a chosen strength, restores it and measures how much comes back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import gradio as gr

from . import models
from .components import PictureInput, Progress, Status, Viewer
from .damages import DAMAGES
from .guard import VisitorError
from .restore import HALT, checked, stopped
from .run import SIZES, comparison, folder_for_results, quick
from .words import capital, original_name

FIRST = "noisy"


def damages_here() -> list[str]:
    """Those that something here can mend."""
    return [name for name, task in DAMAGES.items() if task in models.tasks()]


def models_for_damage(damage: str) -> dict[str, Any]:
    """The models that mend a damage here, the recommended ones chosen."""
    _check(damage)
    return gr.update(choices=models.choices(DAMAGES[damage]), value=models.chosen(DAMAGES[damage]))


def _check(damage: Any) -> None:
    if not isinstance(damage, str) or damage not in DAMAGES:
        raise VisitorError(f"The damage is one of: {', '.join(DAMAGES)}.")


async def test_it(
    picture: str | None,
    damage: str,
    strength: float,
    models_: list[str],
    size: str = "at most 1 megapixel",
    seed: int = 0,
) -> AsyncIterator[tuple]:
    """Damage a clean picture, restore it with several models, and measure the results by the clean picture.

    strength: 0 (just visible) to 1 (severe). seed: the same number gives the same damage.
    """
    _check(damage)
    if not isinstance(strength, (int, float)) or not 0 <= strength <= 1:
        raise VisitorError("The strength goes from 0 to 1.")
    if not isinstance(seed, (int, float)) or not 0 <= seed < 2**32:
        raise VisitorError("The seed is a number from 0 to 4294967295.")
    checked(picture, DAMAGES[damage], models_, None, 0, size, None)
    assert picture is not None
    try:
        yield Progress(text=f"Making it {damage}…", share=0.0), gr.skip()
        made = await quick(
            "damage", picture=picture, name=original_name(picture).rpartition(".")[0], folder=folder_for_results(),
            damage=damage, strength=float(strength), seed=int(seed), megapixels=SIZES[size],
        )  # fmt: skip
        request = checked(made["damaged"], DAMAGES[damage], models_, None, 0, "as it is", made["clean"])
        async for progress, shown in comparison(request):
            if shown is not None:
                shown.input_label = "Damaged"
                shown.settings = {}
            yield progress, gr.skip() if shown is None else shown
    except VisitorError as error:
        yield Progress(text=error.message), gr.skip()
        raise


def build() -> None:
    """Lay out the tab inside the current Blocks."""
    with gr.Row(elem_id="work-test", elem_classes="rz-work"):
        with gr.Column(scale=7, min_width=320, elem_classes="rz-stage"):
            picture = PictureInput("test-picture", text="Drop a clean picture here, paste it, or click",
                                   elem_id="test-picture")  # fmt: skip
            status = Status("Bring a clean picture: it is damaged as you choose, restored, and compared with itself.",
                            elem_id="test-status")  # fmt: skip
            viewer = Viewer(elem_id="test-viewer")
        with gr.Column(scale=3, min_width=280, elem_classes="rz-side"):
            damage = gr.Dropdown(
                [(capital(name), name) for name in damages_here()], value=FIRST, label="Make it", elem_id="damage",
                filterable=False,
            )  # fmt: skip
            strength = gr.Slider(0, 1, 0.5, step=0.05, label="How much", elem_id="strength")
            ids = gr.Dropdown(
                models.choices(DAMAGES[FIRST]), value=models.chosen(DAMAGES[FIRST]), multiselect=True,
                max_choices=models.MOST, label="Models to compare", elem_id="test-models", allow_custom_value=True,
            )  # fmt: skip
            with gr.Row(elem_classes="rz-go"):
                run = gr.Button("Damage and restore", variant="primary", elem_id="test-run")
                stop = gr.Button("Stop", elem_id="test-stop", elem_classes="rz-stop")
            size = gr.Radio(list(SIZES), value="at most 1 megapixel", label="Size", elem_id="test-size")
            seed = gr.Number(0, label="Seed: the same number gives the same damage", precision=0, minimum=0)
    damage.input(models_for_damage, damage, ids, api_name="models_for_damage", show_progress="hidden")
    begun = run.click(
        test_it, [picture, damage, strength, ids, size, seed], [status, viewer], api_name="test_it",
        concurrency_limit=None, show_progress="hidden", trigger_mode="once",
        js="async (...args) => { rz.halted = false; return rz.ready(args, {0: 'test-picture'}); }",
    )  # fmt: skip
    stop.click(stopped, None, status, cancels=begun, api_visibility="private", show_progress="hidden", js=HALT)
