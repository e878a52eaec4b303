"""Models that do whatever a model can do: it is the failure of that picture, or of that model, and of nothing else."""

from __future__ import annotations

import json
import os
import re

import numpy as np
import pytest
from PIL import Image

from tests.eval.helpers import ROOT, photograph, run
from tests.platforms import linux

HOSTILE = """
import ctypes, os, signal, time
import torch
from zoo.card import ModelCard, Tiling
from zoo.registry import register
from zoo.runtimes import FunctionBackend

def misbehave(image, mask):
    width = image.shape[-1]
    if width == 101:
        raise ValueError("no good in " + "/opt/secret/place.png")
    if width == 102:
        return image * float("nan")
    if width == 103:
        return image[..., :50]
    if width == 104:
        time.sleep(600)
    if width == 105:
        os._exit(7)
    if width == 106:
        ctypes.string_at(0)
    if width == 107 or width > 300:
        os.kill(os.getpid(), signal.SIGKILL)
    if width > 200:
        raise MemoryError
    return image

@register(ModelCard(id="hostile.x", title="Hostile", tasks=("denoise",), license="MIT", tiling=Tiling(16)))
def build(card, state):
    return FunctionBackend(misbehave)

@register(ModelCard(id="hostile.unloadable", title="Unloadable", tasks=("denoise",), license="MIT"))
def build_nothing(card, state):
    os._exit(9)
"""


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """An installed package that registers models, for processes that are started from now on."""
    folder = tmp_path / "site"
    (folder / "hostile-1.0.dist-info").mkdir(parents=True)
    (folder / "hostile.py").write_text(HOSTILE)
    (folder / "hostile-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: hostile\nVersion: 1.0\n")
    (folder / "hostile-1.0.dist-info" / "entry_points.txt").write_text(
        "[restoration_zoo.backends]\nhostile = hostile\n"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), str(ROOT)]))


def save(folder, widths) -> None:
    folder.mkdir()
    for width in widths:
        height = 120 if width == 107 else 170  # too small for smaller tiles
        Image.fromarray(np.tile(photograph("coffee")[:height], (1, 2, 1))[:, :width]).save(folder / f"{width}.png")


@linux
def test_whatever_a_model_does_is_that_pictures_failure(plugin, tmp_path):
    save(tmp_path / "my set", [100, 101, 102, 103, 104, 105, 106, 107, 108, 260, 360])
    (tmp_path / "my set" / "damaged.png").write_bytes(b"no picture")
    common = ("eval", "--model", "hostile.x", "--dataset", f"folder:{tmp_path / 'my set'}", "--scenario", "noise")
    expected = {
        "101.png": "hostile.x failed: no good in place.png",
        "102.png": "hostile.x returned values that are not numbers (NaN or infinite).",
        "103.png": "hostile.x returned (1, 3, 170, 50) where (1, 3, 170, 103) was expected.",
        "104.png": "it took longer than the time limit of 6 seconds, so it was ended.",
        "105.png": "it ended its process (exit status 7).",
        "106.png": "its process crashed (segmentation fault).",
        "107.png": "its process was killed, as systems do when memory runs out.",
        "damaged.png": "damaged.png is not a picture, or is damaged: no known format fits its content.",
    }
    tables = []
    for workers in (1, 2):
        out = tmp_path / f"out {workers}"
        done = run(*common, "--time-limit", 6, "--workers", workers, "--out", out)
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        assert "hostile.x stands" not in done.stdout
        (path,) = out.rglob("result.json")
        result = json.loads(path.read_text())
        assert result["failures"] == expected
        retried = {row["name"]: row["retried"] for row in result["images"]}
        assert retried == {
            "100.png": None, "108.png": None,
            "260.png": "it ran out of memory and was restored in tiles of 130 pixels.",
            "360.png": "it ran out of memory and was restored in tiles of 180 pixels.",
        }  # fmt: skip
        assert not re.search(r"(?<![\w/:])/\w+/", path.read_text().replace("1/2", ""))  # no absolute path
        tables.append((path.parent / "metrics.csv").read_bytes())
    assert tables[0] == tables[1]


@linux
def test_a_model_that_does_not_load_ends_its_own_runs_alone(plugin, tmp_path):
    save(tmp_path / "set", [64])
    common = ("eval", "--dataset", f"folder:{tmp_path / 'set'}", "--scenario", "noise", "--out", tmp_path / "out")
    alone = run(*common, "--model", "hostile.unloadable")
    assert (alone.returncode, alone.stdout) == (2, "")
    assert alone.stderr == "error: it ended its process (exit status 9).\n"
    both = run(*common, "--model", "hostile.unloadable,no-op")
    assert both.returncode == 1
    first, second = both.stdout.splitlines()
    assert first == "hostile.unloadable | folder:set | noise FAILED: it ended its process (exit status 9)."
    assert second.startswith("no-op | folder:set | noise: psnr_rgb")
