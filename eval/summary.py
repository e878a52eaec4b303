"""Put a run's stored records together: the result file and the table of metrics."""

from __future__ import annotations

import io
import statistics
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from zoo.errors import ZooError
from zoo.io.images import write_bytes

from .datasets import Dataset, names_hash
from .metrics import get_metric
from .pool import cores
from .predict import Job, notes_of
from .provenance import code, without_places
from .records import Failure, Restored, Scored, read_record
from .results import Cost, DatasetFacts, ImageRow, MetricValue, Result, ScenarioFacts, environment
from .runfile import RunFile
from .scenarios import get_scenario
from .score import current, key_of, measuring, usable_metrics
from .stats import t_interval
from .store import RESULT, TABLE, write_json
from .watch import is_shared


def summarize(job: Job, run: RunFile, dataset: Dataset, limit: int | None, command: str) -> Result:
    """Write the run's metrics.csv and result.json, and return the result. Raises OutputError when the disk refuses.

    run: what stage 1 left. command: that repeats the run.
    """
    scenario = get_scenario(job.scenario)
    rows: list[ImageRow] = []
    records: list[Restored] = []
    failures: dict[str, str] = {}
    reasons: dict[str, str] = {}
    measured_by = measuring(job.scenario)
    for item in dataset.items:
        failed = read_record(job.store.record(item.name), Failure)
        record = current(job, item)
        scored = read_record(job.store.score(item.name), Scored)
        not_scored = read_record(job.store.score(item.name), Failure)
        if failed is not None:
            failures[item.name] = failed.failed
        elif record is None:
            failures[item.name] = (
                "not restored yet, or of other pictures, code, weights or settings: run --stage predict"
            )
        elif not_scored is not None:
            failures[item.name] = not_scored.failed
        elif scored is None:
            failures[item.name] = "not scored yet: run again"
        elif scored.key != key_of(record, measured_by):
            failures[item.name] = "measured by other code (the sources changed meanwhile): run again"
        else:
            rows.append(
                ImageRow(
                    name=item.name, input=record.input, seconds=record.seconds, shared=_shared([record]),
                    retried=record.retried, metrics=scored.metrics,
                )
            )  # fmt: skip
            records.append(record)
            for name, why in scored.reasons.items():
                reasons.setdefault(name, f"{why} ({item.name})")

    places = [path.parent for item in dataset.items[:1] for path in item.files if path is not None]
    places += [job.out, *([job.weights.parent] if job.weights else [])]

    def public(text: str) -> str:
        return without_places(text, places)

    contents = _contents(dataset, {row.name: record.content for row, record in zip(rows, records, strict=True)})
    result = Result(
        command=command,
        code=code(),
        restoring=run.restoring,
        model=run.model.model_copy(update={"requested": public(run.model.requested)}),
        dataset=DatasetFacts(
            id=dataset.card.id,
            title=dataset.card.title,
            license=dataset.card.license,
            source=dataset.card.source,
            sha256=names_hash(contents.items()),
            state=dataset.state,
            limit=limit,
            shard=job.shard,
            contents=contents if job.shard else None,
        ),
        scenario=ScenarioFacts(
            id=scenario.id,
            version=scenario.version,
            title=scenario.title,
            seed=job.seed,
            primary=scenario.primary,
            chain=scenario.chain,
        ),
        n_expected=dataset.total,
        n_scored=len(rows),
        failures={name: public(why) for name, why in failures.items()},
        notes={public(note): count for note, count in notes_of(records).items()},
        metrics=means(
            rows, {name: why and public(why) for name, why in unavailable_reasons(job.scenario, reasons).items()}
        ),
        cost=_cost(job, run, records),
        environment=environment(),
        images=rows,
    )
    write(result, job.store.folder)
    return result


def write(result: Result, folder: Path) -> None:
    """Write a run's table and result file into its folder. Raises OutputError."""
    write_bytes(folder / TABLE, _csv(result).encode())
    write_json(folder / RESULT, result.model_dump())


