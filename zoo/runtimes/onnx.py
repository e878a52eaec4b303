"""ONNX Runtime."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import RuntimeUnavailableError

if TYPE_CHECKING:
    import numpy as np

NEEDS = ("onnx", "onnxscript", "onnxruntime")
PRECISIONS = ("fp32", "fp16", "int8")
"""On CPUs, fp16 is for files that others run: ONNX Runtime computes it in float32 there, with casts in between."""
PROVIDERS = {"cuda": ("TensorrtExecutionProvider", "CUDAExecutionProvider"), "mps": ("CoreMLExecutionProvider",)}
"""Type of device -> what ONNX Runtime calls those that compute there; the first that its build has is used."""


def missing() -> str | None:
    """Which packages are not installed, as a clause, or None."""
    absent = [name for name in NEEDS if importlib.util.find_spec(name) is None]
    if not absent:
        return None
    are = "is" if len(absent) == 1 else "are"
    return f'{" and ".join(absent)} {are} not installed: pip install "restoration-zoo[export]"'


def unavailable_reason(precision: str, device: str = "cpu") -> str | None:
    """Why it cannot compute in that precision on a type of device ("cpu", "cuda", "mps") here, as a clause, or None."""
    if reason := missing():
        return reason
    if precision not in PRECISIONS:
        return f"ONNX Runtime takes {', '.join(PRECISIONS)}, not {precision}"
    if device != "cpu" and _provider(device) is None:
        return f"the installed ONNX Runtime does not compute on {device}"
    return None


def _provider(device: str) -> str | None:
    import onnxruntime

    here = onnxruntime.get_available_providers()
    return next((name for name in PROVIDERS.get(device, ()) if name in here), None)


def open_session(
    path: Path, precision: str, shapes: Sequence[Sequence[int]] | None = None, device: str = "cpu"
) -> Callable[[Sequence[np.ndarray]], list[np.ndarray]]:
    """A function that carries out an ONNX file, for arrays of any sizes that the file takes.

    precision: the file has it already. shapes: not used, as sessions take all. Raises RuntimeUnavailableError for a
    file that this version of ONNX Runtime does not take.
    """
    import onnxruntime
    import torch

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 4
    provider = None if device == "cpu" else _provider(device)
    providers = [provider] * (provider is not None) + ["CPUExecutionProvider"]
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=providers)
    except Exception as error:
        raise RuntimeUnavailableError(
            f"ONNX Runtime {onnxruntime.__version__} does not take {path.name}: {str(error).splitlines()[0]}"
        ) from error
    names = [entry.name for entry in session.get_inputs()]
    return lambda arrays: session.run(None, dict(zip(names, arrays, strict=True)))
