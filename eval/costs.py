"""`python -m eval cost`: what models cost at stated sizes, each in a process of its own.

Every model's first restoration is taken cold; then all of them restore in turns, round after round, so that a machine
that grows slower favors none. Other work on the machine is watched during each turn.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

import zoo
from zoo.cli.common import explain_id, model_names, table
from zoo.errors import OutputError, ZooError, describe_os_error
from zoo.io.files import MAX_JSON_BYTES, check_folder, read_bytes
from zoo.io.images import max_pixels

from . import predict
from .cost import gflops
from .pool import LocalEngine, Workers, drive
from .predict import Job, Loaded, threads_each
from .provenance import Code, code, without_places
from .results import Environment, environment
from .store import write_json
from .watch import Watch, is_shared

TURN = 0.2
"""Seconds that a turn takes at least: quick models restore several times in it, as the clocks of other processes' work
are coarse."""
REPEATS = 50
"""Restorations in a turn, at most."""
FEWEST_FOR_P95 = 20
BATCH = 4
"""Pictures that are restored together to measure throughput."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class ModelCost(_Strict):
    """What one model costs at one size. Latencies are null where other work was in the way (`shared`)."""

    model: str
    weights_sha256: str | None
    width: int
    height: int
    parameters: int
    gmacs: float | None = Field(description="billions of multiply-accumulates of convolutions and matrix products for "
                                "one picture; null for classical methods")  # fmt: skip
    load_seconds: float | None = Field(description="to find, verify and read the weights and build the network")
    first_seconds: float | None = Field(description="the first restoration in its process; only at the first size")
    p50_seconds: float | None
    p95_seconds: float | None = Field(description=f"null for fewer than {FEWEST_FOR_P95} restorations")
    restorations: int = Field(description="behind the percentiles: warm, one at a time, without other work")
    megapixels_per_second: float | None = Field(description=f"input pixels, {BATCH} pictures restored together")
    peak_memory_mb: float | None = Field(description="what restoring one picture adds to a process that has loaded "
                                         "nothing, model included; on CUDA the GPU's. Null: not known")  # fmt: skip
    others: float | None = Field(description="seconds that other processes computed, for each second of the turns")
    shared: bool = Field(description="whether more than half of the turns were disturbed by other work")
    failure: str | None = Field(description="why there is nothing")


class Costs(_Strict):
    """The file of a measurement."""

    kind: Literal["costs"] = "costs"
    schema_version: Literal[1] = 1
    code: Code
    device: str
    machine: str
    precision: str
    tile: str
    threads: int
    rounds: int
    environment: Environment
    models: list[ModelCost]


def read_costs(path: Path) -> Costs:
    """Read such a file. Raises ZooError when it is none."""
    try:
        return Costs.model_validate(json.loads(read_bytes(path, MAX_JSON_BYTES)))
    except OSError as error:
        raise ZooError(f"cannot read {path}: {describe_os_error(error)}.") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise ZooError(f"{path} is no file of costs: {'.'.join(map(str, first['loc']))}: {first['msg']}.") from None
    except (ValueError, RecursionError) as error:
        raise ZooError(f"{path} is no JSON file: {error}.") from None


def parser() -> argparse.ArgumentParser:
    """The command line of `python -m eval cost`."""
    text = (
        "Measure what models cost at stated sizes: latency cold and warm, throughput, memory, parameters, arithmetic. "
        "Exit status 1 if a model failed, or no latency could be taken because the machine had other work."
    )
    measuring = argparse.ArgumentParser(prog="python -m eval cost", description=text)
    measuring.add_argument("-m", "--model", required=True, metavar="ID[,ID...]", help="model ids or families")
    measuring.add_argument("--size", default="768x512", metavar="WxH[,WxH...]", help="sizes of the input in pixels "
                           "(default 768x512)")  # fmt: skip
    measuring.add_argument("--rounds", type=int, default=10, metavar="N", help="turns of each model (default 10)")
    measuring.add_argument("--device", default="auto", help="auto (default), cpu, cuda, cuda:1, mps")
    measuring.add_argument("--precision", default="fp32", help="fp32 (default), fp16, bf16")
    measuring.add_argument("--tile", default="auto", metavar="N|auto|none", help="as in `python -m zoo restore`")
    measuring.add_argument("--time-limit", type=float, default=1800, metavar="SECONDS", help="a turn that takes longer "
                           "has failed (default 1800)")  # fmt: skip
    measuring.add_argument("--out", type=Path, metavar="FILE", help="write the figures there as JSON, too")
    return measuring


def parse_sizes(text: str) -> list[tuple[int, int]]:
    """(width, height) of each of "768x512,1280x720". Raises ZooError.

    >>> parse_sizes("768x512,1280x720")
    [(768, 512), (1280, 720)]
    """
    sizes = []
    for word in text.split(","):
        found = re.fullmatch(r"\s*([1-9]\d{0,5})x([1-9]\d{0,5})\s*", word)
        if found is None:
            raise ZooError(f"a size is WIDTHxHEIGHT in pixels, such as 768x512, not '{word}'.")
        sizes.append((int(found[1]), int(found[2])))
        if sizes[-1][0] * sizes[-1][1] > max_pixels():
            raise ZooError(f"{word.strip()} is more than the limit of {max_pixels():,} pixels (ZOO_MAX_PIXELS).")
    return list(dict.fromkeys(sizes))


