"""What runtimes and precisions gain and lose, model by model: time, memory, and quality on pictures with targets."""

from __future__ import annotations

import gc
import json
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..errors import ZooError
from ..registry import find, load
from ..restorer import Restorer
from .calibrate import ranges_over
from .choose import CPU_FACTS, carried, instructions, unavailable_reason
from .lower import Calibration
from .samples import Sample, load_samples, psnr
from .session import ENGINES, SessionBackend

if TYPE_CHECKING:
    from ..card import ModelCard

LIMITS = {"fp32": (0.01, 0.01), "fp16": (0.05, 0.03), "bf16": (0.05, 0.03), "int8": (0.3, 0.03)}
"""Precision -> largest loss of PSNR in dB, and of VGG distance relative to PyTorch's, of what counts as verified. (That
float32 is within 1e-3 standard deviations is checked when a file is made, before values are rounded to 8 bits.)"""
CONFIGURATIONS = (
    ("torch", "bf16"), ("onnx", "fp32"), ("onnx", "int8"), ("openvino", "fp32"), ("openvino", "bf16"),
    ("openvino", "int8"), ("compile", "fp32"), ("compile", "bf16"),
)  # fmt: skip
"""(runtime, precision) of what is compared with PyTorch in float32."""
PICTURES = 6
SIDE = 256
"""Of the pictures on which quality is measured, in pixels."""
TIMED_SIDE = 512
"""Of the input that is timed, where the model has no size of its own."""
RANDOM_SIDE = 128
"""Of the input that random weights are calibrated with."""
CLOCKS: dict[str, Callable[[], float]] = {"wall": time.perf_counter, "cpu": time.process_time}
PACKAGES = ("torch", "onnxruntime", "openvino", "onnx", "onnxscript")


def measure(
    name: str,
    data: Path | None,
    *,
    runtimes: Sequence[str],
    repeats: int = 5,
    clock: str = "wall",
    side: int = TIMED_SIDE,
    memory: bool = True,
    report: Callable[[str], None] = print,
) -> list[dict[str, Any]]:
    """Rows of the table for one model: PyTorch in float32, then whatever of `runtimes` can be used here.

    data: the folder with natural/val and faces/val; without it, or for weights that are not on this machine and are
    replaced by random ones, only speed is measured. Times are of one restoration, by turns with PyTorch's; "ratio" is
    the median over `repeats` turns of the time over PyTorch's in the same turn. Raises ZooError.
    """
    card = find(name).card
    if not card.files:
        raise ZooError(f"{card.id} is a classical method: there is no network to measure.")
    plain, random = _loaded(name, "torch", "fp32")
    height, width = (card.size.square,) * 2 if card.size.square else card.size.padded(side, side)
    image, mask = _input(height, width, card)
    samples = [] if data is None or random else load_samples(card, data, "val", PICTURES, card.size.square or SIDE)
    exact = [plain.restore(s.given, s.mask).image for s in samples]
    facts = {"model": card.id, "weights_sha256": None if random else plain.weights_sha256, "random_weights": random,
             "input": f"{height} x {width}", "repeats": repeats, "clock": clock}  # fmt: skip
    first = {"runtime": "torch", "precision": "fp32", "ratio": 1.0, **_quality(exact, exact, samples)}
    peaks = memory and not random
    rows = [{**facts, **first, "megabytes": _peak(card, "torch", "fp32", height, width) if peaks else None}]
    for runtime, precision in CONFIGURATIONS:
        if runtime not in runtimes:
            continue
        row: dict[str, Any] = {**facts, "runtime": runtime, "precision": precision, "verified": False}
        reason = unavailable_reason(runtime, precision)
        try:
            if reason:
                raise ZooError(f"{reason}.")
            other, _ = _loaded(name, runtime, precision)
            row |= _timed(plain, other, image, mask, repeats, clock)
            row |= _quality([other.restore(s.given, s.mask).image for s in samples], exact, samples)
            row["verified"] = bool(samples) and _is_within(row, precision)
            row["megabytes"] = _peak(card, runtime, precision, height, width) if peaks else None
        except ZooError as error:
            row["unavailable"] = str(error)
        rows.append(row)
        report(format_row(row))
        gc.collect()
    rows[0]["verified"] = False  # it is what the others are compared with
    return rows


