"""Sentences for visitors: errors of the zoo without the server's paths, commands and settings."""

from __future__ import annotations

import re
from pathlib import Path

LONGEST = 500
"""Characters of an error text; some repeat whatever was sent."""

_FOR_OPERATORS = re.compile(r"\b[A-Z]+_[A-Z_]+\b|`|(?<!\w)--\w|\bpip install\b|\bpython -m\b")
"""An environment variable, a command or one of its options."""
_FOLDERS = re.compile(r"(?<![\w.])(?:[A-Za-z]:)?[\\/](?:[^\\/\s'\"]+[\\/])+")
_CLAUSES = re.compile(r"(?<=[;.]) +")


def shortened(text: str, longest: int = LONGEST) -> str:
    """The text, cut to so many characters."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def capital(text: str) -> str:
    """The text with a large first letter."""
    return text[:1].upper() + text[1:]


def for_visitors(error: object, names: dict[str, str] | None = None) -> str:
    """An error's sentence. `names` (path -> what the visitor calls the file) replaces paths, others lose their folders.

    Clauses that tell the operator what to set or to type are left out.
    """
    text = str(error)
    for path, name in sorted((names or {}).items(), key=lambda pair: -len(pair[0])):
        text = text.replace(path, name)
    text = _FOLDERS.sub("", text)
    kept = [clause for clause in _CLAUSES.split(text) if not _FOR_OPERATORS.search(clause)]
    said = " ".join(kept).rstrip("; ") or "this did not work here"
    return shortened(capital(said if said.endswith((".", "!", "?")) else f"{said}."))


def original_name(path: str) -> str:
    """What the visitor called an uploaded file: Gradio keeps the name, behind a folder of its own."""
    return Path(path).name


def count(number: int, noun: str) -> str:
    """ "1 model", "2 models"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def duration(seconds: float) -> str:
    """ "1 s" at least, "12 s", "3 min"."""
    return f"{max(1, round(seconds))} s" if seconds < 90 else f"{seconds / 60:.0f} min"
