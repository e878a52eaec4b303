"""What carries a model out: functions on the CPU, and networks in PyTorch (`zoo.runtimes.torch`)."""

from .backend import Backend
from .cpu import FunctionBackend, NumpyBackend

__all__ = ["Backend", "FunctionBackend", "NumpyBackend"]
