"""Some thousands of hostile picture files, each in the process that `tests.io.fuzz` describes."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.io import fuzz
from tests.zoo.samples import ROOT

POSIX = pytest.mark.skipif(os.name != "posix", reason="memory is measured with the module resource")


def run(seed: int, count: int) -> dict:
    done = subprocess.run(
        [sys.executable, "-m", "tests.io.fuzz", str(seed), str(count)], cwd=ROOT, capture_output=True, text=True,
        errors="replace", env={**os.environ, "OMP_NUM_THREADS": "1", "OPENCV_LOG_LEVEL": "SILENT"}, timeout=3600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout)


def check(result: dict, count: int) -> None:
    counts = result["counts"]
    assert sum(counts.values()) == count
    for mutation in fuzz.MUTATIONS:
        assert sum(n for name, n in counts.items() if name.startswith(f"{mutation} ")) == count // len(fuzz.MUTATIONS)
    for outcome in ("read", "refused"):  # else it would test one half only
        assert sum(n for name, n in counts.items() if name.endswith(f" {outcome}")) > count / 10


def test_the_same_seed_gives_the_same_files():
    assert [fuzz.hostile_file(0, index) for index in range(20)] == [fuzz.hostile_file(0, index) for index in range(20)]
    assert fuzz.hostile_file(0, 3) != fuzz.hostile_file(1, 3)


@POSIX
def test_some_hostile_files():
    check(run(0, 200), 200)


@POSIX
@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_thousands_of_hostile_files(seed, capsys):
    result = run(seed, 4000)
    check(result, 4000)
    with capsys.disabled():
        print(f"\nseed {seed}: {json.dumps(result)}")
