"""The tab with the leaderboard."""

from __future__ import annotations

import gradio as gr
import pandas as pd

from eval.metrics import METRICS
from leaderboard.table import COMMITTED, Group, find_results, frame, group, remarks, unranked
from zoo.errors import ZooError


def _groups() -> list[Group]:
    return group(find_results([COMMITTED]))


def show(name: str) -> tuple[str, pd.DataFrame]:
    """The text and the table of one ranking, by its name ("data set / scenario")."""
    try:
        found = {made.name: made for made in _groups()}
    except ZooError as error:
        raise gr.Error(str(error)) from None
    if name not in found:
        raise gr.Error(f"There is no ranking '{name}'.")
    made = found[name]
    direction = "higher" if METRICS[made.primary].higher_is_better else "lower"
    lines = [
        f"{made.title[0].upper()}{made.title[1:]}. n = {made.ranked[0].n_scored if made.ranked else 0}, seed "
        f"{made.seed}. Ranked by `{made.primary}` ({METRICS[made.primary].title}; {direction} is better), with its "
        "95 % bootstrap interval.",
        *unranked(made),
        *remarks([made]),
    ]
    return "\n\n".join(lines), frame(made)


def build() -> None:
    """Lay out the tab inside the current Blocks."""
    try:
        names = [made.name for made in _groups()]
    except ZooError as error:
        gr.Markdown(f"No leaderboard: {error}")
        return
    choice = gr.Dropdown(names, value=names[0], label="Data set and scenario", elem_id="ranking")
    text, table = show(names[0])
    remark = gr.Markdown(text)
    ranking = gr.Dataframe(
        table, interactive=False, show_search="filter", pinned_columns=2, elem_id="table", max_height=600
    )
    choice.change(show, choice, [remark, ranking], api_name="leaderboard")
