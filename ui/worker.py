"""The worker process: takes jobs from its standard input and tells on its standard output how they go, a JSON a line.

The server itself restores nothing and never imports torch: so it starts fast, answers while a model computes, and can
end any computation by ending this process.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
import os
import queue
import sys
import threading
from typing import Any

from zoo.errors import WeightsError, ZooError

from .words import for_visitors, original_name

log = logging.getLogger(__name__)

NICENESS = 5
"""So much the server goes before its workers."""


class StoppedError(ZooError):
    """Nobody waits for the result any more."""


class _Orders:
    """What comes in. The end of the input ends the process: then the server is gone."""

    def __init__(self) -> None:
        self.jobs: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._stopped: set[int] = set()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in sys.stdin:
            order = json.loads(line)
            if "stop" in order:
                self._stopped.add(order["stop"])
            else:
                self.jobs.put(order)
        os._exit(0)

    def check(self, number: int) -> None:
        """Raise StoppedError when that job was stopped."""
        if number in self._stopped:
            self._stopped.discard(number)
            raise StoppedError("stopped.")


def main() -> None:
    """Work until the server is gone."""
    # What libraries print goes to the log, not between the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    with contextlib.suppress(OSError, AttributeError):  # Windows has no niceness
        os.nice(NICENESS)

    def answer(**values: Any) -> None:
        answers.write(json.dumps(values) + "\n")
        answers.flush()

    orders = _Orders()
    while True:
        order = orders.jobs.get()
        answer(job=order["job"], **_done(order, orders, answer), megabytes=_megabytes())


def _done(order: dict[str, Any], orders: _Orders, answer: Any) -> dict[str, Any]:
    """Do one job; its result or the sentence that says why there is none."""
    number, arguments = order["job"], order["arguments"]

    def tell(share: float) -> None:
        orders.check(number)
        answer(job=number, share=share)

    try:
        tell(0.0)
        return {"result": importlib.import_module(f"ui.jobs.{order['kind']}").run(tell, **arguments)}
    except StoppedError:
        return {"stopped": True}
    except WeightsError as error:
        log.error("%s", error)  # it names the server's files and commands
        return {"error": "The weights of this model cannot be opened here."}
    except ZooError as error:
        paths = [value for value in arguments.values() if isinstance(value, str) and os.path.isabs(value)]  # noqa: PTH117
        return {"error": for_visitors(error, {path: original_name(path) for path in paths})}
    except MemoryError:
        return {"error": "There is too little memory for this picture; make it smaller."}
    except Exception:
        log.exception("the job %s failed", order["kind"])
        return {"error": "This did not work. It is a mistake of this app, not of your picture."}


def _megabytes() -> int:
    """The memory of this process."""
    import psutil

    return psutil.Process().memory_info().rss // 1_000_000


if __name__ == "__main__":
    logging.basicConfig(format="%(levelname)s: %(message)s")
    main()
