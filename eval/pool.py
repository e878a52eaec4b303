"""Processes that calls are made in. What ends one of them is the failure of the call it was making, nothing more.

A process that dies, hangs or is killed for memory is replaced. `Workers` deals calls out to processes of one kind,
`drive` waits for the answers; an `Engine` says what a process is.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from zoo.cli.common import plain_warnings
from zoo.errors import OutOfMemoryError, PluginWarning, ZooError
from zoo.registry import Registry

PATIENCE = 600.0
"""Seconds that a process may take to start."""
SETUP_LIMIT = 3600.0
"""Seconds that a process may take to set itself up: a model may have to be downloaded first."""
PRELOADED = ("eval.forked", "torch", "cv2", "eval.predict", "eval.score")
"""What the process that others are forked from has imported."""


def cores() -> int:
    """The processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Died(ZooError):
    """A process ended in the middle of a call."""


class Lost(Died):
    """A process is gone, and the call need not be the cause: it is made again, once."""


class NotSetUpError(ZooError):
    """A process cannot be set up (load its model)."""


class Killed(OutOfMemoryError, Died):
    """A process was killed in the middle of a call, as systems do when memory runs out."""


class Handle(Protocol):
    """One process."""

    pid: int | None
    """None where it may be on another machine."""

    def send(self, function: Callable[..., Any], arguments: tuple) -> None:
        """Begin a call. Raises Died when the process is gone."""

    def receive(self) -> Any:
        """The value of the call that was begun. Raises the ZooError that it raised, and Died."""

    def kill(self) -> None:
        """End the process now."""


class Engine(Protocol):
    """Starts processes and waits for them."""

    name: str

    def start(self) -> Handle:
        """A new process. Raises ZooError when there can be none."""

    def wait(self, handles: Sequence[Handle], seconds: float | None) -> Sequence[Handle]:
        """Those of the handles, each in a call, whose call has ended, after `seconds` at the latest."""

    def close(self) -> None:
        """End what the engine itself has started."""


@dataclass
class _Call:
    function: Callable[..., Any]
    arguments: tuple
    done: Callable[[Any], None]
    failed: Callable[[ZooError], None]
    limit: float | None
    lost: bool = False


@dataclass(eq=False)
class _Worker:
    handle: Handle
    generation: int = 0
    """Of the set-up that it has been through."""
    used: bool = False
    """Whether it has made a call since."""
    setting_up: bool = False
    call: _Call | None = None
    deadline: float | None = None


