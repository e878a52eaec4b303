"""Where a run keeps its work: one folder per model, data set and scenario; files written whole or not at all.

    OUT/DATASET/SCENARIO-vVERSION-sSEED/MODEL/
        .lock                held by the process that works here
        run.json             stage 1: the model, its settings and the code (see eval.runfile)
        restored/NAME.png    stage 1: the restored picture
        restored/NAME.json   its key, checksum and cost - or why it failed
        scores/NAME.json     stage 2: its key and metrics
        metrics.csv          a row per picture; equal bytes for equal work
        result.json          all of it (see eval.results); gone while the work beside it is being redone

A key names everything that the stored work depends on. Work whose key still fits is not done again. Records carry a
checksum of their own, so that one that was changed after it was written is not believed (see eval.records).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from zoo.errors import OutputError, ZooError, describe_os_error
from zoo.io.files import MAX_JSON_BYTES, read_bytes
from zoo.io.images import write_bytes

TABLE, RESULT = "metrics.csv", "result.json"
"""The files that sum a run up."""


class Store:
    """The folder of one run."""

    def __init__(self, out: Path, dataset: str, scenario: str, model: str):
        def safe(text: str) -> str:
            return "".join(c if c.isalnum() or c in "-._" else "_" for c in text)

        self.folder = out / safe(dataset) / safe(scenario) / safe(model)

    @classmethod
    def at(cls, folder: Path) -> Store:
        """The store of a run whose folder is known."""
        store = cls.__new__(cls)
        store.folder = folder
        return store

    @property
    def table(self) -> Path:
        """The table of metrics."""
        return self.folder / TABLE

    @property
    def run(self) -> Path:
        """What stage 1 says of the model."""
        return self.folder / "run.json"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Work in this folder alone. Raises ZooError when another process does, and OutputError."""
        lock = FileLock(self.folder / ".lock", timeout=0)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except Timeout:
            raise ZooError(
                f"another process is at work in {self.folder}: wait for it to end, or give another --out."
            ) from None
        except (OSError, NotImplementedError) as error:
            why = describe_os_error(error) if isinstance(error, OSError) else "its file system has no locks"
            raise OutputError(f"cannot lock {self.folder}: {why}.") from None
        try:
            yield
        finally:
            lock.release()

    @property
    def result(self) -> Path:
        """The result file."""
        return self.folder / RESULT

    def withdraw_result(self) -> None:
        """Take away what sums up work that is about to change. Raises OutputError."""
        for path in (self.result, self.table):
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise OutputError(f"cannot remove {path}: {describe_os_error(error)}.") from None

    def picture(self, name: str) -> Path:
        """Where the restored picture of that name lies."""
        return self.folder / "restored" / f"{name}.png"

    def record(self, name: str) -> Path:
        """Where stage 1's record of that picture lies."""
        return self.folder / "restored" / f"{name}.json"

    def score(self, name: str) -> Path:
        """Where stage 2's record of that picture lies."""
        return self.folder / "scores" / f"{name}.json"


def digest(*parts: Any) -> str:
    """A key: sha256 of the parts, in order; arrays count with their shape and bytes.

    >>> digest("telea", None, 1) == digest("telea", None, 1) != digest("telea", 1, None)
    True
    """
    sha = hashlib.sha256()
    for part in parts:
        if hasattr(part, "tobytes"):
            sha.update(f"{part.shape}{part.dtype}".encode() + part.tobytes())
        else:
            sha.update(json.dumps(part, sort_keys=True).encode())
        sha.update(b"\0")
    return sha.hexdigest()


def read_json(path: Path) -> dict | None:
    """A stored record; None when there is none, or it is not whole."""
    try:
        data = json.loads(read_bytes(path, MAX_JSON_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def write_json(path: Path, data: Any) -> None:
    """Write a record whole or not at all. Raises OutputError when the disk refuses."""
    write_bytes(path, (json.dumps(data, indent=1, ensure_ascii=False) + "\n").encode())
