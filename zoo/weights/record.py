"""Trust on first use: the sha256 of a file whose card knows none is recorded, and checked from then on.

One small JSON file per weights file, so that two processes never overwrite each other's records.
"""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote

from ..errors import WeightsError
from ..io.files import written_whole
from .places import cache_folder


def record_path(filename: str) -> Path:
    """Where the record of the weights file of that name lies."""
    return cache_folder() / "first-use" / f"{quote(filename, safe='')}.json"


def recorded(filename: str) -> str | None:
    """The sha256 that was recorded at first use, or None. Raises WeightsError for a damaged record."""
    path = record_path(filename)
    try:
        return str(json.loads(path.read_text("utf-8"))["sha256"])
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError):
        raise WeightsError(
            f"the record {path} cannot be read, so {filename} cannot be checked; delete it to trust the file anew."
        ) from None


def remember(filename: str, sha256: str, came_from: str) -> None:
    """Record a hash at first use. Raises OSError when the cache folder cannot be written."""
    with written_whole(record_path(filename)) as temporary:
        entry = {"file": filename, "sha256": sha256, "came_from": came_from}
        temporary.write_text(json.dumps(entry, indent=1) + "\n", "utf-8")


def forget(filename: str) -> bool:
    """Drop the record, so that the next file of that name is trusted anew; whether there was one. Raises OSError."""
    path = record_path(filename)
    was_there = path.is_file()
    path.unlink(missing_ok=True)
    return was_there
