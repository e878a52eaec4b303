"""The Video tab, through a real client of a server that has nothing else."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("av")

from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from tests.video import clips
from ui import video
from ui.guard import ForeignFileError, GuardedBlocks


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    """A client of the tab alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("video-cache")))
        with GuardedBlocks() as demo:
            video.build()
        _, url, _ = demo.queue().launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1")
        yield Client(url, verbose=False)
        demo.close()


@pytest.fixture
def clip(tmp_path) -> Path:
    return clips.write(tmp_path / "holiday.mp4", clips.pan(30), sound=True)


def ask(tab, name, path, recipe="", models=("bilateral",), faces=False, strength=0.5, begin=0, end=1):
    given = path and handle_file(str(path))
    return tab.predict(given, recipe, list(models), faces, strength, begin, end, api_name=name)


def file_of(part) -> str:
    part = part["value"] if isinstance(part, dict) and "value" in part else part
    part = part["video"] if isinstance(part, dict) and "video" in part else part
    return part["path"] if isinstance(part, dict) else part


def test_three_frames_come_first(tab, clip):
    status, found = ask(tab, "/video_preview", clip)
    assert status.startswith("Three frames") and len(found) == 3
    picture = np.asarray(
        Image.open(found[0]["image"] if isinstance(found[0]["image"], str) else found[0]["image"]["path"])
    )
    assert picture.shape[:2] == (64, 2 * 96 + 4)


@pytest.mark.slow
def test_a_part_is_restored_and_shown_beside_the_original(tab, clip):
    status, player, download = ask(tab, "/video_restore", clip, begin=0.2, end=0.8)
    assert status.startswith("Done")
    assert len(clips.read(Path(file_of(download)))) == 15
    assert Path(file_of(download)).name.startswith("holiday-restored")
    both = clips.read(Path(file_of(player)))
    assert len(both) == 15 and both[0].shape == (64, 2 * 96 + 4, 3)
    original = clips.read(clip)[5]
    assert np.abs(both[0][:, :96].astype(int) - original).mean() < 8


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"models": ()}, "at least one model"),
        ({"models": ("telea",)}, "of those in the list"),
        ({"models": ("../../etc/passwd",)}, "of those in the list"),
        ({"models": ("bilateral", "nl-means", "unsharp-mask", "clahe")}, "at most 3"),
        ({"recipe": "../secret.json"}, "no such recipe"),
        ({"begin": 5, "end": 2}, "after its beginning"),
        ({"end": 100}, "at most 20 seconds"),
        ({"begin": -1}, "less than minimum"),
    ],
)
@pytest.mark.parametrize("name", ["/video_preview", "/video_restore"])
def test_mistakes_are_told(tab, clip, options, text, name):
    with pytest.raises((AppError, ValueError)) as told:
        ask(tab, name, clip, **options)
    assert text in str(told.value) or "not in the list" in str(told.value)  # Gradio's own check comes first


def test_bad_files_are_a_sentence_without_the_servers_paths(tab, tmp_path):
    (tmp_path / "bad.mp4").write_bytes(b"hello " * 500)
    (tmp_path / "list.mp4").write_text("#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1/a.ts\n")
    for name in ("bad.mp4", "list.mp4"):
        with pytest.raises(AppError) as told:
            ask(tab, "/video_preview", tmp_path / name)
        assert name in str(told.value) and "/" not in str(told.value).replace("no/", "")


def test_files_of_the_server_are_not_opened(clip):
    from types import SimpleNamespace

    for path in (str(clip), "http://127.0.0.1/a.mp4", None, 7):
        with pytest.raises(ForeignFileError):
            video.VideoInput().preprocess(SimpleNamespace(path=path))


@pytest.mark.slow
def test_a_run_can_be_cancelled(tab, tmp_path):
    long = clips.write(tmp_path / "long.mp4", clips.pan(400, height=240, width=320))
    job = tab.submit(handle_file(str(long)), "", ["nl-means"], False, 0.5, 0, 16, api_name="/video_restore")
    deadline = time.monotonic() + 120
    while not any(text and text[0].startswith("frame ") for text in job.outputs()) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert tab.predict(api_name="/video_cancel") == "Stopped."
    with pytest.raises(AppError, match="Stopped"):
        job.result(timeout=120)
    assert not video._running
    assert threading.active_count() < 200
