"""Run a function over many pictures, here or in several processes."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from zoo.errors import ZooError


def cores() -> int:
    """The processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def load() -> float | None:
    """How many processes wanted each core during the last minute, this one included; None where no system tells."""
    return round(os.getloadavg()[0] / (os.cpu_count() or 1), 2) if hasattr(os, "getloadavg") else None


def _end_with_parent() -> None:
    """Let this worker end when the main process is killed; left alone it would wait for work for ever."""
    parent = multiprocessing.parent_process()
    assert parent is not None, "only a worker process calls this"

    def watch() -> None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


class Workers:
    """`count` processes that are started when they are first needed and kept until the end; 1 means this process."""

    def __init__(self, count: int):
        if count < 1:
            raise ZooError(f"workers are a number from 1 up, not {count}.")
        self.count = count
        self._executor: ProcessPoolExecutor | None = None

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        if self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)

    def each(self, function: Callable[..., Any], calls: Iterable[tuple], progress: Callable[[], None]) -> None:
        """Call `function(*call)` for all calls, in any order, and `progress()` after each.

        The function has to be importable. Raises what it raises, and ZooError when a worker dies (killed for memory,
        say); what was stored by then stays.
        """
        calls = list(calls)
        if not calls:
            return
        if self.count == 1:
            for call in calls:
                function(*call)
                progress()
            return
        if self._executor is None:
            # Fresh interpreters: forking after torch has started its threads can hang.
            context = multiprocessing.get_context("spawn")
            self._executor = ProcessPoolExecutor(self.count, mp_context=context, initializer=_end_with_parent)
        try:
            for future in as_completed([self._executor.submit(function, *call) for call in calls]):
                future.result()
                progress()
        except BrokenProcessPool:
            raise ZooError(
                "a worker process died (out of memory?); try fewer --workers. What is stored stays."
            ) from None
