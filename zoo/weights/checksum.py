"""The sha256 of a file."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ..files import opened

MAX_BYTES = 32 << 30
"""The largest weights file that is opened."""


def sha256_of(path: Path) -> str:
    """Hex sha256 of a regular file's bytes, at most MAX_BYTES of them. Raises OSError."""
    digest = hashlib.sha256()  # hashlib.file_digest came with Python 3.11
    with opened(path, MAX_BYTES) as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
