"""OpenVINO on CPUs; it reads the same ONNX files."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import RuntimeUnavailableError

if TYPE_CHECKING:
    import numpy as np

NEEDS = ("onnx", "onnxscript", "openvino")
PRECISIONS = ("fp32", "fp16", "bf16", "int8")
HINTS = {"fp32": "f32", "fp16": "f16", "bf16": "bf16", "int8": "f32"}
"""Precision -> that of the layers which are not quantized, as OpenVINO calls it; by itself it takes the fastest."""
CAPABILITIES = {"fp16": "FP16", "bf16": "BF16", "int8": "INT8"}
"""Precision -> what OpenVINO calls the CPU's instructions for it."""


def missing() -> str | None:
    """Which packages are not installed, as a clause, or None."""
    absent = [name for name in NEEDS if importlib.util.find_spec(name) is None]
    if not absent:
        return None
    are = "is" if len(absent) == 1 else "are"
    return f'{" and ".join(absent)} {are} not installed: pip install "restoration-zoo[openvino]"'


def unavailable_reason(precision: str, device: str = "cpu") -> str | None:
    """Why it cannot compute in that precision on a type of device here, as a clause, or None."""
    if reason := missing():
        return reason
    if precision not in PRECISIONS:
        return f"OpenVINO takes {', '.join(PRECISIONS)}, not {precision}"
    if device != "cpu":
        return f"OpenVINO computes on the CPU here, not on {device}"
    if precision in CAPABILITIES and CAPABILITIES[precision] not in capabilities():
        return f"this CPU has no instructions for {precision}"
    return None


@functools.cache
def _core() -> Any:
    import openvino

    return openvino.Core()


@functools.cache
def capabilities() -> tuple[str, ...]:
    """What the CPU has instructions for, as OpenVINO calls it: "FP32", "BF16", "INT8" and so on."""
    return tuple(_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"))


def open_session(
    path: Path, precision: str, shapes: Sequence[Sequence[int]] | None = None, device: str = "cpu"
) -> Callable[[Sequence[np.ndarray]], list[np.ndarray]]:
    """A function that carries out an ONNX file (or one of OpenVINO's own), compiled for inputs of these shapes.

    Raises RuntimeUnavailableError for a file that this version of OpenVINO does not take.
    """
    import numpy as np
    import openvino
    import torch

    settings = {
        "INFERENCE_PRECISION_HINT": HINTS[precision],
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "PERFORMANCE_HINT": "LATENCY",
    }
    try:
        model = _core().read_model(path)
        if shapes is not None:
            model.reshape({index: list(shape) for index, shape in enumerate(shapes)})
        compiled = _core().compile_model(model, "CPU", settings)
    except Exception as error:
        raise RuntimeUnavailableError(
            f"OpenVINO {openvino.__version__.partition('-')[0]} does not take {path.name}: "
            f"{str(error).strip().splitlines()[-1]}"
        ) from error
    request = compiled.create_infer_request()

    def run(arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        outputs = request.infer(list(arrays), share_inputs=True)  # what comes out is copied
        return [np.asarray(outputs[port]) for port in compiled.outputs]

    return run
