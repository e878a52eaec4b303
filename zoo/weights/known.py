"""Helper files of other projects, bundled or found where those projects keep them, known by digits of their sha256.

Never downloaded: they are for metrics and training losses, which say what is missing where a file is not here.
"""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from pathlib import Path

from . import bundled, places
from .checksum import sha256_of


@dataclass(frozen=True)
class KnownFile:
    """One such file."""

    name: str
    what: str
    """Who made it, and how large it is."""
    digits: str
    """The first digits of its sha256."""
    hub_folder: str | None = None
    """The folder of torch's hub cache that it may lie in, beside the ZOO_WEIGHTS folder."""
    command: str | None = None
    """What a user can type to download it into that cache."""

    def missing(self) -> str | None:
        """Why the file cannot be used on this machine, or None."""
        path = self.path()
        if path is None:
            where = "the ZOO_WEIGHTS folder" + (" or torch's hub cache" if self.hub_folder else "")
            get = f"; `{self.command}` downloads it" if self.command else ""
            return f"{self.name} ({self.what}) is not in {where}{get}"
        try:
            digest = _sha256_of(path, path.stat().st_mtime_ns)
        except OSError as error:
            return f"{path} cannot be read: {error.strerror}"
        expected = bundled.recorded_sha256(self.name) if path.parent == places.BUNDLED else None
        if not digest.startswith(expected or self.digits):
            return f"{path} is damaged or another file: its sha256 does not begin with {self.digits}"
        return None

    def path(self) -> Path | None:
        """Where it lies, or None. What lies there has not been checked."""
        return find(self.name, self.hub_folder)


def find(name: str, hub_folder: str | None = None) -> Path | None:
    """A bundled file, one in the ZOO_WEIGHTS folder or, below torch's hub cache, in that folder; None elsewhere."""
    folders = [places.BUNDLED, places.local_folder()]
    if hub_folder:
        cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        folders.append(Path(os.environ.get("TORCH_HOME") or Path(cache, "torch")) / "hub" / hub_folder)
    return next((place / name for place in folders if place and (place / name).is_file()), None)


@functools.cache
def _sha256_of(path: Path, changed: int) -> str:
    """Checksum of a file, computed once for each time that it was changed."""
    return sha256_of(path)
