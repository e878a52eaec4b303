"""The server's side of the worker processes: who waits, who is served, and how a computation is ended."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import itertools
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from .guard import VisitorError
from .words import count

POLL = 0.05
"""Seconds between two looks at what a worker said."""
BEAT = 0.5
"""A turn yields at least this often in seconds: only between yields Gradio notices that the visitor left."""
PATIENCE = 1.0
"""A job that was stopped has so many seconds to end by itself; then its process is ended."""
MOST_MEGABYTES = 4000
"""A worker that grew beyond this is replaced after its job."""


class WorkerDiedError(VisitorError):
    """The process ended during a job."""

    def __init__(self) -> None:
        super().__init__("The computation ended unexpectedly, perhaps for want of memory. Try a smaller picture.")


class Pool:
    """One worker process and the line of those who wait for it. The process starts with the first job."""

    def __init__(self, longest: int):
        """longest: how many may wait."""
        self.longest = longest
        self._line: list[Turn] = []
        self._worker: _Worker | None = None
        self._lock = threading.Lock()

    def turn(self) -> Turn:
        """Step into the line. Raises VisitorError when it is too long."""
        with self._lock:
            if len(self._line) > self.longest:
                raise VisitorError(
                    f"{count(self.longest, 'request')} are waiting already. Please try again in a minute or two."
                )
            turn = Turn(self)
            self._line.append(turn)
            return turn

    @property
    def waiting(self) -> int:
        """How many are in line, the one who is served included."""
        return len(self._line)

    @property
    def process_id(self) -> int | None:
        """Of the worker; None where none runs."""
        worker = self._worker
        return worker.process.pid if worker is not None and worker.alive else None

    @property
    def busy(self) -> bool:
        """Whether a job runs, or one that was stopped has not ended yet."""
        worker = self._worker
        return worker is not None and worker.busy

    def place(self, turn: Turn) -> int:
        """How many are before this turn; 0: it is served."""
        return self._line.index(turn)

    def leave(self, turn: Turn) -> None:
        """Step out of the line."""
        with self._lock, contextlib.suppress(ValueError):
            self._line.remove(turn)

    def worker(self) -> _Worker:
        """The running process, started if there is none."""
        with self._lock:
            if self._worker is None or not self._worker.alive:
                self._worker = _Worker()
            return self._worker

    def warm_up(self) -> None:
        """Start the process, so that its start is over when the first job comes."""
        self.worker()

    def close(self) -> None:
        """End the process."""
        with self._lock:
            if self._worker is not None:
                self._worker.kill()
                self._worker = None


class Turn:
    """One visitor's place in line, and the jobs that are done for them when their turn has come."""

    def __init__(self, pool: Pool):
        self._pool = pool

    async def wait(self) -> AsyncIterator[int]:
        """How many are before, again and again until nobody is and the worker is free."""
        beat = 0.0
        while (place := self._pool.place(self)) > 0 or self._pool.busy:
            if time.monotonic() - beat >= BEAT:
                beat = time.monotonic()
                yield place
            await asyncio.sleep(POLL)

    async def run(self, kind: str, **arguments: Any) -> AsyncIterator[Any]:
        """Do a job (see `ui.jobs`): yields the share that is done (a float), again and again, and at last the result.

        Raises VisitorError with the sentence of a job that failed. Closing this iterator early ends the job.
        """
        worker = self._pool.worker()
        number = worker.start(kind, arguments)
        share, beat, ended = 0.0, time.monotonic(), False
        try:
            while True:
                answer = worker.answer()
                if answer is None:
                    if time.monotonic() - beat >= BEAT:
                        beat = time.monotonic()
                        yield share
                    await asyncio.sleep(POLL)
                    continue
                if answer.get("job") not in (number, "died"):
                    continue  # of a job that was stopped
                if "share" in answer:
                    share = answer["share"]
                    continue
                ended = True
                worker.finish(answer)
                if answer["job"] == "died":
                    raise WorkerDiedError
                if "error" in answer:
                    raise VisitorError(answer["error"])
                yield answer["result"]
                return
        finally:
            if not ended:
                worker.stop(number)

    def leave(self) -> None:
        """Make room for the next."""
        self._pool.leave(self)


class _Worker:
    """A process and its two pipes."""

    _numbers = itertools.count(1)

    def __init__(self) -> None:
        root = Path(__file__).parent.parent
        paths = [str(root), *filter(None, [os.environ.get("PYTHONPATH")])]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ui.worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            encoding="utf-8", env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )  # fmt: skip
        self._answers: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self.busy = False
        threading.Thread(target=self._read, daemon=True).start()
        atexit.register(self.kill)

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._answers.put(json.loads(line))
        self.process.wait()
        self._answers.put({"job": "died"})

    def start(self, kind: str, arguments: dict[str, Any]) -> int:
        number = next(self._numbers)
        self.busy = True
        self._send({"job": number, "kind": kind, "arguments": arguments})
        return number

    def _send(self, order: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):  # it died: that is read from the other pipe
            self.process.stdin.write(json.dumps(order) + "\n")
            self.process.stdin.flush()

    def answer(self) -> dict[str, Any] | None:
        """The next answer, if there is one."""
        try:
            return self._answers.get_nowait()
        except queue.Empty:
            return None

    def finish(self, answer: dict[str, Any]) -> None:
        """Note that the job is over."""
        self.busy = False
        if answer.get("megabytes", 0) > MOST_MEGABYTES:
            self.kill()

    def stop(self, number: int) -> None:
        """Ask the job to end; when it does not soon, end the process. Returns at once."""
        self._send({"stop": number})
        threading.Thread(target=self._end, args=(number,), daemon=True).start()

    def _end(self, number: int) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.alive:
            answer = self.answer()
            if answer is None:
                time.sleep(POLL)
            elif answer["job"] in (number, "died") and "share" not in answer:
                self.finish(answer)
                return
        self.kill()
        self.busy = False

    def kill(self) -> None:
        """End the process at once."""
        atexit.unregister(self.kill)
        with contextlib.suppress(OSError):
            self.process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(5)


LIGHT = Pool(longest=40)
"""Looks at pictures; its jobs take moments."""
HEAVY = Pool(longest=12)
"""Runs models."""
