"""`python -m leaderboard`: rank what was measured."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from zoo.cli import guarded


def parser() -> argparse.ArgumentParser:
    """The command line; building it imports nothing heavy."""
    top = argparse.ArgumentParser(prog="python -m leaderboard", description="Rank backends by their result files.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    text = "write all rankings as leaderboard.md and leaderboard.csv and print the best of each"
    build = commands.add_parser("build", help=text, description=text[0].upper() + text[1:] + ".")
    build.add_argument("results", nargs="*", type=Path, metavar="RESULTS", help="result files, or folders that hold "
                       "them (default: the project's own, leaderboard/results)")  # fmt: skip
    build.add_argument("--out", type=Path, metavar="DIR", help="where to write (default: the first folder given, else "
                       "leaderboard)")  # fmt: skip
    return top


def _build(args: argparse.Namespace) -> int:
    from zoo.images import write_bytes

    from .summary import summary
    from .table import COMMITTED, find_results, flat, group, markdown

    places = args.results or [COMMITTED]
    groups = group(find_results(places))
    out = args.out or (COMMITTED.parent if not args.results else next((p for p in places if p.is_dir()), Path.cwd()))
    write_bytes(out / "leaderboard.md", markdown(groups).encode())
    write_bytes(out / "leaderboard.csv", flat(groups).to_csv(index=False, lineterminator="\n").encode())
    print(summary(groups))
    print(f"\nall runs and metrics: {out / 'leaderboard.md'}, {out / 'leaderboard.csv'}")
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line, run the command, return its exit status."""
    args = parser().parse_args(arguments)
    return guarded(lambda: _build(args))


if __name__ == "__main__":
    sys.exit(main())
