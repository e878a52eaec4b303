"""Stage 1: restore every picture of a scenario and store what comes out, with what it cost. Resumable.

A picture is prepared (read and degraded) in one process, restored in another that has the model, and encoded in the
first; the main process writes. So whatever a model or a decoder does, it is the failure of that picture.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import zoo
import zoo.registry
from zoo.errors import OutOfMemoryError, ZooError
from zoo.io.files import printable, read_bytes
from zoo.io.images import Picture, encode, max_bytes, write_bytes

from .cost import PeakMemory, gflops, warm_up
from .datasets import Item
from .pool import Workers, cores, drive
from .records import Failure, Restored, is_changed, read_record, write_record
from .results import accelerator, library_versions, machine
from .scenarios import Sample, get_scenario
from .sources import source_digest
from .store import Store, digest
from .watch import Watch

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
    shard: str | None = None
    """"i/n": only these pictures of the data set."""
    settings: str = ""
    """Digest of the loaded model and all that its pictures depend on, apart from the input: see `prepared`."""
    variant: str = ""
    """What tells this run's folder from the model's ordinary one: another device, precision or size of tiles, the
    user's own weights."""

    def load(self) -> Restorer:
        """The model. Raises UnknownNameError, WeightsError, ZooError."""
        return zoo.load(self.model, device=self.device, precision=self.precision, tile=self.tile, weights=self.weights)

    @property
    def folder(self) -> str:
        """The name of the run's folder but for its shard."""
        return self.model + self.variant

    @property
    def store(self) -> Store:
        """Where the run keeps its work."""
        scenario = get_scenario(self.scenario)
        shard = "" if self.shard is None else f"-shard-{self.shard.replace('/', '-of-')}"
        return Store(self.out, self.dataset, f"{scenario.id}-v{scenario.version}-s{self.seed}", self.folder + shard)


@dataclass(frozen=True)
class Loaded:
    """What there is to know of a model that a worker process has loaded."""

    id: str
    title: str
    license: str
    weights_sha256: str | None
    parameters: int
    device: str
    machine: str
    accelerator: str | None
    module: str
    """That builds the model."""
    least_tile: int | None
    """Side in pixels of the smallest tiles that it works in; None for models that do not tile."""

    @classmethod
    def of(cls, name: str, model: Restorer) -> Loaded:
        """The facts of a model that was loaded by this name."""
        card = model.card
        return cls(
            card.id, card.title, card.license, model.weights_sha256, model.parameters, model.device,
            machine(model.device), accelerator(model.device), zoo.registry.module_of(name),
            None if card.tiling is None else max(64, 4 * card.tiling.margin),
        )  # fmt: skip


def prepared(job: Job, loaded: Loaded) -> Job:
    """The job with what only the loaded model tells: the precision it really computes in, and its settings."""
    precision = job.precision if loaded.parameters else "fp32"  # classical methods know no other
    device = loaded.device.partition(":")[0]
    settings = digest(
        loaded.id, loaded.weights_sha256, source_digest("zoo.restorer", loaded.module), library_versions(RESTORING),
        precision, str(job.tile), device,
    )  # fmt: skip
    variant = "" if device == "cpu" else f"-{device}"
    variant += "" if precision == "fp32" else f"-{precision}"
    variant += "" if job.tile == "auto" else f"-tile-{job.tile or 'none'}"
    if job.weights is not None and loaded.weights_sha256 is not None:
        variant += f"-weights-{loaded.weights_sha256[:8]}"
    return replace(job, precision=precision, settings=settings, variant=variant)


def key_of(job: Job, sample: Sample) -> str:
    """What a restored picture and its scores depend on: the model, its settings and code, the input, the target."""
    return digest(job.settings, sample.given, "none" if sample.mask is None else sample.mask, sample.truth)


def recipe_of(job: Job, item: Item, content: str) -> str:
    """What makes the key, so that it need not be computed again: the item's files and name, and how inputs are made."""
    scenario = get_scenario(job.scenario)
    made_by = source_digest("eval.scenarios")
    return digest(job.settings, content, item.name, scenario.id, scenario.version, job.seed, made_by)


@dataclass(frozen=True)
class Prepared:
    """An input with its target, read from the data set."""

    sample: Sample
    key: str
    content: str


def prepare(job: Job, item: Item) -> Prepared:
    """Read and degrade a picture. Raises ZooError, also when its file has changed during the run."""
    sample = get_scenario(job.scenario).prepare(item, job.seed)
    content = item.sha256
    item.check_unchanged()
    return Prepared(sample, key_of(job, sample), content)


@dataclass(frozen=True)
class Output:
    """What a model made of an input, and what it took."""

    picture: np.ndarray
    """HxWx3 uint8."""
    seconds: float
    peak_memory_mb: float | None
    notes: tuple[str, ...]
    gflops: float | None
    gflops_at: str | None


