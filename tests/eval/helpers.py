"""Real photographs in small, and ways to run the harness on them."""

from __future__ import annotations

import ctypes
import functools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from eval.pool import answer
from zoo.errors import UnknownNameError, ZooError

ROOT = Path(__file__).parents[2]


@functools.cache
def photograph(name: str) -> np.ndarray:
    """One of scikit-image's embedded photographs, HxWx3 uint8."""
    import skimage.data

    return np.ascontiguousarray(getattr(skimage.data, name)()[..., :3])


def save_photographs(folder: Path, count: int, height: int = 168, width: int = 184) -> Path:
    """Write `count` different crops of photographs as PNG."""
    folder.mkdir(parents=True)
    for index in range(count):
        source = photograph(("astronaut", "chelsea", "coffee")[index % 3])
        top, left = 11 * index, 17 * index
        Image.fromarray(source[top : top + height, left : left + width]).save(folder / f"photo{index:02}.png")
    return folder


def evaluate(*arguments: object) -> int:
    """`python -m eval` in this process; its exit status."""
    from eval.__main__ import main

    return main([str(argument) for argument in arguments])


def command(*arguments: object) -> list[str]:
    """The command line of a module in a process of its own."""
    return [sys.executable, "-m", *map(str, arguments)]


def run(*arguments: object, **options) -> subprocess.CompletedProcess:
    """Run a module of the project in a process of its own, with this process's environment."""
    return subprocess.run(command(*arguments), cwd=ROOT, capture_output=True, text=True, timeout=600, **options)


KILLED_BEFORE = """
import os, runpy, signal, sys
from pathlib import PurePath

pattern, left = sys.argv[1], int(sys.argv[2])
sys.argv[:] = sys.argv[3:]

def watch(event, arguments):
    global left
    if event == "os.rename" and PurePath(os.fsdecode(arguments[1])).match(pattern):
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1

sys.addaudithook(watch)
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


def killed_after(arguments: Iterable[object], pattern: str, count: int) -> int:
    """Run a module that is killed when it is about to put file number `count` + 1 of that pattern into its place.

    Not at a time but at a place, so that fast and slow machines agree. The exit status.
    """
    program = [sys.executable, "-c", KILLED_BEFORE, pattern, str(count), *map(str, arguments)]
    return subprocess.run(program, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode


def result_of(out: Path, model: str = "dummy") -> dict:
    """The one result file of that model below `out`."""
    (path,) = out.glob(f"*/*/{model}/result.json")
    return json.loads(path.read_text())


def tables(out: Path) -> dict[str, bytes]:
    """Every metrics.csv below `out`."""
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("metrics.csv")}


def stamps(out: Path, pattern: str) -> dict[str, tuple[int, int]]:
    """What changes when a file is written anew: its inode and time of change."""
    return {
        path.relative_to(out).as_posix(): (path.stat().st_ino, path.stat().st_mtime_ns) for path in out.rglob(pattern)
    }


class Here:
    """An engine that makes calls in this process, where tests can replace what they use."""

    name = "here"
    pid = None

    def start(self) -> Here:
        return Here()

    def wait(self, handles, seconds):
        return handles

    def close(self) -> None: ...

    def kill(self) -> None: ...

    def send(self, function, arguments) -> None:
        self.answer = answer(function, arguments)

    def receive(self):
        succeeded, value = self.answer
        if succeeded:
            return value
        raise value


def visible_files(folder: Path) -> list[str]:
    """All files below a folder that are not hidden."""
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file() and p.name[0] != ".")


def tell_pid_and_wait(folder: str, number: int, deaf: bool = False) -> None:
    """For tests of workers: leaves this process's id and stays. deaf: without ever giving the interpreter back."""
    Path(folder, f"{number}.pid").write_text(str(os.getpid()))
    if deaf:
        ctypes.PyDLL(None).sleep(600)  # PyDLL: the interpreter stays locked meanwhile
    time.sleep(600)


def misbehave(how: str) -> str:
    """For tests of workers: a call that ends in that way, or gives its argument back."""
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    elif how == "segfault":
        ctypes.string_at(0)
    elif how == "exit":
        os._exit(7)
    elif how == "abort":
        os.abort()
    elif how == "SystemExit":
        sys.exit(3)
    elif how == "exception":
        raise ValueError("no good")
    elif how == "memory":
        raise MemoryError
    elif how == "hang":
        time.sleep(600)
    elif how == "refuse":
        raise ZooError("it does not want to.")
    return how


def remember(value: str) -> str:
    """For tests of workers: a set-up."""
    remembered.append(value)
    return value


remembered: list[str] = []


def recall() -> tuple[list[str], int]:
    """For tests of workers: what set-ups have left in this process, and its id."""
    return remembered, os.getpid()


def unknown_name() -> None:
    """For tests of workers: an error that takes more than its sentence to make."""
    raise UnknownNameError("model", "tela", ["telea"])
