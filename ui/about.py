"""The tab about the project: privacy, licenses, how to cite, how to add a model."""

from __future__ import annotations

import gradio as gr

import zoo

TEXT = """
## What happens to my pictures
They are sent to the computer that runs this page, and to nobody else: nothing is fetched from or sent to other
services, nothing is learned from them, nobody looks at them. They lie in a temporary folder under a name that cannot
be guessed, and are deleted within about two hours. Only in the arena something is kept, and only if you tick the box:
which two models were compared, which was better, and a checksum of the picture, from which it cannot be made again.

## What the results are
Models invent detail that looks plausible. A restored face, number plate or text is no evidence of what was there. The
scores on the result cards: NIQE needs no undamaged picture and proves little; PSNR, SSIM and the VGG distance compare
with an undamaged picture, where you give one.

## How to cite
> The Restoration Zoo authors. *Restoration Zoo*, version {version}. MIT license.

Cite the paper of each model, too: its page on the Leaderboard tab names it.

## How to add a model
A model is one file with a card and a function that builds it; CONTRIBUTING.md of the project adds one step by step.
Every model that is registered shows up in this app by itself.

## Models and their licenses
"""


def models_table() -> str:
    """All models as Markdown: title, id, tasks, license, whether it can run here."""
    rows = ["| model | id | for | license | here |", "|---|---|---|---|---|"]
    for card in zoo.list_models():
        here = "yes" if zoo.unavailable_reason(card) is None else "no weights"
        rows.append(f"| {card.title} | `{card.id}` | {', '.join(card.tasks)} | {card.license} | {here} |")
    return "\n".join(rows)


def build() -> None:
    """Lay out the tab inside the current Blocks."""
    gr.Markdown(TEXT.format(version=zoo.__version__), elem_id="about")
    with gr.Accordion(f"{len(zoo.list_models())} models", open=False):
        gr.Markdown(models_table(), elem_classes="rz-wide")