def _loaded(name: str, runtime: str, precision: str) -> tuple[Restorer, bool]:
    """The model on the CPU, and whether its weights are random ones."""
    from .. import unavailable_reason

    model = find(name)
    card = model.card
    if unavailable_reason(card) is None:
        return load(name, device="cpu", runtime=runtime, precision=precision), False
    if model.example is None:
        raise ZooError(f"the weights of {card.id} are not here, and no random ones can be made for it.")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network, _ = model.example(card)
    state = {key: tensor.clone() for key, tensor in network.state_dict().items()}

    def made(precision: str, calibrations: dict[str, Calibration] | None = None) -> Restorer:
        backend: Any = model.builder(card, {key: tensor.clone() for key, tensor in state.items()})
        if runtime in ENGINES:
            backend = SessionBackend(card, backend, runtime, precision, None, calibrations)
        else:
            backend = carried(card, backend, runtime, precision, None)
        return Restorer(card, backend, device="cpu", precision=precision)

    if precision != "int8":
        return made(precision), True
    side = card.size.square or card.size.padded(RANDOM_SIDE, RANDOM_SIDE)[0]
    ranges = ranges_over(made("fp32"), [_input(side, side, card)])
    return made(precision, {name: Calibration(found) for name, found in ranges.items()}), True


