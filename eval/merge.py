"""`python -m eval merge`: put the results of shards together, as if they had been one run."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from zoo.errors import ZooError
from zoo.io.files import check_folder

from .datasets import names_hash
from .find import find_results
from .results import Cost, ImageRow, Result, environment
from .run import describe
from .shards import interleaved, parse_shard
from .store import RESULT, Store
from .summary import means, median, write


def parser() -> argparse.ArgumentParser:
    """The command line of `python -m eval merge`."""
    text = (
        "Put the results of shards (--shard) together: from result files, or folders that hold them. Neither the data "
        "set nor restored pictures are needed. Exit status 1 if a shard, or a picture, is missing."
    )
    merging = argparse.ArgumentParser(prog="python -m eval merge", description=text)
    merging.add_argument("results", nargs="+", type=Path, metavar="FILE|FOLDER")
    merging.add_argument("--out", type=Path, required=True, metavar="DIR", help="where merged results are written")
    return merging


def merge_command(arguments: list[str]) -> int:
    """Carry out the command; 1 when a merged result is not complete. Raises ZooError."""
    args = parser().parse_args(arguments)
    check_folder(args.out)
    runs: dict[tuple, list[Result]] = {}
    for result in find_results(args.results):
        if result.dataset.shard is not None:
            runs.setdefault(_identity(result), []).append(result)
    if not runs:
        raise ZooError("none of these results is of a shard; `python -m eval --shard I/N` makes them.")
    incomplete = False
    for shards in runs.values():
        whole, missing = merge(shards)
        s = whole.scenario
        variant = "".join(
            f"-{word}" for word in (whole.cost.precision, whole.cost.tile) if word not in ("fp32", "auto")
        )
        folder = Store(args.out, whole.dataset.id, f"{s.id}-v{s.version}-s{s.seed}", whole.model.id + variant).folder
        write(whole, folder)
        print(describe(whole, folder / RESULT))
        if missing:
            print(f"  missing: {', '.join(missing)}", file=sys.stderr)
        incomplete |= bool(missing or whole.failures)
    return 1 if incomplete else 0


def merge(shards: Sequence[Result]) -> tuple[Result, list[str]]:
    """The result of the run whose shards these are, and the shards that are missing.

    Raises ZooError when they are not of one run: in other numbers of shards, twice, or by other code.
    """
    count = {parse_shard(r.dataset.shard or "").count for r in shards}
    name = f"{shards[0].model.id} on {shards[0].dataset.id}, {shards[0].scenario.id}"
    if len(count) > 1:
        raise ZooError(f"{name}: these are shards of {' and of '.join(map(str, sorted(count)))}.")
    total = count.pop()
    by_index: dict[int, Result] = {}
    for result in shards:
        index = parse_shard(result.dataset.shard or "").index
        if index in by_index and by_index[index].images != result.images:
            raise ZooError(f"{name}: shard {index}/{total} is there twice, with different rows.")
        by_index[index] = result
    missing = [f"{index}/{total}" for index in range(1, total + 1) if index not in by_index]
    ordered = [by_index[index] for index in sorted(by_index)]
    first = ordered[0]

    parts = [list((by_index[i].dataset.contents or {}).items()) if i in by_index else [] for i in range(1, total + 1)]
    contents = dict(interleaved(parts))
    place = {picture: number for number, picture in enumerate(contents)}
    unknown = [row.name for r in ordered for row in r.images if row.name not in place]
    if unknown or len(place) != sum(map(len, parts)):
        raise ZooError(f"{name}: pictures and shards do not fit together ({(unknown or list(place))[0]}).")
    rows = sorted((row for r in ordered for row in r.images), key=lambda row: place[row.name])
    failures = {picture: why for r in ordered for picture, why in r.failures.items()}
    notes: Counter[str] = Counter()
    for result in ordered:
        notes.update(result.notes)
    reasons: dict[str, str | None] = dict.fromkeys(first.metrics)
    for metric in reasons:
        found = [
            why.removeprefix("unavailable: ") for r in ordered if r.images and (why := r.metrics[metric].unavailable)
        ]
        # As in an undivided run, the first picture that has no value is named.
        found.sort(key=lambda why: place.get(why.rpartition("(")[2].removesuffix(")"), 0))
        reasons[metric] = found[0] if found else None
    for metric in reasons:  # of a whole set, such as a Frechet distance: rows say nothing of it
        if reasons[metric] is None and any(metric not in row.metrics for row in rows):
            reasons[metric] = "computed over whole sets only, not over shards"
    dataset = first.dataset.model_copy(
        update={
            "sha256": names_hash(contents.items()),
            "shard": None,
            "contents": None,
        }
    )
    whole = Result(
        **{
            **first.model_dump(),
            "command": _without_shard(first.command),
            "dataset": dataset,
            "n_scored": len(rows),
            "failures": {picture: failures[picture] for picture in contents if picture in failures},
            "notes": dict(notes),
            "metrics": means(rows, reasons),
            "cost": _cost(ordered, rows),
            "environment": environment(),
            "images": rows,
        }
    )
    return whole, missing


def _identity(result: Result) -> tuple:
    """What shards of one run have in common."""
    d, s, c = result.dataset, result.scenario, result.cost
    return (
        result.model.id, result.model.weights_sha256, d.id, d.state, d.limit, result.n_expected, s.id, s.version,
        s.seed, c.precision, c.tile, c.device.partition(":")[0], result.code, result.restoring.code,
        tuple(sorted(result.restoring.libraries.items())),
        tuple((name, value.version) for name, value in result.metrics.items()),
    )  # fmt: skip


def _without_shard(command: str) -> str:
    words = command.split(" ")
    if "--shard" in words:
        at = words.index("--shard")
        del words[at : at + 2]
    return " ".join(words)


def _cost(shards: Sequence[Result], rows: Sequence[ImageRow]) -> Cost:
    """Of all shards: the most of any, or nothing where one does not say."""
    costs = [r.cost for r in shards]
    with_rows = [r for r in shards if r.images]
    alone = bool(with_rows) and all(r.cost.shared is False for r in with_rows)
    # Latencies of different machines do not make one.
    alone = alone and len({r.cost.machine for r in with_rows}) == 1
    spent = [(sum(row.seconds for row in r.images), r.cost.megapixels_per_second or 0.0) for r in with_rows]
    memory = [cost.peak_memory_mb for cost in costs if cost.peak_memory_mb is not None]
    others = [cost.others for cost in costs if cost.others is not None]
    counted = next((cost for cost in costs if cost.gflops is not None), costs[0])
    return Cost(
        device=", ".join(sorted({c.device for c in costs})),
        machine="; ".join(sorted({r.cost.machine for r in with_rows})) or costs[0].machine,
        precision=costs[0].precision,
        tile=costs[0].tile,
        workers=max(c.workers for c in costs),
        others=max(others) if others else None,
        shared=True if any(r.cost.shared for r in with_rows) else False if alone else None,
        seconds_median=median([row.seconds for row in rows]) if alone else None,
        megapixels_per_second=(
            round(sum(seconds * rate for seconds, rate in spent) / sum(seconds for seconds, _ in spent), 4)
            if alone
            else None
        ),
        peak_memory_mb=max(memory) if memory and len(memory) == len(costs) else None,
        gflops=counted.gflops,
        gflops_at=counted.gflops_at,
    )
