"""Bundled files of other people: what is known of each, where it is told, and that damage is noticed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import zoo
from tests.zoo.samples import run_zoo
from zoo.errors import WeightsError
from zoo.weights import bundled, places, sha256_of

ROOT = Path(__file__).parents[2]
FILES = bundled.published_files()
MINI = "autoencoder.mini.safetensors"


def test_all_that_is_bundled_is_described():
    described = {file.file for file in FILES}
    assert {"span.x4.safetensors", "niqe.safetensors", "mobilefacenet.onnx"} <= described and MINI not in described
    for path in places.BUNDLED.iterdir():
        if path.suffix != ".json":
            assert bundled.recorded_sha256(path.name) == sha256_of(path), path.name
    assert bundled.read_published(MINI) is None and bundled.read_published("nosuch.pth") is None


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.id)
def test_notice_names_it_with_its_license(file):
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    entry = f"{file.file}\n  {file.attribution}\n  License: {file.license}\n  Source: {file.source}\n"
    assert entry in notice
    assert f"{'=' * 100}\n{file.license}" in notice
    assert file.changes and (file.original is None or len(file.original["sha256"]) == 64)


def test_info_shows_it():
    shown = run_zoo("info", "span.x4").stdout
    file = bundled.read_published("span.x4.safetensors")
    assert file.attribution in shown and file.source in shown and "NOTICE" in shown and file.sha256 in shown
    assert "attribution" not in run_zoo("info", "autoencoder.mini").stdout


def test_the_list_tells_where_weights_are_by_task():
    shown = run_zoo("list").stdout
    groups = {block.partition(":")[0]: block for block in shown.strip().split("\n\n")}
    assert set(groups) == set(zoo.TASKS)

    def state(task: str, model: str) -> str:
        (line,) = (line for line in groups[task].splitlines() if line.split()[:1] == [model])
        return line

    assert " bundled " in state("super-resolution", "span.x4") and " built in " in state("low-light", "clahe")
    assert " downloadable " in state("deblur", "dmphn.gopro") and " by hand " in state("deblur", "deblurgan.v1-resnet9")
    only = run_zoo("list", "--task", "low-light", "--license", "permissive").stdout
    assert only.startswith("low-light: ") and "iat.lol" in only and "span" not in only


def test_a_damaged_bundled_file_is_refused(tmp_path, monkeypatch):
    for name in ("sci.medium.safetensors", "sci.medium.json"):
        shutil.copyfile(places.BUNDLED / name, tmp_path / name)
    damaged = bytearray((tmp_path / "sci.medium.safetensors").read_bytes())
    damaged[-1] ^= 1
    (tmp_path / "sci.medium.safetensors").write_bytes(damaged)
    monkeypatch.setattr(places, "BUNDLED", tmp_path)
    with pytest.raises(WeightsError, match=r"sci\.medium\.safetensors is not the published file"):
        zoo.load("sci.medium", device="cpu")
    assert (tmp_path / "sci.medium.safetensors").exists()
