"""The golden outputs of the published architectures: the manifests, their deterministic weights and the comparison."""

from __future__ import annotations

import functools
import importlib.util
import json
from pathlib import Path

import numpy as np
import torch

DATA = Path(__file__).parents[1] / "data" / "parity"


def _recipe():
    spec = importlib.util.spec_from_file_location("parity_recipe", DATA / "recipe.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


recipe = _recipe()


def manifest(name: str) -> dict:
    """The manifest of the case `name`: its tensors' shapes in order, inputs and outputs."""
    return json.loads((DATA / f"{name}.json").read_text())


@functools.lru_cache(maxsize=2)
def state(name: str) -> dict[str, torch.Tensor]:
    """The deterministic weights of the case, from the names and shapes of its manifest alone."""
    family = "gpen" if name.startswith("gpen") else "conv"
    tensors = {}
    for key, shape in manifest(name)["tensors"].items():
        if key.endswith("num_batches_tracked"):
            like = torch.zeros(shape, dtype=torch.long)
        elif key.endswith(".kernel"):
            like = fir_kernel(key)
        else:
            like = torch.empty(shape)
        tensors[key] = recipe.fill(key, like, family)
    return tensors


def fir_kernel(key: str) -> torch.Tensor:
    """The fixed FIR kernel that the published GPEN files store: [1, 3, 3, 1] twice; times 4 where it up-samples."""
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
    kernel = torch.outer(taps, taps) / taps.sum() ** 2
    return kernel if key.startswith("ecd") else kernel * 4


def golden_input(name: str, low: float = -1.0, high: float = 1.0) -> torch.Tensor:
    """The case's input. The stored output of deblurgan_v1_resnet9 belongs to the input drawn as "deblurgan_v1"."""
    drawn = {"deblurgan_v1_resnet9": "deblurgan_v1"}.get(name, name)
    return recipe.image(drawn, tuple(manifest(name)["inputs"]["x"]), low, high)


def assert_golden(name: str, outputs: dict[str, torch.Tensor], tolerance: float = 2e-4) -> None:
    """Check outputs against the stored ones, at `tolerance` of the output's standard deviation."""
    stored = np.load(DATA / f"{name}.npz")
    for key, info in manifest(name)["outputs"].items():
        output = outputs[key]
        assert list(output.shape) == info["shape"]
        for part, value in zip(("pool4", "crop"), recipe.summary(output), strict=True):
            worst = float(np.abs(value - stored[f"{key}_{part}"]).max())
            assert worst <= tolerance * info["std"], f"{name} {key}_{part}: off by {worst / info['std']:.2e} std"


def assert_published_names(network: torch.nn.Module, name: str) -> None:
    """Check that the network's tensors are the manifest's: names and shapes."""
    shapes = {key: list(tensor.shape) for key, tensor in network.state_dict().items()}
    assert shapes == manifest(name)["tensors"]
