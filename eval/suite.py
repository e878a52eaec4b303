"""The runs behind the project's own tables: which data sets, on which scenarios, with which models."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from zoo.errors import ZooError

from .datasets import CARDS, data_root, locate
from .provenance import code
from .results import read_result


@dataclass(frozen=True)
class Part:
    """Runs on one data set."""

    dataset: str
    scenarios: tuple[str, ...] = ()
    """Empty: the data set's own, else all that fit."""
    without: tuple[str, ...] = ()
    """Models that cost more there than their figures are worth."""


PARTS = (
    Part("sample"),
    Part("gopro-test-3"),
    Part("gopro-train-11"),
    Part("set5", ("sr-x4", "sr-x2")),
    Part("kodak24", ("motion-blur", "free-form-holes")),
    Part("faces-val", ("blind-face", "rectangle-holes")),
    Part("kodak24", ("noise", "jpeg", "mixed", "scratches", "low-light")),
    Part("cid22-val", ("mixed", "free-form-holes")),
    Part("faces-val", ("portrait-dark", "portrait-motion", "portrait-compressed")),
    Part("kodak24", ("downscale-x4", "phone-compressed", "rectangle-holes", "old-photo")),
)


def run_suite(args: argparse.Namespace) -> int:
    """Carry out all parts whose data are here; what is stored is not done again. Returns 1 when some picture failed.

    Raises ZooError for an unclean tree, whose results nobody could check, unless `args.anyway`.
    """
    from .__main__ import parser
    from .run import run

    if not code().clean and not args.anyway:
        state = "the tree has changes" if code().commit else "this copy is not a git checkout"
        raise ZooError(f"{state}, so nobody could check these results: commit first, or say --anyway to try it out.")
    root, failed, started = data_root(args.data_root), 0, time.monotonic()
    for part in PARTS:
        card = CARDS[part.dataset]
        if args.dataset and part.dataset not in args.dataset.split(","):
            continue
        if part.dataset != "sample" and locate(card, root) is None:
            print(f"{part.dataset} is not on this machine: left out.", file=sys.stderr)
            continue
        options = ["--model", args.model, "--dataset", part.dataset, "--out", str(args.out)]
        if part.scenarios:
            options += ["--scenario", ",".join(part.scenarios)]
        if root and part.dataset != "sample":
            options += ["--data-root", str(root)]
        left_out = {*part.without, *filter(None, args.without.split(","))} if args.model == "all" else set()
        failed |= run(parser().parse_args(options), frozenset(left_out))
    results = [read_result(path) for path in sorted(args.out.rglob("result.json"))]
    restoring = sum(row.seconds for result in results for row in result.images)
    spent = (time.monotonic() - started) / 60
    print(
        f"{len(results)} results in {args.out}: {restoring / 60:.0f} minutes of restoring; this call took {spent:.0f}."
    )
    print(f"`python -m leaderboard publish {args.out}` makes them the project's.")
    return failed


def parser() -> argparse.ArgumentParser:
    """The command line of `python -m eval suite`."""
    text = "Run everything behind the project's own tables; stop it at any time, and run it again to go on."
    suite = argparse.ArgumentParser(prog="python -m eval suite", description=text)
    suite.add_argument("--data-root", type=Path, metavar="DIR", help="folder of the named sets (default: ZOO_DATA); "
                       "those that are not there are left out")  # fmt: skip
    suite.add_argument("--out", type=Path, default=Path("runs/suite"), metavar="DIR", help="where work is kept "
                       "(default runs/suite)")  # fmt: skip
    suite.add_argument("--dataset", metavar="NAME[,NAME...]", help="only these sets")
    suite.add_argument("--model", default="all", metavar="ID[,ID...]", help="only these models (they have to fit; "
                       "use it with --dataset)")  # fmt: skip
    suite.add_argument("--without", default="", metavar="ID[,ID...]", help="leave these models out")
    suite.add_argument("--anyway", action="store_true", help="also from a tree with changes; such results are not "
                       "published")  # fmt: skip
    return suite