@dataclass
class Workers:
    """`count` processes, started when they are first needed and kept until the end."""

    engine: Engine
    count: int
    _workers: list[_Worker] = field(default_factory=list)
    _waiting: deque[_Call] = field(default_factory=deque)
    _setup: tuple[Callable[..., Any], tuple] | None = None
    _generation: int = 0

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ZooError(f"workers are a number from 1 up, not {self.count}.")

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        self.abandon()

    @property
    def pids(self) -> set[int]:
        """The ids of the processes that run on this machine."""
        return {worker.handle.pid for worker in self._workers if worker.handle.pid is not None}

    def abandon(self) -> None:
        """Forget all calls and end all processes."""
        self._waiting.clear()
        for worker in self._workers:
            worker.handle.kill()
        self._workers.clear()

    def setup(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Have every process call this before its next call; the value that it gives in the first of them.

        Processes that exist are ended first where new ones are cheap (see `fresh`). Raises NotSetUpError.
        """
        if fresh():
            self.abandon()
        self._setup = (function, arguments)
        self._generation += 1
        found: list[Any] = []
        worker = self._idle() or self._start()
        while not self._begin_setup(worker, found.append):
            worker = self._start()
        self.engine.wait([worker.handle], SETUP_LIMIT)
        self._settle(worker)()
        return found[0]

    def submit(
        self,
        function: Callable[..., Any],
        *arguments: Any,
        done: Callable[[Any], None],
        failed: Callable[[ZooError], None],
        limit: float | None = None,
    ) -> None:
        """Make a call when a process is free; then `done(value)`, or `failed(error)` with why there is none.

        The function has to be importable. limit: seconds; a process that takes longer is ended. The first call of a
        process has twice as long, as it warms up. `drive` makes the calls.
        """
        self._waiting.append(_Call(function, arguments, done, failed, limit))

    def _start(self) -> _Worker:
        worker = _Worker(self.engine.start())
        self._workers.append(worker)
        return worker

    def _idle(self) -> _Worker | None:
        return next((worker for worker in self._workers if worker.call is None), None)

    def _dispatch(self) -> None:
        while len(self._waiting) > sum(worker.setting_up for worker in self._workers):
            worker = self._idle()
            if worker is None:
                if len(self._workers) >= self.count:
                    return
                worker = self._start()
            if self._setup is not None and worker.generation != self._generation:
                self._begin_setup(worker, lambda _: None)
                continue
            call = self._waiting.popleft()
            limit = call.limit if call.limit is None or worker.used else 2 * call.limit
            if not self._begin(worker, call, limit):
                self._waiting.appendleft(call)

    def _begin_setup(self, worker: _Worker, done: Callable[[Any], None]) -> bool:
        assert self._setup is not None

        def refuse(error: ZooError) -> None:
            raise NotSetUpError(str(error)) from error  # without it nothing can be done here

        if not self._begin(worker, _Call(*self._setup, done, refuse, SETUP_LIMIT), SETUP_LIMIT):
            return False
        worker.generation, worker.used, worker.setting_up = self._generation, False, True
        return True

    def _begin(self, worker: _Worker, call: _Call, limit: float | None) -> bool:
        """Whether the call has begun; if not, the process was gone before, which is no fault of the call."""
        try:
            worker.handle.send(call.function, call.arguments)
        except Died:
            self._drop(worker)
            return False
        worker.call, worker.deadline = call, None if limit is None else time.monotonic() + limit
        worker.used = True
        return True

    def _settle(self, worker: _Worker) -> Callable[[], None]:
        """Take the answer of a process whose call has ended or is overdue; the callback to be made then."""
        call = worker.call
        assert call is not None
        overdue = worker.deadline is not None and time.monotonic() >= worker.deadline
        if overdue and not self.engine.wait([worker.handle], 0):
            error: ZooError = Died(f"it took longer than the time limit of {call.limit:g} seconds, so it was ended.")
            self._drop(worker)
            return lambda: call.failed(error)
        worker.call, worker.setting_up = None, False
        try:
            value = worker.handle.receive()
        except Died as death:
            self._drop(worker)
            if isinstance(death, Lost) and not call.lost:
                call.lost = True
                self._waiting.appendleft(call)
                return lambda: None
            error = death
            return lambda: call.failed(error)
        except ZooError as refusal:
            error = refusal
            return lambda: call.failed(error)
        return lambda: call.done(value)

    def _drop(self, worker: _Worker) -> None:
        worker.handle.kill()
        self._workers.remove(worker)


def drive(*pools: Workers, until: Callable[[], bool] = lambda: False) -> None:
    """Make all calls that were submitted, and those that their callbacks submit; return before that when `until` holds.

    Raises what a callback raises, NotSetUpError, and ZooError when a process cannot be started.
    """
    while not until():
        for pool in pools:
            pool._dispatch()
        busy = {id(w.handle): (pool, w) for pool in pools for w in pool._workers if w.call is not None}
        if not busy:
            return
        deadlines = [w.deadline for _, w in busy.values() if w.deadline is not None]
        seconds = max(0.0, min(deadlines) - time.monotonic()) if deadlines else None
        engine = pools[0].engine
        ended = {id(handle) for handle in engine.wait([w.handle for _, w in busy.values()], seconds)}
        now = time.monotonic()
        callbacks = [
            pool._settle(worker)
            for key, (pool, worker) in busy.items()
            if key in ended or (worker.deadline is not None and now >= worker.deadline)
        ]
        for pool in pools:  # first, so that no process waits for what a callback writes
            pool._dispatch()
        for callback in callbacks:
            callback()


def fresh() -> bool:
    """Whether a new process takes no time, as it is forked from one that has imported everything."""
    return sys.platform == "linux"


class LocalEngine:
    """Processes of this machine.

    On Linux they are forked from a server that has imported torch and nothing has run in; elsewhere they are fresh
    interpreters, as forking after libraries have started their threads can hang.
    """

    name = "local"

    def __init__(self) -> None:
        self._context: Any = multiprocessing.get_context("forkserver" if fresh() else "spawn")
        if fresh():
            self._context.set_forkserver_preload(list(PRELOADED))

    def start(self) -> LocalHandle:
        handle = LocalHandle(self._context)
        if not self.wait([handle], PATIENCE):
            handle.kill()
            raise ZooError(f"a worker process did not start within {PATIENCE:g} seconds.")
        handle.receive()  # its greeting
        return handle

    def wait(self, handles: Sequence[Any], seconds: float | None) -> list[Any]:
        by_connection = {handle.connection: handle for handle in handles}
        return [by_connection[ready] for ready in multiprocessing.connection.wait(list(by_connection), seconds)]

    def close(self) -> None:
        """Nothing: the server of forks serves until this process ends."""


class LocalHandle:
    """A process of this machine, at the other end of a pipe."""

    def __init__(self, context: Any):
        self.connection, far = context.Pipe()
        # The server of forks was started with the variables of its time.
        self._process = context.Process(target=_serve, args=(far, dict(os.environ)), daemon=True)
        self._process.start()
        far.close()
        self.pid = self._process.pid

    def send(self, function: Callable[..., Any], arguments: tuple) -> None:
        try:
            self.connection.send((function, arguments))
        except OSError:
            raise self._death() from None

    def receive(self) -> Any:
        try:
            succeeded, value = self.connection.recv()
        except (EOFError, OSError):
            raise self._death() from None
        if succeeded:
            return value
        raise value

    def kill(self) -> None:
        self._process.kill()
        self._process.join(PATIENCE)
        self.connection.close()

    def _death(self) -> Died:
        self._process.join(10)
        return death(self._process.exitcode)


def death(status: int | None) -> Died:
    """What the exit status of a process says of its end."""
    if status is None:
        return Died("its process stopped answering.")
    if status == -getattr(signal, "SIGKILL", 9):
        return Killed("its process was killed, as systems do when memory runs out.")
    if status < 0:
        names = {
            signal.SIGSEGV: "crashed (segmentation fault)",
            signal.SIGABRT: "was aborted by a library",
            signal.SIGFPE: "crashed (arithmetic error)",
            signal.SIGILL: "crashed (illegal instruction)",
        }
        return Died(f"its process {names.get(-status, f'was ended by signal {-status}')}.")  # type: ignore[call-overload]
    return Died(f"it ended its process (exit status {status}).")


def _serve(connection: Any, environment: dict[str, str]) -> None:
    """In a worker process: make the calls that come through the pipe until it closes."""
    _end_with_parent()
    os.environ.clear()
    os.environ.update(environment)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the main process, which ends this one
    plain_warnings()
    warnings.simplefilter("ignore", PluginWarning)  # the main process has told
    connection.send((True, None))
    while True:
        try:
            function, arguments = connection.recv()
        except EOFError:
            os._exit(0)
        except Exception as error:  # what cannot be imported here
            connection.send((False, ZooError(f"{type(error).__name__}: {error}")))
            continue
        connection.send(answer(function, arguments))
        del function, arguments


def answer(function: Callable[..., Any], arguments: tuple) -> tuple[bool, Any]:
    """(True, the value of a call), or (False, a ZooError that says why there is none)."""
    try:
        return True, function(*arguments)
    except ZooError as error:
        return False, error
    except MemoryError:
        return False, OutOfMemoryError("there is not enough memory for it.")
    except BaseException as error:  # SystemExit too: a picture's failure is not the process's
        return False, ZooError(f"{type(error).__name__}: {error}")


def _end_with_parent() -> None:
    """Let this process end when the main process is killed; left alone it would wait, or work, for ever."""
    parent = multiprocessing.parent_process()
    assert parent is not None, "only a worker process calls this"

    def watch() -> None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    if sys.platform == "linux":
        # A library that never gives the interpreter back would hold up the thread. The kernel does it then: the server
        # of forks, whose child this is, ends with the main process (see eval.forked).
        ctypes.CDLL(None).prctl(1, int(signal.SIGKILL))  # PR_SET_PDEATHSIG


def _ray() -> Engine:
    from .ray_engine import RayEngine

    return RayEngine()


ENGINES: Registry[Callable[[], Engine]] = Registry("engine")
ENGINES.add([("local", LocalEngine), ("ray", _ray)])
