"""`python -m leaderboard`: rank what was measured."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from zoo.cli.common import guarded

from . import build, recommend_cli, votes_cli


def parser() -> argparse.ArgumentParser:
    """The command line; building it imports nothing heavy."""
    top = argparse.ArgumentParser(prog="python -m leaderboard", description="Rank backends by their result files.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    text = "write tables, plots and a site of all rankings, and print the best of each"
    building = commands.add_parser("build", help=text, description=text[0].upper() + text[1:] + ".")
    build.add_arguments(building)
    text = "copy complete results of a clean tree into leaderboard/results and build the project's own table"
    publish = commands.add_parser("publish", help=text, description=text[0].upper() + text[1:] + ".")
    publish.add_argument("results", nargs="+", type=Path, metavar="RESULTS", help="result files, or folders that hold "
                         "them")  # fmt: skip
    text = "say which backend to take for a use case, and how sure that is"
    recommending = commands.add_parser("recommend", help=text, description=text[0].upper() + text[1:] + ".")
    recommend_cli.add_arguments(recommending)
    text = "say which models people preferred in blind comparisons, and which metrics agree with them"
    votes = commands.add_parser("votes", help=text, description=text[0].upper() + text[1:] + ".")
    votes_cli.add_arguments(votes)
    return top


def _publish(args: argparse.Namespace) -> int:
    from eval.find import find_results
    from eval.store import write_json

    from .bounds import check_bounds
    from .committed import check, place
    from .table import COMMITTED

    results = find_results(args.results)
    check(results)
    check_bounds(results)
    for result in results:
        write_json(COMMITTED / place(result), result.model_dump())
    print(f"{len(results)} results written below {COMMITTED}")
    return build.run(argparse.Namespace(results=[], out=None, site=None))


RUN = {"build": build.run, "publish": _publish, "recommend": recommend_cli.run, "votes": votes_cli.run}


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line, run the command, return its exit status."""
    args = parser().parse_args(arguments)
    return guarded(lambda: RUN[args.command](args))


if __name__ == "__main__":
    sys.exit(main())
