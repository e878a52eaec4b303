"""The tab with the leaderboard."""

from __future__ import annotations

import logging

import gradio as gr
import pandas as pd

from eval.metrics import METRICS
from leaderboard.table import COMMITTED, Group, find_results, frame, group, remarks, unranked
from zoo.errors import ZooError

from .guard import VisitorError

log = logging.getLogger(__name__)

_UNREADABLE = "There is no leaderboard: its results cannot be read here."


def _groups() -> list[Group]:
    return group(find_results([COMMITTED]))


def show(name: str) -> tuple[str, pd.DataFrame, str]:
    """The heading, the table and the remarks of one ranking, by its name ("data set / scenario")."""
    try:
        found = {made.name: made for made in _groups()}
    except ZooError as error:
        log.error("%s", error)  # it names files of the server
        raise VisitorError(_UNREADABLE) from None
    if name not in found:
        raise VisitorError(f"There is no ranking '{name}'.")
    made = found[name]
    metric = METRICS[made.primary]
    pictures = f"{made.ranked[0].n_scored} pictures" if made.ranked else "No complete run"
    heading = (
        f"{made.title[0].upper()}{made.title[1:]}. {pictures}, seed {made.seed}. Ranked by `{made.primary}` "
        f"({metric.title}; {'higher' if metric.higher_is_better else 'lower'} is better), with its "
        "95 % bootstrap interval."
    )
    return heading, frame(made), "\n".join(f"- {line}" for line in [*unranked(made), *remarks([made])])


def build() -> None:
    """Lay out the tab inside the current Blocks."""
    try:
        names = [made.name for made in _groups()]
    except ZooError as error:
        log.error("%s", error)
        gr.Markdown(_UNREADABLE)
        return
    choice = gr.Dropdown(names, value=names[0], label="Data set and scenario", elem_id="ranking")
    text, table, notes = show(names[0])
    heading = gr.Markdown(text)
    ranking = gr.Dataframe(
        table, interactive=False, show_search="filter", pinned_columns=2, elem_id="table", max_height=600
    )
    below = gr.Markdown(notes, elem_classes="rz-small")
    choice.change(show, choice, [heading, ranking, below], api_name="leaderboard")
