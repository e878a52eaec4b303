"""The way of a request through the pools: wait, prepare, restore with one model after the other, show each result."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any

from gradio.data_classes import FileData
from gradio.utils import get_upload_folder

import zoo

from .components import Download, Progress, Score, Shown, ShownResult, View
from .guard import VisitorError
from .pool import HEAVY, LIGHT, Turn
from .words import count, duration, for_visitors, original_name

SIZES = {"as it is": None, "at most 4 megapixels": 4.0, "at most 1 megapixel": 1.0}
"""What a visitor chooses -> megapixels."""
MOST_BUNDLED = 400_000_000
"""Bytes; larger results are not put into a zip too."""


@dataclass(frozen=True)
class Request:
    """What a visitor wants."""

    picture: str
    task: str
    models: list[str]
    mask: str | None = None
    truth: str | None = None
    samples: int = 0
    size: str = "as it is"
    settings: dict[str, str] = field(default_factory=dict)
    """For a link to these settings."""

    @property
    def megapixels(self) -> float | None:
        """The largest size that is worked on."""
        return SIZES[self.size]


def folder_for_results() -> str:
    """A new folder inside Gradio's cache, under a name that nobody can guess: its files are served, then cleaned."""
    folder = Path(get_upload_folder()) / token_hex(16)
    folder.mkdir(parents=True)
    return str(folder)


def file_data(path: str) -> FileData:
    """A file for the page."""
    return FileData(path=path, orig_name=Path(path).name)


def view_of(made: dict[str, Any] | None) -> View | None:
    """What `ui.jobs.files.shown` made, for the page."""
    if made is None:
        return None
    small = None if made["small"] is None else file_data(made["small"])
    return View(file=file_data(made["path"]), small=small, width=made["width"], height=made["height"])


async def quick(kind: str, **arguments: Any) -> Any:
    """A job that takes moments, by the light worker. Raises VisitorError."""
    turn = LIGHT.turn()
    try:
        async for _ in turn.wait():
            pass
        async for answer in turn.run(kind, **arguments):
            if not isinstance(answer, float):
                return answer
        raise AssertionError("a job ends with its result")
    finally:
        turn.leave()


async def waiting(turn: Turn) -> AsyncIterator[Progress]:
    """What is told to a visitor until it is their turn."""
    async for place in turn.wait():
        text = f"You are number {place} in line." if place else "The computer is being freed for you."
        yield Progress(text=text, share=0.0)


async def comparison(request: Request) -> AsyncIterator[tuple[Progress, Shown | None]]:
    """(what happens, what is shown now or None where it stays). Ends with a "Done"; raises VisitorError."""
    yield Progress(text="Starting…", share=0.0), None
    turn, folder = HEAVY.turn(), folder_for_results()
    finished = False
    try:
        async for told in waiting(turn):
            yield told, None
        async for step in _compared(turn, request, folder):
            finished = finished or step[1] is not None  # the page refers to the folder from now on
            yield step
    finally:
        turn.leave()
        if not finished:
            shutil.rmtree(folder, ignore_errors=True)


async def _compared(turn: Turn, request: Request, folder: str) -> AsyncIterator[tuple[Progress, Shown | None]]:
    name = Path(original_name(request.picture)).stem
    shared = {"picture": request.picture, "name": name, "folder": folder, "megapixels": request.megapixels,
              "mask": request.mask, "truth": request.truth}  # fmt: skip
    scale = zoo.get_card(request.models[0]).scale
    prepared: Any = None
    async for answer in turn.run("prepare", scale=scale, **shared):
        if isinstance(answer, float):
            yield Progress(text="Opening the picture…", share=0.0), None
        else:
            prepared = answer
    shown = Shown(
        input=view_of(prepared["input"]), input_scores=[Score(**score) for score in prepared["input_scores"]],
        truth=view_of(prepared["truth"]), settings=request.settings,
    )  # fmt: skip
    yield Progress(text="The picture is open.", share=0.0), shown
    started, failed = time.monotonic(), 0
    records: list[dict[str, Any]] = []
    for index, model in enumerate(request.models):
        tell = _teller(index, len(request.models), model, started)
        try:
            wanted = {"task": request.task, "model": model, "samples": request.samples}
            async for answer in turn.run("restore", **wanted, **shared):
                if isinstance(answer, float):
                    yield tell(answer), None
                    continue
                for made in list(answer):
                    shown.results.append(result_of(made))
                    records.append({k: v for k, v in made.items() if k not in ("view", "error", "files")})
        except VisitorError as error:
            failed += 1
            shown.results.append(ShownResult(model=model, label=model, failed=str(error.message)))
            records.append({"model": model, "failed": str(error.message)})
        yield tell(1.0), shown
    shown.bundle = await _bundle(request, shown, records, folder, name)
    done = f"Done: {len(request.models) - failed} of {len(request.models)}" + (f", {failed} failed." if failed else ".")
    notes = [for_visitors(note) for note in prepared["notes"]]
    yield Progress(text=" ".join([done, *notes])), shown


def _teller(index: int, count_: int, model: str, started: float) -> Callable[[float], Progress]:
    def tell(share: float) -> Progress:
        overall = (index + share) / count_
        spent = time.monotonic() - started
        left = f", about {duration(spent / overall - spent)} left" if 0.05 < overall < 1 and spent > 3 else ""
        return Progress(text=f"Restoring with {model}, {index + 1} of {count_}{left}…", share=overall)

    return tell


def result_of(made: dict[str, Any]) -> ShownResult:
    """What `ui.jobs.restore` made, for the page."""
    return ShownResult(
        model=made["model"],
        label=made["label"],
        title=made["title"],
        license=made["license"],
        offline=made["offline"],
        seconds=made["seconds"],
        notes=[for_visitors(note) for note in made["notes"]],
        view=view_of(made["view"]),
        error=view_of(made["error"]),
        scores=[Score(**score) for score in made["scores"]],
        files=[Download(label=each["label"], file=file_data(each["path"])) for each in made["files"]],
    )


async def _bundle(
    request: Request, shown: Shown, records: list[dict[str, Any]], folder: str, name: str
) -> FileData | None:
    """The results' first files with what was done; None where they are too large, or there are none."""
    files = [
        (result.files[0].file.path, Path(result.files[0].file.path).name) for result in shown.results if result.files
    ]
    if not files or sum(Path(path).stat().st_size for path, _ in files) > MOST_BUNDLED:
        return None
    record = {
        "picture": original_name(request.picture),
        "sha256": hashlib.sha256(Path(request.picture).read_bytes()).hexdigest(),
        "task": request.task,
        "size": request.size,
        "version": zoo.__version__,
        "results": records,
    }
    target = str(Path(folder) / f"{name}-results.zip")
    return file_data((await quick("bundle", target=target, files=files, record=record))["path"])


def said(shown: Shown) -> str:
    """ "2 results, 1 failed"."""
    failed = sum(result.failed is not None for result in shown.results)
    return count(len(shown.results) - failed, "result") + (f", {failed} failed" if failed else "")
