from __future__ import annotations

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import zoo
from eval.fidelity import psnr
from tests.training.pictures import photograph, training_folder
from training import export as export_module
from training import loop
from training.__main__ import main
from training.cards import read_card
from training.export import export
from training.loop import Settings, start
from training.recipe import get_recipe
from zoo.degradations import chains
from zoo.errors import ZooError
from zoo.io.images import eight_bits
from zoo.seeding import rng_for
from zoo.weights import sha256_of

ID = "autoencoder.mini"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished run of three steps on small crops."""
    data = training_folder(tmp_path_factory.mktemp("data"))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            loop, "get_recipe", lambda name: replace(get_recipe(name), crop=32, margin=8, batch_size=2, warmup=1)
        )
        made = start(tmp_path_factory.mktemp("runs") / "run", Settings(ID, str(data), steps=3))
        made.train(print)
        yield made
    torch.set_num_threads(threads)


def result(model: str, sha256: str | None, mean: float, **changes) -> dict:
    """The parts of a result file that a card is made from."""
    return {
        "model": {"id": model, "weights_sha256": sha256},
        "dataset": {"id": "folder:x", "sha256": "data"},
        "scenario": {"id": "mixed", "version": 1, "seed": 0, "primary": "psnr_rgb"},
        "n_expected": 2,
        "n_scored": 2,
        "metrics": {"psnr_rgb": {"mean": mean}},
        **changes,
    }


def written(folder, *results) -> list:
    paths = [folder / f"{index}.json" for index in range(len(results))]
    for path, one in zip(paths, results, strict=True):
        path.write_text(json.dumps(one))
    return paths


def test_what_is_exported_is_what_was_trained(run, tmp_path):
    card = export(run.folder, ID, target=tmp_path)
    path = tmp_path / f"{ID}.safetensors"
    weights = load_file(path)
    assert path.stat().st_size < export_module.LARGEST and card.sha256 == sha256_of(path)
    average = run.average.module.state_dict()
    assert set(weights) == set(average)
    for name, value in weights.items():
        assert value.dtype == torch.float16 and torch.equal(value, average[name].half())
    restorer = zoo.load(ID, weights=path, device="cpu")
    picture = photograph("chelsea")[:64, :72]
    x = torch.from_numpy(picture.astype(np.float32) / 255).permute(2, 0, 1)[None]
    with torch.inference_mode():
        expected = (run.averaged()(x)[0].clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()
    restored = restorer.restore(picture).image
    assert np.abs(restored.astype(int) - expected).max() <= 1
    assert restorer.parameters == card.parameters


def test_the_card_says_where_the_weights_are_from(run, tmp_path):
    card = export(run.folder, ID, target=tmp_path)
    assert read_card(ID, tmp_path) == card
    assert (card.steps, card.seed, card.precision, card.figures) == (3, 0, "float32", ())
    assert "1 thread" in card.device and card.recipe == "training/recipes/autoencoder_mini.py"
    assert all(value not in ("", None) for value in asdict(card).values())


def test_refusals(run, tmp_path, monkeypatch, capsys):
    with pytest.raises(ZooError, match="not of deblurgan"):
        export(run.folder, "deblurgan.mini", target=tmp_path)
    assert main(["export", str(tmp_path), ID]) == 2
    assert "no run with a checkpoint" in capsys.readouterr().err
    monkeypatch.setattr(export_module, "LARGEST", 1000)
    with pytest.raises(ZooError, match="bundled weights have less than"):
        export(run.folder, ID, target=tmp_path)
    state = torch.load(run.folder / "checkpoint.pt", weights_only=True)
    monkeypatch.setattr(export_module, "read_run", lambda folder: (
        {"recipe": ID, "before": loop.NOTHING_BEFORE}, {**state, "position": {**state["position"], "progress": 0.5}}
    ))  # fmt: skip
    with pytest.raises(ZooError, match="at 50%"):
        export(run.folder, ID, target=tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_minute_of_the_shipped_recipe_beats_doing_nothing(tmp_path):
    """On a photograph that was not trained on. By steps, not by the clock, which would let a busy machine decide."""
    data, threads = training_folder(tmp_path), torch.get_num_threads()
    torch.set_num_threads(1)
    made = start(tmp_path / "run", Settings(ID, str(data), steps=200))
    made.train(print)
    torch.set_num_threads(threads)
    export(tmp_path / "run", ID, target=tmp_path)
    clean = photograph("chelsea")
    gains = []
    restorer = zoo.load(ID, weights=tmp_path / f"{ID}.safetensors", device="cpu")
    for seed in range(4):
        rng = rng_for("slow", seed)
        given = eight_bits(chains.mixed(clean.astype(np.float32) / 255, rng))
        restored = restorer.restore(given).image
        gains.append(psnr(restored, clean) - psnr(given, clean))
    assert np.mean(gains) > 0.3
