"""Different results of one model, side by side in the app."""

import numpy as np
import pytest
import skimage.data
import torch
from gradio_client import handle_file
from PIL import Image
from safetensors.torch import save_file

from tests.ui.test_app import NO_PAINTING, slots, value
from ui.compare import SLOTS
from zoo.models.vae.network import ConditionalVAE


@pytest.fixture(autouse=True)
def random_weights(tmp_path, monkeypatch):
    """vae.mini can run, where nothing is bundled too."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = ConditionalVAE()
        torch.nn.init.normal_(network.decoder.tail.weight, std=0.02)
    folder = tmp_path / "weights"
    folder.mkdir()
    save_file(network.state_dict(), folder / "vae.mini.safetensors")
    monkeypatch.setenv("ZOO_WEIGHTS", str(folder))


@pytest.fixture
def ask(client, tmp_path):
    """Fill a hole with these models and that many samples; the answer's visible slots."""
    face, mask = tmp_path / "face.png", tmp_path / "mask.png"
    Image.fromarray(skimage.data.astronaut()[:128, 160:288]).save(face)
    hole = np.zeros((128, 128), np.uint8)
    hole[40:100, 40:100] = 255
    Image.fromarray(hole).save(mask)

    def ask(models, *samples):
        files = handle_file(str(face)), handle_file(str(mask))
        answer = client.predict(files[0], "inpaint", models, NO_PAINTING, files[1], *samples, api_name="/compare")
        assert answer[0].startswith(f"Done: {len(models)} of {len(models)}"), answer[0]
        return slots(answer)

    return ask


def test_samples_follow_the_plain_result(ask):
    found = ask(["telea", "vae.mini"], 2)
    assert [text.split("(")[1].split(")")[0] for text, _, _ in found] == [
        "telea", "vae.mini", "vae.mini, sample 1", "vae.mini, sample 2",
    ]  # fmt: skip
    pictures = [np.asarray(Image.open(slider[1])) for _, slider, _ in found]
    assert all(not np.array_equal(a, b) for i, a in enumerate(pictures) for b in pictures[:i])
    for (_, _, download), picture in zip(found, pictures, strict=True):
        assert np.array_equal(np.asarray(Image.open(value(download))), picture)


def test_no_model_loses_its_slot_to_samples(ask):
    found = ask(["vae.mini", "telea", "navier-stokes"], SLOTS - 1)
    assert len(found) == SLOTS
    assert [text.split("(")[1].split(")")[0] for text, _, _ in found][-2:] == ["telea", "navier-stokes"]


def test_none_are_drawn_when_none_are_asked_for(ask):
    assert len(ask(["vae.mini"], 0)) == 1


def test_the_number_shows_for_models_that_can_draw_only(client):
    for models, visible in ((["telea"], False), (["telea", "vae.mini"], True), ([], False)):
        assert client.predict(models, api_name="/samples_for_models")["visible"] is visible
