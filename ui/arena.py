"""The tab with blind votes: two results of two models without their names, and which of them is better."""

from __future__ import annotations

import os
import random
import shutil
from collections import OrderedDict
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any

import gradio as gr
import pandas as pd

import zoo
from leaderboard.preferences import bradley_terry
from leaderboard.use_cases import read_use_cases
from leaderboard.votes import Vote, VoteStore
from zoo.errors import ZooError

from . import models
from .components import PictureInput, Progress, Shown, Status, Viewer
from .guard import VisitorError
from .pool import HEAVY
from .restore import HALT, stopped
from .run import folder_for_results, result_of, view_of, waiting
from .words import capital, for_visitors

MEGAPIXELS = 1.0
"""Pictures are made smaller for the arena, so that nobody waits long."""
MOST_OPEN = 500
"""So many questions wait for their answers; older ones are forgotten."""
FEWEST = 5
"""So many votes on a use case are needed for a ranking."""
ANSWERS = {"A is better": "a", "B is better": "b", "They are equally good": "tie"}
FIRST = "denoise"


@dataclass(frozen=True)
class Question:
    """Two models whose results somebody looks at."""

    use: str
    a: str
    b: str
    picture: str
    """Digest of the picture, with which nobody can see it."""


_open: OrderedDict[str, Question] = OrderedDict()


def store() -> VoteStore:
    """Where votes are kept: in the file that ZOO_VOTES names, or runs/votes.sqlite of the project."""
    named = os.environ.get("ZOO_VOTES")
    path = Path(named) if named else Path(__file__).parent.parent / "runs" / "votes.sqlite"
    path.parent.mkdir(parents=True, exist_ok=True)
    return VoteStore(path)


def use_of(task: str) -> str | None:
    """The use case whose scenarios all have this task first."""
    from eval.scenarios import get_scenario

    for use in read_use_cases().values():
        if all(get_scenario(scenario).tasks[0] == task for _, scenario in use.cells):
            return use.id
    return None


def contestants(task: str) -> list[str]:
    """The models that can be compared: of one scale, and no baseline."""
    found = models.trained(task)
    scale = max((zoo.get_card(id).scale for id in found), default=1)
    return [id for id in found if zoo.get_card(id).scale == scale]


def tasks_here() -> list[str]:
    """The tasks with at least two models and a use case for the votes."""
    return [t for t in models.tasks() if t != "inpaint" and len(contestants(t)) > 1 and use_of(t) is not None]


async def arena_show(picture: str | None, task: str) -> AsyncIterator[tuple]:
    """Two results of the picture by two models whose names are not told, and the number of this question."""
    if picture is None:
        raise VisitorError("Choose a picture first.")
    if not isinstance(task, str) or task not in tasks_here():
        raise VisitorError("Choose what is wrong with the picture first.")
    use = use_of(task)
    assert use is not None
    yield Progress(text="Starting…", share=0.0), gr.skip(), ""
    turn, folder, finished = HEAVY.turn(), folder_for_results(), False
    try:
        pair = store().draw_pair(use, contestants(task), random.SystemRandom().shuffle)
        async for told in waiting(turn):
            yield told, gr.skip(), ""
        shared = {"picture": picture, "name": "arena", "folder": folder, "megapixels": MEGAPIXELS}
        prepared: Any = None
        async for answer in turn.run("prepare", scale=1, mask=None, truth=None, digest=True, **shared):
            prepared = answer
        shown = Shown(input=view_of(prepared["input"]), settings={})
        for letter, model in zip("AB", pair, strict=True):
            async for answer in turn.run("restore", task=task, model=model, alias=letter, **shared):
                if isinstance(answer, float):
                    share = (answer + "AB".index(letter)) / 2
                    yield Progress(text=f"Making result {letter}…", share=share), gr.skip(), ""
                    continue
                made = result_of(answer[0]).model_copy(
                    update={"model": "", "label": letter, "title": f"Result {letter}", "license": "", "files": [],
                            "scores": [], "seconds": None, "notes": [], "offline": False}
                )  # fmt: skip
                shown.results.append(made)
        finished = True
        number = token_hex(16)
        _open[number] = Question(use, *pair, prepared["digest"])
        while len(_open) > MOST_OPEN:
            _open.popitem(last=False)
        yield Progress(text="Which one is better? Look closely, then vote."), shown, number
    except (VisitorError, ZooError) as error:
        sentence = error.message if isinstance(error, VisitorError) else for_visitors(error)
        yield Progress(text=str(sentence)), gr.skip(), ""
        raise VisitorError(str(sentence)) from None
    finally:
        turn.leave()
        if not finished:
            shutil.rmtree(folder, ignore_errors=True)


