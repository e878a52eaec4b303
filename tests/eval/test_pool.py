"""Processes that die, hang and are replaced."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from eval.pool import LocalEngine, Workers, cores, death, drive
from tests.eval import helpers
from tests.platforms import linux, posix
from zoo.errors import OutOfMemoryError, UnknownNameError, ZooError


class Outcomes(dict):
    """What became of calls, by number."""

    def submit(self, workers: Workers, number: int, function, *arguments, **options) -> None:
        workers.submit(
            function, *arguments, done=lambda value: self.update({number: value}),
            failed=lambda error: self.update({number: error}), **options,
        )  # fmt: skip


@pytest.mark.parametrize("count", [1, 2])
def test_every_call_is_made_once(count):
    outcomes = Outcomes()
    with Workers(LocalEngine(), count) as workers:
        for number in range(7):
            outcomes.submit(workers, number, helpers.misbehave, str(number))
        drive(workers)
        assert len(workers.pids) == count
    assert outcomes == {number: str(number) for number in range(7)}


def test_callbacks_submit_more_and_until_leaves_the_rest():
    seen = []
    with Workers(LocalEngine(), 1) as workers:

        def again(value: str) -> None:
            seen.append(value)
            if len(seen) < 5:
                workers.submit(helpers.misbehave, "x", done=again, failed=pytest.fail)

        workers.submit(helpers.misbehave, "x", done=again, failed=pytest.fail)
        drive(workers, until=lambda: len(seen) == 2)
        assert len(seen) == 2
        drive(workers)
    assert len(seen) == 5


ENDS = [
    ("exception", "ValueError: no good"),
    ("SystemExit", "SystemExit: 3"),
    ("memory", "not enough memory"),
    ("refuse", "it does not want to."),
    ("exit", r"it ended its process \(exit status 7\)"),
    pytest.param("killed", "was killed, as systems do when memory runs out", marks=posix),
    pytest.param("segfault", "crashed \\(segmentation fault\\)", marks=posix),
    pytest.param("abort", "was aborted by a library", marks=posix),
]


@pytest.mark.parametrize(("how", "reason"), ENDS)
def test_what_ends_a_call_is_its_failure_alone(how, reason):
    outcomes = Outcomes()
    with Workers(LocalEngine(), 1) as workers:
        for number, each in enumerate(("before", how, "after")):
            outcomes.submit(workers, number, helpers.misbehave, each)
        drive(workers)
    assert (outcomes[0], outcomes[2]) == ("before", "after")
    with pytest.raises(ZooError, match=reason):
        raise outcomes[1]
    assert isinstance(outcomes[1], OutOfMemoryError) == (how in ("memory", "killed"))


def test_a_call_that_takes_too_long_is_ended():
    outcomes = Outcomes()
    with Workers(LocalEngine(), 1) as workers:
        for number, each in enumerate(("warm", "hang", "after")):
            outcomes.submit(workers, number, helpers.misbehave, each, limit=None if each != "hang" else 0.2)
        drive(workers)
    assert (outcomes[0], outcomes[2]) == ("warm", "after")
    assert str(outcomes[1]) == "it took longer than the time limit of 0.2 seconds, so it was ended."


def test_every_process_is_set_up_also_those_that_replace_others():
    outcomes = Outcomes()
    with Workers(LocalEngine(), 2) as workers:
        assert workers.setup(helpers.remember, "a model") == "a model"
        for number in (0, 1):
            outcomes.submit(workers, number, helpers.recall)
        outcomes.submit(workers, 2, helpers.misbehave, "exit")
        drive(workers)
        for number in (3, 4, 5):
            outcomes.submit(workers, number, helpers.recall)
        drive(workers)
        pids = {outcomes[number][1] for number in (3, 4, 5)}
        assert pids <= workers.pids
        assert all(outcomes[number][0] == ["a model"] for number in (0, 1, 3, 4, 5))
        workers.setup(helpers.remember, "another")
        outcomes.submit(workers, 6, helpers.recall)
        drive(workers)
        assert outcomes[6][0][-1] == "another"
        if sys.platform == "linux":  # where it costs nothing, another model gets another process
            assert outcomes[6][1] not in pids


@pytest.mark.parametrize(("how", "reason"), [("refuse", "does not want to"), ("exit", "exit status 7")])
def test_what_cannot_be_set_up_is_told(how, reason):
    with Workers(LocalEngine(), 1) as workers:
        with pytest.raises(ZooError, match=reason):
            workers.setup(helpers.misbehave, how)
        workers.abandon()
        assert workers.setup(helpers.misbehave, "fine") == "fine"


def test_a_process_that_died_between_calls_is_replaced_without_blame():
    outcomes = Outcomes()
    with Workers(LocalEngine(), 1) as workers:
        outcomes.submit(workers, 0, helpers.misbehave, "first")
        drive(workers)
        (pid,) = workers.pids
        psutil.Process(pid).kill()
        gone = time.monotonic() + 60
        while psutil.pid_exists(pid) and time.monotonic() < gone:
            time.sleep(0.01)
        outcomes.submit(workers, 1, helpers.misbehave, "second")
        drive(workers)
    assert outcomes == {0: "first", 1: "second"}


def test_errors_come_through_as_their_sentences():
    outcomes = Outcomes()
    with Workers(LocalEngine(), 1) as workers:
        outcomes.submit(workers, 0, helpers.unknown_name)
        drive(workers)
    assert str(outcomes[0]) == str(UnknownNameError("model", "tela", ["telea"]))


@pytest.mark.parametrize("count", [0, -3])
def test_a_number_of_workers(count):
    with pytest.raises(ZooError, match=f"from 1 up, not {count}"):
        Workers(LocalEngine(), count)


def test_cores_are_those_that_may_be_used():
    process = psutil.Process()  # it has no affinity on macOS
    assert cores() == (len(process.cpu_affinity()) if hasattr(process, "cpu_affinity") else os.cpu_count())


@posix
def test_signals_have_names():
    assert "segmentation fault" in str(death(-signal.SIGSEGV))
    assert "signal 10" in str(death(-10))
    assert "stopped answering" in str(death(None))


@pytest.mark.parametrize("deaf", [False, pytest.param(True, marks=linux)])
@posix
def test_workers_end_when_the_main_process_is_killed(deaf, tmp_path):
    program = (
        "from eval.pool import LocalEngine, Workers, drive; from tests.eval.helpers import tell_pid_and_wait\n"
        "if __name__ == '__main__':\n"
        "    with Workers(LocalEngine(), 2) as w:\n"
        "        for n in range(2):\n"
        f"            w.submit(tell_pid_and_wait, {str(tmp_path)!r}, n, {deaf}, done=print, failed=print)\n"
        "        drive(w)\n"
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
    assert psutil.wait_procs(workers, timeout=300)[1] == []
