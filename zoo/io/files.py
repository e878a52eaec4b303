"""Files are read with a limit, and written whole or not at all."""

from __future__ import annotations

import os
import secrets
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ..errors import OutputError, describe_os_error

MAX_JSON_BYTES = 256 << 20
"""The largest result file or record that is read."""


@contextmanager
def opened(path: str | os.PathLike, limit: int) -> Iterator[BinaryIO]:
    """A regular file of at most `limit` bytes, open for reading.

    Raises OSError, at once, for what is missing or larger, and for what may have no end or never answer: devices,
    pipes and sockets.
    """
    _check(Path(path).stat(), limit)  # before opening, which for a device can be an action by itself
    # O_NONBLOCK: a pipe put in the file's place meanwhile is not waited for.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(descriptor, "rb") as file:
        _check(os.fstat(descriptor), limit)
        yield file


def read_bytes(path: str | os.PathLike, limit: int) -> bytes:
    """The bytes of a regular file. Raises OSError as `opened` does, and MemoryError."""
    with opened(path, limit) as file:
        data = file.read(limit + 1)
    if len(data) > limit:  # it grew meanwhile, or is of those whose size the system does not tell
        raise _too_large(limit)
    return data


def _check(status: os.stat_result, limit: int) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise OSError("it is a folder")
    if not stat.S_ISREG(status.st_mode):
        raise OSError("it is no regular file but a device, a pipe or a socket")
    if status.st_size > limit:
        raise _too_large(limit)


def _too_large(limit: int) -> OSError:
    return OSError(f"it is larger than the limit of {limit / 1e6:,.0f} MB")


def printable(text: object) -> str:
    """Text that can be written as UTF-8; bytes of a file name that are no UTF-8 become escapes such as "\\udcff"."""
    return str(text).encode(errors="backslashreplace").decode()


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """An empty file beside `path` to write to; it becomes `path` at the end, or nothing does. Raises OSError."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise OSError("a device, a pipe or a socket is in the way")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        temporary.touch(exist_ok=False)
        mode = temporary.stat().st_mode
        yield temporary
        temporary.chmod(mode)  # whoever wrote may have put a new file in its place, for the owner alone
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def check_folder(folder: Path) -> None:
    """Raise OutputError now, not after minutes of work, when the output folder cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OutputError(f"cannot write into {folder}: {describe_os_error(error)}.") from None


def write_bytes(path: str | os.PathLike, data: bytes) -> None:
    """Write a file whole or not at all. Raises OutputError with the reason when it cannot be written."""
    try:
        with written_whole(Path(path)) as temporary:
            temporary.write_bytes(data)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {describe_os_error(error)}.") from None