def arena_vote(question: str, answer: str, keep: bool) -> tuple:
    """Answer a question; the models' names are told then.

    keep: count the vote. Of the picture a checksum is kept, no part of it.
    """
    if not isinstance(answer, str) or answer not in ANSWERS:
        raise VisitorError(f"The answer is one of: {', '.join(ANSWERS)}.")
    asked = _open.pop(question, None) if isinstance(question, str) else None
    if asked is None:
        raise VisitorError("Look at two results first; each question is answered once.")
    said = f"A was **{asked.a}**, B was **{asked.b}**."
    if keep is True:
        try:
            store().record(Vote(use=asked.use, a=asked.a, b=asked.b, winner=ANSWERS[answer], picture=asked.picture))
        except ZooError as error:
            raise VisitorError(for_visitors(error)) from None
        said += " Your vote counts, thank you."
        if (votes := len(store().votes(asked.use))) < FEWEST:
            said += f" A ranking is shown from {FEWEST} votes on; there {'is' if votes == 1 else 'are'} {votes}."
    else:
        said += " Your vote was not kept."
    return Progress(text=""), said, arena_ranking(asked.use), ""


def arena_ranking(use: str) -> pd.DataFrame:
    """The models of a use case by votes, beside what was measured; empty below FEWEST votes."""
    known = read_use_cases()
    if not isinstance(use, str) or use not in known:
        raise VisitorError("There is no such use case.")
    from leaderboard.recommend import recommend

    try:
        votes = store().votes(use)
        gains = {each.model: each.gain for each in recommend(use, results=list(models.results())).choices}
    except ZooError:
        votes, gains = [], {}
    rows = []
    for table in bradley_terry(votes) if len(votes) >= FEWEST else []:
        for place, (model, found) in enumerate(table.items(), 1):
            won = [vote for vote in votes if model in (vote.a, vote.b)]
            rows.append([place, model, round(found.score, 2), len(won), _rounded(gains.get(model))])
    return pd.DataFrame(rows, columns=["place", "model", "score by votes", "votes", "measured gain"])


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def build() -> None:
    """Lay out the tab inside the current Blocks."""
    offered = tasks_here()
    with gr.Row(elem_id="work-arena", elem_classes="rz-work"):
        with gr.Column(scale=7, min_width=320, elem_classes="rz-stage"):
            picture = PictureInput("arena-picture", text="Drop a picture here, paste it, or click",
                                   elem_id="arena-picture")  # fmt: skip
            status = Status("Two models restore your picture; you say which is better before you see their names.",
                            elem_id="arena-status")  # fmt: skip
            viewer = Viewer(elem_id="arena-viewer")
        with gr.Column(scale=3, min_width=280, elem_classes="rz-side"):
            task = gr.Dropdown([(capital(name), name) for name in offered],
                               value=FIRST if FIRST in offered else next(iter(offered), None),
                               label="What is wrong with it?", elem_id="arena-task", filterable=False)  # fmt: skip
            with gr.Row(elem_classes="rz-go"):
                run = gr.Button("Show two results", variant="primary", elem_id="arena-run")
                stop = gr.Button("Stop", elem_id="arena-stop", elem_classes="rz-stop")
            answer = gr.Radio(list(ANSWERS), value="They are equally good", label="Your vote", elem_id="arena-answer")
            keep = gr.Checkbox(
                False, elem_id="arena-keep",
                label="Count my vote: my answer and a checksum of the picture are kept, the picture is not",
            )  # fmt: skip
            vote = gr.Button("Vote", elem_id="arena-vote")
            told = gr.Markdown(elem_id="arena-told")
            question = gr.Textbox(visible=False, label="Question")
            ranking = gr.Dataframe(
                arena_ranking(use_of(FIRST) or ""), label="By votes", interactive=False, wrap=True,
                elem_id="arena-ranking",
            )  # fmt: skip
    begun = run.click(
        arena_show, [picture, task], [status, viewer, question], api_name="arena_show", concurrency_limit=None,
        show_progress="hidden", trigger_mode="once",
        js="async (...args) => { rz.halted = false; return rz.ready(args, {0: 'arena-picture'}); }",
    )  # fmt: skip
    stop.click(stopped, None, status, cancels=begun, api_visibility="private", show_progress="hidden", js=HALT)
    vote.click(arena_vote, [question, answer, keep], [status, told, ranking, question], api_name="arena_vote")
