from __future__ import annotations

import hashlib
import os
import time

import pytest

from eval import content
from eval.datasets import Item, open_dataset
from zoo.errors import ZooError


@pytest.fixture
def item(tmp_path):
    """A file that was changed an hour ago."""
    path = tmp_path / "x.png"
    path.write_bytes(b"before")
    age(path)
    return Item("x.png", path)


def age(path, seconds: float = 3600) -> None:
    os.utime(path, (time.time() - seconds,) * 2)


def expected(data: bytes) -> str:
    return hashlib.sha256(hashlib.sha256(data).digest() + b"--").hexdigest()


def test_it_is_computed_once_until_the_file_changes(item, monkeypatch):
    computed = []
    monkeypatch.setattr(content, "_hash_bytes", lambda paths, compute=content._hash_bytes: (
        computed.append(1), compute(paths))[1])  # fmt: skip
    assert item.sha256 == item.sha256 == expected(b"before")
    assert len(computed) == 1
    item.clean.write_bytes(b"longer than before")
    age(item.clean)
    assert item.sha256 == expected(b"longer than before")
    item.clean.write_bytes(b"longer THAN before")  # of the same size
    age(item.clean, 1800)
    assert item.sha256 == expected(b"longer THAN before")
    assert len(computed) == 3


def test_what_has_just_changed_is_not_kept(item):
    for data in (b"first!", b"second"):  # with one size, and maybe with one time of change
        item.clean.write_bytes(data)
        assert item.sha256 == expected(data)


@pytest.mark.parametrize("harm", ["damaged", "a folder", "no folder"])
def test_a_cache_that_cannot_be_used_costs_time_alone(harm, item, home):
    place = home / "zoo" / "eval"
    if harm == "no folder":
        (home / "zoo").write_text("a file")
    else:
        place.mkdir(parents=True)
        file = place / "checksums.sqlite"
        file.mkdir() if harm == "a folder" else file.write_bytes(b"nonsense" * 1000)
    assert item.sha256 == item.sha256 == expected(b"before")


def test_a_missing_file_is_a_sentence(item):
    item.clean.unlink()
    with pytest.raises(ZooError, match=r"cannot read .*x\.png: no such file"):
        item.sha256


def test_opening_a_data_set_reads_no_picture(tmp_path, photographs, monkeypatch):
    def refuse(*arguments):
        raise AssertionError("a file was read")

    with monkeypatch.context() as unread:
        unread.setattr(content, "read_bytes", refuse)
        dataset = open_dataset(f"folder:{photographs}")
    assert len(dataset.items) == 4
    assert len(dataset.sha256) == 64


def test_several_at_a_time_are_in_order(photographs):
    items = open_dataset(f"folder:{photographs}").items
    assert content.all_of(content.bytes_hash, items) == [item.sha256 for item in items]
