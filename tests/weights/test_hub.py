"""Downloads from the Hub, with its real client against a server on the loopback."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.platforms import posix
from tests.weights.ask import ask

DATA = os.urandom(300_000)
SHA = hashlib.sha256(DATA).hexdigest()
FILE = "/someone/tiny/resolve/main/tiny.pth"


@pytest.fixture
def tiny(hub):
    """The Hub with the file that the card names."""
    hub.publish("someone/tiny", "tiny.pth", DATA)
    return hub


def left_in(home: Path) -> list[Path]:
    """Files of some size below the caches, but for the part files that older clients keep to go on with."""
    files = [path for path in home.rglob("*") if path.is_file() and path.suffix != ".incomplete"]
    return [path for path in files if path.stat().st_size > 1000]


def test_found_then_cached_then_offline(tiny, home):
    first = ask(tiny.url, sha256=SHA)
    assert Path(first["path"]).read_bytes() == DATA
    assert (first["sha256"], first["origin"]) == (SHA, "Hub cache")
    assert "python -m zoo download test.tiny" in first["missing"] and "license: MIT" in first["missing"]
    assert "downloading tiny.pth (license: MIT)" in first["stderr"]
    asked = len(tiny.requests)

    second = ask(tiny.url, sha256=SHA)
    assert second["missing"] is None and second["path"] == first["path"] and second["stderr"] == ""
    third = ask(tiny.url, sha256=SHA, env={"HF_HUB_OFFLINE": "1"})
    assert third["path"] == first["path"]
    assert len(tiny.requests) == asked  # what is in the cache is not asked for again


def test_offline_without_cache(tiny):
    answer = ask(tiny.url, sha256=SHA, env={"HF_HUB_OFFLINE": "1"})
    assert "HF_HUB_OFFLINE is set" in answer["error"]
    assert tiny.requests == []


def test_token_is_sent_and_its_lack_is_told(tiny):
    tiny.token = "hf_secret"
    refused = ask(tiny.url)
    assert "HF_TOKEN does not open it (HTTP 401)" in refused["error"]
    served = ask(tiny.url, env={"HF_TOKEN": "hf_secret"})
    assert served["sha256"] == SHA
    assert [request[3] for request in tiny.gets() if request[1] == FILE] == ["Bearer hf_secret"]


@pytest.mark.parametrize(
    ("status", "code", "sentence"),
    [
        (403, "GatedRepo", "access is gated: accept the terms on {hub}/someone/tiny and set HF_TOKEN"),
        (404, "RepoNotFound", "there is no {hub}/someone/tiny, or it is private"),
        (404, "RevisionNotFound", "{hub}/someone/tiny has no revision main"),
        (404, "EntryNotFound", "{hub}/someone/tiny has no file tiny.pth"),
        (418, "", "the server answered with HTTP 418"),
    ],
)
def test_refusals_are_told_apart(tiny, status, code, sentence):
    tiny.errors[FILE] = (status, code)
    error = ask(tiny.url)["error"]
    assert sentence.format(hub=tiny.url) in error
    assert error.startswith("tiny.pth was not downloaded: hf:someone/tiny/tiny.pth@main: ")


def test_cut_off_half_way_then_a_second_try(tiny, home):
    tiny.cut_after = len(DATA) // 2
    answer = ask(tiny.url, sha256=SHA)
    assert "was not downloaded" in answer["error"]
    assert left_in(home) == []
    tiny.cut_after = None
    assert ask(tiny.url, sha256=SHA)["sha256"] == SHA


def test_wrong_hash_is_refused_and_removed(tiny, home):
    answer = ask(tiny.url, sha256="0" * 64)
    assert f"its sha256 is {SHA}, that of the published one is {'0' * 64}; it has been removed" in answer["error"]
    assert left_in(home) == []
    tiny.publish("someone/tiny", "tiny.pth", b"the right one" * 1000)  # mended on the Hub: the next try gets it
    right = hashlib.sha256(b"the right one" * 1000).hexdigest()
    assert ask(tiny.url, sha256=right)["sha256"] == right


def test_another_file_than_at_first_use_is_refused_and_removed(tiny, home):
    first = ask(tiny.url)
    assert first["sha256"] == SHA
    Path(first["path"]).resolve().write_bytes(b"tampered with" * 1000)
    answer = ask(tiny.url, env={"HF_HUB_OFFLINE": "1"})
    assert f"the recorded one is {SHA}" in answer["error"] and "--forget tiny.pth" in answer["error"]
    assert left_in(home) == []


@pytest.mark.slow  # the client tries again for 23 seconds
def test_server_down():
    with socket.socket() as taken:  # bound but not listening: nobody answers on this port
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        error = ask(url)["error"]
    assert f"no connection to {url}" in error


@posix
def test_full_disk(tiny, home):
    answer = ask(tiny.url, sha256=SHA, file_limit=100_000)
    assert "the file would exceed the allowed file size" in answer["error"]
    assert left_in(home) == []


def test_the_command_line_refuses_a_file_that_is_not_the_published_one(hub, home):
    """The real card of GPEN-BFR-512: its sha256 is known, so no other file gets through."""
    hub.publish("akhaliq/GPEN-BFR-512", "GPEN-BFR-512.pth", DATA)
    done = subprocess.run(
        [sys.executable, "-m", "zoo", "download", "gpen.bfr-512"],
        cwd=Path(__file__).parents[2], env={**os.environ, "HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1"},
        capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 2
    assert "downloading GPEN-BFR-512.pth (284.1 MB, license: " in done.stderr
    assert (
        "that of the published one is f1002c41add95b0decad69604d80455576f7187dd99ca16bd611bcfd44c10b51" in done.stderr
    )
    assert left_in(home) == []
