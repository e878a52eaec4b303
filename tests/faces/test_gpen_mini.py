"""gpen.mini in the pipeline, with weights that are not trained."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import save_file

import zoo
from tests.training.test_gpen_mini import untrained
from zoo.__main__ import parser
from zoo.cli.common import guarded
from zoo.io import images
from zoo.weights import places, sha256_of


@pytest.fixture
def weights(tmp_path):
    """A folder with gpen.mini.safetensors."""
    folder = tmp_path / "weights"
    folder.mkdir()
    save_file(untrained().state_dict(), str(folder / "gpen.mini.safetensors"))
    return folder


@pytest.fixture
def portrait(tmp_path, astronaut):
    path = tmp_path / "ann.png"
    Image.fromarray(astronaut).save(path)
    return path


def faces(*args) -> int:
    """The exit status of `python -m zoo faces ARGS`."""
    arguments = parser().parse_args(["faces", *map(str, args), "--embedding", "none"])
    return guarded(lambda: arguments.run(arguments))


def assert_one_face(out, report, before):
    color = images.read(out).color
    changed = (color != before).any(2)
    assert color.shape == before.shape and 0.005 < changed.mean() < 0.15
    data = json.loads(report.read_text())
    assert (data["model"], data["faces"]) == ("gpen.mini", 1)


def test_by_a_file(portrait, astronaut, weights, tmp_path):
    out, report = tmp_path / "o.png", tmp_path / "r.json"
    file = weights / "gpen.mini.safetensors"
    assert faces(portrait, "-m", "gpen.mini", "--weights", file, "-o", out, "--report", report) == 0
    assert_one_face(out, report, astronaut)


def test_the_family_stands_for_it_where_only_it_is_bundled(portrait, astronaut, weights, tmp_path, monkeypatch, capsys):
    shutil.copytree(places.BUNDLED, weights, dirs_exist_ok=True, ignore=shutil.ignore_patterns("gpen.*"))
    (weights / "gpen.mini.json").write_text(json.dumps({"sha256": sha256_of(weights / "gpen.mini.safetensors")}))
    monkeypatch.setattr(places, "BUNDLED", weights)
    out, report = tmp_path / "o.png", tmp_path / "r.json"
    assert faces(portrait, "-m", "gpen", "-o", out, "--report", report) == 0
    assert "gpen stands for gpen.mini here" in capsys.readouterr().err
    assert_one_face(out, report, astronaut)


def test_an_aligned_crop_is_restored_as_a_whole(weights, tmp_path, astronaut, monkeypatch):
    monkeypatch.setenv("ZOO_WEIGHTS", str(weights))
    crop, out = tmp_path / "crop.png", tmp_path / "o.png"
    Image.fromarray(astronaut[60:180, 170:290]).save(crop)
    assert faces(crop, "-m", "gpen.mini", "--aligned", "--force", "-o", out) == 0
    after = images.read(out).color
    assert after.shape == (120, 120, 3) and np.abs(after.astype(int) - astronaut[60:180, 170:290]).mean() > 0.5


def test_it_is_in_the_list():
    assert "gpen.mini" in {card.id for card in zoo.list_models(task="face")}
