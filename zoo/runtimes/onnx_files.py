"""Functions of PyTorch backends as ONNX files, whose results are compared with PyTorch's before they are used.

A file is kept in the zoo's cache folder under what it depends on, so that it is made once on each machine.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import RuntimeUnavailableError
from ..io.files import written_whole
from ..weights.places import cache_folder

if TYPE_CHECKING:
    import torch
    from torch import Tensor

OPSET = 20
"""Of ONNX; ONNX Runtime 1.17 and OpenVINO 2024 read it."""
FORMAT = 1
"""Goes up when the same network is exported in another way, so that older files are not used."""
LARGEST_SIDE = 8192
"""Pixels up to which a file for all sizes is made."""
LEAST = 4
"""Multiples from which on it serves; below, sizes of 1 are special."""
MULTIPLES = (1, 2, 4, 8, 16, 32, 64)
"""Of which the sizes of a network's inputs may have to be."""
METADATA = "restoration-zoo"
"""Key of an exported file's metadata, a JSON object."""


@dataclass(frozen=True)
class Facts:
    """What an exported function depends on."""

    model: str
    weights_sha256: str | None
    function: str
    precision: str
    size: str
    """The inputs' shapes joined by commas ("1x3x512x512,1x1x512x512"), or "any" for each of them."""
    version: str
    """Of the zoo, whose code the network is."""
    calibration: str = ""
    """Digest of what int8 was calibrated with."""
    opset: int = OPSET
    format: int = FORMAT

    @property
    def filename(self) -> str:
        """Another one for other facts."""
        text = json.dumps(asdict(self), sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        return f"{self.model}-{self.function.rpartition('.')[2]}-{self.precision}-{digest}.onnx"


def folder() -> Path:
    """Where exported files are kept."""
    return cache_folder() / "runtimes"


def export(
    function: Callable[..., Any],
    network: torch.nn.Module,
    inputs: Sequence[Tensor | None],
    path: Path,
    *,
    names: Sequence[str],
    multiple: int | None = None,
    any_size: bool = True,
) -> bool:
    """Write `function(*inputs)` to an ONNX file; whether it takes inputs of any height and width.

    network: holds the function's weights. inputs: tensors N x C x H x W (others keep their shape) or None, which stays
    None. names: of the inputs that are no None. multiple: of which heights and widths are; None tries. any_size: False
    makes a file for the given sizes. Raises RuntimeUnavailableError when PyTorch cannot export the function.
    """
    import torch

    from ..nn.layers import exported_form

    given = [tensor for tensor in inputs if tensor is not None]

    class Function(torch.nn.Module):
        """`function` as a module of its tensors alone."""

        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, tensors: list[Tensor]) -> Any:
            left = iter(tensors)
            return function(*(None if tensor is None else next(left) for tensor in inputs))

    module = Function().eval()
    with _quiet(), torch.inference_mode(False), torch.no_grad(), exported_form(network):
        example = [tensor.clone() for tensor in given]
        program = None
        for candidate in (MULTIPLES if multiple is None else (multiple,)) if any_size else ():
            program = _with_any_size(module, example, candidate)
            if program is not None:
                break
        takes_any = program is not None
        try:
            if program is None:
                program = torch.export.export(module, (example,), strict=False)
            made = torch.onnx.export(
                program, opset_version=OPSET, input_names=list(names), verbose=False, dynamo=True, optimize=True
            )
        except Exception as error:  # the exporter fails in many ways
            if "data-dependent" in str(error) or "data dependent" in str(error):
                raise RuntimeUnavailableError("what it computes depends on values of its input.") from error
            raise RuntimeUnavailableError(f"PyTorch's exporter fails: {_first_line(error)}.") from error
    assert made is not None
    path.parent.mkdir(parents=True, exist_ok=True)
    made.save(str(path))
    return takes_any


def _with_any_size(module: torch.nn.Module, example: list[Tensor], multiple: int) -> Any:
    """The program for inputs whose height and width are any multiples, or None where it would not hold for all.

    PyTorch proves it from the program's conditions on the size, for sizes from LEAST multiples up.
    """
    import torch

    if any(x.dim() != 4 for x in example):
        return None
    least = [min(x.shape[axis] for x in example) for axis in (2, 3)]
    factors = [x.shape[2] // least[0] for x in example]  # a coarse map beside a fine one keeps its part of the size
    if any(list(x.shape[2:]) != [f * side for side in least] for x, f in zip(example, factors, strict=True)):
        return None
    if any(side % multiple or side < LEAST * multiple for side in least):
        return None
    if least[0] == least[1]:  # equal sides are not to be taken for a rule
        example = [torch.cat([x, x[..., : 2 * multiple * f]], 3) for x, f in zip(example, factors, strict=True)]
    high, wide = (torch.export.Dim(name, min=LEAST, max=LARGEST_SIDE // multiple) for name in ("height", "width"))

    def dims(factor: int) -> dict[int, Any]:
        step = multiple * factor
        return {2: step * high if step > 1 else high, 3: step * wide if step > 1 else wide}

    shapes = ([dims(factor) for factor in factors],)
    try:
        program = torch.export.export(module, (example,), dynamic_shapes=shapes, strict=False)
    except Exception:  # a condition on the size, or one more way in which the exporter fails
        return None
    # Of multiples, PyTorch narrows the range where it finds a condition, and does not complain.
    ranges = program.range_constraints.values()
    whole = all(r.lower <= LEAST * multiple * max(factors) and r.upper >= LARGEST_SIDE // multiple for r in ranges)
    return program if whole else None


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without what the exporter reports of its own steps."""
    import torch

    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(None),
            contextlib.redirect_stderr(None),
            torch.random.fork_rng(devices=[]),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _first_line(error: BaseException) -> str:
    cause = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    lines = str(cause).strip().splitlines() or [type(cause).__name__]
    return lines[0].rstrip(".")[:200]


def differs(made: Sequence[Any], expected: Sequence[Any]) -> float:
    """The largest root mean square difference of arrays from those expected, in standard deviations of the latter."""
    import numpy as np

    worst = 0.0
    for one, other in zip(made, expected, strict=True):
        if one.shape != other.shape or not np.isfinite(one).all():
            return float("inf")
        rms = float(np.sqrt(np.mean(np.square(one.astype(np.float64) - other))))
        worst = max(worst, rms / max(float(other.std()), 1e-6))
    return worst


def describe(path: Path, facts: dict[str, Any]) -> None:
    """Store facts in the metadata of an ONNX file."""
    import onnx

    model = onnx.load(path)
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, {METADATA: json.dumps(facts)})
    onnx.save(model, path)


def described(path: Path) -> dict[str, Any]:
    """The facts in the metadata of an ONNX file. Raises RuntimeUnavailableError when it is damaged or no such file."""
    import onnx

    try:
        model = onnx.load(path, load_external_data=False)
        facts = {entry.key: entry.value for entry in model.metadata_props}[METADATA]
        return dict(json.loads(facts))
    except Exception as error:  # damaged files fail in many ways
        raise RuntimeUnavailableError(f"{path} is no file of the zoo's ({type(error).__name__}).") from None


@contextlib.contextmanager
def stored(path: Path, facts: Facts) -> Iterator[Path]:
    """A file to write, which becomes `path` with the facts in its metadata, or nothing does. Raises OSError."""
    with written_whole(path) as temporary:
        yield temporary
        describe(temporary, asdict(facts))
