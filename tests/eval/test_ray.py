"""The real Ray, on this machine."""

from __future__ import annotations

import os
import subprocess
import time

import psutil
import pytest

from tests.eval.helpers import ROOT, command, evaluate, result_of, run, save_photographs, tables
from tests.platforms import posix


@posix
@pytest.mark.slow
def test_two_workers_of_which_one_is_killed_give_the_same_result(tmp_path):
    pytest.importorskip("ray")
    pictures = save_photographs(tmp_path / "set", 12)
    common = ("--model", "dummy", "--dataset", f"folder:{pictures}", "--scenario", "free-form-holes")
    assert evaluate(*common, "--out", tmp_path / "local") == 0
    out = tmp_path / "ray"
    main = subprocess.Popen(
        command("eval", *common, "--engine", "ray", "--workers", 2, "--out", out), cwd=ROOT, env=os.environ
    )
    killed = None
    while main.poll() is None and killed is None:
        actors = [p for p in psutil.Process(main.pid).children(recursive=True) if "Caller" in " ".join(cmdline(p))]
        if len(actors) == 4 and any(out.rglob("restored/*.json")):  # two that restore, two that help
            killed = actors[0]
            killed.kill()
        time.sleep(0.05)
    assert killed is not None, "it ended before one could be killed"
    assert main.wait() == 0
    assert list(tables(out).values()) == list(tables(tmp_path / "local").values())
    first, second = result_of(tmp_path / "local"), result_of(out)
    for result in (first, second):
        for row in result["images"]:
            del row["seconds"], row["shared"]
    assert {k: v for k, v in first.items() if k not in ("cost", "command", "environment")} == {
        k: v for k, v in second.items() if k not in ("cost", "command", "environment")
    }
    assert second["cost"]["shared"] is True


def cmdline(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def test_without_ray_it_is_one_sentence(tmp_path, photographs):
    (tmp_path / "none" / "ray").mkdir(parents=True)
    (tmp_path / "none" / "ray" / "__init__.py").write_text("raise ImportError")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "none")}
    done = run("eval", "--model", "no-op", "--dataset", f"folder:{photographs}", "--scenario", "noise", "--engine",
               "ray", "--out", tmp_path / "out", env=environment)  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: --engine ray needs Ray: pip install 'restoration-zoo[ray]'.\n"
