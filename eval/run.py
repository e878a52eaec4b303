"""Carry out an evaluation: which models meet which scenarios, both stages, a line per run."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from tqdm import tqdm

import zoo
from zoo.card import ModelCard
from zoo.errors import ZooError
from zoo.io.files import check_folder

from .datasets import Dataset, open_dataset
from .pool import ENGINES, NotSetUpError, Workers, cores
from .predict import Job, Loaded, Stage1, load, prepared, threads_each
from .predict import failures as failures_of
from .provenance import command_line
from .results import Result
from .runfile import RunFile, begin, not_restored, restored
from .scenarios import SCENARIOS, Scenario, get_scenario
from .score import Stage2
from .shards import Shard, parse_shard
from .summary import summarize


def run(args: argparse.Namespace, without: frozenset[str] = frozenset()) -> int:
    """Run what the command line asks for. Returns 0, or 1 when some picture of some run failed; raises ZooError.

    without: ids that "all" leaves out.
    """
    names = [name.strip() for name in args.model.split(",") if name.strip()]
    if not names:
        raise ZooError(f"'{args.model}' names no model.")
    if names != ["all"]:
        if "all" in names:
            raise ZooError("the model all stands alone: it means every model that can run here and fits.")
        for name in names:
            zoo.get_card(name)  # a misspelled name is told before a large data set is read
    wanted = [get_scenario(name) for name in args.scenario.split(",")] if args.scenario else None
    if args.weights is not None and (len(names) != 1 or names == ["all"]):
        raise ZooError("--weights goes with one model.")
    if args.time_limit is not None and not args.time_limit > 0:
        raise ZooError(f"a time limit is a number of seconds above 0, not {args.time_limit:g}.")
    shard = parse_shard(args.shard) if args.shard else None
    dataset = open_dataset(args.dataset, args.data_root, args.limit)
    if shard is not None:
        dataset = replace(dataset, items=shard.of(dataset.items))
        if not dataset.items:
            raise ZooError(f"shard {shard} has no picture: there are fewer than {shard.count}.")
    if dataset.remark:
        print(f"note: {dataset.remark}", file=sys.stderr)
    pairs = matches(names, dataset, wanted, available=args.stage != "score" or None)
    pairs = [pair for pair in pairs if pair[1].id not in without]
    check_folder(args.out)
    at_once = args.workers
    engine = ENGINES.get(args.engine)()
    try:
        with (
            Workers(engine, 1 if at_once is None else at_once) as restorers,
            Workers(engine, at_once or min(cores(), len(dataset.items))) as helpers,
        ):
            return _Runs(args, shard, dataset, restorers, helpers).carry_out(pairs)
    finally:
        engine.close()


@dataclass
class _Runs:
    """The runs of one command."""

    args: argparse.Namespace
    shard: Shard | None
    dataset: Dataset
    restorers: Workers
    helpers: Workers
    _loaded: tuple[str, Loaded | NotSetUpError] | None = None
    """The model that the restorers have, or why they have none."""

    def carry_out(self, pairs: list[tuple[str, ModelCard, Scenario]]) -> int:
        """Carry out all runs; 1 when a picture or a model failed.

        A model that cannot be loaded ends its own runs. Raises ZooError when that leaves none, or for other reasons.
        """
        failed, refusals = 0, 0
        for name, card, scenario in pairs:
            try:
                failed += self._one(name, card, scenario)
            except NotSetUpError as error:
                self.restorers.abandon()
                self.helpers.abandon()
                self._loaded = _name(name, card), error
                refusals += 1
                # Where it leaves nothing to show, it is the command that was wrong.
                if len({card.id for _, card, _ in pairs}) == 1 or refusals == len(pairs):
                    raise
                print(f"{card.id} | {self.dataset.card.id} | {scenario.id} FAILED: {error}", flush=True)
        return 1 if failed or refusals else 0

    def _one(self, name: str, card: ModelCard, scenario: Scenario) -> int:
        """One model on one scenario; the number of pictures that failed."""
        args, dataset = self.args, self.dataset
        job = Job(
            _name(name, card), scenario.id, args.seed, args.out, dataset.key, args.device,
            args.precision, None if args.tile == "none" else args.tile, args.weights, str(self.shard) if self.shard
            else None,
        )  # fmt: skip
        if args.stage == "score":
            if (begun := restored(job)) is None:
                if args.model == "all":
                    return 0
                raise not_restored(job)
            job, run_file = begun
            with job.store.locked():
                return self._finished(job, run_file, self._measured(job, scenario, None))
        loaded = self._load(job)
        job = prepared(job, loaded)
        with job.store.locked():
            run_file = begin(job, loaded, name)
            return self._finished(job, run_file, self._measured(job, scenario, loaded))

    def _load(self, job: Job) -> Loaded:
        if self._loaded is None or self._loaded[0] != job.model:
            self._loaded = None  # a model that replaces another may end the process
            self._loaded = job.model, self.restorers.setup(load, job, threads_each(self.restorers))
        found = self._loaded[1]
        if isinstance(found, NotSetUpError):
            raise found
        return found

    def _measured(self, job: Job, scenario: Scenario, loaded: Loaded | None) -> int:
        """Carry out the stages that are asked for; how many stored files were not as they had been written."""
        args, items, helpers = self.args, self.dataset.items, self.helpers
        title = f"{job.model} on {self.dataset.card.id}, {scenario.id}"
        changed = 0
        with tqdm(total=2 * len(items), desc=title, unit="step", disable=None, leave=False) as bar:
            step = partial(bar.update, 1)
            measuring = None if args.stage == "predict" else Stage2(job, helpers, args.time_limit, step)
            if loaded is not None:
                # On a processor, what else is done at the same time would be measured as latency.
                overlapping = loaded.device != "cpu" or self.restorers.count > 1
                restoring = Stage1(
                    job, loaded, items, self.restorers, helpers, limit=args.time_limit, progress=step,
                    ahead=2 * self.restorers.count + helpers.count if overlapping else 1,
                    then=measuring.submit if measuring is not None and overlapping else None,
                )  # fmt: skip
                restoring.run()
                changed += restoring.changed
            if measuring is not None:
                measuring.run(items)
                changed += measuring.changed
        return changed

    def _finished(self, job: Job, run_file: RunFile, changed: int) -> int:
        """Sum a run up and tell of it; the number of pictures that failed."""
        args, dataset = self.args, self.dataset
        if changed:
            print(
                f"note: {changed} stored files of {job.model} in {job.store.folder} were not as they had been written, "
                "and were made again.",
                file=sys.stderr,
            )
        if args.stage == "predict":
            failures = failures_of(job, dataset.items)
            done = len(dataset.items) - len(failures)
            title = f"{job.model} on {dataset.card.id}, {job.scenario}"
            line = f"{title}: {done} of {len(dataset.items)} restored -> {job.store.folder}"
        else:
            command = command_line(args, model=job.model, scenario=job.scenario)
            result = summarize(job, run_file, dataset, args.limit, command)
            failures = result.failures
            line = describe(result, job.store.result)
        print(line, flush=True)  # now, also into a pipe: the next run may take hours
        for picture, reason in failures.items():
            print(f"  failed: {picture}: {reason}", file=sys.stderr)
        return len(failures)


def matches(
    names: list[str], dataset: Dataset, wanted: list[Scenario] | None, available: bool | None = True
) -> list[tuple[str, ModelCard, Scenario]]:
    """Every (name as typed, card, scenario) to run; "all" takes models as `zoo.list_models` filters by `available`.

    Without named scenarios the data set's own is taken, else all. Named models have to fit what is named; "all" takes
    those that fit. Raises UnknownNameError, and ZooError when nothing fits.
    """
    if wanted is None:
        own = dataset.card.scenario
        general = [s for s in SCENARIOS.values() if s.make is not None and not s.portraits and not s.on_request]
        scenarios = [get_scenario(own)] if own else general
    else:
        scenarios = wanted
    everything = names == ["all"]
    cards = (
        [(card.id, card) for card in zoo.list_models(available=available)]
        if everything
        else [(name, zoo.get_card(name)) for name in dict.fromkeys(names)]
    )
    for name, card in cards:
        if card.id != name:
            print(f"{name} stands for {card.id} here.", file=sys.stderr)
    pairs = [(name, card, s) for name, card in cards for s in scenarios if s.fits(card)]
    if everything:  # a table of nothing but the floor tells nothing
        told = {s.id for _, card, s in pairs if not card.baseline}
        pairs = [pair for pair in pairs if pair[2].id in told]
    else:
        taken = {card.id for _, card, _ in pairs}
        for _, card in cards:
            if card.id not in taken:
                tried = ", ".join(s.id for s in scenarios)
                raise ZooError(
                    f"{card.id} (task {', '.join(card.tasks)}) does not fit {tried} on {dataset.card.id}; "
                    "`python -m eval scenarios` shows which scenario is for which task."
                )
    if not pairs:
        raise ZooError("no model that can run on this machine fits; `python -m zoo list` shows what there is.")
    return pairs


def _name(name: str, card: ModelCard) -> str:
    """What loads the model: "scheme:FILE" has no id that would."""
    return name if ":" in name else card.id


def describe(result: Result, path: Path) -> str:
    """One line for people: the means of the run's metrics and its latency."""
    parts = []
    for name, value in result.metrics.items():
        if value.mean is not None:
            parts.append(f"{name} {value.mean:.4g}")
    latency, shared = result.cost.seconds_median, result.cost.shared
    took = f", {latency:.3f} s a picture" if latency is not None else ""
    if shared:
        took = ", no latency as the processor was shared"
    state = "" if result.complete else f" INCOMPLETE ({result.n_scored} of {result.n_expected})"
    return (
        f"{result.model.id} | {result.dataset.id} | {result.scenario.id}{state}: {', '.join(parts) or 'nothing scored'}"
        f"{took} -> {path}"
    )
