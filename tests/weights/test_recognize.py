"""Telling a checkpoint of another architecture, and saying so."""

from __future__ import annotations

import pytest
import torch

from tests.weights.checkpoints import meta_state
from zoo import registry
from zoo.card import ModelCard, Weights
from zoo.errors import WeightsError
from zoo.runtimes.torch import TorchBackend
from zoo.weights.recognize import SIGNATURES, looks_like

EXPECTED = {
    "deblurgan_v1_resnet9": "DeblurGAN v1 (ResNet generator) (family deblurgan)",
    "deblurgan_v2_mobilenet": "DeblurGAN-v2 with the MobileNet encoder (family deblurgan)",
    "deblurgan_v2_inception": "DeblurGAN-v2 with the Inception-ResNet-v2 encoder (family deblurgan)",
    "deepfill_v2": "DeepFill v2 with PyTorch padding (family contextual-attention)",
    "deepfill_v2_tf": "DeepFill v2 with TensorFlow padding (family contextual-attention)",
    "edgeconnect_edge": "the edge generator of EdgeConnect (family edgeconnect)",
    "edgeconnect_inpaint": "the inpainting generator of EdgeConnect (family edgeconnect)",
    "gpen_bfr_256": "GPEN for 256 x 256 pixels (family gpen)",
    "gpen_bfr_512": "GPEN for 512 x 512 pixels (family gpen)",
}


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_every_published_network_is_told_and_told_apart(name):
    tensors = meta_state(name)
    assert looks_like(tensors) == EXPECTED[name]
    matching = [s for s in SIGNATURES.values() if all(key in tensors for key in s.tensors)]
    shapes = [s for s in matching if all(shape in (None, tuple(tensors[k].shape)) for k, shape in s.tensors.items())]
    assert len(shapes) == 1


def test_gpen_for_enlarging():
    tensors = meta_state("gpen_bfr_512")
    del tensors["ecd7.0.1.weight"]
    assert looks_like(tensors) == "GPEN for 512 x 512 pixels from 256 x 256 (family gpen)"


def test_unknown():
    assert looks_like({"w": torch.ones(1)}) is None


@pytest.fixture
def strict(tmp_path, monkeypatch):
    """A registered model that takes one tensor "w" of two numbers, strictly."""
    registry.list_models()  # finds the real ones before the copy is made
    monkeypatch.setattr(registry.MODELS, "_entries", registry.MODELS._entries)
    card = ModelCard(
        id="test-strict.one", title="", tasks=("deblur",), license="MIT", weights=Weights("strict.pth", "MIT")
    )

    @registry.register(card)
    def build(card, state):
        class Scale(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.w = torch.nn.Parameter(torch.ones(2))

            def forward(self, image):
                return image

        network = Scale()
        network.load_state_dict(state)
        return TorchBackend(network)

    return card


def test_load_says_what_the_file_looks_like(strict, tmp_path):
    other = {"encoder.1.weight": torch.zeros(64, 4, 7, 7), "decoder.7.weight": torch.zeros(3, 64, 7, 7)}
    torch.save({"generator": other, "iteration": 1}, tmp_path / "InpaintingModel_gen.pth")
    with pytest.raises(WeightsError) as caught:
        registry.load("test-strict.one", weights=tmp_path / "InpaintingModel_gen.pth")
    text = str(caught.value)
    assert text.startswith("the weights do not fit test-strict.one: ")
    assert "InpaintingModel_gen.pth looks like the inpainting generator of EdgeConnect" in text
    assert 'Missing key(s) in state_dict: "w"' in text

    torch.save({"v": torch.ones(2)}, tmp_path / "x.pth")
    with pytest.raises(WeightsError, match=r"of no family known here \(1 tensors, the first is v\)"):
        registry.load("test-strict.one", weights=tmp_path / "x.pth")


def test_load_takes_the_right_file(strict, tmp_path):
    torch.save({"state_dict": {"module.w": torch.ones(2)}}, tmp_path / "x.pth")
    model = registry.load("test-strict.one", weights=tmp_path / "x.pth")
    assert len(model.weights_sha256) == 64
