"""Different results of one model, side by side in the app."""

import numpy as np
import pytest
import skimage.data
import torch
from gradio_client import handle_file
from PIL import Image
from safetensors.torch import save_file

from tests.ui.test_app import opened, shown
from ui import pool
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
    pool.HEAVY.close()  # the next one sees this folder
    yield
    pool.HEAVY.close()


@pytest.fixture
def ask(client, tmp_path):
    """Fill a hole with these models and that many samples; the answer's visible slots."""
    face, mask = tmp_path / "face.png", tmp_path / "mask.png"
    Image.fromarray(skimage.data.astronaut()[:128, 160:288]).save(face)
    hole = np.zeros((128, 128), np.uint8)
    hole[40:100, 40:100] = 255
    Image.fromarray(hole).save(mask)

    def ask(models, samples):
        files = handle_file(str(face)), handle_file(str(mask))
        answer = client.predict(
            files[0], "inpaint", models, files[1], samples, "as it is", None, api_name="/compare"
        )  # fmt: skip
        assert answer[0]["text"].startswith(f"Done: {len(models)} of {len(models)}"), answer[0]
        return shown(answer)

    return ask


def test_samples_follow_the_plain_result(ask):
    found = ask(["telea", "vae.mini"], 2)
    assert [each["label"] for each in found] == ["telea", "vae.mini", "vae.mini, sample 1", "vae.mini, sample 2"]
    pictures = [opened(each["view"]["file"]) for each in found]
    assert all(not np.array_equal(a, b) for i, a in enumerate(pictures) for b in pictures[:i])
    for each, picture in zip(found, pictures, strict=True):
        assert np.array_equal(opened(each["files"][0]["file"]), picture)


def test_none_are_drawn_when_none_are_asked_for(ask):
    assert len(ask(["vae.mini"], 0)) == 1


def test_the_number_shows_for_models_that_can_draw_only(client):
    for models, visible in ((["telea"], False), (["telea", "vae.mini"], True), ([], False)):
        assert client.predict(models, None, api_name="/settings_for_models")[0]["visible"] is visible
