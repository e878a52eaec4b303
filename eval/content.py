"""Checksums of the files of data sets: made when they are asked for, several at a time, and kept between runs.

A checksum is kept with the file's size and time of change and taken for another file's when one of them differs. The
cache may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.errors import PictureError, ZooError, describe_os_error
from zoo.io.files import read_bytes
from zoo.io.images import max_bytes, read
from zoo.weights.places import cache_folder

from .pool import cores

if TYPE_CHECKING:
    from .datasets import Item

Stamp = tuple[int, int, int]
"""Size in bytes, time of change in nanoseconds, inode."""
SETTLED = 2.0
"""Seconds; a file that changed less long ago could change again without another time of change."""


def stamp(path: Path) -> Stamp:
    """What changes with a file's content. Raises ZooError when the file is not there."""
    try:
        status = path.stat()
    except OSError as error:
        raise ZooError(f"cannot read {path}: {describe_os_error(error)}.") from None
    return status.st_size, status.st_mtime_ns, status.st_ino


def bytes_hash(item: Item) -> str:
    """The sha256 of the checksums of an item's files. Raises ZooError when one cannot be read."""
    return _kept("bytes", item, _hash_bytes)


def pixels_hash(item: Item) -> str:
    """The sha256 of a picture's (or pair's) sizes and 8-bit RGB pixels, whatever format it is stored in.

    The empty string when it cannot be decoded, which is no picture of any list.
    """
    return _kept("pixels", item, _hash_pixels)


def all_of(checksum: Callable[[Item], str], items: Iterable[Item]) -> list[str]:
    """The checksums of many items, computed at the same time."""
    with ThreadPoolExecutor(cores()) as threads:
        return list(threads.map(checksum, items))


def _hash_bytes(paths: tuple[Path | None, ...]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        try:
            digest.update(hashlib.sha256(read_bytes(path, max_bytes())).digest() if path else b"-")
        except OSError as error:
            raise ZooError(f"cannot read {path}: {describe_os_error(error)}.") from None
    return digest.hexdigest()


def _hash_pixels(paths: tuple[Path | None, ...]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        if path is not None:
            try:
                pixels = read(path).rgb8()
            except PictureError:
                return ""
            digest.update(f"{pixels.shape[1]} x {pixels.shape[0]}\0".encode() + pixels.tobytes())
    return digest.hexdigest()


def _kept(kind: str, item: Item, compute: Callable[[tuple[Path | None, ...]], str]) -> str:
    paths = item.files
    before = [stamp(path) for path in paths if path is not None]
    key = kind.encode() + b"".join(b"\0" + (os.fsencode(path.absolute()) if path else b"") for path in paths)
    state = repr(before)
    if (known := _recall(key, state)) is not None:
        return known
    value = compute(paths)
    # As git does with its index: what is as new as this is not kept.
    settled = time.time() - max((changed for _, changed, _ in before), default=0) / 1e9 > SETTLED
    if settled and before == [stamp(path) for path in paths if path is not None]:
        _keep(key, state, value)
    return value


_connections = threading.local()


def _database() -> sqlite3.Connection:
    """This thread's connection to the cache; none goes across a fork."""
    path = cache_folder() / "eval" / "checksums.sqlite"
    owner, connection = getattr(_connections, "current", (None, None))
    if connection is None or owner != (os.getpid(), path):
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=10, isolation_level=None)
        connection.execute("pragma synchronous = off")  # it holds nothing that cannot be computed again
        connection.execute("create table if not exists checksums (key blob primary key, state text, value text)")
        _connections.current = (os.getpid(), path), connection
    return connection


def _recall(key: bytes, state: str) -> str | None:
    with suppress(sqlite3.Error, OSError):
        row = _database().execute("select state, value from checksums where key = ?", (key,)).fetchone()
        if row is not None and row[0] == state:
            return row[1]
    return None


def _keep(key: bytes, state: str, value: str) -> None:
    with suppress(sqlite3.Error, OSError):  # a cache that cannot be written costs time, nothing else
        _database().execute("insert or replace into checksums values (?, ?, ?)", (key, state, value))
