"""Reading the tensors of a TorchScript archive without running the program in it.

Such a file is a zip of the program's text, which is left alone, and of a pickle of its modules as nested objects with
parameters and buffers as attributes. The pickle is read with classes and functions of this file alone.
"""

from __future__ import annotations

import io
import math
import pickle
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import WeightsError

if TYPE_CHECKING:
    import torch

DTYPES = {
    "FloatStorage": "float32", "DoubleStorage": "float64", "HalfStorage": "float16", "BFloat16Storage": "bfloat16",
    "LongStorage": "int64", "IntStorage": "int32", "ShortStorage": "int16", "CharStorage": "int8",
    "ByteStorage": "uint8", "BoolStorage": "bool",
}  # fmt: skip
"""torch's name of a storage -> dtype of its numbers."""


class _Module:
    """Stands for an instance of whatever class the program names: a bag of attributes."""

    def __init__(self, *args: Any):
        self.attributes: dict[str, Any] = {}

    def __setstate__(self, state: Any) -> None:
        self.attributes = state if isinstance(state, dict) else {}


def _value(value: Any, *_: Any) -> Any:
    return value


class _Reader(pickle.Unpickler):
    """Builds nothing but bags of attributes, containers and tensors."""

    def __init__(self, archive: zipfile.ZipFile, folder: str):
        super().__init__(io.BytesIO(archive.read(f"{folder}/data.pkl")))
        self._archive, self._folder = archive, folder

    def find_class(self, module: str, name: str) -> Any:
        if module == "__torch__" or module.startswith("__torch__."):
            return _Module
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _tensor
        if (module, name) == ("collections", "OrderedDict"):
            return dict
        if module == "torch.jit._pickle":  # lists and dictionaries of one type
            return _value
        if module == "torch" and name in DTYPES:
            return DTYPES[name]
        raise pickle.UnpicklingError(f"it asks for {module}.{name}")

    def persistent_load(self, pid: Any) -> torch.Tensor:
        """The numbers of a storage, ("storage", dtype, name, device, count), as a flat tensor."""
        import torch

        kind, dtype, name, _, count = pid
        numbers = torch.frombuffer(
            bytearray(self._archive.read(f"{self._folder}/data/{name}")), dtype=getattr(torch, dtype)
        )
        if kind != "storage" or len(numbers) != count:
            raise pickle.UnpicklingError(f"the storage {name} has {len(numbers)} numbers, not {count}")
        return numbers


def _tensor(storage: torch.Tensor, offset: int, size: tuple, stride: tuple, *_: Any) -> torch.Tensor:
    if math.prod(size) > len(storage):
        raise pickle.UnpicklingError("a tensor repeats few numbers")
    return storage.as_strided(size, stride, offset).clone()


def is_torchscript(path: Path) -> bool:
    """Whether a file is a TorchScript archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return False
    return any(name.count("/") == 1 and name.endswith("/constants.pkl") for name in names)


def read_torchscript(path: Path) -> dict[str, torch.Tensor]:
    """The parameters and buffers of the program's modules, by the names that its state dict has.

    Raises WeightsError when the file is damaged, or its pickle asks for anything that tensors do not need.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            (data,) = (name for name in archive.namelist() if name.count("/") == 1 and name.endswith("/data.pkl"))
            root = _Reader(archive, data.partition("/")[0]).load()
    except pickle.UnpicklingError as error:
        raise WeightsError(f"{path} is refused: opening it could run code ({error}).") from None
    except Exception as error:  # damaged archives and pickles fail in a dozen ways
        raise WeightsError(f"{path} is damaged or cut short ({type(error).__name__}).") from None
    tensors: dict[str, torch.Tensor] = {}
    _collect(root, "", tensors)
    return tensors


def _collect(module: Any, prefix: str, tensors: dict[str, torch.Tensor], depth: int = 0) -> None:
    import torch

    if not isinstance(module, _Module) or depth > 100:
        return
    for name, value in module.attributes.items():
        if isinstance(value, torch.Tensor):
            tensors[prefix + name] = value
        else:
            _collect(value, f"{prefix}{name}.", tensors, depth + 1)