def _input(height: int, width: int, card: ModelCard) -> tuple[np.ndarray, np.ndarray | None]:
    """A photograph-like picture of random patches, and a mask with one hole in the middle where one is needed."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (height // 16 + 1, width // 16 + 1, 3), dtype=np.uint8)
    image = np.ascontiguousarray(coarse.repeat(16, 0).repeat(16, 1)[:height, :width])
    mask = None
    if card.needs_mask:
        mask = np.zeros((height, width), bool)
        mask[height // 4 : height * 5 // 8, width // 3 : width * 2 // 3] = True
    return image, mask


def _timed(
    plain: Restorer, other: Restorer, image: np.ndarray, mask: np.ndarray | None, repeats: int, clock: str
) -> dict[str, Any]:
    """Times by turns, after one turn that warms up; and how far the results are apart."""
    now = CLOCKS[clock]

    def once(restorer: Restorer) -> tuple[float, np.ndarray]:
        started = now()
        result = restorer.restore(image, mask).image
        return now() - started, result

    started = now()
    (_, expected), (_, made) = once(plain), once(other)
    warm_up = now() - started
    pairs = [(once(plain)[0], once(other)[0]) for _ in range(repeats)]
    ratios = sorted(b / a for a, b in pairs)
    apart = np.sqrt(np.mean(np.square(made.astype(float) - expected))) / max(float(expected.std()), 1e-6)
    return {
        "ratio": round(statistics.median(ratios), 3),
        "ratio_least": round(ratios[0], 3),
        "ratio_most": round(ratios[-1], 3),
        "seconds": round(statistics.median(b for _, b in pairs), 4),
        "seconds_torch": round(statistics.median(a for a, _ in pairs), 4),
        "seconds_first": round(warm_up, 2),
        "difference": float(f"{apart:.3g}"),
    }


def _quality(made: Sequence[np.ndarray], exact: Sequence[np.ndarray], samples: Sequence[Sample]) -> dict[str, Any]:
    """Mean PSNR in dB and VGG distance, and what is lost of them beside the exact results; None without samples."""
    if not samples:
        return {"pictures": 0, "psnr": None, "psnr_loss": None, "vgg": None, "vgg_loss": None}
    values = [psnr(image, sample) for image, sample in zip(made, samples, strict=True)]
    before = [psnr(image, sample) for image, sample in zip(exact, samples, strict=True)]
    vgg, vgg_before = _vgg(made, samples), _vgg(exact, samples)
    return {
        "pictures": len(samples),
        "psnr": round(float(np.mean(values)), 3),
        "psnr_loss": round(float(np.mean(before) - np.mean(values)), 4),
        "vgg": None if vgg is None else round(vgg, 4),
        "vgg_loss": None if vgg is None or not vgg_before else round(vgg / vgg_before - 1, 4),
    }


def _vgg(images: Sequence[np.ndarray], samples: Iterable[Sample]) -> float | None:
    """Mean squared difference of VGG-19's conv3_1 features from the targets', or None where its file is not here."""
    from ..nn.vgg import load_vgg, missing

    if missing() is not None:
        return None
    network = load_vgg()

    def features(image: np.ndarray) -> torch.Tensor:
        return network(torch.from_numpy(image.astype(np.float32) / 255).permute(2, 0, 1)[None])

    with torch.inference_mode():
        distances = [
            float((features(image) - features(sample.target)).square().mean())
            for image, sample in zip(images, samples, strict=True)
        ]
    return float(np.mean(distances))


def _is_within(row: dict[str, Any], precision: str) -> bool:
    lost, perceptual = LIMITS[precision]
    return row["psnr_loss"] <= lost and (row["vgg_loss"] is None or row["vgg_loss"] <= perceptual)


_PEAK = """
import resource, sys
import numpy as np, torch
import zoo
from zoo.runtimes.measure import _input
torch.set_num_threads(int(sys.argv[6]))
model = zoo.load(sys.argv[1], device="cpu", runtime=sys.argv[2], precision=sys.argv[3])
model.restore(*_input(int(sys.argv[4]), int(sys.argv[5]), model.card))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3))
"""


def _peak(card: ModelCard, runtime: str, precision: str, height: int, width: int) -> float | None:
    """Peak resident memory in MB of a process that loads the model and restores one picture, or None on Windows."""
    if sys.platform == "win32":
        return None
    words = [card.id, runtime, precision, height, width, torch.get_num_threads()]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _PEAK, *map(str, words)], capture_output=True, text=True, check=False
    )
    return round(float(done.stdout.split()[-1]), 1) if done.returncode == 0 else None


HEADER = f"{'model':30} {'runtime':>9} {'precision':>9} {'ratio':>6} {'dB lost':>8} {'VGG':>7} {'MB':>7}  verified"


def format_row(row: dict[str, Any]) -> str:
    """A line of the table for people."""
    start = f"{row['model']:30} {row['runtime']:>9} {row['precision']:>9} "
    if "unavailable" in row:
        return f"{start} unavailable: {row['unavailable']}"

    def text(value: float | None, form: str) -> str:
        return "-" if value is None else form.format(value)

    return (
        f"{start}{row['ratio']:6.2f} {text(row['psnr_loss'], '{:+.3f}'):>8} {text(row['vgg_loss'], '{:+.1%}'):>7} "
        f"{text(row.get('megabytes'), '{:.0f}'):>7}  {'yes' if row['verified'] else 'no'}"
    )


def machine() -> dict[str, Any]:
    """What times depend on."""
    versions: dict[str, str | None] = {}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = None
    name = platform.processor() or platform.machine()
    if CPU_FACTS.is_file():
        lines = CPU_FACTS.read_text(encoding="utf-8").splitlines()
        name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), name)
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=Path(__file__).parent, capture_output=True, text=True, check=False
    )
    return {
        "cpu": name,
        "threads": torch.get_num_threads(),
        "instructions": sorted(instructions()),
        "versions": versions,
        "commit": commit.stdout.strip() or None,
    }


def merged(path: Path, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The table in a file with these rows in the place of those of the same models and runtimes; each row names its
    machine.
    """
    old = json.loads(path.read_text(encoding="utf-8"))["rows"] if path.is_file() else []
    measured = {(row["model"], row["runtime"]) for row in rows}
    here = machine()
    kept = [row for row in old if (row["model"], row["runtime"]) not in measured]
    every = kept + [{**row, "machine": here} for row in rows]
    return {"rows": sorted(every, key=lambda row: (row["model"], row["runtime"], row["precision"]))}
