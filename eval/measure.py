"""Measure what a run has stored by more metrics than its scenario's: costly ones, those of a set, or a protocol's.

The result file stays as it is. What is measured stands in `measured.json` beside it, and each picture's values in
`measured/`, so that a stopped call goes on.
"""

from __future__ import annotations

import argparse
import math
import statistics
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from zoo.errors import UnknownNameError, ZooError

from .metric import DoesNotCount, Metric, NotComputable, SetMetric
from .metrics import METRICS, SET_METRICS
from .provenance import code
from .published import Protocol, get_protocol, ntire_face_score, published
from .results import library_versions
from .score import MEASURING
from .sources import source_digest
from .stats import t_interval
from .store import digest, read_json, write_json
from .stored import Shown, StoredRun, add_run_arguments, open_run


def find_metric(name: str) -> Metric | SetMetric:
    """The metric or set metric of that id. Raises UnknownNameError."""
    if name in SET_METRICS:
        return SET_METRICS.get(name)
    if name not in METRICS:
        raise UnknownNameError("metric", name, [*METRICS, *SET_METRICS])
    return METRICS.get(name)


def measure(run: StoredRun, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Metric id -> version and either value with interval and count, or why there is none ("unavailable").

    Raises UnknownNameError, OutputError, and ZooError as `StoredRun.pictures` does.
    """
    metrics = [find_metric(name) for name in dict.fromkeys(names)]
    found: dict[str, dict[str, Any]] = {metric.id: {"version": metric.version} for metric in metrics}
    usable: list[Metric | SetMetric] = []
    for metric in metrics:
        if reason := metric.unavailable_reason():
            found[metric.id]["unavailable"] = f"unavailable: {reason}"
        else:
            usable.append(metric)
    rows: dict[str, dict[str, float | None]] = {}
    reasons: dict[str, str] = {}
    features: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    for shown in run.pictures() if usable else ():
        rows[shown.name] = {}
        for metric in usable:
            if isinstance(metric, SetMetric):
                pair = (metric.features(shown.restored), metric.features(shown.sample.truth))
                features.setdefault(metric.id, []).append(pair)
                continue
            value, reason = _stored(run, shown, metric)
            rows[shown.name][metric.id] = value
            if reason:
                reasons[metric.id] = f"{reason} ({shown.name})"
    for metric in usable:
        told = found[metric.id]
        if isinstance(metric, SetMetric):
            try:
                restored, targets = (
                    zip(*features.get(metric.id, []), strict=True) if metric.id in features else ((), ())
                )
                told |= {"value": round(metric.value(restored, targets), 6), "n": len(restored)}
            except NotComputable as error:
                told["unavailable"] = f"unavailable: {error}"
            continue
        values = [value for row in rows.values() if (value := row[metric.id]) is not None]
        if metric.id in reasons or not values:
            told["unavailable"] = f"unavailable: {reasons.get(metric.id, 'none of the pictures counts')}"
            continue
        interval = t_interval(values, bounds=(metric.low, metric.high))
        low, high = (None, None) if interval is None else (round(end, 6) for end in interval)
        told |= {"value": round(statistics.fmean(values), 6), "low": low, "high": high, "n": len(values)}
    before = read_json(run.store.folder / "measured.json") or {}
    write_json(
        run.store.folder / "measured.json",
        {
            "model": run.result.model.id, "dataset": run.result.dataset.id, "scenario": run.result.scenario.id,
            "dataset_sha256": run.result.dataset.sha256, "code": code().model_dump(),
            "metrics": {**(before.get("metrics") or {}), **found},
        },
    )  # fmt: skip
    return found


def _stored(run: StoredRun, shown: Shown, metric: Metric) -> tuple[float | None, str | None]:
    """A picture's value, or why there is none; measured once."""
    path = run.store.folder / "measured" / f"{shown.name}.json"
    record = read_json(path) or {}
    key = digest(
        metric.id, metric.version, shown.sha256, shown.sample.truth,
        "none" if shown.sample.mask is None else shown.sample.mask, source_digest(metric.compute.__module__),
        library_versions((*MEASURING, *metric.libraries)),
    )  # fmt: skip
    known = record.get(metric.id)
    if isinstance(known, dict) and known.get("key") == key:
        return known.get("value"), known.get("reason")
    value, reason = None, None
    try:
        value = round(metric.compute(shown.restored, shown.sample.truth, shown.sample.mask), 6)
        if not math.isfinite(value):
            value, reason = None, f"came out as {value}"
    except DoesNotCount:
        pass
    except NotComputable as error:
        reason = str(error)
    write_json(path, {**record, metric.id: {"key": key, "value": value, "reason": reason}})
    return value, reason


def report(run: StoredRun, found: dict[str, dict[str, Any]], protocol: Protocol | None) -> str:
    """A table for people: what was measured, and what was published under the same protocol."""
    from zoo.cli.common import table

    result = run.result
    told = published(result.model.id, result.dataset.id, result.scenario.id, protocol.id if protocol else None)
    rows = []
    for name, value in found.items():
        figures = "; ".join(f"{f.value:g} ({f.how}, protocol {f.protocol})" for f in told if f.metric == name)
        interval = f"{value['low']:.4f} to {value['high']:.4f}" if value.get("low") is not None else "-"
        shown = value.get("unavailable") or f"{value['value']:.4f}"
        rows.append((name, f"v{value['version']}", shown, interval, str(value.get("n", "-")), figures or "-"))
    lines = [f"{result.model.id} on {result.dataset.id}, {result.scenario.id}"]
    lines.append(table(("metric", "version", "value", "95 % interval", "pictures", "published"), rows))
    if protocol is not None:
        lines += [f"protocol {protocol.id}: {protocol.title} ({protocol.source})", *filter(None, [protocol.notes])]
        lines += [f"{part}: unavailable: {why}" for part, why in protocol.missing.items()]
    if protocol is not None and protocol.id == "ntire-face":
        parts = {name: value["value"] for name, value in found.items() if "value" in value}
        try:
            lines.append(f"score: {ntire_face_score(parts):.4f}")
        except NotComputable as error:
            lines.append(f"score: unavailable: {error}")
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """The command `python -m eval measure`. Raises ZooError."""
    text = "Measure stored runs by more metrics, or by the protocol of a paper; their results stay as they are."
    parser = argparse.ArgumentParser(prog="python -m eval measure", description=text)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folder of a run, which has a result.json")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--metric", metavar="M[,M...]", help="of `python -m eval metrics`")
    what.add_argument("--protocol", metavar="NAME", help="of `python -m eval protocols`")
    add_run_arguments(parser)
    args = parser.parse_args(arguments)
    protocol = get_protocol(args.protocol) if args.protocol else None
    names = [name.strip() for name in (args.metric or "").split(",") if name.strip()]
    if protocol is None and not names:
        raise ZooError(f"'{args.metric}' names no metric.")
    for name in names:
        find_metric(name)  # a misspelled name is told before anything is measured
    for path in args.runs:
        run = open_run(path, args.dataset, args.data_root)
        wanted = protocol.of(run.result.scenario.id) if protocol else names
        print(report(run, measure(run, wanted), protocol), flush=True)
    return 0


def protocols(arguments: list[str]) -> int:
    """The command `python -m eval protocols`."""
    argparse.ArgumentParser(
        prog="python -m eval protocols", description="List the protocols of papers, and what was published under them."
    ).parse_args(arguments)
    from zoo.cli.common import table

    from .published import PROTOCOLS, figures

    rows = []
    for protocol in PROTOCOLS.values():
        names = dict.fromkeys(name for metrics in protocol.metrics.values() for name in metrics)
        state = [f"{name}: {reason}" for name in names if (reason := find_metric(name).unavailable_reason())]
        state += [f"{part}: {why}" for part, why in protocol.missing.items()]
        rows.append((protocol.id, ", ".join(protocol.metrics), ", ".join(names), protocol.title,
                     "; ".join(state) or "ready"))  # fmt: skip
    print(table(("id", "scenarios", "metrics", "title", "state"), rows))
    print()
    told = [(f.model, f.dataset, f.scenario or "-", f.protocol, f.metric, f"{f.value:g}", f.how, f.source)
            for f in figures()]  # fmt: skip
    print(table(("model", "data set", "scenario", "protocol", "metric", "published", "how", "source"), told))
    return 0
