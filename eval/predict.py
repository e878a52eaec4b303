"""Stage 1: restore every picture of a scenario and store what comes out, with what it cost. Resumable."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.errors import OutputError, ZooError
from zoo.images import Picture, encode, write_bytes

from .cost import PeakMemory, gflops
from .datasets import Item
from .pool import Workers
from .results import source_digest
from .scenarios import Sample, get_scenario
from .store import Store, digest, read_json, write_json

if TYPE_CHECKING:
    from zoo.restorer import Restorer


@dataclass(frozen=True)
class Job:
    """All that a worker process needs to restore pictures of one run."""

    model: str
    scenario: str
    seed: int
    out: Path
    dataset: str
    device: str = "auto"
    precision: str = "fp32"
    tile: int | str | None = "auto"
    weights: Path | None = None

    def load(self) -> Restorer:
        """The model. Raises UnknownNameError, WeightsError, ZooError."""
        import zoo

        return zoo.load(self.model, device=self.device, precision=self.precision, tile=self.tile, weights=self.weights)

    @property
    def store(self) -> Store:
        """Where the run keeps its work."""
        scenario = get_scenario(self.scenario)
        return Store(self.out, self.dataset, f"{scenario.id}-v{scenario.version}-s{self.seed}", self.model)


def key_of(job: Job, model: Restorer, sample: Sample) -> str:
    """What a restored picture depends on: the model, its settings, the code, and the input."""
    mask = "none" if sample.mask is None else sample.mask
    return digest(
        model.card.id, model.weights_sha256, source_digest("zoo"), job.precision, str(job.tile), sample.given, mask
    )


def predict(job: Job, model: Restorer, items: Iterable[Item], workers: Workers, progress: Callable[[], None]) -> None:
    """Restore the pictures that are not stored yet; failures are stored too, and tried again the next time.

    Raises OutputError when the results cannot be written.
    """
    items = list(items)
    if workers.count > 1:
        workers.each(_restore_in_worker, [(job, item, workers.count) for item in items], progress)
        return
    warm = False
    with PeakMemory(model.device) as memory:
        for item in items:
            warm = _restore(job, model, item, warm)
            progress()
    if warm:
        _note_cost(job, peak_memory_mb=round(memory.megabytes, 1))


def _note_cost(job: Job, **facts: float | str | None) -> None:
    path = job.store.folder / "cost.json"
    write_json(path, {**(read_json(path) or {}), **facts})


def _restore(job: Job, model: Restorer, item: Item, warm: bool, workers: int = 1) -> bool:
    """Restore one picture unless it is stored; returns whether the model has run in this process."""
    store = job.store
    record = read_json(store.record(item.name)) or {}
    try:
        sample = get_scenario(job.scenario).prepare(item, job.seed)
        key = key_of(job, model, sample)
        if record.get("key") == key and _intact(store.picture(item.name), record.get("sha256")):
            return warm
        if not warm:  # the first call pays for imports and planning, and counts the arithmetic
            count = gflops(model, sample.given, sample.mask)
            if count is None:
                model.restore(sample.given, sample.mask)
            height, width = sample.given.shape[:2]
            _note_cost(job, gflops=count, gflops_at=f"{width} x {height}" if count else None)
        result = model.restore(sample.given, sample.mask)
        picture = encode(Picture(result.image), ".png")
    except OutputError:  # a disk that refuses is no failure of this one picture
        raise
    except ZooError as error:
        write_json(store.record(item.name), {"failed": str(error)})
        return warm
    # The picture first: a record without its picture would look finished.
    write_bytes(store.picture(item.name), picture)
    write_json(
        store.record(item.name),
        {
            "key": key,
            "sha256": hashlib.sha256(picture).hexdigest(),
            "seconds": round(result.seconds, 6),
            "pixels": int(sample.given.shape[0] * sample.given.shape[1]),
            "workers": workers,
        },
    )
    return True


def _intact(path: Path, sha256: str | None) -> bool:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == sha256
    except OSError:
        return False


_loaded: dict[Job, Restorer] = {}  # in a worker process: the one model it has loaded


def _restore_in_worker(job: Job, item: Item, workers: int) -> None:
    import torch

    warm = job in _loaded
    if not warm:
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // workers))
        _loaded.clear()
        _loaded[job] = job.load()
    _restore(job, _loaded[job], item, warm, workers)
