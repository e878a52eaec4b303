"""The tab with the leaderboard: first which model to take for a use, then what was measured, then each model."""

from __future__ import annotations

import logging
from typing import Any

import gradio as gr
import pandas as pd

import zoo
from eval.find import find_results
from eval.metrics import METRICS
from leaderboard.recommend import Choice, recommend
from leaderboard.table import COMMITTED, Group, evidence, group, remarks, unranked
from leaderboard.use_cases import read_use_cases
from zoo.errors import ZooError

from .guard import VisitorError
from .models import results
from .words import capital, for_visitors

log = logging.getLogger(__name__)

_UNREADABLE = "There is no leaderboard: its results cannot be read here."
LICENSES = {"any": None, "permissive": "permissive"}
COLUMNS = ["model", "gain", "seconds", "license", "offline"]
COMMERCIAL = {True: "allowed", False: "not allowed", None: "the license does not say"}


def _groups() -> list[Group]:
    return group(find_results([COMMITTED]))


def which_model(use: str, license: str = "any", longest: float = 0, offline: bool = True) -> tuple:
    """Which model to take for a use case by what was measured: the answer, the models that meet the wishes, a plot.

    license: "any" or "permissive". longest: seconds for a picture of one megapixel; 0: any. offline: only models
    whose weights are here.
    """
    if not isinstance(license, str) or license not in LICENSES:
        raise VisitorError("The license is any or permissive.")
    if not isinstance(longest, (int, float)) or not 0 <= longest < 1e9:
        raise VisitorError("The longest time is a number of seconds, or 0.")
    try:
        found = recommend(
            str(use), results=list(results()), license=LICENSES[license], offline=bool(offline),
            max_ms=float(longest) * 1000 or None, at=(1000, 1000),
        )  # fmt: skip
    except ZooError as error:
        raise VisitorError(for_visitors(error)) from None
    pick = found.pick
    head = f"### Take {pick.title} (`{pick.model}`)\n" if pick is not None else "### The measurements do not tell\n"
    text = f"{head}{found.sentence}\n\n**Measured:** {found.use.measured}\n\n**Not measured:** {found.use.not_measured}"
    rows = [_row(choice) for choice in found.choices]
    table = pd.DataFrame(rows, columns=COLUMNS)
    return text, table, table[table["seconds"].notna()]


def _row(choice: Choice) -> list[Any]:
    seconds = choice.cost.seconds_at
    return [
        choice.model, round(choice.gain, 2), None if seconds is None else round(seconds, 2), choice.license,
        "yes" if choice.missing is None else "no",
    ]  # fmt: skip


def show(name: str) -> tuple[str, pd.DataFrame, pd.DataFrame, str]:
    """One ranking by its name ("data set / scenario"): the heading, the table, all of its metrics, the remarks."""
    try:
        found = {made.name: made for made in _groups()}
    except ZooError as error:
        log.error("%s", error)  # it names files of the server
        raise VisitorError(_UNREADABLE) from None
    if name not in found:
        raise VisitorError("There is no such ranking.")
    made = found[name]
    metric = METRICS[made.primary]
    pictures = f"{made.ranked[0].n_scored} pictures" if made.ranked else "No complete run"
    heading = (
        f"{capital(made.title)}. {pictures}, seed {made.seed}. Ranked by `{made.primary}` "
        f"({metric.title}; {'higher' if metric.higher_is_better else 'lower'} is better). {evidence(made)}"
    )
    full = _numbers(made)
    brief = full[["rank", "model", made.primary, "seconds", "license"]] if len(full) else full
    return heading, brief, full, "\n".join(f"- {line}" for line in [*unranked(made), *remarks([made])])


def _numbers(made: Group) -> pd.DataFrame:
    """All means as numbers, so that they sort as numbers."""
    metrics = list(dict.fromkeys(n for r in made.ranked for n, value in r.metrics.items() if value.mean is not None))
    rows = []
    for rank, result in zip(made.ranks, made.ranked, strict=True):
        row: dict[str, Any] = {"rank": rank, "model": result.model.id}
        for name in metrics:
            value = result.metrics.get(name)
            row[name] = None if value is None or value.mean is None else round(value.mean, 4)
        seconds = result.cost.seconds_median
        rows.append({**row, "seconds": None if seconds is None else round(seconds, 3), "license": result.model.license})
    return pd.DataFrame(rows)


