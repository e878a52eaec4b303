from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from eval.pool import Workers, cores
from tests.eval import helpers
from tests.platforms import posix
from zoo.errors import OutputError, ZooError


def test_every_call_is_made_once_and_counted(tmp_path):
    for count in (1, 2):
        folder = tmp_path / str(count)
        folder.mkdir()
        steps = []
        with Workers(count) as workers:
            workers.each(helpers.leave_mark, [(str(folder), n) for n in range(7)], lambda steps=steps: steps.append(1))
        assert sorted(path.name for path in folder.iterdir()) == [str(n) for n in range(7)]
        assert len(steps) == 7


@pytest.mark.parametrize("count", [1, 2])
def test_errors_come_through(count):
    with Workers(count) as workers, pytest.raises(OutputError, match="cannot write 0: the disk is full"):
        workers.each(helpers.refuse, [(0,)], lambda: None)


@posix
def test_a_worker_that_dies_is_told():
    with Workers(2) as workers, pytest.raises(ZooError, match="a worker process died"):
        workers.each(helpers.end_at_once, [(0,), (1,)], lambda: None)


@pytest.mark.parametrize("count", [0, -3])
def test_a_number_of_workers(count):
    with pytest.raises(ZooError, match=f"from 1 up, not {count}"):
        Workers(count)


def test_cores_are_those_that_may_be_used():
    process = psutil.Process()  # it has no affinity on macOS
    assert cores() == (len(process.cpu_affinity()) if hasattr(process, "cpu_affinity") else os.cpu_count())


@posix
def test_workers_end_when_the_main_process_is_killed(tmp_path):
    program = (
        "from eval.pool import Workers; from tests.eval.helpers import tell_pid_and_wait\n"
        "if __name__ == '__main__':\n"
        f"    with Workers(2) as w: w.each(tell_pid_and_wait, [({str(tmp_path)!r}, n) for n in range(2)], print)\n"
    )
    script = tmp_path / "main.py"
    script.write_text(program)
    main = subprocess.Popen(
        [sys.executable, script], cwd=helpers.ROOT, env={**os.environ, "PYTHONPATH": str(helpers.ROOT)}
    )
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline:
        found = [path.read_text() for path in tmp_path.glob("*.pid")]
        if len(found) == 2 and all(found):
            break
        time.sleep(0.02)
    workers = [psutil.Process(int(text)) for text in found]
    assert len(workers) == 2
    main.send_signal(signal.SIGKILL)
    main.wait()
    assert psutil.wait_procs(workers, timeout=600)[1] == []
