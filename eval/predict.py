"""Stage 1: restore every picture of a scenario and store what comes out, with what it cost. Resumable."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import zoo
import zoo.registry
from zoo.errors import OutputError, ZooError
from zoo.files import printable, read_bytes
from zoo.images import Picture, encode, max_bytes, write_bytes

from .cost import PeakMemory, gflops
from .datasets import Item
from .pool import Workers, cores, load
from .results import library_versions, machine
from .scenarios import Sample, get_scenario
from .sources import source_digest
from .store import Store, digest, read_json, write_json

if TYPE_CHECKING:
    from zoo.restorer import Restorer


RESTORING = ("torch", "numpy", "opencv-python", "scikit-image", "scipy", "PyWavelets", "Pillow", "timm")
"""Libraries whose version restored pictures can depend on."""


@dataclass(frozen=True)
class Job:
    """All that a worker process needs to restore and measure pictures of one run."""

    model: str
    scenario: str
    seed: int
    out: Path
    dataset: str
    device: str = "auto"
    precision: str = "fp32"
    tile: int | str | None = "auto"
    weights: Path | None = None
    settings: str = ""
    """Digest of the loaded model and all that its pictures depend on, apart from the input: see `prepared`."""
    variant: str = ""
    """What tells this run's folder from the model's ordinary one: another device, precision or size of tiles, the
    user's own weights."""

    def load(self) -> Restorer:
        """The model. Raises UnknownNameError, WeightsError, ZooError."""
        return zoo.load(self.model, device=self.device, precision=self.precision, tile=self.tile, weights=self.weights)

    @property
    def store(self) -> Store:
        """Where the run keeps its work."""
        scenario = get_scenario(self.scenario)
        return Store(
            self.out, self.dataset, f"{scenario.id}-v{scenario.version}-s{self.seed}", self.model + self.variant
        )


def prepared(job: Job, model: Restorer) -> Job:
    """The job with what only the loaded model tells: the precision it really computes in, and its settings."""
    precision = job.precision if model.parameters else "fp32"  # classical methods know no other
    device = model.device.partition(":")[0]
    settings = digest(
        model.card.id, model.weights_sha256, source_digest("zoo.restorer", zoo.registry.module_of(job.model)),
        library_versions(RESTORING), precision, str(job.tile), device,
    )  # fmt: skip
    variant = "" if device == "cpu" else f"-{device}"
    variant += "" if precision == "fp32" else f"-{precision}"
    variant += "" if job.tile == "auto" else f"-tile-{job.tile or 'none'}"
    if job.weights is not None and model.weights_sha256 is not None:
        variant += f"-weights-{model.weights_sha256[:8]}"
    return replace(job, precision=precision, settings=settings, variant=variant)


def key_of(job: Job, sample: Sample) -> str:
    """What a restored picture and its scores depend on: the model, its settings, its code, the input, and the truth."""
    return digest(job.settings, sample.given, "none" if sample.mask is None else sample.mask, sample.truth)


def predict(job: Job, model: Restorer, items: Iterable[Item], workers: Workers, progress: Callable[[], None]) -> None:
    """Restore the pictures that are not stored yet; failures are stored too, and tried again the next time.

    Raises OutputError when the results cannot be written.
    """
    items = list(items)
    if workers.count > 1:
        workers.each(_restore_in_worker, [(job, item, workers.count) for item in items], progress)
        return
    bench = _Bench(job, model)
    for item in items:
        bench.restore(item)
        progress()


def failures(job: Job, items: Iterable[Item]) -> dict[str, str]:
    """The pictures that could not be restored, with the reasons."""
    records = {item.name: read_json(job.store.record(item.name)) or {} for item in items}
    return {name: record["failed"] for name, record in records.items() if "failed" in record}


class _Bench:
    """A model in this process, with what is measured around it."""

    def __init__(self, job: Job, model: Restorer, workers: int = 1):
        self.job = job
        self._model = model
        self._workers = workers
        self._memory = PeakMemory(model.device)
        self._warm = False

    def restore(self, item: Item) -> None:
        """Restore one picture unless it is stored. Raises OutputError."""
        store = self.job.store
        try:
            sample = get_scenario(self.job.scenario).prepare(item, self.job.seed)
            if self._is_stored(item, sample):
                return
            store.withdraw_result()
            picture, record = self._measure(sample)
        except OutputError:  # a disk that refuses is no failure of this one picture
            raise
        except ZooError as error:
            store.withdraw_result()
            write_json(store.record(item.name), {"failed": printable(error)})
            return
        # The picture first: a record without its picture would look finished.
        write_bytes(store.picture(item.name), picture)
        write_json(store.record(item.name), record)

    def _is_stored(self, item: Item, sample: Sample) -> bool:
        record = read_json(self.job.store.record(item.name)) or {}
        if record.get("key") != key_of(self.job, sample) or record.get("device") != self._model.device:
            return False
        return read_intact(self.job.store.picture(item.name), record.get("sha256")) is not None

    def _measure(self, sample: Sample) -> tuple[bytes, dict]:
        """The encoded restored picture and its record."""
        height, width = sample.given.shape[:2]
        record: dict = {}
        with self._memory:
            if not self._warm:  # the first call pays for imports and planning; it counts the arithmetic instead
                count = gflops(self._model, sample.given, sample.mask)
                if count is not None:
                    record |= {"gflops": count, "gflops_at": f"{width} x {height}"}
                self._warm = True
            result = self._model.restore(sample.given, sample.mask)
        memory = self._memory.megabytes
        picture = encode(Picture(result.image), ".png")
        record |= {
            "key": key_of(self.job, sample),
            "settings": self.job.settings,
            "input": sample.digest,
            "sha256": hashlib.sha256(picture).hexdigest(),
            "seconds": round(result.seconds, 6),
            "pixels": height * width,
            "peak_memory_mb": None if memory is None else round(memory, 1),
            "device": self._model.device,
            "machine": machine(self._model.device),
            "workers": self._workers,
            "load": load(),
            "notes": list(result.notes),
        }
        return picture, record


def read_intact(path: Path, sha256: str | None) -> bytes | None:
    """A file's bytes when they have this checksum, else None."""
    try:
        data = read_bytes(path, max_bytes())
    except OSError:
        return None
    return data if hashlib.sha256(data).hexdigest() == sha256 else None


_bench: _Bench | None = None  # in a worker process: the one model it has loaded


def _restore_in_worker(job: Job, item: Item, workers: int) -> None:
    global _bench
    if _bench is None or _bench.job != job:
        import torch

        torch.set_num_threads(max(1, cores() // workers))
        _bench = None  # the old model goes before the new one comes
        _bench = _Bench(job, job.load(), workers)
    _bench.restore(item)
