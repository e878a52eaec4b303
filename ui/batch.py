"""The tab that restores several pictures with one model: files or a zip in, a zip with a table out."""

from __future__ import annotations

import csv
import io
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import gradio as gr
import pandas as pd

import zoo

from . import models
from .components import ACCEPTED, Progress, Status
from .guard import VisitorError, received
from .pool import HEAVY
from .restore import HALT, stopped
from .run import SIZES, folder_for_results, quick, waiting
from .words import capital, duration, original_name

FIRST = "denoise"
COLUMNS = ["picture", "state", "seconds", "file", "remarks"]


class Uploads(gr.File):
    """Several files, handed on as paths of what was received."""

    is_template = True

    def preprocess(self, payload: Any) -> list[str]:
        """The paths. Raises ForeignFileError for any other file."""
        files = getattr(payload, "root", payload) or []
        return [received(file.path) for file in (files if isinstance(files, list) else [files])]


def tasks_here() -> list[str]:
    """Those that need no mask."""
    return [task for task in models.tasks() if task != "inpaint"]


def models_for_batch(task: str) -> dict[str, Any]:
    """The models that can do a task here, the recommended one chosen."""
    models.check_task(task)
    return gr.update(choices=models.choices(task), value=next(iter(models.chosen(task)), None))


async def restore_batch(
    files: list[str], task: str, model: str, size: str = "as it is"
) -> AsyncIterator[tuple]:  # fmt: skip
    """Restore every picture of the files, and of the zips among them, with one model; a zip of results with a CSV."""
    if not files:
        raise VisitorError("Choose pictures, or a zip of pictures, first.")
    models.check_task(task)
    models.check_ids([model], task)
    if task == "inpaint":
        raise VisitorError("Inpainting needs a mask for each picture, so it does not go in batches here.")
    if not isinstance(size, str) or size not in SIZES:
        raise VisitorError(f"The size is one of: {', '.join(SIZES)}.")
    yield Progress(text="Starting…", share=0.0), gr.skip(), None
    turn, folder = HEAVY.turn(), folder_for_results()
    kept = False
    try:
        async for told in waiting(turn):
            yield told, gr.skip(), None
        uploads = [(path, original_name(path)) for path in files]
        pictures = await quick("unpack", uploads=uploads, folder=folder)
        rows: list[dict[str, Any]] = [{"picture": each["name"], "state": "waits"} for each in pictures]
        results: list[tuple[str, str]] = []
        started = time.monotonic()
        for index, each in enumerate(pictures):
            rows[index]["state"] = "running"
            spent = time.monotonic() - started
            left = f", about {duration(spent / index * (len(pictures) - index))} left" if index and spent > 3 else ""
            told = Progress(text=f"Picture {index + 1} of {len(pictures)}{left}…", share=index / len(pictures))
            yield told, _table(rows), None
            begun = time.monotonic()
            try:
                async for answer in turn.run(
                    "restore", picture=each["path"], name=f"{index + 1:03d}-{Path(each['name']).stem}", folder=folder,
                    task=task, model=model, megapixels=SIZES[size], looked_at=False,
                ):  # fmt: skip
                    if isinstance(answer, float):
                        yield told, gr.skip(), None
                        continue
                    file = answer[0]["files"][0]["path"]
                    results.append((file, Path(file).name))
                    rows[index] |= {"state": "done", "file": Path(file).name, "remarks": " ".join(answer[0]["notes"])}
            except VisitorError as error:
                rows[index] |= {"state": "failed", "remarks": str(error.message)}
            rows[index]["seconds"] = round(time.monotonic() - begun, 2)
        table = Path(folder) / "results.csv"
        table.write_text(_csv(rows), encoding="utf-8")
        record = {"task": task, "model": model, "size": size, "version": zoo.__version__, "pictures": rows}
        target = str(Path(folder) / f"restored-{model}.zip")
        await quick("bundle", target=target, files=[*results, (str(table), table.name)], record=record)
        kept = True
        failed = len(pictures) - len(results)
        text = f"Done: {len(results)} of {len(pictures)}" + (f", {failed} failed." if failed else ".")
        yield Progress(text=text), _table(rows), target
    except VisitorError as error:
        yield Progress(text=error.message), gr.skip(), None
        raise
    finally:
        turn.leave()
        if not kept:
            shutil.rmtree(folder, ignore_errors=True)


def _table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame([[row.get(column, "") for column in COLUMNS] for row in rows], columns=COLUMNS)


def _csv(rows: list[dict[str, Any]]) -> str:
    """The table; cells that a spreadsheet would take for a formula get a quote in front."""
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(COLUMNS)
    for row in rows:
        cells = [str(row.get(column, "")) for column in COLUMNS]
        writer.writerow([f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t") else cell for cell in cells])
    return stream.getvalue()


def build() -> None:
    """Lay out the tab inside the current Blocks."""
    with gr.Row(elem_classes="rz-work"):
        with gr.Column(scale=7, min_width=320):
            files = Uploads(
                file_count="multiple", file_types=[*ACCEPTED.split(","), ".zip"], elem_id="batch-files", height=160,
                label="Pictures, or a zip of pictures",
            )  # fmt: skip
            status = Status("All are restored with one model; you get a zip with a table.", elem_id="batch-status")
            table = gr.Dataframe(
                pd.DataFrame(columns=COLUMNS), interactive=False, elem_id="batch-table", label="Pictures", wrap=True
            )
            result = gr.File(label="The results", elem_id="batch-result", interactive=False, height=90)
        with gr.Column(scale=3, min_width=280, elem_classes="rz-side"):
            task = gr.Dropdown(
                [(capital(name), name) for name in tasks_here()], value=FIRST, label="What is wrong with them?",
                elem_id="batch-task", filterable=False,
            )  # fmt: skip
            model = gr.Dropdown(
                models.choices(FIRST), value=models.chosen(FIRST)[0], label="Model", elem_id="batch-model",
                allow_custom_value=True,
            )  # fmt: skip
            size = gr.Radio(list(SIZES), value="as it is", label="Size", elem_id="batch-size")
            with gr.Row(elem_classes="rz-go"):
                run = gr.Button("Restore all", variant="primary", elem_id="batch-run")
                stop = gr.Button("Stop", elem_id="batch-stop", elem_classes="rz-stop")
    task.input(models_for_batch, task, model, api_name="models_for_batch", show_progress="hidden")
    begun = run.click(
        restore_batch, [files, task, model, size], [status, table, result], api_name="restore_batch",
        concurrency_limit=None, show_progress="hidden", trigger_mode="once",
        js="(...args) => { rz.halted = false; return args; }",
    )  # fmt: skip
    stop.click(stopped, None, status, cancels=begun, api_visibility="private", show_progress="hidden", js=HALT)
