"""Runs that are really killed, or meet a full disk, and are repeated."""

from __future__ import annotations

import contextlib
import random
import signal

import psutil
import pytest
from filelock import FileLock

from tests.eval.helpers import (
    evaluate,
    killed_after,
    result_of,
    run,
    save_photographs,
    stamps,
    tables,
    visible_files,
)
from tests.platforms import posix


def arguments(folder, out, workers=1):
    return ("--model", "dummy", "--dataset", f"folder:{folder}", "--scenario", "free-form-holes",
            "--workers", workers, "--out", out)  # fmt: skip


def undisturbed(folder, out) -> dict[str, bytes]:
    assert evaluate(*arguments(folder, out)) == 0
    assert len(tables(out)) == 1
    return tables(out)


@posix
def test_killed_in_both_stages_and_repeated(tmp_path):
    folder = save_photographs(tmp_path / "set", 12)
    expected = undisturbed(folder, tmp_path / "undisturbed")
    out = tmp_path / "killed"
    for pattern, count in [("restored/*.json", 5), ("scores/*.json", 4)]:
        assert killed_after(("eval", *arguments(folder, out)), pattern, count) == -signal.SIGKILL
        assert len(list(out.rglob(pattern))) == count
        assert not list(out.rglob("result.json"))  # so it cannot rank
    assert evaluate(*arguments(folder, out)) == 0
    assert tables(out) == expected
    first, second = result_of(tmp_path / "undisturbed"), result_of(out)
    assert first["metrics"] == second["metrics"]
    assert [row["metrics"] for row in first["images"]] == [row["metrics"] for row in second["images"]]


def soak(tmp_path, monkeypatch, times: int, workers: int) -> None:
    """Kill runs at places that are drawn at random, each going on where the last one was; then hold the result against
    that of an undisturbed run. Nothing that was stored is done again, and no process is left."""
    folder = save_photographs(tmp_path / "set", 12)
    expected = undisturbed(folder, tmp_path / "undisturbed")
    out = tmp_path / "killed"
    monkeypatch.setenv("SOAKED", str(out))  # by which all processes of these runs are known
    draw = random.Random(workers)
    for _ in range(times):
        done = stamps(out, "restored/*.json")
        pattern = draw.choice(["restored/*.png", "restored/*.json", "scores/*.json"])
        status = killed_after(("eval", *arguments(folder, out, workers)), pattern, draw.randint(0, 1))
        assert status in (-signal.SIGKILL, 0)  # 0: nothing of that kind was left to be done
        _, alive = psutil.wait_procs(soaked(out), timeout=60)
        assert alive == []
        after = stamps(out, "restored/*.json")
        assert {name: after.get(name) for name in done} == done
        assert set(tables(out).values()) <= set(expected.values())
    assert run("eval", *arguments(folder, out, workers)).returncode == 0
    assert tables(out) == expected
    assert visible_files(out) == visible_files(tmp_path / "undisturbed")
    first, second = result_of(tmp_path / "undisturbed"), result_of(out)
    assert first["metrics"] == second["metrics"]
    assert [row["input"] for row in first["images"]] == [row["input"] for row in second["images"]]


def soaked(out) -> list[psutil.Process]:
    """The processes of these runs that still run."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get("SOAKED") == str(out):
                found.append(process)
    return found


@posix
def test_killed_three_times(tmp_path, monkeypatch):
    soak(tmp_path, monkeypatch, 3, workers=2)


@posix
@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_killed_twenty_times(workers, tmp_path, monkeypatch):
    soak(tmp_path, monkeypatch, 20, workers)


@posix
def test_a_second_run_in_the_same_folder_is_refused(tmp_path, photographs, capsys):
    out = tmp_path / "out"
    assert evaluate(*arguments(photographs, out)) == 0
    (result,) = out.rglob("result.json")
    before = result.read_bytes()
    lock = FileLock(result.parent / ".lock")
    with lock:
        assert evaluate(*arguments(photographs, out)) == 2
        error = capsys.readouterr().err
        assert "error: another process is at work in" in error and str(result.parent) in error
        assert result.read_bytes() == before
        assert evaluate(*arguments(photographs, out), "--seed", 1) == 0  # which has a folder of its own
    assert evaluate(*arguments(photographs, out)) == 0


@posix
def test_a_disk_that_refuses_to_hold_more(tmp_path, photographs):
    """A limit on the size of files, which the system enforces as it does a full disk: the write fails half-way."""
    expected = undisturbed(photographs, tmp_path / "undisturbed")
    out = tmp_path / "out"

    import resource

    def restrict():
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    refused = run("eval", *arguments(photographs, out), preexec_fn=restrict)
    assert refused.returncode == 2
    (line,) = refused.stderr.splitlines()
    assert line.startswith(f"error: cannot write {out}")
    assert line.endswith("the file would exceed the allowed file size.")
    assert sorted(p.name for p in out.rglob("*") if p.is_file()) == [".lock", "run.json"]  # which are small enough
    assert evaluate(*arguments(photographs, out)) == 0
    assert tables(out) == expected
    assert visible_files(out) == visible_files(tmp_path / "undisturbed")
