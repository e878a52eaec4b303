"""The line, the workers, and that a computation ends when nobody waits for it any more."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import psutil
import pytest
from gradio_client import Client, handle_file
from PIL import Image

from ui import pool
from ui.guard import VisitorError
from ui.words import duration

LONG = ("tv-deconvolution", "deblur")
"""A model that takes minutes for the picture below, in one piece: nothing inside of it looks whether to stop."""


@pytest.fixture
def large(tmp_path):
    path = tmp_path / "large.png"
    noise = np.random.default_rng(0).integers(0, 256, (2400, 3000, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path, compress_level=1)
    return path


def begin(client: Client, path):
    """A comparison that will take long; returns when its model has begun."""
    job = client.submit(handle_file(str(path)), LONG[1], [LONG[0]], None, 0, "as it is", None, api_name="/compare")
    wait_until(lambda: any("Restoring" in str(answer[0]) for answer in job.outputs()), 120)
    return job


def in_own_loop(task):
    """Run a coroutine where no other loop runs; playwright's is the main thread's."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, task).result()


def wait_until(condition, seconds: float) -> float:
    """Seconds that it took; fails when it takes too long, which guards against hanging only."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < seconds, "it did not happen"
        time.sleep(0.05)
    return time.monotonic() - begun


def is_free() -> bool:
    return pool.HEAVY.waiting == 0 and not pool.HEAVY.busy


def test_cancelling_frees_the_worker(client, large):
    job = begin(client, large)
    assert not is_free()
    process = psutil.Process(pool.HEAVY.process_id)
    job.cancel()
    wait_until(is_free, 30)
    assert not process.is_running() or process.cpu_percent(0.5) < 50


def test_leaving_frees_the_worker(server, large):
    """What a browser does whose tab is closed: its connection ends."""
    upload = httpx.post(f"{server}gradio_api/upload", files={"files": ("large.png", large.read_bytes())}).json()[0]
    picture = {"path": upload, "meta": {"_type": "gradio.FileData"}}
    body = {"data": [picture, LONG[1], [LONG[0]], None, 0, "as it is", None]}
    event = httpx.post(f"{server}gradio_api/call/compare", json=body).json()["event_id"]
    with httpx.stream("GET", f"{server}gradio_api/call/compare/{event}", timeout=120) as answer:
        for line in answer.iter_lines():
            if "Restoring" in line:
                break
        assert not is_free()
    wait_until(is_free, 60)


def test_a_job_after_a_cancelled_one_is_done(client, large, tmp_path):
    begin(client, large).cancel()
    small = tmp_path / "small.png"
    Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(small)
    answer = client.predict(
        handle_file(str(small)), "denoise", ["no-op"], None, 0, "as it is", None, api_name="/compare"
    )
    assert answer[0]["text"].startswith("Done: 1 of 1")


def test_the_line_has_an_end():
    short = pool.Pool(longest=2)
    turns = [short.turn() for _ in range(3)]
    assert [short.place(turn) for turn in turns] == [0, 1, 2]
    with pytest.raises(VisitorError, match="2 requests are waiting already"):
        short.turn()
    turns[0].leave()
    assert [short.place(turn) for turn in turns[1:]] == [0, 1]
    short.turn()


def test_those_who_wait_are_told_their_place():
    async def told() -> list[int]:
        line = pool.Pool(longest=5)
        first, second = line.turn(), line.turn()
        places = []
        async for place in second.wait():
            places.append(place)
            first.leave()
        return places

    assert in_own_loop(told()) == [1]


def test_a_worker_that_dies_is_said_and_replaced():
    async def fails(line: pool.Pool) -> None:
        turn = line.turn()
        worker = line.worker()
        async for _ in turn.run("bundle", target="", files=[], record={}):
            pass
        assert worker

    line = pool.Pool(longest=5)
    try:
        first = line.worker()
        first.process.kill()
        first.process.wait()
        assert line.worker() is not first
        second = line.worker()
        second.start = lambda kind, arguments: (second.process.kill(), 1)[1]  # it dies as the job comes
        with pytest.raises(VisitorError, match="ended unexpectedly"):
            in_own_loop(fails(line))
        second.process.wait()
        assert line.worker() is not second
    finally:
        line.close()


def test_a_small_share_of_time_reads_well():
    assert [duration(value) for value in (0.01, 1.2, 75, 200)] == ["1 s", "1 s", "75 s", "3 min"]


def test_clients_get_their_own_pictures(server, tmp_path):
    """Twenty requests of four clients, ten at once as the line takes them; each picture has a color of its own."""
    clients = [Client(server, verbose=False) for _ in range(4)]
    for start in (0, 10):
        jobs = []
        for index in range(start, start + 10):
            color = (10 * index, 255 - 10 * index, 7 * index)
            path = tmp_path / f"{index}.png"
            Image.fromarray(np.full((24, 32, 3), color, np.uint8)).save(path)
            values = handle_file(str(path)), "denoise", ["no-op"], None, 0, "as it is", None
            jobs.append((color, clients[index % 4].submit(*values, api_name="/compare")))
        for color, job in jobs:
            pixels = np.asarray(Image.open(job.result()[1]["results"][0]["view"]["file"]))
            assert (pixels == color).all(), (color, pixels[0, 0])