class Bench:
    """A model in this process, with what is measured around it."""

    def __init__(self, job: Job):
        warm_up()
        self._memory = PeakMemory("cpu")
        self.model = job.load()
        if self.model.device.startswith("cuda"):
            self._memory = PeakMemory(self.model.device)
        self._gflops: tuple[float | None, str | None] | None = None

    def restore(self, degraded: np.ndarray, mask: np.ndarray | None, tile: int | None = None) -> Output:
        """Restore one input: HxWx3 uint8, or float32 in units of the full range; mask: HxW bool, True = hole.

        tile: side of the tiles to work in, in place of the job's. Raises ZooError as `Restorer.restore` does.
        """
        usual = self.model.tile
        self.model.tile = usual if tile is None else tile
        try:
            return self._measured(degraded, mask)
        finally:
            self.model.tile = usual

    def _measured(self, degraded: np.ndarray, mask: np.ndarray | None) -> Output:
        height, width = degraded.shape[:2]
        if self._gflops is None:  # the first call pays for imports and planning; it counts the arithmetic instead
            count = gflops(self.model, Picture(degraded), mask)
            self._gflops = count, None if count is None else f"{width} x {height}"
        return self.timed(degraded, mask)

    def timed(self, degraded: np.ndarray, mask: np.ndarray | None) -> Output:
        """As `restore`, without what warms the model up."""
        with self._memory:
            result = self.model.restore(Picture(degraded), mask)
        memory = self._memory.megabytes
        return Output(
            result.picture.rgb8(), round(result.seconds, 6), None if memory is None else round(memory, 1), result.notes,
            *(self._gflops or (None, None)),
        )  # fmt: skip


_bench: Bench | None = None  # in a worker process: the one model that it has loaded


def load(job: Job, threads: int) -> Loaded:
    """Load the job's model into this process. threads: that it computes in. Raises as `zoo.load` does."""
    global _bench
    import torch

    torch.set_num_threads(threads)
    _bench = None  # the old model goes before the new one comes
    _bench = Bench(job)
    return Loaded.of(job.model, _bench.model)


def opened() -> Bench:
    """The model that `load` has loaded into this process."""
    assert _bench is not None, "load comes first"
    return _bench


def restore(degraded: np.ndarray, mask: np.ndarray | None, tile: int | None) -> Output:
    """Restore an input by the model that `load` has loaded into this process; see `Bench.restore`."""
    return opened().restore(degraded, mask, tile)


def encoded(picture: np.ndarray) -> tuple[bytes, str]:
    """A picture (HxWx3 uint8) as PNG, and the sha256 of that."""
    data = encode(Picture(picture), ".png")
    return data, hashlib.sha256(data).hexdigest()


Then = Callable[[Item, Restored, Callable[[], None], "Sample | None", "np.ndarray | None"], None]


