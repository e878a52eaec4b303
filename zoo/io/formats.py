"""Which files are pictures, by name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp"}
"""What is read; written are all of them but .bmp."""


def find_pictures(folder: str | os.PathLike, recursive: bool = False) -> Iterator[Path]:
    """The pictures in a folder by suffix, sorted by path; what is hidden is left out."""
    folder = Path(folder)
    for path in sorted(folder.glob("**/*" if recursive else "*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.suffix.lower() in SUFFIXES and not hidden and path.is_file():
            yield path
