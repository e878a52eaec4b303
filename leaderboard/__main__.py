"""`python -m leaderboard`: rank what was measured."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from zoo.cli.common import guarded

from . import build, push, recommend_cli, verify, votes_cli


def parser() -> argparse.ArgumentParser:
    """The command line; building it imports nothing heavy."""
    top = argparse.ArgumentParser(prog="python -m leaderboard", description="Rank backends by their result files.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (text, add_arguments, run) in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        add_arguments(command)
        command.set_defaults(run=run)
    return top


def _add_publish_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("results", nargs="+", type=Path, metavar="RESULTS", help="result files, or folders that hold "
                        "them")  # fmt: skip


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


COMMANDS = {
    "build": (
        "write tables, plots and a site of all rankings, and print the best of each", build.add_arguments, build.run,
    ),
    "publish": (
        "copy complete results of a clean tree into leaderboard/results and build the project's own tables",
        _add_publish_arguments, _publish,
    ),
    "recommend": (
        "say which backend to take for a use case, and how sure that is",
        recommend_cli.add_arguments, recommend_cli.run,
    ),
    "verify": (
        "check result files: their form, checksums, and some pictures restored and measured again",
        verify.add_arguments, verify.run,
    ),
    "card": (
        "print a model's card for the Hugging Face Hub, with the committed results", push.add_card_arguments, push.card,
    ),
    "push": (
        "commit the results as a data set, or a bundled model with its card, to the Hugging Face Hub",
        push.add_push_arguments, push.push,
    ),
    "votes": (
        "say which models people preferred in blind comparisons, and which metrics agree with them",
        votes_cli.add_arguments, votes_cli.run,
    ),
}  # fmt: skip
"""Command -> what it does, how its options are declared, and what runs it."""


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line, run the command, return its exit status."""
    args = parser().parse_args(arguments)
    return guarded(lambda: args.run(args))


if __name__ == "__main__":
    sys.exit(main())
