"""A first result needs no more than it uses: what is imported until then."""

from __future__ import annotations

import pytest

from tests.zoo.samples import run_python

CODE = """
import sys
import numpy as np
import zoo
zoo.load("sci.medium", device="cpu", runtime={runtime!r}).restore(np.zeros((32, 32, 3), np.uint8))
print("LOADED", *sorted(sys.modules))
"""
NEVER = {"gradio", "pandas", "pyiqa", "timm", "lpips", "skimage", "scipy", "torchvision", "huggingface_hub"}
RUNTIMES = {"onnx", "onnxscript", "onnxruntime", "openvino"}


def loaded(runtime: str) -> set[str]:
    done = run_python("-c", CODE.format(runtime=runtime), check=True)
    return set(done.stdout.rpartition("LOADED")[2].split())


def test_pytorch_loads_no_other_runtime():
    assert not loaded("torch") & (NEVER | RUNTIMES)


@pytest.mark.parametrize("runtime", ["onnx", "openvino"])
def test_a_cached_export_loads_no_exporter(runtime):
    loaded(runtime)  # makes the file where there is none
    seen = loaded(runtime)
    other = {"onnx": "openvino", "openvino": "onnxruntime"}[runtime]
    assert not seen & (NEVER | {"onnx", "onnxscript", "torch.onnx", other})
