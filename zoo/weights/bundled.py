"""What is known of the bundled files: the JSON of the same name beside each, the one place where it stands."""

from __future__ import annotations

import json
from dataclasses import dataclass

from . import places


@dataclass(frozen=True)
class Published:
    """A file that others published and this project ships."""

    id: str
    file: str
    sha256: str
    license: str
    """SPDX id; its text is in NOTICE."""
    attribution: str
    source: str
    """The project that it comes from."""
    original: dict[str, str] | None
    """What it was made from: "file", "from" and "sha256"; None where that is not recorded."""
    changes: str
    """What was done to the original."""
    parameters: int | None = None


def read_published(filename: str) -> Published | None:
    """What is known of a bundled file by others; None for one of this project's own, or one that is not bundled."""
    facts = _facts(filename)
    return Published(**facts) if facts and "attribution" in facts else None


def published_files() -> list[Published]:
    """All bundled files by others, by id."""
    found = [read_published(path.name) for path in places.BUNDLED.iterdir() if path.suffix != ".json"]
    return sorted((file for file in found if file), key=lambda file: file.id)


def recorded_sha256(filename: str) -> str | None:
    """The sha256 that a bundled file must have, or None when nothing is recorded of it."""
    return (_facts(filename) or {}).get("sha256")


def _facts(filename: str) -> dict | None:
    try:
        return json.loads((places.BUNDLED / filename).with_suffix(".json").read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
