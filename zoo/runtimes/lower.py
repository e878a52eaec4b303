"""ONNX files in lower precision: fp16, and int8 by static quantization of convolutions.

int8 is safe on CPUs with and without VNNI: weights take seven bits, so that no sum of two products overflows 16 bits.
What quantization needs to know of a network is measured once (see `calibrate`) and shipped with the zoo.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import RuntimeUnavailableError

CALIBRATIONS = Path(__file__).parent / "calibration"
"""A JSON file for each model that runs in int8."""
QUANTIZED = ("Conv", "ConvTranspose")


@dataclass(frozen=True)
class Calibration:
    """What int8 needs to know of one function of a model."""

    ranges: tuple[tuple[float, float, float, float], ...]
    """For each convolution in the order of the graph: least and largest number that goes in, and that comes out."""
    floating: frozenset[int] = frozenset()
    """Numbers of the convolutions that stay in floating point."""

    @property
    def digest(self) -> str:
        """Tells it from others."""
        text = repr((self.ranges, sorted(self.floating)))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def to_fp16(path: Path) -> None:
    """Turn an ONNX file's weights and arithmetic into float16; its inputs and outputs stay float32."""
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16

    model = convert_float_to_float16(onnx.load(path), keep_io_types=True)
    onnx.save(model, path)


def to_int8(path: Path, calibration: Calibration) -> None:
    """Quantize an ONNX file's convolutions, weights per channel. Raises RuntimeUnavailableError for another network."""
    import onnx
    from onnxruntime.quantization import CalibrationMethod, QuantType
    from onnxruntime.quantization.calibrate import TensorsData
    from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

    model = folded(path)
    nodes = convolutions(model)
    if len(nodes) != len(calibration.ranges):
        raise RuntimeUnavailableError(
            f"the calibration for int8 is of {len(calibration.ranges)} convolutions, but the network has {len(nodes)}; "
            "`python -m zoo calibrate` makes it anew."
        )
    import numpy as np

    ranges: dict[str, Any] = {}
    for node, (low, high, least, largest) in zip(nodes, calibration.ranges, strict=True):
        ranges[node.input[0]] = (np.float32(low), np.float32(high))
        ranges[node.output[0]] = (np.float32(least), np.float32(largest))
    chosen = [node.name for index, node in enumerate(nodes) if index not in calibration.floating]
    if not chosen:
        onnx.save(model, path)
        return
    quantizer = QDQQuantizer(
        model,
        per_channel=True,
        reduce_range=True,
        weight_qType=QuantType.QInt8,
        activation_qType=QuantType.QUInt8,
        tensors_range=TensorsData(CalibrationMethod.MinMax, ranges),
        nodes_to_quantize=chosen,
        nodes_to_exclude=[],
        op_types_to_quantize=list(QUANTIZED),
        extra_options={},
    )
    quantizer.quantize_model()
    quantizer.model.save_model_to_file(str(path))


def folded(path: Path) -> Any:
    """The ONNX model of a file with its constants computed, so that all weights are constants."""
    import onnx
    import onnxruntime

    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "folded.onnx"
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(target)
        options.log_severity_level = 4
        onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        model = onnx.load(target)
    for index, node in enumerate(model.graph.node):
        node.name = node.name or f"node_{index}"
    return model


def convolutions(model: Any) -> list[Any]:
    """The convolutions with constant weights, in the graph's order."""
    constant = {tensor.name for tensor in model.graph.initializer}
    return [node for node in model.graph.node if node.op_type in QUANTIZED and node.input[1] in constant]


def measured_ranges(path: Path, inputs: Sequence[Mapping[str, Any]]) -> tuple[tuple[float, float, float, float], ...]:
    """`Calibration.ranges` of an ONNX file, over these inputs (name to array)."""
    import numpy as np
    import onnx
    import onnxruntime

    model = folded(path)
    nodes = convolutions(model)
    names = list(dict.fromkeys(name for node in nodes for name in (node.input[0], node.output[0])))
    outputs = {entry.name for entry in (*model.graph.output, *model.graph.input)}
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names if name not in outputs)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    low, high = dict.fromkeys(names, 0.0), dict.fromkeys(names, 0.0)  # zero has to be among what is represented
    for given in inputs:
        values = dict(given)
        asked = [name for name in names if name not in values]
        values |= dict(zip(asked, session.run(asked, dict(given)), strict=True))
        for name in names:
            low[name] = min(low[name], float(np.min(values[name])))
            high[name] = max(high[name], float(np.max(values[name])))
    return tuple((low[node.input[0]], high[node.input[0]], low[node.output[0]], high[node.output[0]]) for node in nodes)


@functools.cache
def _stored(model: str) -> dict[str, Any] | None:
    path = CALIBRATIONS / f"{model}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def calibration(model: str, weights_sha256: str | None, function: str) -> Calibration:
    """The calibration that is shipped for a model's function. Raises RuntimeUnavailableError when there is none."""
    stored = _stored(model)
    if stored is None:
        raise RuntimeUnavailableError(
            f"{model} has no calibration for int8: `python -m zoo calibrate {model} --data DIR` makes one."
        )
    if stored["weights_sha256"] != weights_sha256:
        raise RuntimeUnavailableError(f"{model} was calibrated for int8 with other weights than these.")
    entry = stored["functions"][function]
    return Calibration(tuple(tuple(row) for row in entry["ranges"]), frozenset(entry["floating"]))


def store(model: str, weights_sha256: str | None, calibrations: Mapping[str, Calibration], data: str) -> Path:
    """Write a model's calibration into the zoo. data: what it was measured on."""

    def number(value: float) -> float:
        return float(f"{value:.6g}")

    functions = {
        name: {"floating": sorted(entry.floating), "ranges": [[number(x) for x in row] for row in entry.ranges]}
        for name, entry in calibrations.items()
    }
    path = CALIBRATIONS / f"{model}.json"
    path.parent.mkdir(exist_ok=True)
    facts = {"model": model, "weights_sha256": weights_sha256, "data": data, "functions": functions}
    text = json.dumps(facts, indent=1)
    path.write_text(_rows_on_lines(text) + "\n", encoding="utf-8")
    _stored.cache_clear()
    return path


def _rows_on_lines(text: str) -> str:
    """JSON with each innermost list on one line."""
    return re.sub(r"\[[^\[\]{}]*\]", lambda found: " ".join(found.group().split()), text)
