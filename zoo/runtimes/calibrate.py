"""Calibration of a model for int8: ranges of its activations, and which convolutions had better stay in floats."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import RuntimeUnavailableError
from . import lower
from .samples import Sample, load_samples, psnr
from .session import SessionBackend, arrays_of, names_of

if TYPE_CHECKING:
    from ..restorer import Restorer

COUNT = 10
"""Pictures."""
SIDE = 256
"""Of the pictures in pixels."""
LOSS = 0.2
"""dB of PSNR that may be lost on the pictures of the calibration; 0.3 is allowed on others."""
PROBED = 3
"""Pictures on which each convolution is tried alone."""


def calibrate(name: str, root: Path, report: Callable[[str], None] = print) -> Path:
    """Calibrate a model on pictures below ROOT/natural/train or ROOT/faces/train; the file that is written.

    Convolutions stay in floats, those first that hurt most, until no more than LOSS is lost. Raises ZooError.
    """
    from ..registry import load

    plain = load(name, device="cpu")
    card = plain.card
    if not card.files:
        raise RuntimeUnavailableError(f"{card.id} is a classical method: there is no network to calibrate.")
    samples = load_samples(card, root, "train", COUNT, card.size.square or SIDE)
    exact = [plain.restore(s.given, s.mask).image for s in samples]
    ranges = ranges_over(_restorer(name, "fp32", None), [(s.given, s.mask) for s in samples])
    calibrations = {function: lower.Calibration(found) for function, found in ranges.items()}
    order = [(function, index) for function, found in ranges.items() for index in range(len(found))]
    loss = _loss(name, calibrations, samples, exact)
    report(f"{card.id}: {len(order)} convolutions, all in int8: {loss:+.3f} dB")
    if loss > LOSS:
        order = _most_harmful_first(name, ranges, samples[:PROBED], exact)
        count = 1
        while loss > LOSS and count <= len(order):
            for function in ranges:
                floating = frozenset(index for other, index in order[:count] if other == function)
                calibrations[function] = lower.Calibration(ranges[function], floating)
            loss = _loss(name, calibrations, samples, exact)
            report(f"{card.id}: {count} in floats: {loss:+.3f} dB")
            count *= 2
    data = f"{len(samples)} pictures of {SIDE} pixels from {'faces' if card.size.square else 'natural'}/train"
    return lower.store(card.id, plain.weights_sha256, calibrations, data)


def _restorer(name: str, precision: str, calibrations: Mapping[str, lower.Calibration] | None) -> Restorer:
    from ..registry import load
    from ..restorer import Restorer

    plain = load(name, device="cpu")
    sha256 = plain.weights_sha256
    backend = SessionBackend(plain.card, plain._backend, "onnx", precision, sha256, calibrations)
    return Restorer(plain.card, backend, device="cpu", precision=precision, weights_sha256=sha256)


def ranges_over(
    restorer: Restorer, inputs: Sequence[tuple[np.ndarray, np.ndarray | None]]
) -> dict[str, tuple[tuple[float, float, float, float], ...]]:
    """Function -> the ranges of its convolutions over pictures with their masks. restorer: of a float32 session."""
    backend: Any = restorer._backend
    seen: dict[str, list[tuple]] = {part.name: [] for part in backend.parts}
    for part in backend.parts:
        part.watch = lambda inputs, name=part.name: seen[name].append(inputs)
    for image, mask in inputs:
        restorer.restore(image, mask)
    found = {}
    for part in backend.parts:
        part.watch = None
        parts = []
        for path, group in _by_file(backend, part, seen[part.name]).items():
            names = names_of(part.name, group[0])
            arrays = [dict(zip(names, arrays_of(given), strict=True)) for given in group]
            parts.append(lower.measured_ranges(path, arrays))
        rows = np.array(parts)
        least, most = rows.min(0), rows.max(0)
        found[part.name] = tuple(
            (float(a[0]), float(b[1]), float(a[2]), float(b[3])) for a, b in zip(least, most, strict=True)
        )
    return found


def _by_file(backend: SessionBackend, part: Any, inputs: list[tuple]) -> dict[Path, list[tuple]]:
    groups: dict[Path, list[tuple]] = {}
    for given in inputs:
        path, _ = backend.file(part, given)
        groups.setdefault(path, []).append(given)
    return groups


def _loss(
    name: str,
    calibrations: Mapping[str, lower.Calibration],
    samples: Sequence[Sample],
    exact: Sequence[np.ndarray],
) -> float:
    """Mean PSNR in float32 less that in int8."""
    restorer = _restorer(name, "int8", calibrations)
    made = [restorer.restore(s.given, s.mask).image for s in samples]
    lost = [psnr(one, s) - psnr(other, s) for one, other, s in zip(exact, made, samples, strict=True)]
    return float(np.mean(lost))


def _most_harmful_first(
    name: str,
    ranges: Mapping[str, tuple[tuple[float, float, float, float], ...]],
    samples: Sequence[Sample],
    exact: Sequence[np.ndarray],
) -> list[tuple[str, int]]:
    """(function, convolution), by how far the result is from the exact one when it alone is in int8."""
    error: dict[tuple[str, int], float] = {}
    for function, found in ranges.items():
        for index in range(len(found)):
            calibrations = {
                other: lower.Calibration(
                    rows, frozenset(range(len(rows))) - ({index} if other == function else frozenset())
                )
                for other, rows in ranges.items()
            }
            restorer = _restorer(name, "int8", calibrations)
            made = [restorer.restore(s.given, s.mask).image for s in samples]
            squares = [np.square(a.astype(float) - b).mean() for a, b in zip(made, exact, strict=False)]
            error[function, index] = float(np.mean(squares))
    return sorted(error, key=lambda key: -error[key])
