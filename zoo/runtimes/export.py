"""Models as files that others can run: ONNX, or OpenVINO's own form.

Such a file takes and gives pictures in [0, 1]; what the network's own range is stays inside. Its metadata, a JSON
object under the key "restoration-zoo", tells the rest: sizes, scale, license, and the weights that it was made of.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import OutputError, RuntimeUnavailableError, ZooError, describe_os_error
from ..io.files import written_whole
from . import onnx, onnx_files, openvino

if TYPE_CHECKING:
    from ..card import ModelCard

SUFFIXES = {"onnx": ".onnx", "openvino": ".xml"}
PRECISIONS = ("fp32", "fp16", "int8")
LIMITS = {"fp32": 1e-3, "fp16": 2e-2, "int8": 0.2}
"""Precision -> largest root mean square difference from PyTorch, in standard deviations, of a file that is kept."""
SIDE = 128
"""Least side in pixels of the picture that a file is checked with."""


@dataclass(frozen=True)
class Exported:
    """A file that was written and run."""

    path: Path
    megabytes: float
    difference: float
    """Root mean square difference from PyTorch in standard deviations, on an artificial picture."""
    about: dict[str, Any]
    """Its metadata."""


def export_model(
    name: str,
    target: Path,
    *,
    to: str = "onnx",
    precision: str = "fp32",
    size: tuple[int, int] | None = None,
    any_size: bool = False,
    weights: str | Path | None = None,
) -> Exported:
    """Write a model to `target` and check the file by running it.

    to: "onnx" or "openvino" (FILE.xml with FILE.bin beside it). precision: "fp32", "fp16" (weights and, in ONNX,
    arithmetic) or "int8". size: (height, width) that the file takes; without it, any where the network allows that.
    any_size: fail where it does not. Raises ZooError: for what cannot be exported, a size that the model does not take,
    a missing package, or a file that cannot be written.
    """
    from .. import __version__
    from ..registry import get_card, load
    from .session import SessionBackend, arrays_of

    card = get_card(name)
    engine = {"onnx": onnx, "openvino": openvino}[to]
    if reason := engine.missing():
        raise RuntimeUnavailableError(f"{card.id} cannot be exported to {to}: {reason}.")
    if precision not in PRECISIONS:
        raise RuntimeUnavailableError(f"files are exported in {', '.join(PRECISIONS)}, not in {precision}.")
    if not card.files:
        raise RuntimeUnavailableError(f"{card.id} is a classical method: there is no network to export.")
    if target.suffix.lower() != SUFFIXES[to]:
        raise OutputError(f"cannot write {target}: the name of a file for {to} ends in {SUFFIXES[to]}.")
    height, width = _checked_size(card, size)

    restorer = load(name, device="cpu", weights=weights)
    torch_backend: Any = restorer._backend
    image, mask = _example(height, width, card.needs_mask)
    expected = arrays_of([torch_backend.run(image, mask)])
    try:
        backend = SessionBackend(
            card, torch_backend, "onnx" if precision == "fp16" or to == "onnx" else "openvino",
            "int8" if precision == "int8" else "fp32", restorer.weights_sha256, any_size=size is None, whole=True,
        )  # fmt: skip
        made, made_for = backend.file(backend.parts[0], (image, mask))
    except RuntimeUnavailableError as error:
        raise RuntimeUnavailableError(f"{card.id} cannot be exported: {error}") from error
    takes_any = made_for.startswith("any")
    if not takes_any and (any_size or (size is None and card.size.square is None)):
        raise ZooError(f"{card.id} cannot be exported for all sizes: name one with --size.")
    about = {
        **_about(card, restorer.weights_sha256, None if takes_any else (height, width)),
        "precision": precision,
        "opset": onnx_files.OPSET,
        "zoo": __version__,
    }
    try:
        (_write_onnx if to == "onnx" else _write_openvino)(made, target, precision, about)
    except OSError as error:
        raise OutputError(f"cannot write {target}: {describe_os_error(error)}.") from None
    parts = [target, target.with_suffix(".bin")] if to == "openvino" else [target]
    difference = onnx_files.differs(engine.open_session(target, "fp32")(arrays_of([image, mask])), expected)
    if difference > LIMITS[precision]:
        for part in parts:
            part.unlink()
        raise ZooError(
            f"{card.id} was not exported: in {precision} its result differs from PyTorch's by {difference:.2g} "
            f"standard deviations, more than {LIMITS[precision]:g}."
        )
    return Exported(target, sum(part.stat().st_size for part in parts) / 1e6, difference, about)


def _checked_size(card: ModelCard, size: tuple[int, int] | None) -> tuple[int, int]:
    """The size to export and to check at. Raises ZooError for one that the model does not take."""
    rule = card.size
    if size is None:
        side = rule.square or max(SIDE, rule.minimum)
        return rule.padded(side, side + (0 if rule.square else 2 * rule.multiple_of))
    if rule.padded(*size) != size:
        raise ZooError(f"{card.id} takes no pictures of {size[0]} x {size[1]} pixels; the next size is "
                       f"{'x'.join(map(str, rule.padded(*size)))}.")  # fmt: skip
    return size


def _example(height: int, width: int, masked: bool) -> tuple[Any, Any]:
    """A picture of waves and edges, 1 x 3 x height x width in [0, 1]; and a mask with a hole, or None."""
    import torch

    y, x = torch.meshgrid(torch.arange(height) / 40, torch.arange(width) / 40, indexing="ij")
    planes = [torch.sin(3 * x + y), torch.cos(x - 4 * y), torch.sin(x * y) * (x.floor() % 2)]
    image = torch.stack(planes)[None] * 0.4 + 0.5
    mask = None
    if masked:
        mask = torch.zeros(1, 1, height, width)
        mask[..., height // 3 : height // 2, width // 4 : width // 2] = 1
    return image, mask


def _about(card: ModelCard, sha256: str | None, size: tuple[int, int] | None) -> dict[str, Any]:
    inputs = {"image": "float32, 1 x 3 x H x W, RGB in [0, 1]"}
    if card.needs_mask:
        inputs["mask"] = "float32, 1 x 1 x H x W, 1 = hole, 0 = known"
    return {
        "model": card.id,
        "title": card.title,
        "task": list(card.tasks),
        "license": card.license,
        "commercial_use": card.commercial_use,
        "weights_sha256": sha256,
        "inputs": inputs,
        "output": f"float32, 1 x 3 x {card.scale} H x {card.scale} W, RGB in about [0, 1], to be clipped",
        "scale": card.scale,
        "size": "H and W are any multiples" if size is None else f"{size[0]} x {size[1]}",
        "multiple_of": card.size.multiple_of,
        "minimum": card.size.minimum,
        "tile_margin": card.tiling.margin if card.tiling else None,
        "notes": list(card.notes),
    }


def _write_onnx(made: Path, target: Path, precision: str, about: dict[str, Any]) -> None:
    from . import lower

    with written_whole(target) as path:
        shutil.copyfile(made, path)
        if precision == "fp16":
            lower.to_fp16(path)
        onnx_files.describe(path, about)


def _write_openvino(made: Path, target: Path, precision: str, about: dict[str, Any]) -> None:
    """FILE.xml and FILE.bin; the first is put in place last, as it is worth nothing without the second."""
    import tempfile

    import openvino as ov

    model = ov.Core().read_model(made)
    model.set_rt_info(json.dumps(about), [onnx_files.METADATA])
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        ov.save_model(model, Path(folder) / "model.xml", compress_to_fp16=precision == "fp16")
        for suffix in (".bin", ".xml"):
            (Path(folder) / f"model{suffix}").replace(target.with_suffix(suffix))
