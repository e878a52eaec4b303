"""`python -m leaderboard`: rank what was measured."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from zoo.cli.common import guarded

from . import recommend_cli


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
    text = "copy complete results of a clean tree into leaderboard/results and build the project's own table"
    publish = commands.add_parser("publish", help=text, description=text[0].upper() + text[1:] + ".")
    publish.add_argument("results", nargs="+", type=Path, metavar="RESULTS", help="result files, or folders that hold "
                         "them")  # fmt: skip
    text = "say which backend to take for a use case, and how sure that is"
    recommending = commands.add_parser("recommend", help=text, description=text[0].upper() + text[1:] + ".")
    recommend_cli.add_arguments(recommending)
    return top


def _build(args: argparse.Namespace) -> int:
    from eval.find import find_results
    from zoo.io.images import write_bytes

    from .committed import ROOT, check, other_inputs
    from .figures import write_figures
    from .readme import filled
    from .summary import summary
    from .table import COMMITTED, flat, group, markdown

    places = args.results or [COMMITTED]
    results = find_results(places)
    groups = group(results)
    if places == [COMMITTED]:
        check(results)
        readme = ROOT / "README.md"
        write_bytes(readme, filled(readme.read_text(encoding="utf-8"), groups).encode())
        write_figures(results)
    out = args.out or (COMMITTED.parent if not args.results else next((p for p in places if p.is_dir()), Path.cwd()))
    if places != [COMMITTED] and any(COMMITTED.rglob("*.json")):
        for line in other_inputs(groups, find_results([COMMITTED])):
            print(f"note: {line}.", file=sys.stderr)
    write_bytes(out / "leaderboard.md", markdown(groups).encode())
    write_bytes(out / "leaderboard.csv", flat(groups).to_csv(index=False, lineterminator="\n").encode())
    print(summary(groups))
    print(f"\nall runs and metrics: {out / 'leaderboard.md'}, {out / 'leaderboard.csv'}")
    return 0


def _publish(args: argparse.Namespace) -> int:
    from eval.find import find_results
    from eval.store import write_json

    from .committed import check, place
    from .table import COMMITTED

    results = find_results(args.results)
    check(results)
    for result in results:
        write_json(COMMITTED / place(result), result.model_dump())
    print(f"{len(results)} results written below {COMMITTED}")
    return _build(argparse.Namespace(results=[], out=None))


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line, run the command, return its exit status."""
    args = parser().parse_args(arguments)
    return guarded(lambda: {"build": _build, "publish": _publish, "recommend": recommend_cli.run}[args.command](args))


if __name__ == "__main__":
    sys.exit(main())
