"""Bundled files of other people: what is known of each, where it is told, and that damage is noticed."""

from __future__ import annotations

import json
import re
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


@pytest.mark.parametrize("model", ["sci.medium", "autoencoder.mini"])
@pytest.mark.parametrize("place", [0, 1000, -1])
def test_one_flipped_bit_is_refused(model, place, tmp_path, monkeypatch):
    for name in (f"{model}.safetensors", f"{model}.json"):
        shutil.copyfile(places.BUNDLED / name, tmp_path / name)
    path = tmp_path / f"{model}.safetensors"
    damaged = bytearray(path.read_bytes())
    damaged[place] ^= 1
    path.write_bytes(damaged)
    monkeypatch.setattr(places, "BUNDLED", tmp_path)
    with pytest.raises(WeightsError, match=rf"{re.escape(path.name)} is not the published file: its sha256 is "):
        zoo.load(model, device="cpu")
    assert path.exists()


@pytest.mark.parametrize("model", sorted(path.stem for path in places.BUNDLED.glob("*.mini.json")))
def test_a_card_tells_what_the_json_does(model):
    known = json.loads((places.BUNDLED / f"{model}.json").read_text(encoding="utf-8"))
    card = zoo.get_card(model)
    assert card.license == known["license"] and set(known["limits"]) <= set(card.notes)
    assert [figure.value for figure in card.figures] == [figure["value"] for figure in known["figures"]]
    shown = run_zoo("info", model).stdout
    assert f"{known['minutes']:.0f} minutes" in shown and known["data"] in shown
    for figure in known["figures"]:
        assert f"{figure['value']} on {figure['dataset']} ({figure['scenario']}; {figure['no_op']} without" in shown


def test_a_model_that_was_not_exported_yet_says_so():
    card = bundled.trained_card("new.mini", title="New", tasks=("denoise",), notes=("It is small.",))
    assert card.notes == ("It has not been trained yet.", "It is small.")
    assert card.figures == () and card.commercial_use is None
