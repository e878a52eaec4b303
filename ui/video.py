"""The tab for videos: upload, trim, three frames first, then the run with its progress, and both beside each other.

Everything that opens a visitor's video runs in a process of its own, the command line's: a file that crashes a decoder
ends that process alone, and cancelling is ending it.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

import zoo
from zoo.video.recipe import names as recipe_names

from .guard import ForeignFileError, VisitorError, is_received

ROOT = Path(__file__).parents[1]
TASKS = ("restore", "denoise", "deblur", "low-light", "super-resolution")
"""Of the models that are offered, in their order."""
MOST_MODELS = 3
MOST_SECONDS = 20
"""Of the part that is restored; a free Space has two cores."""
MOST_PIXELS = 1920 * 1088
"""Of a frame, before and after."""
MOST_BYTES = 200 << 20
PATIENCE = 15 * 60
"""Seconds after which a run is ended."""
PREVIEWS = 3
SUFFIXES = {
    ".mp4",
    ".m4v",
    ".mov",
    ".mkv",
    ".webm",
    ".avi",
    ".mpg",
    ".mpeg",
    ".ts",
    ".m2ts",
    ".wmv",
    ".flv",
    ".3gp",
    ".ogv",
}
_running: dict[str, subprocess.Popen] = {}
"""A visitor's session -> the process that works for it."""


class VideoInput(gr.Video):
    """An upload that hands on the file as it was sent, and opens nothing."""

    is_template = True

    def preprocess(self, payload) -> str | None:
        """The uploaded file's path. Raises ForeignFileError for any other."""
        if payload is None:
            return None
        path = getattr(payload, "path", None) or getattr(getattr(payload, "video", None), "path", None)
        if not is_received(path):
            raise ForeignFileError
        return path


def choices() -> list[tuple[str, str]]:
    """(label, id) of the models that can run here on whole frames, without baselines and those that need a mask."""
    cards = [card for card in zoo.list_models(available=True) if card.tasks[0] in TASKS and not card.baseline]
    cards.sort(key=lambda card: (TASKS.index(card.tasks[0]), card.weights is None, card.id))
    return [(f"{card.tasks[0]}: {card.title} ({card.id})", card.id) for card in cards]


def arguments(
    path: Any, recipe: Any, ids: Any, faces: Any, strength: Any, begin: Any, end: Any
) -> tuple[list[str], tuple[float, float]]:
    """The command line's arguments for what a visitor asks, and the part of the video. Raises VisitorError."""
    if path is None:
        raise VisitorError("Choose a video first.")
    if Path(path).suffix.lower() not in SUFFIXES:
        raise VisitorError("Upload a video, such as an .mp4, .mov, .mkv or .webm file.")
    if Path(path).stat().st_size > MOST_BYTES:
        raise VisitorError(f"Upload a video of at most {MOST_BYTES >> 20} MB.")
    first, last = (_seconds(value) for value in (begin, end))
    last = last or first + MOST_SECONDS
    if not first < last:
        raise VisitorError("The part has to end after its beginning.")
    if last - first > MOST_SECONDS:
        raise VisitorError(f"Choose a part of at most {MOST_SECONDS} seconds.")
    words = ["--from", f"{first:g}", "--to", f"{last:g}"]
    if recipe:
        if recipe not in recipe_names():
            raise VisitorError("There is no such recipe.")
        return [*words, "--recipe", recipe], (first, last)
    offered = {id for _, id in choices()}
    if not isinstance(ids, list) or not all(isinstance(id, str) and id in offered for id in ids):
        raise VisitorError("The models must be of those in the list.")
    if len(ids) > MOST_MODELS:
        raise VisitorError(f"Choose at most {MOST_MODELS} models.")
    if not ids and not faces:
        raise VisitorError("Choose at least one model, or faces.")
    if not isinstance(strength, (int, float)) or not 0 <= strength <= 0.95:
        raise VisitorError("The strength goes from 0 to 0.95.")
    words += ["--temporal", f"{strength:g}"]
    words += ["-m", ",".join(ids)] if ids else []
    words += ["--faces", "gpen"] if faces else []
    return words, (first, last)


def _seconds(value: Any) -> float:
    if value in (None, ""):
        return 0.0
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 86_400:
        raise VisitorError("A time is a number of seconds from 0 on.")
    return float(value)


def preview(path, recipe, ids, faces, strength, begin, end, request: gr.Request) -> Iterator[tuple[str, list | None]]:
    """Three frames, before and after; yields the status line and the pictures."""
    words, _ = arguments(path, recipe, ids, faces, strength, begin, end)
    with tempfile.TemporaryDirectory(prefix="restoration-zoo-") as folder:
        yield "Restoring three frames…", None
        out = Path(folder) / "frame.mp4"
        for line in _command([path, "-o", str(out), "--preview", str(PREVIEWS), *words], request, folder, path):
            yield line or "Restoring three frames…", None
        found = sorted(str(each) for each in Path(folder).glob("frame-*.png"))
        yield "Three frames, each before (left) and after (right). Every frame was restored by itself.", found


