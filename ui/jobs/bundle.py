"""Several files in one zip, with a JSON of what was done."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any


def run(
    tell: Callable[[float], None], *, target: str, files: list[tuple[str, str]], record: dict[str, Any]
) -> dict[str, str]:
    """{path}. files: (path, name in the zip); pictures are compressed already, so they are only stored."""
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w") as made:
        for number, (path, name) in enumerate(files):
            tell(number / len(files))
            made.write(path, name)
        text = json.dumps(record, indent=2, ensure_ascii=False)
        made.writestr("what-was-done.json", text, zipfile.ZIP_DEFLATED)
    return {"path": target}
