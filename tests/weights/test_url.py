"""Downloads from plain links, against a server on the loopback."""

from __future__ import annotations

import hashlib
import os
import socket
from pathlib import Path

import pytest

from tests.platforms import posix
from tests.weights.ask import ask, card
from zoo.errors import WeightsError
from zoo.weights import places, resolve

DATA = os.urandom(3_000_000)
SHA = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def link(hub, monkeypatch):
    """The Hub with a plain file; this process may download."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    hub.files["/tiny.pth"] = DATA
    return hub


def tiny(hub, sha256=SHA):
    """The card whose file lies at the link."""
    return card(sha256, source={"url": f"{hub.url}/tiny.pth"})


def in_downloads() -> list[str]:
    """Names of what lies in the downloads folder, but for locks."""
    return sorted(p.name for p in places.downloads_folder().iterdir() if p.suffix != ".lock")


def test_downloaded_once(link, capsys):
    (file,) = resolve(tiny(link)).files
    assert file.path.read_bytes() == DATA and file.origin == "downloads"
    assert "downloading tiny.pth (license: MIT)" in capsys.readouterr().err
    assert resolve(tiny(link)).sha256 == SHA
    assert len(link.requests) == 1 and in_downloads() == ["tiny.pth"]


def test_goes_on_where_it_broke_off(link):
    link.cut_after = 2_000_000
    with pytest.raises(WeightsError, match=r"broke off after 2\.0 MB; try again"):
        resolve(tiny(link))
    assert in_downloads() == ["tiny.pth.part"]
    link.cut_after = None
    assert resolve(tiny(link)).sha256 == SHA
    assert [request[2] for request in link.requests] == [None, "bytes=2000000-"]
    assert in_downloads() == ["tiny.pth"]


def test_starts_over_where_the_server_cannot_go_on(link):
    link.cut_after = 2_000_000
    with pytest.raises(WeightsError, match="broke off"):
        resolve(tiny(link))
    link.cut_after, link.ranges = None, False
    assert resolve(tiny(link)).sha256 == SHA


def test_starts_over_where_the_part_is_too_long(link):
    part = places.downloads_folder() / "tiny.pth.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(DATA + b"more")
    assert resolve(tiny(link)).sha256 == SHA


def test_without_a_known_hash_a_part_is_not_trusted(link):
    part = places.downloads_folder() / "tiny.pth.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"of another file")
    assert resolve(tiny(link, None)).sha256 == SHA
    assert link.requests[0][2] is None


def test_wrong_hash_is_refused_and_removed(link):
    with pytest.raises(WeightsError, match="it has been removed"):
        resolve(tiny(link, "0" * 64))
    assert in_downloads() == []


def test_refusals(link):
    link.content_type = "text/html; charset=utf-8"
    with pytest.raises(WeightsError, match="leads to a web page, not to a file"):
        resolve(tiny(link))
    del link.files["/tiny.pth"]
    with pytest.raises(WeightsError, match="HTTP 404"):
        resolve(tiny(link))
    assert in_downloads() == []


def test_server_down(link):
    with socket.socket() as taken:  # bound but not listening
        taken.bind(("127.0.0.1", 0))
        gone = card(SHA, source={"url": f"http://127.0.0.1:{taken.getsockname()[1]}/tiny.pth"})
        with pytest.raises(WeightsError, match="no connection"):
            resolve(gone)


def test_offline(link, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(WeightsError, match="HF_HUB_OFFLINE is set"):
        resolve(tiny(link))
    assert link.requests == []


@posix
def test_full_disk_gives_the_room_back(link, home):
    answer = ask(link.url, sha256=SHA, source={"url": f"{link.url}/tiny.pth"}, file_limit=1_500_000)
    assert "the file would exceed the allowed file size" in answer["error"]
    assert [path for path in Path(home).rglob("*") if path.is_file() and path.stat().st_size] == []


@pytest.mark.parametrize("said", [True, False], ids=["told by the server", "found while it comes"])
def test_a_file_without_end_is_given_up(link, said, monkeypatch):
    from zoo.weights import download

    monkeypatch.setattr(download, "LARGEST", 2_500_000)
    if not said:
        real = download.urllib.request.urlopen

        def without_length(*args, **kwargs):
            response = real(*args, **kwargs)
            del response.headers["Content-Length"]
            return response

        monkeypatch.setattr(download.urllib.request, "urlopen", without_length)
    with pytest.raises(WeightsError, match=r"is larger than 0\.0025 GB, the limit for a download"):
        resolve(tiny(link))
    assert in_downloads() == []
