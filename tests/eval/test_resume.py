"""Runs that are really killed, or meet a full disk, and are repeated."""

from __future__ import annotations

import random
import signal

import pytest

from tests.eval.helpers import (
    evaluate,
    kill_when,
    killed_after,
    result_of,
    run,
    save_photographs,
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


@posix
@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_killed_again_and_again_at_random(workers, tmp_path):
    folder = save_photographs(tmp_path / "set", 12)
    expected = undisturbed(folder, tmp_path / "undisturbed")
    out = tmp_path / "killed"
    moments = random.Random(workers)
    for _ in range(6):
        stage = moments.choice(["restored/*.png", "restored/*.json", "scores/*.json"])
        kill_when(("eval", *arguments(folder, out, workers)), out, stage, moments.randint(1, 12))
    assert run("eval", *arguments(folder, out, workers)).returncode == 0
    assert tables(out) == expected
    assert result_of(out)["metrics"] == result_of(tmp_path / "undisturbed")["metrics"]


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
    assert [p.name for p in out.rglob("*") if p.is_file()] == ["run.json"]  # which is small enough
    assert evaluate(*arguments(photographs, out)) == 0
    assert tables(out) == expected
    assert visible_files(out) == visible_files(tmp_path / "undisturbed")