def cost_command(arguments: list[str]) -> int:
    """Carry out the command. Raises ZooError."""
    args = parser().parse_args(arguments)
    if args.rounds < 1:
        raise ZooError(f"rounds are a number from 1 up, not {args.rounds}.")
    if not args.time_limit > 0:
        raise ZooError(f"a time limit is a number of seconds above 0, not {args.time_limit:g}.")
    sizes = parse_sizes(args.size)
    cards = {}
    for name in model_names(args.model):
        cards[name] = zoo.get_card(name)
        explain_id(name, cards[name])
    if args.out is not None:
        if args.out.is_dir():
            raise OutputError(f"cannot write {args.out}: it is a folder; name a file.")
        check_folder(args.out.absolute().parent)
    job = Job("", "", 0, Path(), "", args.device, args.precision, None if args.tile == "none" else args.tile)
    with ExitStack() as stack:
        turns = [
            _Model(replace(job, model=name if ":" in name else card.id), card.id,
                   stack.enter_context(Workers(LocalEngine(), 1)))
            for name, card in cards.items()
        ]  # fmt: skip
        costs = measure(turns, sizes, args.rounds, args.time_limit)
    print(table(HEADER, [line(cost) for cost in costs.models]))
    if args.out is not None:
        write_json(args.out, costs.model_dump())
    for cost in costs.models:
        if cost.failure:
            print(f"  failed: {cost.model} at {cost.width}x{cost.height}: {cost.failure}", file=sys.stderr)
    if any(cost.shared for cost in costs.models):
        print("note: latencies are left out where the machine had other work.", file=sys.stderr)
    return 1 if any(cost.failure or cost.shared for cost in costs.models) else 0


@dataclass(frozen=True)
class Opened:
    """A model that was loaded in a fresh process."""

    loaded: Loaded
    seconds: float


@dataclass(frozen=True)
class Turn:
    """One turn of a model."""

    seconds: tuple[float, ...]
    """Of each restoration."""
    peak_memory_mb: float | None


def open_model(job: Job, threads: int) -> Opened:
    """In a worker process: load the model. Raises as `zoo.load` does."""
    example(64, 64, True)  # so that what reads the picture is no memory of the model's
    started = time.perf_counter()
    loaded = predict.load(job, threads)
    return Opened(loaded, time.perf_counter() - started)


def take_turn(width: int, height: int, repeats: int) -> Turn:
    """In a worker process: restore a picture of that size so many times."""
    bench = predict.opened()
    degraded, mask = example(width, height, bench.model.card.needs_mask)
    outputs = [bench.timed(degraded, mask) for _ in range(repeats)]
    memory = [output.peak_memory_mb for output in outputs if output.peak_memory_mb is not None]
    return Turn(tuple(output.seconds for output in outputs), max(memory) if memory else None)


def count_arithmetic(width: int, height: int) -> float | None:
    """In a worker process: billions of multiply-accumulates for a picture of that size."""
    bench = predict.opened()
    counted = gflops(bench.model, *example(width, height, bench.model.card.needs_mask))
    return None if counted is None else counted / 2


def restore_together(width: int, height: int) -> float:
    """In a worker process: seconds for BATCH pictures of that size at once, after as many to warm up."""
    bench = predict.opened()
    degraded, mask = example(width, height, bench.model.card.needs_mask)
    for _ in range(2):
        started = time.perf_counter()
        bench.model.restore_batch([degraded] * BATCH, [mask] * BATCH, batch_size=BATCH)
        seconds = time.perf_counter() - started
    return seconds


