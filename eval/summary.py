"""Put a run's stored records together: the result file and the table of metrics."""

from __future__ import annotations

import io
import statistics
from collections import Counter

import pandas as pd

from zoo.io.images import write_bytes

from .datasets import Dataset
from .metrics import get_metric
from .predict import Job
from .provenance import code
from .results import Cost, DatasetFacts, ImageRow, MetricValue, Result, ScenarioFacts, environment
from .runfile import RunFile
from .scenarios import get_scenario
from .score import key_of, usable_metrics
from .stats import t_interval
from .store import read_json, write_json


def summarize(job: Job, run: RunFile, dataset: Dataset, limit: int | None, command: str) -> Result:
    """Write the run's metrics.csv and result.json, and return the result. Raises OutputError when the disk refuses.

    run: what stage 1 left. command: that repeats the run.
    """
    scenario = get_scenario(job.scenario)
    rows: list[ImageRow] = []
    records: list[dict] = []
    failures: dict[str, str] = {}
    reasons: dict[str, str] = {}
    for item in dataset.items:
        record = read_json(job.store.record(item.name)) or {}
        scored = read_json(job.store.score(item.name)) or {}
        key = key_of(job, item)
        if "failed" in record:
            failures[item.name] = record["failed"]
        elif key is None:
            failures[item.name] = "not restored yet, or with other code, weights or settings: run --stage predict"
        elif "failed" in scored:
            failures[item.name] = scored["failed"]
        elif scored.get("key") != key:
            changed = "measured by other code (the sources changed meanwhile)"
            failures[item.name] = f"{changed if 'key' in scored else 'not scored yet'}: run again"
        else:
            rows.append(
                ImageRow(
                    name=item.name, input=record["input"], seconds=record["seconds"], metrics=scored["metrics"]
                )
            )  # fmt: skip
            records.append(record)
            reasons.update({name: f"{why} ({item.name})" for name, why in scored["reasons"].items()})

    result = Result(
        command=command,
        code=code(),
        restoring=run.restoring,
        model=run.model,
        dataset=DatasetFacts(
            id=dataset.card.id,
            title=dataset.card.title,
            license=dataset.card.license,
            source=dataset.card.source,
            sha256=dataset.sha256,
            state=dataset.state,
            limit=limit,
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
        failures=failures,
        notes=dict(Counter(note for record in records for note in record["notes"])),
        metrics=_means(job.scenario, rows, reasons),
        cost=_cost(job, run, records),
        environment=environment(),
        images=rows,
    )
    write_bytes(job.store.table, _csv(result).encode())
    write_json(job.store.result, result.model_dump())
    return result


def _means(scenario: str, rows: list[ImageRow], reasons: dict[str, str]) -> dict[str, MetricValue]:
    """A mean is over all scored pictures that count or is not given: never over those that happened to work."""
    means: dict[str, MetricValue] = {}
    for name, why in usable_metrics(scenario).items():
        values = [value for row in rows if (value := row.metrics.get(name)) is not None]
        why = why or reasons.get(name) or (None if rows else "no picture was scored")
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


def _cost(job: Job, run: RunFile, records: list[dict]) -> Cost:
    seconds = [record["seconds"] for record in records]
    memory = [record["peak_memory_mb"] for record in records]
    loads = [record["load"] for record in records if record.get("load") is not None]
    counted = next((record for record in records if "gflops" in record), {})
    return Cost(
        device=", ".join(sorted({record["device"] for record in records})) or run.device,
        machine="; ".join(sorted({record["machine"] for record in records})) or "none: no picture was restored",
        precision=job.precision,
        tile=str(job.tile).lower(),
        workers=max((record["workers"] for record in records), default=1),
        load=statistics.median(loads) if loads else None,
        seconds_median=round(statistics.median(seconds), 6) if seconds else None,
        megapixels_per_second=(
            round(sum(record["pixels"] for record in records) / 1e6 / sum(seconds), 4) if sum(seconds) else None
        ),
        peak_memory_mb=max(memory) if memory and None not in memory else None,
        gflops=counted.get("gflops"),
        gflops_at=counted.get("gflops_at"),
    )


def _csv(result: Result) -> str:
    """A row per picture in the order of the data set; no times, so that equal work gives equal bytes."""
    table = pd.DataFrame([{"name": row.name, **row.metrics} for row in result.images])
    stream = io.StringIO()
    table.to_csv(stream, index=False, float_format="%.6f", lineterminator="\n")
    return stream.getvalue()
