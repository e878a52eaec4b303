"""The work folder beside an output: segments that are done, so that a run that was stopped can go on.

.OUT.work/
    plan.json      what the work depends on; with another plan it begins anew
    000000.nut     the frames of a segment, encoded
    000000.jsonl   a line of JSON for each of its frames
    000000.json    written last: the segment is done, and what the next one needs to know
    000000.npz     arrays that the next one needs; only the last segment's are kept
"""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import Any

import filelock
import numpy as np

from ..errors import OutputError, ZooError, describe_os_error
from ..io.files import MAX_JSON_BYTES, read_bytes, written_whole

SEGMENT = 96
"""Frames of a segment: a multiple of every size of batches."""


class Work:
    """The segments of one output."""

    def __init__(self, output: Path, plan: dict[str, Any]):
        """plan: JSON-ready. Raises OutputError when nothing can be written, ZooError when another run is at it."""
        self.folder = output.with_name(f".{output.name}.work")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = filelock.FileLock(self.folder / "lock")
            self._lock.acquire(timeout=0)
        except filelock.Timeout:
            raise ZooError(f"another run is writing {output}.") from None
        except OSError as error:
            raise OutputError(f"cannot write into {output.parent}: {describe_os_error(error)}.") from None
        plan = json.loads(json.dumps(plan))
        if _read(self.folder / "plan.json") != plan:
            self._clear()
            self._write("plan.json", json.dumps(plan, indent=1).encode())
        self.done = 0
        while self._whole(self.done):
            self.done += 1

    def segment(self, number: int) -> Path:
        """Where a segment's frames lie."""
        return self.folder / f"{number:06}.nut"

    @property
    def segments(self) -> list[Path]:
        """All that are done."""
        return [self.segment(number) for number in range(self.done)]

    @property
    def frames(self) -> int:
        """How many frames are done."""
        return sum(self._record(number)["frames"] for number in range(self.done))

    def finish(self, log: list[dict[str, Any]], state: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        """The next segment's file is whole: keep its log, and what the one after it needs. Raises OutputError."""
        number = self.done
        self._write(f"{number:06}.jsonl", "".join(json.dumps(line) + "\n" for line in log).encode())
        packed = io.BytesIO()
        np.savez(packed, **arrays)
        self._write(f"{number:06}.npz", packed.getvalue())
        record = {"frames": len(log), "bytes": self.segment(number).stat().st_size, "state": state}
        self._write(f"{number:06}.json", json.dumps(record).encode())
        self.done += 1
        if number:
            (self.folder / f"{number - 1:06}.npz").unlink(missing_ok=True)

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """What the last segment left for the next: JSON and arrays; nothing at the beginning."""
        if not self.done:
            return {}, {}
        with np.load(self.folder / f"{self.done - 1:06}.npz", allow_pickle=False) as stored:
            return self._record(self.done - 1)["state"], dict(stored)

    def log(self) -> list[dict[str, Any]]:
        """The lines of all frames that are done."""
        lines = []
        for number in range(self.done):
            text = read_bytes(self.folder / f"{number:06}.jsonl", MAX_JSON_BYTES).decode()
            lines += [json.loads(line) for line in text.splitlines()]
        return lines

    def remove(self) -> None:
        """The output is written: nothing of the work is needed any more."""
        self._lock.release()
        shutil.rmtree(self.folder, ignore_errors=True)

    def release(self) -> None:
        """Let another run go on with it."""
        self._lock.release()

    def _whole(self, number: int) -> bool:
        record = self._record(number)
        try:
            return bool(record) and self.segment(number).stat().st_size == record["bytes"]
        except (OSError, KeyError):
            return False

    def _record(self, number: int) -> dict[str, Any]:
        return _read(self.folder / f"{number:06}.json") or {}

    def _clear(self) -> None:
        for path in self.folder.iterdir():
            if path.name != "lock" and path.is_file():
                path.unlink()

    def _write(self, name: str, data: bytes) -> None:
        path = self.folder / name
        try:
            with written_whole(path) as temporary:
                temporary.write_bytes(data)
        except OSError as error:
            raise OutputError(f"cannot write {path}: {describe_os_error(error)}.") from None


def _read(path: Path) -> dict[str, Any] | None:
    try:
        data = json.loads(read_bytes(path, MAX_JSON_BYTES))
    except (OSError, ValueError):
        return None
    return data if isinstance(data, dict) else None
