"""Stage 2: measure the stored pictures. Needs no model, and is resumable."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from zoo.errors import ZooError
from zoo.io import images
from zoo.io.files import printable

from .datasets import Item
from .metrics import DoesNotCount, NotComputable, get_metric
from .pool import Workers, drive
from .predict import Job, read_intact
from .predict import key_of as restored_key_of
from .records import Failure, Restored, Scored, is_changed, read_record, write_record
from .results import library_versions
from .scenarios import Sample, get_scenario
from .sources import source_digest
from .store import digest

MEASURING = ("numpy", "opencv-python", "Pillow")
"""Libraries whose version any score can depend on, beside those of its metric; those behind the inputs are in the key
of the restored picture."""


def usable_metrics(scenario: str) -> dict[str, str | None]:
    """The scenario's metrics, each with the reason why it cannot be computed on this machine, or None."""
    return {name: get_metric(name).unavailable_reason() for name in get_scenario(scenario).metrics}


def measuring(scenario: str) -> str:
    """What all scores of a scenario depend on: the versions of its usable metrics, their code and libraries."""
    usable = {name: get_metric(name).version for name, why in usable_metrics(scenario).items() if why is None}
    libraries = {lib for name in usable for lib in get_metric(name).libraries}
    return digest(usable, source_digest("eval.metrics"), library_versions((*MEASURING, *sorted(libraries))))


def key_of(record: Restored, measuring: str) -> str:
    """What the scores of a picture depend on: how it was restored, its pixels, and how they are measured."""
    return digest(record.key, record.sha256, record.content, measuring)


def current(job: Job, item: Item) -> Restored | None:
    """The record of a picture; None when it is not restored, or was with other settings or from other files."""
    record = read_record(job.store.record(item.name), Restored)
    if record is None or record.settings != job.settings:
        return None
    try:
        return record if record.content == item.sha256 else None
    except ZooError:  # the data set's file is gone
        return None


@dataclass(frozen=True)
class Measured:
    """The values of one picture's metrics; None with a reason where there is none."""

    metrics: dict[str, float | None]
    reasons: dict[str, str]


def measure(scenario: str, sample: Sample, restored: np.ndarray) -> Measured:
    """Measure one picture (HxWx3 uint8). Raises ZooError when its size is not the target's, or a metric fails."""
    import torch

    torch.set_num_threads(1)  # sums in one order, whatever the machine: equal work has to give equal bytes
    if restored.shape != sample.truth.shape:
        raise ZooError(
            f"the restored picture has {restored.shape[1]} x {restored.shape[0]} pixels, the target "
            f"{sample.truth.shape[1]} x {sample.truth.shape[0]}."
        )
    values: dict[str, float | None] = {}
    reasons: dict[str, str] = {}
    for name, why in usable_metrics(scenario).items():
        if why is not None:
            continue
        try:
            # More than six decimals would be noise of the arithmetic.
            value = round(float(get_metric(name).compute(restored, sample.truth, sample.mask)), 6)
            if not math.isfinite(value):
                raise NotComputable(f"came out as {value}")
            values[name] = value
        except DoesNotCount:
            values[name] = None
        except NotComputable as error:
            values[name], reasons[name] = None, str(error)
        except Exception as error:
            raise ZooError(f"the metric {name} failed: {type(error).__name__}: {error}") from error
    return Measured(values, reasons)


def measure_stored(job: Job, item: Item, key: str, picture: bytes) -> Measured:
    """Measure a restored picture (as PNG) whose record has this key. Raises ZooError as `measure` does."""
    sample = get_scenario(job.scenario).prepare(item, job.seed)
    item.check_unchanged()
    if key != restored_key_of(job, sample):
        raise ZooError("it was restored from another input: run --stage predict again.")
    return measure(job.scenario, sample, images.read(picture).rgb8())


@dataclass
class Stage2:
    """The measuring of a run's restored pictures."""

    job: Job
    helpers: Workers
    limit: float | None = None
    """Seconds for a picture."""
    progress: Callable[[], None] = lambda: None
    changed: int = 0
    """Stored records that were not as they had been written."""
    _measuring: str = field(init=False)
    _in_work: int = 0

    def __post_init__(self) -> None:
        self._measuring = measuring(self.job.scenario)

    def run(self, items: Iterable[Item]) -> None:
        """Measure the restored pictures that are not measured yet. Raises OutputError when scores cannot be written."""
        for item in items:
            if (record := current(self.job, item)) is None:
                continue
            self._in_work += 1
            self.submit(item, record, self._leave)
            # Few at a time: each holds its picture in memory until its turn comes.
            drive(self.helpers, until=lambda: self._in_work < 2 * self.helpers.count)
        drive(self.helpers)

    def _leave(self) -> None:
        self._in_work -= 1

    def submit(
        self,
        item: Item,
        record: Restored,
        then: Callable[[], None],
        sample: Sample | None = None,
        restored: np.ndarray | None = None,
    ) -> None:
        """Have one picture measured by `drive`, unless that is done, and call `then` afterwards.

        sample, restored: the target with its input, and what was restored (HxWx3 uint8), if they are at hand.
        """
        key = key_of(record, self._measuring)
        path = self.job.store.score(item.name)
        known = read_record(path, Scored)
        if known is not None and known.key == key:
            self.progress()
            then()
            return
        self.changed += is_changed(path)
        done, failed = partial(self._done, item, key, then), partial(self._failed, item, then)
        if sample is not None and restored is not None:
            self.helpers.submit(
                measure, self.job.scenario, sample, restored, done=done, failed=failed, limit=self.limit
            )
            return
        picture = read_intact(self.job.store.picture(item.name), record.sha256)
        if picture is None:
            failed(ZooError("its stored restored picture is damaged: run --stage predict again."))
            return
        self.helpers.submit(
            measure_stored, self.job, item, record.key, picture, done=done, failed=failed, limit=self.limit
        )

    def _done(self, item: Item, key: str, then: Callable[[], None], measured: Measured) -> None:
        self._write(item, Scored(key=key, metrics=measured.metrics, reasons=measured.reasons), then)

    def _failed(self, item: Item, then: Callable[[], None], error: ZooError) -> None:
        self._write(item, Failure(failed=printable(error)), then)

    def _write(self, item: Item, record: Scored | Failure, then: Callable[[], None]) -> None:
        self.job.store.withdraw_result()
        write_record(self.job.store.score(item.name), record)
        self.progress()
        then()
