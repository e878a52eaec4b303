"""Checkpoints made to do harm, or that are none: refused with a sentence, never trusted, never left behind."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import pytest
import torch

from tests.weights.ask import card
from zoo.errors import WeightsError
from zoo.weights import load_tensors, places, record, resolve
from zoo.weights.reading import read_checkpoint

PAGE = b"<!DOCTYPE html><title>Log in to download</title>" + bytes(1000)


def saved(path: Path, tensors: dict) -> Path:
    torch.save(tensors, path)
    return path


def test_a_tensor_without_values_is_refused(tmp_path):
    path = saved(tmp_path / "x.pth", {"w": torch.empty(3, 3, device="meta"), "b": torch.ones(3)})
    with pytest.raises(WeightsError, match=r"a tensor without values \(w, on the device meta\)"):
        read_checkpoint(path)


@pytest.mark.parametrize("shape", [(200_000_000,), (20_000, 10_000)])
def test_an_expanded_tensor_is_refused(tmp_path, shape):
    path = saved(tmp_path / "x.pth", {"w": torch.ones(1).expand(*shape)})
    assert path.stat().st_size < 10_000
    with pytest.raises(WeightsError, match=r"repeats few values to 800\.0 MB"):
        read_checkpoint(path)


def test_one_tensor_under_many_names_is_refused_but_tied_weights_are_not(tmp_path):
    shared = torch.ones(1000)
    assert len(read_checkpoint(saved(tmp_path / "tied.pth", {"a": shared, "b": shared}))) == 2
    with pytest.raises(WeightsError, match="the same values under many names"):
        read_checkpoint(saved(tmp_path / "many.pth", {f"w{i}": shared for i in range(100)}))


def test_a_zip_that_unpacks_to_much_more_is_refused(tmp_path):
    stream = io.BytesIO()
    torch.save({"w": torch.zeros(5_000_000)}, stream)
    path = tmp_path / "x.pth"
    with zipfile.ZipFile(stream) as plain, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for member in plain.infolist():
            packed.writestr(member.filename, plain.read(member))
    with pytest.raises(WeightsError, match=r"it unpacks to 20\.\d MB"):
        read_checkpoint(path)


@pytest.mark.skipif(os.name != "posix", reason="pipes and devices with names are of POSIX")
def test_pipes_and_devices_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.pth")
    for path in (tmp_path / "pipe.pth", Path("/dev/zero")):
        with pytest.raises(WeightsError, match="it is no regular file"):
            read_checkpoint(path)


@pytest.fixture
def link(hub, monkeypatch):
    """The Hub with a web page in place of a file; this process may download."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    hub.files["/tiny.pth"] = PAGE
    return hub


def unknown(hub):
    """The card of a file whose sha256 nobody has published."""
    return card(None, source={"url": f"{hub.url}/tiny.pth"})


def in_downloads() -> list[str]:
    return sorted(path.name for path in places.downloads_folder().iterdir() if path.suffix != ".lock")


def test_a_web_page_does_not_become_the_trusted_file(link):
    """Although the server calls it application/octet-stream."""
    with pytest.raises(WeightsError, match=r"not a checkpoint but a web page.*It has been removed\."):
        load_tensors(resolve(unknown(link)))
    assert record.recorded("tiny.pth") is None
    assert in_downloads() == []
    stream = io.BytesIO()
    torch.save({"w": torch.ones(2)}, stream)
    link.files["/tiny.pth"] = stream.getvalue()
    found = resolve(unknown(link))
    assert record.recorded("tiny.pth") is None  # not yet opened
    assert load_tensors(found).keys() == {"w"}
    assert record.recorded("tiny.pth") == found.sha256


def test_a_users_own_web_page_is_neither_trusted_nor_removed(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_WEIGHTS", str(tmp_path))
    (tmp_path / "tiny.pth").write_bytes(PAGE)
    with pytest.raises(WeightsError, match="a web page"):
        load_tensors(resolve(card()))
    assert record.recorded("tiny.pth") is None
    assert (tmp_path / "tiny.pth").read_bytes() == PAGE


def test_what_is_never_gone_on_with_is_not_kept(link):
    link.files["/tiny.pth"] = os.urandom(3_000_000)
    link.cut_after = 2_000_000
    with pytest.raises(WeightsError, match="broke off"):
        resolve(unknown(link))
    assert in_downloads() == []
