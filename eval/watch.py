"""Other work on the machine: the processor time that foreign processes used while something was measured."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable

import psutil

from .pool import cores

SHARE = 0.05
"""Other work beyond this share of the processor's cores makes a latency too long to be published."""
TICKS = 0.05
"""Seconds of processor time that the system's clocks may be wrong by, over any interval."""


def is_shared(seconds: float, others: float) -> bool:
    """Whether other processes, which computed for `others` seconds in an interval of `seconds`, were in the way."""
    return others > SHARE * cores() * seconds + TICKS


class Watch:
    """Tells, from lap to lap, how long processes other than one's own have computed.

    Laps follow each other without a gap, so that errors of the clocks (a hundredth of a second in each) do not add up.
    """

    def __init__(self) -> None:
        self._time, self._busy, self._own = 0.0, 0.0, {os.getpid(): 0.0}

    def begin(self, own: Iterable[int]) -> None:
        """Begin a lap. own: ids of processes whose work does not count, beside this one."""
        self._time, self._busy, self._own = time.monotonic(), _busy(), _used({*own, os.getpid()})

    def lap(self, own: Iterable[int]) -> tuple[float, float] | None:
        """(seconds, seconds of other processes over all cores) since the last lap, and begin the next.

        None when a process of one's own has ended meanwhile: what it had used is not known.
        """
        time_before, busy_before, own_before = self._time, self._busy, self._own
        self.begin(own)
        if own_before.keys() - self._own.keys():
            return None
        ours = sum(used - own_before.get(pid, 0.0) for pid, used in self._own.items())
        return self._time - time_before, max(0.0, self._busy - busy_before - ours)


def _used(pids: Iterable[int]) -> dict[int, float]:
    """The processor time of those of these processes that run, in seconds."""
    found = {}
    for pid in pids:
        try:
            times = psutil.Process(pid).cpu_times()
        except psutil.Error:
            continue
        found[pid] = times.user + times.system
    return found


def _busy() -> float:
    """Seconds for which the cores that this process may use were not idle, since the system started."""
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    busy = 0.0
    for core, times in enumerate(psutil.cpu_times(percpu=True)):
        if allowed is None or core in allowed:
            idle = times.idle + getattr(times, "iowait", 0.0)
            guests = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)  # they are in user and nice
            busy += sum(times) - idle - guests
    return busy
