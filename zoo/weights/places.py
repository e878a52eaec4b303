"""The folders that weights lie in, and how a file gets into them whole."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BUNDLED = Path(__file__).parents[1] / "pretrained"
"""The weights that are shipped with the project."""


def local_folder() -> Path | None:
    """The user's own folder of weights, named by the environment variable ZOO_WEIGHTS; None when unset."""
    value = os.environ.get("ZOO_WEIGHTS")
    return Path(value).expanduser() if value else None


def cache_folder() -> Path:
    """Where downloads from plain links, converted files and first-use records lie: $ZOO_CACHE, else below ~/.cache."""
    if value := os.environ.get("ZOO_CACHE"):
        return Path(value).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "restoration-zoo"


def downloads_folder() -> Path:
    """Where files from plain links lie. (Files from the Hub lie in the Hub's own cache.)"""
    return cache_folder() / "downloads"


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` to write to; it becomes `path` at the end, or nothing does. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)  # mkstemp makes files for the owner alone
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
