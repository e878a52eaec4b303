"""Networks carried out by another runtime than PyTorch."""

from __future__ import annotations

import functools
import shutil
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from .. import __version__
from ..errors import RuntimeUnavailableError
from . import lower, onnx, onnx_files, openvino
from .parts import replace_functions

if TYPE_CHECKING:
    from ..card import ModelCard

ENGINES: dict[str, Any] = {"onnx": onnx, "openvino": openvino}
TOLERANCE = 1e-3
"""Largest root mean square difference from PyTorch in standard deviations, in float32."""
SESSIONS = 6
"""So many sizes of inputs are kept compiled for each function."""
NAMES = {"restore": ("image", "mask")}
"""Function -> names of its inputs in exported files; those of others are input_0 and so on."""


class Part:
    """A function of tensors that a session carries out; it is exported and opened when it is first called."""

    def __init__(self, backend: SessionBackend, name: str, function: Callable[..., Any]):
        self.backend, self.name, self.function = backend, name, function
        self.watch: Callable[[tuple[Tensor | None, ...]], None] | None = None
        """Called with the inputs of every call, for calibration."""
        self._lock = threading.Lock()
        self._sessions: OrderedDict[str, Callable[[list[np.ndarray]], list[np.ndarray]]] = OrderedDict()

    def __call__(self, *inputs: Tensor | None) -> Any:
        """What `function` gives: a tensor, or a tuple of tensors."""
        if self.watch is not None:
            self.watch(inputs)
        key = shapes_of(inputs)
        with self._lock:  # a session of OpenVINO takes one input at a time
            if key not in self._sessions:
                self._sessions[key] = self._open(inputs)
                if len(self._sessions) > SESSIONS:
                    self._sessions.popitem(last=False)
            self._sessions.move_to_end(key)
            outputs = [torch.from_numpy(array) for array in self._sessions[key](arrays_of(inputs))]
        return outputs[0] if len(outputs) == 1 else tuple(outputs)

    def _open(self, inputs: tuple[Tensor | None, ...]) -> Callable[[list[np.ndarray]], list[np.ndarray]]:
        backend = self.backend
        open_session = functools.partial(
            backend.engine.open_session,
            precision=backend.precision,
            shapes=[tuple(x.shape) for x in inputs if x is not None],
            device=backend.computes_on,
        )
        path, _ = backend.file(self, inputs)
        try:
            return open_session(path)
        except RuntimeUnavailableError:  # perhaps it is damaged: it is made anew, once
            path.unlink()
            path, _ = backend.file(self, inputs)
            return open_session(path)


