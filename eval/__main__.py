"""`python -m eval`: measure backends on a data set."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from zoo.cli.common import guarded

DESCRIPTION = """\
Measure restoration backends. Stage 1 restores and stores, stage 2 measures what is stored; a run that was stopped
goes on where it was. "python -m eval datasets", "scenarios" and "metrics" list what there is; "compare A B" tells
what got better or worse from one run to another; "leaks TRAIN VAL" finds pictures that were trained on; "suite" runs
all that stands in the project's own tables.
"""


def parser() -> argparse.ArgumentParser:
    """The command line; building it imports nothing heavy."""
    top = argparse.ArgumentParser(prog="python -m eval", description=DESCRIPTION)
    top.add_argument("-m", "--model", required=True, metavar="ID[,ID...]", help="model ids or families, or all: "
                     "every model that can run here and fits")  # fmt: skip
    top.add_argument("--dataset", required=True, metavar="NAME|KIND:PATH", help="sample, a named set, folder:PATH of "
                     "clean pictures, pairs:PATH, or masked:PATH of clean pictures and masks")  # fmt: skip
    top.add_argument("--scenario", metavar="S[,S...]", help="how inputs are made; default: the data set's own, else "
                     "all that fit the models")  # fmt: skip
    top.add_argument("--limit", type=int, metavar="N", help="only the first N pictures by name (such runs do not rank)")
    top.add_argument("--seed", type=int, default=0, metavar="S", help="seed of the inputs (default 0)")
    top.add_argument("--out", type=Path, default=Path("runs"), metavar="DIR", help="where work is kept (default runs)")
    top.add_argument("--data-root", type=Path, metavar="DIR", help="folder of the named data sets (default: ZOO_DATA)")
    top.add_argument("--device", default="auto", help="auto (default), cpu, cuda, cuda:1, mps")
    top.add_argument("--precision", default="fp32", help="fp32 (default), fp16, bf16")
    top.add_argument("--tile", default="auto", metavar="N|auto|none", help="as in `python -m zoo restore`")
    top.add_argument("--weights", type=Path, metavar="FILE", help="a checkpoint for the one model named")
    top.add_argument("--workers", type=int, metavar="N", help="pictures at a time; default: 1 in stage 1, so that "
                     "latencies compare, and one per core in stage 2")  # fmt: skip
    top.add_argument("--stage", choices=["predict", "score", "all"], default="all", help="restore only, measure only, "
                     "or both (default)")  # fmt: skip
    return top


def commands() -> dict:
    """The commands by name; without one, models are measured."""
    return {
        "calibrate": _calibrate,
        "datasets": _datasets,
        "fetch": _fetch,
        "scenarios": _scenarios,
        "metrics": _metrics,
        "compare": _compare,
        "leaks": _leaks,
        "manifest": _manifest,
        "schema": _schema,
        "suite": _suite,
    }


def _datasets(arguments: list[str]) -> int:
    listing = argparse.ArgumentParser(prog="python -m eval datasets", description="List the data sets.")
    listing.add_argument("--data-root", type=Path, metavar="DIR", help="folder of the named sets (default: ZOO_DATA)")
    args = listing.parse_args(arguments)
    from zoo.cli.common import table
    from zoo.errors import ZooError

    from .datasets import CARDS, SAMPLE, data_root, find_items, locate

    rows = []
    for card in CARDS.values():
        folder = locate(card, data_root(args.data_root))
        if card is SAMPLE:
            here = "embedded"
        elif folder is None:
            here = "no (fetch)" if card.archive else "no (by hand)"
        else:
            try:
                here = f"{len(find_items(card, folder)):,} in {folder}"
            except ZooError as error:
                here = f"not usable: {error}"
        expected = f"{card.expected:,}" if card.expected else "-"
        scenario = card.scenario or "all that fit"
        rows.append((card.id, ", ".join(card.tasks), expected, card.split or "-", card.size, scenario, here,
                     card.license, card.source))  # fmt: skip
    heads = ("id", "task", "pictures", "split", "size", "scenario", "on this machine", "license", "source")
    print(table(heads, rows))
    return 0


def _scenarios(arguments: list[str]) -> int:
    argparse.ArgumentParser(prog="python -m eval scenarios", description="List the scenarios.").parse_args(arguments)
    from zoo.cli.common import table

    from .scenarios import SCENARIOS

    rows = [(s.id, f"v{s.version}", ", ".join(s.tasks), s.primary, s.title) for s in SCENARIOS.values()]
    print(table(("id", "version", "for models of task", "ranked by", "input"), rows))
    return 0


def _metrics(arguments: list[str]) -> int:
    argparse.ArgumentParser(prog="python -m eval metrics", description="List the metrics.").parse_args(arguments)
    from zoo.cli.common import table

    from .metric import Metric, SetMetric
    from .metrics import METRICS, SET_METRICS

    listed: list[Metric | SetMetric] = [*METRICS.values(), *SET_METRICS.values()]
    rows = [
        (m.id, f"v{m.version}", "higher" if m.higher_is_better else "lower", f"{m.low:g} to {m.high:g}", m.unit or "-",
         "picture" if isinstance(m, Metric) else "set", m.color, m.crop, m.license, m.title,
         m.unavailable_reason() or "ready")
        for m in listed
    ]  # fmt: skip
    heads = ("id", "version", "better", "bounds", "unit", "per", "color", "part", "license", "protocol", "state")
    print(table(heads, rows))
    return 0


def _leaks(arguments: list[str]) -> int:
    text = "Find pictures of VAL that are copies, crops or mirror images of pictures of TRAIN; exit status 1 if any."
    listing = argparse.ArgumentParser(prog="python -m eval leaks", description=text)
    listing.add_argument("train", type=Path, metavar="TRAIN", help="folder of pictures that are trained on")
    listing.add_argument("val", type=Path, metavar="VAL", help="folder of pictures that are measured on")
    args = listing.parse_args(arguments)
    from tqdm import tqdm

    from zoo.errors import ZooError

    from .leaks import leaks, prints

    for folder in (args.train, args.val):
        if not folder.is_dir():
            raise ZooError(f"there is no folder {folder}.")
    with tqdm(unit="picture", disable=None, leave=False) as bar:
        (train, unread), (val, unread_too) = (prints(folder, bar.update) for folder in (args.train, args.val))
        found = leaks(train, val, bar.update)
    for sentence in (*unread, *unread_too):
        print(f"not compared: {sentence}", file=sys.stderr)
    for leak in found:
        print(f"{leak.val.relative_to(args.val)} is {leak.train.relative_to(args.train)}: {leak.how}")
    count = len({leak.val for leak in found})
    print(f"{count or 'none'} of {len(val)} pictures in {args.val} is among the {len(train)} in {args.train}.")
    return 1 if found else 0


def _manifest(arguments: list[str]) -> int:
    text = "Print the list of a named set's pictures by their pixels, as it stands in eval/manifests."
    listing = argparse.ArgumentParser(prog="python -m eval manifest", description=text)
    listing.add_argument("dataset", metavar="NAME")
    listing.add_argument("--data-root", type=Path, metavar="DIR", help="folder of the named sets (default: ZOO_DATA)")
    args = listing.parse_args(arguments)
    import json

    from .datasets import listed

    print(json.dumps(listed(args.dataset, args.data_root), indent=1))
    return 0


def _fetch(arguments: list[str]) -> int:
    from .fetch import main

    return main(arguments)


def _calibrate(arguments: list[str]) -> int:
    from .calibrate import main

    return main(arguments)


def _suite(arguments: list[str]) -> int:
    from .suite import parser, run_suite

    return run_suite(parser().parse_args(arguments))


def _schema(arguments: list[str]) -> int:
    text = "Print the JSON Schema of result files, as it stands in eval/result.schema.json."
    argparse.ArgumentParser(prog="python -m eval schema", description=text).parse_args(arguments)
    import json

    from .results import Result

    print(json.dumps(Result.model_json_schema(), indent=1))
    return 0


def _compare(arguments: list[str]) -> int:
    from .compare_cli import compare

    return compare(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line, run it, return the exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments and arguments[0] in commands():
        return guarded(lambda: commands()[arguments[0]](arguments[1:]))
    args = parser().parse_args(arguments)

    def run() -> int:
        from .run import run

        return run(args)

    return guarded(run)


if __name__ == "__main__":
    sys.exit(main())
