"""Worker processes on Ray: a cluster where RAY_ADDRESS names one, else this machine.

The data set, and the weights, have to be at the same place on every node. The main process alone writes.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from zoo.errors import ZooError

from .pool import PATIENCE, Died, Killed, Lost, answer


class RayEngine:
    """Processes that Ray starts where it has room."""

    name = "ray"

    def __init__(self) -> None:
        """Join the cluster, or start one. Raises ZooError when Ray is not installed or does not start."""
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it sends nothing from here
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        try:
            import ray
        except ImportError:
            raise ZooError("--engine ray needs Ray: pip install 'restoration-zoo[ray]'.") from None
        self._ray: Any = ray
        self._started = not ray.is_initialized()
        if self._started:
            try:
                ray.init(
                    include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR,
                    runtime_env={"env_vars": {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}},
                )  # fmt: skip
            except Exception as error:
                raise ZooError(f"Ray does not start: {type(error).__name__}: {error}") from error

        class Caller:
            """The process: makes calls, and answers as a local worker does."""

            def call(self, function: Callable[..., Any], arguments: tuple) -> tuple[bool, Any]:
                return answer(function, arguments)

        # A fraction: as many processes as are asked for have to fit on a small machine, too.
        self._caller = ray.remote(num_cpus=0.01, max_restarts=0)(Caller)

    def start(self) -> RayHandle:
        handle = RayHandle(self._ray, self._caller.remote())
        handle.send(os.getpid, ())
        if not self.wait([handle], PATIENCE):
            handle.kill()
            raise ZooError(f"Ray started no worker process within {PATIENCE:g} seconds.")
        handle.receive()
        return handle

    def wait(self, handles: Sequence[Any], seconds: float | None) -> list[Any]:
        by_answer = {handle.answer: handle for handle in handles}
        ready, _ = self._ray.wait(list(by_answer), num_returns=1, timeout=seconds)
        return [by_answer[each] for each in ready]

    def close(self) -> None:
        """Leave the cluster, and end it if it was started here."""
        if self._started:
            self._ray.shutdown()


class RayHandle:
    """An actor of Ray."""

    pid: int | None = None  # it may be on another machine

    def __init__(self, ray: Any, actor: Any):
        self.answer: Any = None
        self._ray, self._actor = ray, actor

    def send(self, function: Callable[..., Any], arguments: tuple) -> None:
        self.answer = self._actor.call.remote(function, arguments)

    def receive(self) -> Any:
        try:
            succeeded, value = self._ray.get(self.answer)
        except self._ray.exceptions.OutOfMemoryError:
            raise Killed("its process was killed, as memory ran out.") from None
        except self._ray.exceptions.RayActorError:
            raise Lost("its process was lost twice, as happens when memory runs out or a library crashes.") from None
        except self._ray.exceptions.RayError as error:
            raise Died(f"its process failed: {type(error).__name__}.") from None
        if succeeded:
            return value
        raise value

    def kill(self) -> None:
        self._ray.kill(self._actor, no_restart=True)
