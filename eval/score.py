"""Stage 2: measure the stored pictures. Needs no model, and is resumable."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from zoo.errors import OutputError, ZooError
from zoo.io import images
from zoo.io.files import printable

from .datasets import Item
from .metrics import DoesNotCount, NotComputable, get_metric
from .pool import Workers
from .predict import Job, read_intact
from .predict import key_of as restored_key_of
from .results import library_versions
from .scenarios import get_scenario
from .sources import source_digest
from .store import digest, read_json, write_json

MEASURING = ("numpy", "opencv-python", "Pillow")
"""Libraries whose version any score can depend on, beside those of its metric; those behind the inputs are in the key
of the restored picture."""


def usable_metrics(scenario: str) -> dict[str, str | None]:
    """The scenario's metrics, each with the reason why it cannot be computed on this machine, or None."""
    return {name: get_metric(name).unavailable_reason() for name in get_scenario(scenario).metrics}


def score(job: Job, items: Iterable[Item], workers: Workers, progress: Callable[[], None]) -> None:
    """Measure the restored pictures that are not measured yet. Raises OutputError when scores cannot be written."""
    workers.each(_score, [(job, item) for item in items if _waiting(job, item)], progress)


def key_of(job: Job, item: Item) -> str | None:
    """What the scores of a picture depend on; None when it is not restored, or was with other settings."""
    record = read_json(job.store.record(item.name)) or {}
    if record.get("settings") != job.settings or not record.get("sha256"):
        return None
    usable = {name: get_metric(name).version for name, why in usable_metrics(job.scenario).items() if why is None}
    return digest(
        record.get("key"), record["sha256"], item.sha256, usable, source_digest("eval.metrics"),
        library_versions((*MEASURING, *sorted({lib for name in usable for lib in get_metric(name).libraries}))),
    )  # fmt: skip


def _waiting(job: Job, item: Item) -> bool:
    key = key_of(job, item)
    return key is not None and (read_json(job.store.score(item.name)) or {}).get("key") != key


def _score(job: Job, item: Item) -> None:
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # sums in one order, whatever the machine: equal work has to give equal bytes
    try:
        scores = _measure(job, item)
    except OutputError:
        raise
    except ZooError as error:
        scores = {"failed": printable(error)}
    finally:
        torch.set_num_threads(threads)  # the next model's latency is measured in this process
    job.store.withdraw_result()
    write_json(job.store.score(item.name), scores)


def _measure(job: Job, item: Item) -> dict:
    """The record of one picture's scores. Raises ZooError when there is nothing that can be measured."""
    record = read_json(job.store.record(item.name)) or {}
    data = read_intact(job.store.picture(item.name), record.get("sha256"))
    if data is None:
        raise ZooError("its stored restored picture is damaged: run --stage predict again.")
    sample = get_scenario(job.scenario).prepare(item, job.seed)
    if record.get("key") != restored_key_of(job, sample):
        raise ZooError("it was restored from another input: run --stage predict again.")
    restored = images.read(data).rgb8()
    if restored.shape != sample.truth.shape:
        raise ZooError(
            f"the restored picture has {restored.shape[1]} x {restored.shape[0]} pixels, the true one "
            f"{sample.truth.shape[1]} x {sample.truth.shape[0]}."
        )
    values: dict[str, float | None] = {}
    reasons: dict[str, str] = {}
    for name, why in usable_metrics(job.scenario).items():
        if why is not None:
            continue
        try:
            # More than six decimals would be noise of the arithmetic.
            value = round(get_metric(name).compute(restored, sample.truth, sample.mask), 6)
            if not math.isfinite(value):
                raise NotComputable(f"came out as {value}")
            values[name] = value
        except DoesNotCount:
            values[name] = None
        except NotComputable as error:
            values[name], reasons[name] = None, str(error)
    return {"key": key_of(job, item), "metrics": values, "reasons": reasons}