def restore(path, recipe, ids, faces, strength, begin, end, request: gr.Request) -> Iterator[tuple[str, Any, Any]]:
    """The whole part; yields the status line, then the player with both, and the file to download."""
    words, (first, last) = arguments(path, recipe, ids, faces, strength, begin, end)
    hidden = gr.update(value=None, visible=False)
    with tempfile.TemporaryDirectory(prefix="restoration-zoo-") as folder:
        out, both = Path(folder) / "restored.mp4", Path(folder) / "both.mp4"
        yield "Starting…", None, hidden
        done = ""
        options = ["--codec", "h264"]  # what every browser plays
        for line in _command([path, "-o", str(out), *words, *options], request, folder, path):
            done = line or done
            yield done or "Starting…", None, dict(hidden)
        yield "Laying both beside each other…", None, dict(hidden)
        code = (
            "import sys; from zoo.cli.common import guarded; from zoo.video.sheet import both_videos; "
            "sys.exit(guarded(lambda: both_videos(sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4]), "
            "float(sys.argv[5]))))"
        )
        run = [sys.executable, "-c", code, path, str(out), str(both), f"{first:g}", f"{last:g}"]
        for _ in _process(run, request, folder, path):
            pass
        name = re.sub(r"[^\w.-]+", "_", Path(path).stem)[:60] or "video"
        named = out.rename(Path(folder) / f"{name}-restored.mp4")
        text = "Done: before (left) and after (right). " + done
        yield text, str(both), gr.update(value=str(named), visible=True)


def cancel(request: gr.Request) -> str:
    """End what works for this visitor."""
    process = _running.get(request.session_hash or "")
    if process is None:
        return "Nothing is running."
    _end(process)
    return "Stopped."


def _command(words: list[str], request: gr.Request, folder: str, path: str) -> Iterator[str]:
    return _process([sys.executable, "-m", "zoo", "video", *words], request, folder, path)


def _process(command: list[str], request: gr.Request, folder: str, path: str) -> Iterator[str]:
    """Run a process to its end, and yield its last line of progress about once a second. Raises VisitorError."""
    session = request.session_hash or ""
    if session in _running:
        raise VisitorError("Something is running already: wait for it, or cancel it.")
    environment = os.environ | {"ZOO_MAX_PIXELS": str(MOST_PIXELS), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True, errors="replace", start_new_session=True,
    )  # fmt: skip
    _running[session] = process
    said: deque[str] = deque(maxlen=50)
    reading = threading.Thread(target=lambda: said.extend(line.strip() for line in process.stderr or ()), daemon=True)
    reading.start()
    begun = time.monotonic()
    try:
        while process.poll() is None:
            if time.monotonic() - begun > PATIENCE:
                _end(process)
                raise VisitorError(f"It took more than {PATIENCE // 60} minutes: choose a shorter part.")
            yield next((line for line in reversed(said) if line.startswith("frame ")), "")
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(1)
    finally:
        _end(process)
        reading.join(timeout=5)
        del _running[session]
    if process.returncode < 0:
        stopped = process.returncode in (-15, -9)  # SIGTERM, SIGKILL
        raise VisitorError("Stopped." if stopped else "The video cannot be read: it is damaged.")
    if process.returncode not in (0, 1):  # 1: done, with some frames damaged
        told = next((line for line in reversed(said) if line.startswith("error: ")), "error: it failed.")
        text = told.removeprefix("error: ").replace(path, Path(path).name).replace(f"{folder}{os.sep}", "")
        raise VisitorError(text[0].upper() + text[1:])


def _end(process: subprocess.Popen) -> None:
    """End a process with all that it started, if it still runs."""
    if process.poll() is not None:
        return
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    else:  # Windows
        process.kill()
    process.wait()


def build() -> None:
    """Lay out the tab inside the current Blocks."""
    if importlib.util.find_spec("av") is None:
        gr.Markdown('Videos need PyAV, which is not installed here: `pip install "av>=17.1"`.')
        return
    offered = choices()
    with gr.Row():
        with gr.Column(scale=1, min_width=320):
            video = VideoInput(label="Your video", sources=["upload"], elem_id="video", height=280)
            with gr.Row():
                begin = gr.Number(0, label="From (seconds)", minimum=0, elem_id="video-from")
                end = gr.Number(5, label=f"To (at most {MOST_SECONDS} s later)", minimum=0, elem_id="video-to")
            models = gr.Dropdown(
                offered, value=[offered[0][1]] if offered else [], multiselect=True, max_choices=MOST_MODELS,
                label="Models, one after the other", elem_id="video-models",
            )  # fmt: skip
            faces = gr.Checkbox(False, label="Restore faces too", elem_id="video-faces")
            strength = gr.Slider(0, 0.95, 0.6, step=0.05, label="Steady from frame to frame", elem_id="video-strength")
            recipe = gr.Dropdown(
                [("none: the models above", ""), *((name, name) for name in recipe_names())], value="",
                label="Or a recipe", elem_id="video-recipe",
            )  # fmt: skip
            first = gr.Button("Show three frames", elem_id="video-preview")
            with gr.Row():
                run = gr.Button("Restore the video", variant="primary", elem_id="video-run")
                stop = gr.Button("Cancel", variant="stop", elem_id="video-cancel")
        with gr.Column(scale=2, min_width=480):
            status = gr.Markdown(
                f"At most {MOST_SECONDS} seconds of at most 1920 × 1080 pixels.", elem_id="video-status"
            )
            frames = gr.Gallery(label="Before and after", columns=1, height=420, elem_id="video-frames")
            player = gr.Video(label="Before and after", interactive=False, elem_id="video-player")
            download = gr.DownloadButton("Download", visible=False, elem_id="video-download")
    asked = [video, recipe, models, faces, strength, begin, end]
    heavy: dict[str, Any] = {"concurrency_id": "heavy", "concurrency_limit": 1}
    first.click(preview, asked, [status, frames], api_name="video_preview", **heavy)
    run.click(restore, asked, [status, player, download], api_name="video_restore", **heavy)
    stop.click(cancel, None, status, api_name="video_cancel", queue=False)
