"""The bundled models: small, with complete cards, and better than doing nothing on pictures they have never seen."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import zoo
from eval.metrics import METRICS
from eval.scenarios import get_scenario
from training.cards import read_card
from training.recipe import get_recipe
from training.sheet import ROWS, SAMPLES, SIDE, targets, write_sheet
from zoo.seeding import rng_for
from zoo.weights import sha256_of
from zoo.weights.places import BUNDLED

BUNDLED_IDS = sorted(path.stem for path in BUNDLED.glob("*.mini.json"))
ROOT = Path(__file__).parents[2]


TRAINED_FOR = {
    "autoencoder.mini": "mixed", "contextual-attention.mini": "free-form-holes", "deblurgan.mini": "motion-blur",
    "edgeconnect.mini": "free-form-holes", "gpen.mini": "blind-face", "vae.mini": "rectangle-holes",
}  # fmt: skip
"""Model -> the scenario of what its recipe degrades."""


def measured(name: str) -> tuple[float, float]:
    """PSNR (of the model, of doing nothing) in the scenario that it was trained for, over the sheet's pictures."""
    scenario, metric = get_scenario(TRAINED_FOR[name]), METRICS["psnr_rgb"]
    restorer, values = zoo.load(name, device="cpu"), []
    for index, clean in enumerate(targets(get_recipe(name).portraits)):
        sample = scenario.make(clean.astype(np.float32) / 255, rng_for("bundled", index))
        restored = restorer.restore(sample.given, sample.mask).image
        values.append([metric.compute(image, sample.truth, sample.mask) for image in (restored, sample.given)])
    return tuple(np.mean(values, axis=0))


def test_there_are_some():
    assert BUNDLED_IDS


@pytest.mark.parametrize("name", BUNDLED_IDS)
def test_cards_are_complete(name):
    card = read_card(name)
    path = BUNDLED / f"{name}.safetensors"
    assert card.id == name and card.sha256 == sha256_of(path)
    assert path.stat().st_size < 10_000_000 and card.parameters <= 5_000_000
    for key, value in asdict(card).items():
        assert value not in ("", None, (), {}), key
    assert (ROOT / card.recipe).is_file() and get_recipe(name).id == name
    assert card.steps > 100 and card.minutes > 1


@pytest.mark.parametrize("name", BUNDLED_IDS)
def test_they_are_ready_and_in_the_list(name):
    assert name in {card.id for card in zoo.list_models(available=True)}
    assert zoo.load(name, device="cpu").weights_sha256 == read_card(name).sha256
    assert zoo.load(name, device="cpu").parameters == read_card(name).parameters


@pytest.mark.parametrize("name", BUNDLED_IDS)
def test_they_beat_doing_nothing(name):
    restored, given = measured(name)
    assert restored > given + 0.3


@pytest.mark.parametrize("name", BUNDLED_IDS)
def test_contact_sheets_show_what_is_bundled(name, tmp_path):
    stored = np.asarray(Image.open(ROOT / "assets" / "samples" / f"{name}.jpg"), np.float64)
    made = np.asarray(Image.open(write_sheet(name, tmp_path)), np.float64)
    columns = 3 + SAMPLES * zoo.get_card(name).stochastic
    assert stored.shape == (ROWS * SIDE, columns * SIDE, 3)
    assert np.abs(stored - made).mean() < 2


def test_all_together_are_small():
    assert sum(path.stat().st_size for path in BUNDLED.glob("*.safetensors")) < 60_000_000
