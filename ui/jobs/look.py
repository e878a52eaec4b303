"""Look at an uploaded picture: what a browser can show of it, and what seems to be wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zoo.io import images

from .files import safe_name, shown


def run(tell: Callable[[float], None], *, picture: str, name: str, folder: str) -> dict[str, Any]:
    """{view, faults (fault -> phrase), bits}. Raises PictureError."""
    from eval.faults import estimate

    opened = images.read(picture)
    tell(0.2)
    view = shown(opened, folder, f"{safe_name(name)}-view")
    tell(0.5)
    return {"view": view, "faults": estimate(picture).found(), "bits": 16 if opened.maximum > 255 else 8}
