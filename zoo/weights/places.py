"""The folders that weights lie in."""

from __future__ import annotations

import os
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