@dataclass
class Stage1:
    """The restoring of a run's pictures."""

    job: Job
    loaded: Loaded
    items: Iterable[Item]
    restorers: Workers
    helpers: Workers
    ahead: int = 1
    """Pictures that are in work at once."""
    limit: float | None = None
    """Seconds for a picture."""
    progress: Callable[[], None] = lambda: None
    then: Then | None = None
    """Called with each picture that is stored, what it has to call when it is done with it, and the picture's sample
    and restored pixels if they are at hand."""
    changed: int = 0
    """Stored pictures and records that were not as they had been written."""
    _watch: Watch = field(default_factory=Watch)
    _in_work: int = 0
    _feeding: bool = False

    def run(self) -> None:
        """Restore the pictures that are not stored yet; failures are stored too, and tried again the next time.

        Raises OutputError when the results cannot be written, and ZooError when a process cannot load the model.
        """
        self._store = self.job.store
        self._rest = iter(self.items)
        self._watch.begin(self._own)
        self._feed()
        drive(self.restorers, self.helpers)

    @property
    def _own(self) -> set[int]:
        return self.restorers.pids | self.helpers.pids

    def _feed(self) -> None:
        if self._feeding:  # what is stored comes back here at once; the loop below goes on, without end of the stack
            return
        self._feeding = True
        while self._in_work < self.ahead and (item := next(self._rest, None)) is not None:
            record = self._believed(item)
            self._in_work += 1
            if record is not None and self._is_current(item, record):
                self._finished(item, record)
                continue
            self.helpers.submit(
                prepare, self.job, item, done=partial(self._prepared, item, record), failed=partial(self._failed, item),
                limit=self.limit,
            )  # fmt: skip
        self._feeding = False

    def _believed(self, item: Item) -> Restored | None:
        """The item's record, if it and its picture are as they were written, by this model with these settings."""
        path = self._store.record(item.name)
        record = read_record(path, Restored)
        if record is None:
            self.changed += is_changed(path)
            return None
        if (record.settings, record.device) != (self.job.settings, self.loaded.device):
            return None
        if read_intact(self._store.picture(item.name), record.sha256) is None:
            self.changed += 1
            return None
        return record

    def _is_current(self, item: Item, record: Restored) -> bool:
        try:
            return record.recipe == recipe_of(self.job, item, item.sha256)
        except ZooError:  # it cannot be read, which preparing it will say
            return False

    def _prepared(self, item: Item, record: Restored | None, made: Prepared) -> None:
        recipe = recipe_of(self.job, item, made.content)
        if record is not None and record.key == made.key:  # made in another way, it came out the same
            record = record.model_copy(update={"recipe": recipe, "content": made.content})
            write_record(self._store.record(item.name), record)
            self._finished(item, record, made.sample)
            return
        self._submit(item, made, None, None)

    def _submit(self, item: Item, made: Prepared, tile: int | None, retried: str | None) -> None:
        self.restorers.submit(
            restore, made.sample.given, made.sample.mask, tile,
            done=partial(self._restored, item, made, retried), failed=partial(self._broke, item, made, retried),
            limit=self.limit,
        )  # fmt: skip

    def _broke(self, item: Item, made: Prepared, retried: str | None, error: ZooError) -> None:
        height, width = made.sample.given.shape[:2]
        tile = None if retried else self._smaller_tile(height, width)
        if isinstance(error, OutOfMemoryError) and tile is not None:
            self._submit(item, made, tile, f"it ran out of memory and was restored in tiles of {tile} pixels.")
        else:
            self._failed(item, error)

    def _smaller_tile(self, height: int, width: int) -> int | None:
        """Half of what it was tried in; None when the model or the user wants no tiles, or they would be too small."""
        from zoo.restorer import AUTO_TILE

        if self.job.tile is None or self.loaded.least_tile is None:
            return None
        side = min(max(height, width), AUTO_TILE if self.job.tile == "auto" else int(self.job.tile)) // 2
        return side if side >= self.loaded.least_tile else None

    def _failed(self, item: Item, error: ZooError) -> None:
        self._store.withdraw_result()
        write_record(self._store.record(item.name), Failure(failed=printable(error)))
        self.progress()
        self._leave()

    def _restored(self, item: Item, made: Prepared, retried: str | None, output: Output) -> None:
        lap = self._watch.lap(self._own)
        self.helpers.submit(
            encoded, output.picture, done=partial(self._encoded, item, made, retried, output, lap),
            failed=partial(self._failed, item), limit=self.limit,
        )  # fmt: skip

    def _encoded(
        self, item: Item, made: Prepared, retried: str | None, output: Output, lap: tuple[float, float] | None,
        png: tuple[bytes, str],
    ) -> None:  # fmt: skip
        data, sha256 = png
        height, width = made.sample.given.shape[:2]
        record = Restored(
            key=made.key,
            recipe=recipe_of(self.job, item, made.content),
            content=made.content,
            settings=self.job.settings,
            input=made.sample.digest,
            sha256=sha256,
            seconds=output.seconds,
            pixels=height * width,
            peak_memory_mb=output.peak_memory_mb,
            device=self.loaded.device,
            machine=self.loaded.machine,
            workers=self.restorers.count,
            watched=None if lap is None else round(lap[0], 6),
            others=None if lap is None else round(lap[1], 6),
            retried=retried,
            notes=output.notes,
            gflops=output.gflops,
            gflops_at=output.gflops_at,
        )
        self._store.withdraw_result()
        # The picture first: a record without its picture would look finished.
        write_bytes(self._store.picture(item.name), data)
        write_record(self._store.record(item.name), record)
        self._finished(item, record, made.sample, output.picture)

    def _finished(
        self, item: Item, record: Restored, sample: Sample | None = None, picture: np.ndarray | None = None
    ) -> None:
        self.progress()
        if self.then is None:
            self._leave()
        else:
            self.then(item, record, self._leave, sample, picture)

    def _leave(self) -> None:
        self._in_work -= 1
        self._feed()


def threads_each(workers: Workers) -> int:
    """How many threads each of these processes may compute in."""
    return max(1, cores() // workers.count)


def failures(job: Job, items: Iterable[Item]) -> dict[str, str]:
    """The pictures that could not be restored, with the reasons."""
    records = {item.name: read_record(job.store.record(item.name), Failure) for item in items}
    return {name: record.failed for name, record in records.items() if record is not None}


def notes_of(records: Iterable[Restored]) -> dict[str, int]:
    """What the model remarked -> on how many pictures."""
    return dict(Counter(note for record in records for note in record.notes))


def read_intact(path: Path, sha256: str | None) -> bytes | None:
    """A file's bytes when they have this checksum, else None."""
    try:
        data = read_bytes(path, max_bytes())
    except OSError:
        return None
    return data if hashlib.sha256(data).hexdigest() == sha256 else None
