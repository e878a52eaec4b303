"""The published files of the zoo's families, as synthetic checkpoints: each goes into its model, and into no other."""

from __future__ import annotations

import pytest
import torch

import zoo
from tests.weights.checkpoints import WRAPPED, same, state
from zoo.errors import WeightsError

SINGLE = {
    "deblurgan.v1-resnet9": "deblurgan_v1_resnet9",
    "deblurgan.v2-mobilenet": "deblurgan_v2_mobilenet",
    "contextual-attention.places2": "deepfill_v2",
    "contextual-attention.places2-tf": "deepfill_v2_tf",
    "gpen.bfr-256": "gpen_bfr_256",
}
OTHER = {
    "deblurgan.v1-resnet9": ("edgeconnect_inpaint", "the inpainting generator of EdgeConnect"),
    "deblurgan.v2-mobilenet": ("gpen_bfr_256", "GPEN for 256 x 256 pixels"),
    "contextual-attention.places2": ("deepfill_v2_tf", "DeepFill v2 with TensorFlow padding"),
    "contextual-attention.places2-tf": ("deblurgan_v1_resnet9", "DeblurGAN v1"),
    "gpen.bfr-256": ("deblurgan_v2_mobilenet", "DeblurGAN-v2 with the MobileNet encoder"),
    "gpen.bfr-512": ("gpen_bfr_256", "GPEN for 256 x 256 pixels"),
}


def loaded(network, name):
    """Whether a network has the tensors of the synthetic file."""
    have, want = network.state_dict(), state(name)
    # The published MobileNet file has its encoder under two names; here they hold different values, the last counts.
    twice = [key for key in want if key.startswith("fpn.features.")]
    for key in twice:
        del have[key], want[key]
    return same(have, want)


def published(name, path):
    """Write the synthetic published file of a manifest."""
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(WRAPPED[name](state(name)), path)
    return path


@pytest.mark.parametrize("model", sorted(SINGLE))
def test_the_published_file_is_loaded(model, tmp_path, monkeypatch):
    name = SINGLE[model]
    given = zoo.load(model, weights=published(name, tmp_path / "given.pth"))
    assert loaded(given.network, name)

    (file,) = zoo.get_card(model).files
    if file.sha256 is None:  # else no synthetic file can stand for it
        monkeypatch.setenv("ZOO_WEIGHTS", str(tmp_path / "mine"))
        assert zoo.get_card(model) not in zoo.list_models(available=True)
        published(name, tmp_path / "mine" / file.filename)
        assert zoo.get_card(model) in zoo.list_models(available=True)
        assert loaded(zoo.load(model).network, name)


@pytest.mark.parametrize("model", sorted(OTHER))
def test_a_file_of_another_architecture_is_told(model, tmp_path):
    name, sentence = OTHER[model]
    path = published(name, tmp_path / "other.pth")
    with pytest.raises(WeightsError) as caught:
        zoo.load(model, weights=path)
    assert str(caught.value).startswith(f"the weights do not fit {model}: {path} looks like {sentence}")


def test_a_model_of_two_files(tmp_path, monkeypatch):
    (edge, inpaint) = zoo.get_card("edgeconnect.psv").files
    monkeypatch.setenv("ZOO_WEIGHTS", str(tmp_path))
    published("edgeconnect_edge", tmp_path / edge.filename)
    published("edgeconnect_inpaint", tmp_path / inpaint.filename)
    model = zoo.load("edgeconnect.psv")
    assert "+" in model.weights_sha256
    last = model.network.state_dict()["inpaint.decoder.7.weight"]
    assert torch.equal(last, state("edgeconnect_inpaint")["decoder.7.weight"])


def test_two_files_that_were_swapped(tmp_path):
    published("edgeconnect_edge", tmp_path / "InpaintingModel_gen.pth")
    published("edgeconnect_inpaint", tmp_path / "EdgeModel_gen.pth")
    with pytest.raises(WeightsError) as caught:
        zoo.load("edgeconnect.psv", weights=tmp_path)
    assert "EdgeModel_gen.pth looks like the inpainting generator of EdgeConnect" in str(caught.value)
    assert "InpaintingModel_gen.pth looks like the edge generator of EdgeConnect" in str(caught.value)