def _contents(dataset: Dataset, restored: dict[str, str]) -> dict[str, str]:
    """What the pictures add to the data set's checksum; "unreadable" for those that cannot be read."""
    known = dict(restored)
    for item in dataset.items:
        if item.name not in known:
            try:
                known[item.name] = item.sha256
            except ZooError:
                known[item.name] = "unreadable"
    return dataset.contents(known)


def unavailable_reasons(scenario: str, reasons: dict[str, str]) -> dict[str, str | None]:
    """The scenario's metrics, each with why it has no mean, or None. reasons: of single pictures."""
    return {name: why or reasons.get(name) for name, why in usable_metrics(scenario).items()}


def means(rows: Sequence[ImageRow], metrics: dict[str, str | None]) -> dict[str, MetricValue]:
    """A mean is over all scored pictures that count or is not given: never over those that happened to work.

    metrics: with why there is no mean, or None.
    """
    means: dict[str, MetricValue] = {}
    for name, why in metrics.items():
        values = [value for row in rows if (value := row.metrics.get(name)) is not None]
        why = why or (None if rows else "no picture was scored")
        why = why or (None if values else "none of the pictures counts")
        metric = get_metric(name)
        version = metric.version
        if why is not None:
            means[name] = MetricValue(version=version, unavailable=f"unavailable: {why}")
            continue
        interval = t_interval(values, bounds=(metric.low, metric.high))
        low, high = (None, None) if interval is None else (round(end, 6) for end in interval)
        mean = round(statistics.fmean(values), 6)
        means[name] = MetricValue(mean=mean, low=low, high=high, n=len(values), version=version)
    return means


def _cost(job: Job, run: RunFile, records: list[Restored]) -> Cost:
    seconds = [record.seconds for record in records]
    memory = [record.peak_memory_mb for record in records if record.peak_memory_mb is not None]
    counted = next((record for record in records if record.gflops is not None), None)
    watched = sum(record.watched or 0.0 for record in records)
    others = sum(record.others or 0.0 for record in records)
    shared = _shared(records)
    alone = shared is False and sum(seconds) > 0
    pixels = sum(record.pixels for record in records)
    return Cost(
        device=", ".join(sorted({record.device for record in records})) or run.device,
        machine="; ".join(sorted({record.machine for record in records})) or "none: no picture was restored",
        precision=job.precision,
        tile=str(job.tile).lower(),
        workers=max((record.workers for record in records), default=1),
        others=min(1.0, round(others / watched / cores(), 3)) if watched else None,
        shared=shared,
        seconds_median=median(seconds) if alone else None,
        megapixels_per_second=round(pixels / 1e6 / sum(seconds), 4) if alone else None,
        peak_memory_mb=max(memory) if memory and len(memory) == len(records) else None,
        gflops=counted.gflops if counted else None,
        gflops_at=counted.gflops_at if counted else None,
    )


def median(seconds: Sequence[float]) -> float:
    """The median latency, in microseconds' precision."""
    return round(statistics.median(seconds), 6)


def _shared(records: Sequence[Restored]) -> bool | None:
    """Whether something was in the way of these latencies; None when that was not watched."""
    if any(record.workers > 1 for record in records):
        return True
    laps = [(record.watched, record.others) for record in records if record.watched is not None]
    if len(laps) < 0.9 * len(records) or not laps:  # a lap in which a process was replaced is not known
        return None
    return is_shared(sum(watched or 0.0 for watched, _ in laps), sum(others or 0.0 for _, others in laps))


def _csv(result: Result) -> str:
    """A row per picture in the order of the data set; no times, so that equal work gives equal bytes."""
    table = pd.DataFrame([{"name": row.name, **row.metrics} for row in result.images])
    stream = io.StringIO()
    table.to_csv(stream, index=False, float_format="%.6f", lineterminator="\n")
    return stream.getvalue()
