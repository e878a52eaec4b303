"""Carry out an evaluation: which models meet which scenarios, both stages, a line per run."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import zoo
from zoo.card import ModelCard
from zoo.cli.restore import check_folder
from zoo.errors import ZooError

from .datasets import Dataset, open_dataset
from .pool import Workers, cores
from .predict import Job, predict, prepared
from .predict import failures as failures_of
from .provenance import command_line
from .results import Result
from .runfile import begin, not_restored, restored
from .scenarios import SCENARIOS, Scenario, get_scenario
from .score import score
from .summary import summarize


def run(args: argparse.Namespace, without: frozenset[str] = frozenset()) -> int:
    """Run what the command line asks for. Returns 0, or 1 when some picture of some run failed; raises ZooError.

    without: ids that "all" leaves out.
    """
    from tqdm import tqdm

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
    dataset = open_dataset(args.dataset, args.data_root, args.limit)
    if dataset.remark:
        print(f"note: {dataset.remark}", file=sys.stderr)
    pairs = matches(names, dataset, wanted, available=args.stage != "score" or None)
    pairs = [pair for pair in pairs if pair[1].id not in without]
    check_folder(args.out)

    failed = 0
    loaded = None
    at_once = args.workers
    many = min(cores(), len(dataset.items))
    with Workers(1 if at_once is None else at_once) as restorers, Workers(at_once or many) as scorers:
        for name, card, scenario in pairs:
            job = Job(
                card.id, scenario.id, args.seed, args.out, dataset.key, args.device,
                args.precision, None if args.tile == "none" else args.tile, args.weights,
            )  # fmt: skip
            if args.stage == "score":
                if (begun := restored(job)) is None:
                    if names == ["all"]:
                        continue
                    raise not_restored(job)
                job, run_file = begun
            else:
                if loaded is None or loaded.card.id != card.id:
                    loaded = job.load()
                job = prepared(job, loaded)
                run_file = begin(job, loaded, name)
            label = f"{card.id} on {dataset.card.id}, {scenario.id}"
            with tqdm(total=2 * len(dataset.items), desc=label, unit="step", disable=None, leave=False) as bar:
                if args.stage != "score":
                    assert loaded is not None
                    predict(job, loaded, dataset.items, restorers, bar.update)
                if args.stage != "predict":
                    score(job, dataset.items, scorers, bar.update)
            if args.stage == "predict":
                failures = failures_of(job, dataset.items)
                done = len(dataset.items) - len(failures)
                line = f"{label}: {done} of {len(dataset.items)} restored -> {job.store.folder}"
            else:
                command = command_line(args, model=card.id, scenario=scenario.id)
                result = summarize(job, run_file, dataset, args.limit, command)
                failures = result.failures
                line = describe(result, job.store.result)
            failed += len(failures)
            print(line, flush=True)  # now, also into a pipe: the next run may take hours
            for picture, reason in failures.items():
                print(f"  failed: {picture}: {reason}", file=sys.stderr)
    return 1 if failed else 0


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


def describe(result: Result, path: Path) -> str:
    """One line for people: the means of the run's metrics and its latency."""
    parts = []
    for name, value in result.metrics.items():
        if value.mean is not None:
            parts.append(f"{name} {value.mean:.4g}")
    latency = result.cost.seconds_median
    state = "" if result.complete else f" INCOMPLETE ({result.n_scored} of {result.n_expected})"
    return (
        f"{result.model.id} | {result.dataset.id} | {result.scenario.id}{state}: {', '.join(parts) or 'nothing scored'}"
        f"{f', {latency:.3f} s a picture' if latency is not None else ''} -> {path}"
    )