class SessionBackend:
    """Backend of a network whose `portable` functions (see `zoo.card.ModelCard`) another runtime carries out.

    It takes a PyTorch backend for itself, on the CPU in float32, and puts sessions in the place of these functions.
    """

    dtype = torch.float32
    compiles = True
    """Each size of input costs time when it is first met."""

    def __init__(
        self,
        card: ModelCard,
        torch_backend: Any,
        runtime: str,
        precision: str,
        weights_sha256: str | None,
        calibrations: Mapping[str, lower.Calibration] | None = None,
        any_size: bool = True,
        whole: bool = False,
    ):
        """weights_sha256: None for weights of no file, of which nothing is kept in the cache folder. calibrations: for
        int8, by function; those that are shipped where None is given, and what they lead to is not cached either.
        any_size: False makes a file for each size. whole: hand over all of it, whatever the card says.

        Raises RuntimeUnavailableError when the runtime cannot be used here, or not with this model."""
        self.runtime, self.precision, self.card = runtime, precision, card
        self.engine = ENGINES[runtime]
        self._sha256, self._inner = weights_sha256, torch_backend
        self.calibrations, self.any_size = calibrations, any_size and card.size.square is None
        cached = weights_sha256 is not None and calibrations is None
        self._own = None if cached else tempfile.TemporaryDirectory()
        self.computes_on = "cpu"
        """Type of the device that the runtime computes on."""
        if reason := self.engine.unavailable_reason(precision):
            raise RuntimeUnavailableError(f"{card.id} cannot run with {runtime} in {precision}: {reason}.")
        if precision == "int8" and calibrations is None:  # told now, not at the first picture
            for function in card.portable:
                lower.calibration(card.id, weights_sha256, function)
        torch_backend.place(torch.device("cpu"), torch.float32)
        names = ("restore",) if whole else card.portable
        self.parts = replace_functions(card, torch_backend, names, functools.partial(Part, self))

    @property
    def device(self) -> torch.device:
        """Where `run` takes its tensors: always the CPU, from which the runtime copies them to where it computes."""
        return torch.device("cpu")

    @property
    def parameters(self) -> int:
        """The number of the network's parameters."""
        return self._inner.parameters

    def place(self, device: torch.device, dtype: torch.dtype) -> None:
        """Compute on another device, where the runtime can. Raises RuntimeUnavailableError."""
        if reason := self.engine.unavailable_reason(self.precision, device.type):
            raise RuntimeUnavailableError(f"{self.card.id} cannot run with {self.runtime}: {reason}.")
        self.computes_on = device.type

    def run(self, image: Tensor, mask: Tensor | None) -> Tensor:
        """See `Backend.run`."""
        return self._inner.run(image, mask)

    def sample(self, image: Tensor, mask: Tensor, generator: torch.Generator) -> Tensor:
        """See `zoo.card.ModelCard.stochastic`; PyTorch draws samples."""
        return self._inner.sample(image, mask, generator)

    def file(self, part: Part, inputs: tuple[Tensor | None, ...]) -> tuple[Path, str]:
        """The ONNX file of a part for these inputs, stored before or made now; and for which size it is (see Facts)."""
        plain, size = self._plain(part, inputs)
        if self.precision not in ("fp16", "int8") or (self.runtime, self.precision) == ("openvino", "fp16"):
            return plain, size  # OpenVINO turns to bf16 and fp16 when it runs
        facts = self._facts(part.name, size, self.precision)
        change = lower.to_fp16
        if self.precision == "int8":
            calibration = self._calibration(part.name)
            facts = replace(facts, calibration=calibration.digest)
            change = functools.partial(lower.to_int8, calibration=calibration)
        path = self._path(facts)
        if not path.is_file():
            with onnx_files.stored(path, facts) as temporary:
                shutil.copyfile(plain, temporary)
                change(temporary)
        return path, size

    def _plain(self, part: Part, inputs: tuple[Tensor | None, ...]) -> tuple[Path, str]:
        """The file in float32, and for which size it is."""
        own = shapes_of(inputs)
        every = ",".join("any" for x in inputs if x is not None)
        least = onnx_files.LEAST * (self.card.size.multiple_of if part.name == "restore" else 1)
        small = any(min(x.shape[2:]) < least for x in inputs if x is not None and x.dim() == 4)
        for size in (every, own) if self.any_size and not small else (own,):
            path = self._path(self._facts(part.name, size))
            if path.is_file():
                return path, size
        with tempfile.TemporaryDirectory() as folder:
            made = Path(folder) / "made.onnx"
            size = every if self._make(part, inputs, made) else own
            facts = self._facts(part.name, size)
            with onnx_files.stored(self._path(facts), facts) as temporary:
                shutil.copyfile(made, temporary)
        return self._path(facts), size

    def _path(self, facts: onnx_files.Facts) -> Path:
        folder = onnx_files.folder() if self._own is None else Path(self._own.name)
        return folder / facts.filename

    def _calibration(self, function: str) -> lower.Calibration:
        if self.calibrations is not None:
            return self.calibrations[function]
        return lower.calibration(self.card.id, self._sha256, function)

    def _facts(self, function: str, size: str, precision: str = "fp32") -> onnx_files.Facts:
        return onnx_files.Facts(self.card.id, self._sha256, function, precision, size, __version__)

    def _make(self, part: Part, inputs: tuple[Tensor | None, ...], path: Path) -> bool:
        """Write the file in float32 and check it by running it; whether it takes inputs of all sizes."""
        takes_any = onnx_files.export(
            part.function, self._inner.network, inputs, path,
            names=names_of(part.name, inputs), any_size=self.any_size,
            multiple=self.card.size.multiple_of if part.name == "restore" else None,
        )  # fmt: skip
        expected = part.function(*(None if x is None else x.clone() for x in inputs))
        expected = arrays_of(expected if isinstance(expected, tuple) else [expected])
        shapes = [tuple(x.shape) for x in inputs if x is not None]
        made = self.engine.open_session(path, "fp32", shapes)(arrays_of(inputs))
        difference = onnx_files.differs(made, expected)
        if difference > TOLERANCE:
            raise RuntimeUnavailableError(
                f"{self.card.id} cannot run with {self.runtime}: its result differs from PyTorch's by {difference:.1g} "
                "standard deviations."
            )
        return takes_any


def names_of(function: str, inputs: Sequence[Any]) -> list[str]:
    """Names of a function's inputs in exported files."""
    count = sum(x is not None for x in inputs)
    return list(NAMES[function][:count]) if function in NAMES else [f"input_{index}" for index in range(count)]


def shapes_of(tensors: Sequence[Tensor | None]) -> str:
    """Such as "1x3x64x64,1x1x64x64"."""
    return ",".join("x".join(map(str, x.shape)) for x in tensors if x is not None)


def arrays_of(tensors: Sequence[Tensor | None]) -> list[np.ndarray]:
    """As float32, in C order."""
    return [x.detach().float().contiguous().numpy() for x in tensors if x is not None]