def model_page(model: str) -> str:
    """Everything that is known of a model."""
    try:
        card = zoo.get_card(str(model))
    except ZooError:
        raise VisitorError("There is no such model.") from None
    lines = [f"### {card.title} (`{card.id}`)", card.summary, ""]
    facts = {
        "For": ", ".join(card.tasks),
        "License": card.license,
        "Commercial use": {True: "allowed", False: "not allowed", None: "the license does not say"}[
            card.commercial_use
        ],
        "Paper": card.paper,
        "Enlarges": None if card.scale == 1 else f"{card.scale} times",
        "Here": "it can run" if zoo.unavailable_reason(card) is None else "its weights are not here",
    }
    lines += [f"- **{name}:** {value}" for name, value in facts.items() if value]
    lines += [f"- {note}" for note in card.notes]
    figures = [f"| {f.metric} | {f.value} | {f.data} | {f.protocol} |" for f in card.figures]
    if figures:
        lines += ["", "Published figures:", "", "| metric | value | data | protocol |", "|---|---|---|---|", *figures]
    return for_page("\n".join(lines))


def for_page(text: str) -> str:
    """A card's text; its lines for operators stay, as a model page is where they belong only without commands."""
    return "\n".join(line for line in text.splitlines() if "python -m" not in line and "ZOO_" not in line)


def build() -> None:
    """Lay out the tab inside the current Blocks."""
    try:
        names = [made.name for made in _groups()]
    except ZooError as error:
        log.error("%s", error)
        names = []
    if not names:
        gr.Markdown(_UNREADABLE)
        return
    uses = {use.title: use.id for use in read_use_cases().values()}
    first = next(iter(uses.values()))
    gr.Markdown("## Which model should I take?")
    with gr.Row():
        use = gr.Dropdown([(capital(title), id) for title, id in uses.items()], value="motion-blur" if "motion-blur" in
                          uses.values() else first, label="I have", elem_id="use", scale=3)  # fmt: skip
        license = gr.Radio(list(LICENSES), value="any", label="License", elem_id="license", scale=1)
        longest = gr.Number(0, label="Most seconds for a megapixel (0: any)", minimum=0, elem_id="longest")
        offline = gr.Checkbox(True, label="Only models that can run here", elem_id="offline")
    text, table, plotted = which_model(use.value)
    with gr.Row():
        with gr.Column(scale=3, min_width=300):
            answer = gr.Markdown(text, elem_id="answer")
            choices = gr.Dataframe(
                table, interactive=False, elem_id="choices", label="Gain over doing nothing, in standard deviations",
                wrap=True,
            )  # fmt: skip
        plot = gr.ScatterPlot(
            plotted, x="seconds", y="gain", color="model", title="Gain against seconds for a megapixel", height=320,
            elem_id="pareto", scale=2, min_width=300, x_title="seconds (less is better)",
            y_title="gain (more is better)",
        )  # fmt: skip
    gr.on(
        [use.change, license.change, longest.submit, offline.change], which_model, [use, license, longest, offline],
        [answer, choices, plot], api_name="which_model", show_progress="hidden",
    )  # fmt: skip
    gr.Markdown("## What was measured")
    choice = gr.Dropdown(names, value=names[0], label="Data set and scenario", elem_id="ranking")
    heading_text, brief_table, full_table, notes = show(names[0])
    heading = gr.Markdown(heading_text)
    brief = gr.Dataframe(brief_table, interactive=False, show_search="filter", elem_id="table", max_height=500)
    with gr.Accordion("All metrics", open=False, elem_id="all-metrics"):
        full = gr.Dataframe(full_table, interactive=False, pinned_columns=2, elem_id="full-table", max_height=500)
        below = gr.Markdown(notes, elem_classes="rz-small")
    choice.change(show, choice, [heading, brief, full, below], api_name="leaderboard")
    gr.Markdown("## A model")
    model = gr.Dropdown(
        [card.id for card in zoo.list_models()], value="deblurgan.mini", label="Model", elem_id="model-page"
    )
    page = gr.Markdown(model_page("deblurgan.mini"), elem_id="model-card")
    model.change(model_page, model, page, api_name="model_page", show_progress="hidden")
