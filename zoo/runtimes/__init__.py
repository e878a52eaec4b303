"""What carries a model out: functions on the CPU, networks in PyTorch, and other runtimes.

`torch` and `compiled` are PyTorch, `session` is ONNX Runtime and OpenVINO. `choose` tells which can be used here, and
which is the fastest; `export` writes files for others.
"""

from .backend import Backend
from .cpu import FunctionBackend, NumpyBackend

__all__ = ["Backend", "FunctionBackend", "NumpyBackend"]
