from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from tests.training.pictures import training_folder
from training import loop, plan
from training.__main__ import main
from training.plan import DEFAULT, LARGEST_PACK, Entry, pack, read_plan, train_all
from training.recipe import get_recipe
from zoo.errors import UnknownNameError, ZooError

PLAN = (Entry("autoencoder.mini", 0.5), Entry("colorize.mini", 0.5))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = training_folder(tmp_path_factory.mktemp("data"))
    for name in ("pif", "f18", "canada"):
        (root / "faces" / "train" / name).mkdir()
    return root


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Small crops, and a clock by which every step takes three seconds."""

    def small(name: str):
        return replace(get_recipe(name), crop=64, margin=0, batch_size=1, shrink=None, prepare=None)

    now = [0.0]

    def monotonic() -> float:
        now[0] += 1
        return now[0]

    monkeypatch.setattr(loop, "get_recipe", small)
    monkeypatch.setattr(loop, "time", SimpleNamespace(monotonic=monotonic))
    monkeypatch.setattr(plan, "time", SimpleNamespace(monotonic=lambda: now[0]))


def settings(data, minutes: float = 0.6) -> loop.Settings:
    return loop.Settings("", str(data), minutes=minutes, device="cpu", checkpoint_minutes=0.1)


def steps(folder) -> dict[str, int]:
    return {entry.recipe: loop.read_run(folder / entry.recipe)[1]["position"]["step"] for entry in PLAN}


def test_each_run_gets_its_share_and_finished_ones_stay(data, tmp_path):
    assert train_all(PLAN, tmp_path, settings(data))
    for entry in PLAN:
        stored, state = loop.read_run(tmp_path / entry.recipe)
        assert stored["minutes"] == pytest.approx(0.3) and loop.Position(**state["position"]).finished
        assert state["position"]["seconds"] == pytest.approx(18, abs=6)
        rows = (tmp_path / entry.recipe / loop.VALIDATION_FILE).read_text().splitlines()
        assert len(rows) > 2  # the header, and more than the checkpoint at the end: every six seconds
    before = steps(tmp_path)
    assert train_all(PLAN, tmp_path, settings(data)) and steps(tmp_path) == before


def test_a_stopped_plan_goes_on(data, tmp_path):
    calls = 0
    while not train_all(PLAN, tmp_path, settings(data), stop_after=0.15):
        calls += 1
        assert calls < 50
    assert calls >= 2
    for entry in PLAN:
        seconds = [
            float(row.split(",")[2]) for row in (tmp_path / entry.recipe / "log.csv").read_text().splitlines()[1:]
        ]
        assert seconds == sorted(seconds) and seconds[-1] == pytest.approx(18, abs=6)


def test_a_run_without_a_checkpoint_is_started_anew(data, tmp_path):
    place = tmp_path / "autoencoder.mini"
    place.mkdir()
    (place / "run.json").write_text("{}")
    assert train_all(PLAN[:1], tmp_path, settings(data))
    assert torch.load(place / loop.CHECKPOINT_FILE, weights_only=True)["position"]["step"] > 1


def test_the_command_says_when_it_was_stopped(data, tmp_path, capsys):
    file = tmp_path / "plan.json"
    file.write_text(json.dumps([{"recipe": "autoencoder.mini", "share": 1, "from": "autoencoder.mini"}]))
    command = ["all", "--minutes", "0.3", "--data", str(data), "--out", str(tmp_path / "runs"), "--plan", str(file),
               "--device", "cpu", "--precision", "fp32"]  # fmt: skip
    assert main([*command, "--stop-after", "0.1"]) == 3 and "goes on" in capsys.readouterr().out
    assert main(command) == 0
    assert loop.read_run(tmp_path / "runs" / "autoencoder.mini")[0]["before"]["steps"] > 0


def test_the_shipped_plan_can_be_carried_out_and_its_pictures_packed(data, tmp_path):
    for entry in read_plan(DEFAULT):
        assert entry.start_from in (None, entry.recipe)
    size = pack(read_plan(DEFAULT), data, tmp_path / "pack")
    copied = list((tmp_path / "pack").rglob("*.png"))
    assert len(copied) == 6 and size == sum(path.stat().st_size for path in copied) < LARGEST_PACK
    with pytest.raises(ZooError, match="there already"):
        pack(read_plan(DEFAULT), data, tmp_path / "pack")
    with pytest.raises(ZooError, match="no folder"):
        pack(PLAN, tmp_path, tmp_path / "other")


def test_a_pack_that_is_too_large_is_refused(data, tmp_path, monkeypatch):
    monkeypatch.setattr(plan, "LARGEST_PACK", 1000)
    with pytest.raises(ZooError, match="at most"):
        pack(PLAN, data, tmp_path / "pack")
    assert not (tmp_path / "pack").exists()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("{", "is no plan"),
        ('[{"recipe": "autoencoder.mini"}]', "is no plan"),
        ('[{"recipe": "autoencoder.mini", "share": 0.5}]', "shares"),
        ('[{"recipe": "autoencoder.mini", "share": 2}, {"recipe": "vae.mini", "share": -1}]', "shares"),
        ('[{"recipe": "vae.mini", "share": 0.5}, {"recipe": "vae.mini", "share": 0.5}]', "twice"),
        ("[]", "shares"),
    ],
)
def test_a_plan_that_cannot_be_carried_out_is_refused(content, why, tmp_path):
    (tmp_path / "plan.json").write_text(content)
    with pytest.raises(ZooError, match=why):
        read_plan(tmp_path / "plan.json")


def test_an_unknown_recipe_gets_a_suggestion(tmp_path):
    (tmp_path / "plan.json").write_text('[{"recipe": "vae.mimi", "share": 1}]')
    with pytest.raises(UnknownNameError, match=r"vae\.mini"):
        read_plan(tmp_path / "plan.json")
