"""Stage 2: measure the stored pictures. Needs no model, and is resumable."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable

from zoo import images
from zoo.errors import OutputError, ZooError

from .datasets import Item
from .metrics import NotComputable, get_metric
from .pool import Workers
from .predict import Job
from .results import source_digest
from .scenarios import get_scenario
from .store import digest, read_json, write_json


def usable_metrics(scenario: str) -> dict[str, str | None]:
    """The scenario's metrics, each with the reason why it cannot be computed on this machine, or None."""
    return {name: get_metric(name).unavailable() for name in get_scenario(scenario).metrics}


def score(job: Job, items: Iterable[Item], workers: Workers, progress: Callable[[], None]) -> None:
    """Measure the restored pictures that are not measured yet. Raises OutputError when scores cannot be written."""
    workers.each(_score, [(job, item) for item in items if _waiting(job, item)], progress)


def key_of(job: Job, item: Item) -> str | None:
    """What the scores of a picture depend on; None when there is no restored picture."""
    record = read_json(job.store.record(item.name)) or {}
    if "sha256" not in record:
        return None
    usable = [name for name, why in usable_metrics(job.scenario).items() if why is None]
    return digest(record["key"], record["sha256"], usable, source_digest("eval"), _truth_hash(item))


def _truth_hash(item: Item) -> str:
    try:
        return hashlib.sha256(item.clean.read_bytes()).hexdigest()
    except OSError:
        return "unreadable"


def _waiting(job: Job, item: Item) -> bool:
    key = key_of(job, item)
    return key is not None and (read_json(job.store.score(item.name)) or {}).get("key") != key


def _score(job: Job, item: Item) -> None:
    import torch

    torch.set_num_threads(1)  # sums in one order, whatever the machine: equal work has to give equal bytes
    scenario = get_scenario(job.scenario)
    key = key_of(job, item)
    try:
        sample = scenario.prepare(item, job.seed)
        restored = images.read(job.store.picture(item.name)).rgb8()
    except OutputError:
        raise
    except ZooError as error:
        write_json(job.store.score(item.name), {"failed": str(error)})
        return
    if restored.shape != sample.truth.shape:
        raise ZooError(f"{job.store.picture(item.name)} has the wrong size; delete it and run again.")
    values: dict[str, float | None] = {}
    reasons: dict[str, str] = {}
    for name, why in usable_metrics(job.scenario).items():
        if why is not None:
            continue
        try:
            # More than six decimals would be noise of the arithmetic.
            values[name] = round(get_metric(name).compute(restored, sample.truth, sample.mask), 6)
        except NotComputable as error:
            values[name], reasons[name] = None, str(error)
    write_json(job.store.score(item.name), {"key": key, "metrics": values, "reasons": reasons})
