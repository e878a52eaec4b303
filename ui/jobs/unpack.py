"""Take the pictures out of uploaded files: pictures themselves, and zips of pictures."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from zoo.errors import PictureError
from zoo.io.images import SUFFIXES

from .files import safe_name

MOST = 100
"""Pictures."""
MOST_BYTES = 500_000_000
"""Unpacked."""


def run(
    tell: Callable[[float], None], *, uploads: list[tuple[str, str]], folder: str
) -> list[dict[str, str]]:  # fmt: skip
    """[{path, name}] of uploads (path, name). Raises PictureError for what is no picture or zip, or too much.

    Names inside a zip choose no place: what is unpacked gets a numbered name of our own.
    """
    found: list[dict[str, str]] = []
    room = MOST_BYTES
    for path, name in uploads:
        if not zipfile.is_zipfile(path):
            found.append({"path": path, "name": name})
        else:
            room = _unpacked(path, name, Path(folder), found, room)
        if len(found) > MOST:
            raise PictureError(f"these are more than {MOST} pictures; send fewer at once.")
    if not found:
        raise PictureError("there is no picture in these files.")
    return found


def _unpacked(path: str, name: str, folder: Path, found: list[dict[str, str]], room: int) -> int:
    """Unpack one zip; the bytes that may still come."""
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                inner = PurePosixPath(entry.filename.replace("\\", "/"))
                if entry.is_dir() or inner.suffix.lower() not in SUFFIXES or inner.name.startswith("."):
                    continue
                if len(found) >= MOST:
                    raise PictureError(f"{name} has more than {MOST} pictures; send fewer at once.")
                target = folder / f"{len(found):03d}-{safe_name(inner.stem)}{inner.suffix.lower()}"
                room = _copied(archive, entry, target, name, room)
                found.append({"path": str(target), "name": safe_name(inner.name)})
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, OSError, ValueError):
        raise PictureError(f"{name} is damaged, has a password, or is packed in a way that cannot be read.") from None
    return room


def _copied(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, name: str, room: int) -> int:
    """What an entry says of its size may be a lie, so its bytes are counted."""
    with archive.open(entry) as source, target.open("wb") as copy:
        while block := source.read(1 << 20):
            room -= len(block)
            if room < 0:
                raise PictureError(f"{name} unpacks to more than {MOST_BYTES // 1_000_000} MB; send fewer pictures.")
            copy.write(block)
    return room