def example(width: int, height: int, with_mask: bool) -> tuple[np.ndarray, np.ndarray | None]:
    """A photograph of that size (HxWx3 uint8), and for inpainting a hole in its middle (HxW bool)."""
    import cv2
    import skimage.data

    picture = cv2.resize(skimage.data.astronaut(), (width, height), interpolation=cv2.INTER_AREA)
    if not with_mask:
        return picture, None
    mask = np.zeros((height, width), bool)
    mask[height // 3 : 2 * height // 3 + 1, width // 3 : 2 * width // 3 + 1] = True
    return picture, mask


@dataclass
class _Size:
    """What was found of a model at one size."""

    seconds: list[float] = field(default_factory=list)
    disturbed: int = 0
    turns: int = 0
    watched: float = 0.0
    others: float = 0.0
    memory: float | None = None
    repeats: int = 1
    first: float | None = None
    gmacs: float | None = None
    together: float | None = None


@dataclass
class _Model:
    """A model with its process."""

    job: Job
    id: str
    workers: Workers
    opened: Opened | None = None
    failure: str | None = None
    sizes: dict[tuple[int, int], _Size] = field(default_factory=dict)

    def call(self, function, *arguments, limit: float | None):
        """Call a function in the process; None, with `failure` set, when that fails."""
        found: list = []

        def failed(error: ZooError) -> None:
            self.failure = without_places(str(error))

        self.workers.submit(function, *arguments, done=found.append, failed=failed, limit=limit)
        drive(self.workers)
        return found[0] if found else None


def measure(models: Sequence[_Model], sizes: Sequence[tuple[int, int]], rounds: int, limit: float) -> Costs:
    """Measure all models at all sizes; each has to have a process of its own. Raises ZooError when none loads."""
    for model in models:
        try:
            model.opened = model.workers.setup(open_model, model.job, threads_each(model.workers))
        except ZooError as error:
            model.failure = without_places(str(error))
            if len(models) == 1:
                raise
    running = [model for model in models if model.opened is not None]
    if not running:
        raise ZooError(f"none of these models can be loaded: {models[0].failure}")

    watch, own = Watch(), {pid for model in running for pid in model.workers.pids}
    for number, size in enumerate(sizes):
        for model in running:  # cold at the first size; at the others this one warms up
            if model.failure is None and (turn := model.call(take_turn, *size, 1, limit=limit)) is not None:
                found = model.sizes[size] = _Size(memory=turn.peak_memory_mb)
                found.first = turn.seconds[0] if number == 0 else None
                found.repeats = max(1, min(REPEATS, round(TURN / max(turn.seconds[0], 1e-6))))
        for round_ in range(rounds):
            for place in range(len(running)):
                model = running[(place + round_) % len(running)]
                if model.failure is not None:
                    continue
                found = model.sizes[size]
                watch.begin(own)
                turn = model.call(take_turn, *size, found.repeats, limit=limit)
                lap = watch.lap(own)
                if turn is None:
                    continue
                found.turns += 1
                found.memory = _most(found.memory, turn.peak_memory_mb)
                if lap is not None:
                    found.watched, found.others = found.watched + lap[0], found.others + lap[1]
                if lap is None or is_shared(*lap):
                    found.disturbed += 1
                else:
                    found.seconds += turn.seconds
        for model in running:
            if model.failure is None:
                watch.begin(own)
                model.sizes[size].together = model.call(restore_together, *size, limit=limit)
                lap = watch.lap(own)
                if lap is None or is_shared(*lap):
                    model.sizes[size].together = None
            if model.failure is None:
                model.sizes[size].gmacs = model.call(count_arithmetic, *size, limit=limit)

    first = running[0].opened
    assert first is not None
    job = models[0].job
    return Costs(
        code=code(),
        device=first.loaded.device,
        machine=first.loaded.machine,
        precision=job.precision,
        tile=str(job.tile).lower(),
        threads=threads_each(models[0].workers),
        rounds=rounds,
        environment=environment(),
        models=[_cost(model, size) for model in models for size in sizes],
    )


def _most(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else max(first, second)


def _cost(model: _Model, size: tuple[int, int]) -> ModelCost:
    found = model.sizes.get(size, _Size())
    shared = found.turns > 0 and 2 * found.disturbed > found.turns
    # Single turns may be too short to tell; all of them together are not.
    shared = shared or is_shared(found.watched, found.others)
    seconds = [] if shared else found.seconds
    width, height = size
    opened, failure = model.opened, model.failure
    return ModelCost(
        model=model.id,
        weights_sha256=opened.loaded.weights_sha256 if opened else None,
        width=width,
        height=height,
        parameters=opened.loaded.parameters if opened else 0,
        gmacs=found.gmacs,
        load_seconds=None if shared or opened is None else round(opened.seconds, 4),
        first_seconds=None if shared or found.first is None else round(found.first, 6),
        p50_seconds=round(statistics.median(seconds), 6) if seconds and failure is None else None,
        p95_seconds=(
            round(float(np.percentile(seconds, 95)), 6) if len(seconds) >= FEWEST_FOR_P95 and failure is None else None
        ),
        restorations=len(seconds),
        megapixels_per_second=(
            round(BATCH * width * height / 1e6 / found.together, 4) if found.together and not shared else None
        ),
        peak_memory_mb=found.memory,
        others=round(found.others / found.watched, 3) if found.watched else None,
        shared=shared,
        failure=failure if size not in model.sizes or found.gmacs is None else None,
    )


HEADER = ("model", "size", "load", "first", "p50", "p95", "MP/s", "memory", "parameters", "GMACs", "state")


def line(cost: ModelCost) -> tuple[str, ...]:
    """A line of the table for people."""

    def shown(value: float | None, form: str, unit: str = "") -> str:
        return "-" if value is None else format(value, form) + unit

    return (
        cost.model, f"{cost.width}x{cost.height}", shown(cost.load_seconds, ".2f", " s"),
        shown(cost.first_seconds, ".3f", " s"), shown(cost.p50_seconds, ".4f", " s"),
        shown(cost.p95_seconds, ".4f", " s"), shown(cost.megapixels_per_second, ".2f"),
        shown(cost.peak_memory_mb, ".0f", " MB"), f"{cost.parameters:,}", shown(cost.gmacs, ".2f"),
        "failed" if cost.failure else "other work on the machine" if cost.shared else "ok",
    )  # fmt: skip
