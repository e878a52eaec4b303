"""`python -m leaderboard votes`: what people preferred."""

from __future__ import annotations

import argparse
from pathlib import Path

from zoo.errors import ZooError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("file", type=Path, metavar="FILE", help="SQLite file of votes, as the app writes it")
    parser.add_argument("--use", metavar="ID", help="only votes on this use case or scenario")
    parser.add_argument("--import", dest="source", type=Path, metavar="TABLE", help="add the votes of a .csv or "
                        ".parquet file first")  # fmt: skip
    parser.add_argument("--export", type=Path, metavar="TABLE", help="write the votes to a .csv or .parquet file")


def run(args: argparse.Namespace) -> int:
    """Print Bradley-Terry scores and the agreement of the metrics. Raises ZooError."""
    from eval.find import find_results

    from .table import COMMITTED
    from .votes import VoteStore
    from .votes_files import export_votes, import_votes

    store = VoteStore(args.file)
    if args.source is not None:
        read = import_votes(args.source)
        print(f"{store.add(read)} of {len(read)} votes were new")
    elif not args.file.exists():
        raise ZooError(f"there is no file {args.file}.")
    votes = store.votes(args.use)
    if args.export is not None:
        print(f"{export_votes(votes, args.export)} votes written to {args.export}")
    print(report(votes, find_results([COMMITTED]) if any(COMMITTED.rglob("*.json")) else []))
    return 0


def report(votes: list, results: list) -> str:
    """The scores and agreements as text."""
    from zoo.cli.common import table

    from .preferences import FEWEST_PICTURES, agreement, bradley_terry

    if not votes:
        return "no votes"
    first = sum({"a": 1.0, "b": 0.0, "tie": 0.5}[vote.winner] for vote in votes) / len(votes)
    lines = [
        f"{len(votes)} votes on {len({vote.picture for vote in votes})} pictures; what was shown first won {first:.0%}"
    ]
    for scores in bradley_terry(votes):
        rows = [
            (model, f"{s.score:+.2f}", "" if s.low is None else f"[{s.low:+.2f}, {s.high:+.2f}]", f"{s.wins:g}",
             str(s.votes))
            for model, s in scores.items()
        ]  # fmt: skip
        lines += ["", table(("model", "score", "95 % interval", "wins", "votes"), rows)]
    lines += ["", "score: Bradley-Terry log odds of being preferred to the average model of its table; no interval "
              f"with fewer than {FEWEST_PICTURES} pictures"]  # fmt: skip
    if found := agreement(votes, results):
        rows = [(m, f"{a.share:.0%}", f"[{a.low:.0%}, {a.high:.0%}]", str(a.votes), str(a.pictures))
                for m, a in found.items()]  # fmt: skip
        lines += ["", table(("metric", "agrees", "95 % interval", "votes", "pictures"), rows)]
    return "\n".join(lines)
