"""What carries a model out: functions on the CPU, networks in PyTorch (`torch`, `compiled`), and sessions of ONNX Runtime
and OpenVINO (`session`). `choose` tells which of them can be used here, and which is the fastest; `export` writes files."""

from .backend import Backend
from .cpu import FunctionBackend, NumpyBackend

__all__ = ["Backend", "FunctionBackend", "NumpyBackend"]
