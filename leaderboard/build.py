"""`python -m leaderboard build`: all tables, the plots and the site, from result files."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from zoo.errors import ZooError
from zoo.io.images import write_bytes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("results", nargs="*", type=Path, metavar="RESULTS", help="result files, or folders that hold "
                        "them (default: the project's own, leaderboard/results)")  # fmt: skip
    parser.add_argument("--out", type=Path, metavar="DIR", help="where the tables are written (default: the first "
                        "folder given, else leaderboard)")  # fmt: skip
    parser.add_argument("--site", type=Path, metavar="DIR", help="where the site is written (default: the folder site "
                        "in the first, else runs/site)")  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Write everything and print the best of each ranking. Raises ZooError."""
    from eval.find import find_results

    from . import table
    from .answers import answers, markdown
    from .bounds import check_bounds
    from .committed import ROOT, check, other_inputs
    from .figures import write_figures
    from .readme import filled
    from .summary import summary
    from .web.charts import png, use_cases_chart
    from .web.page import write_site

    own = not args.results
    places = args.results or [table.COMMITTED]
    results = find_results(places)
    if own:
        check(results)
    check_bounds(results)
    groups = table.group(results)
    found = answers(results)
    written = {}
    if own:
        write_figures(results)
        readme = ROOT / "README.md"
        written[readme] = filled(readme.read_text(encoding="utf-8"), groups, found).encode()
    elif any(table.COMMITTED.rglob("*.json")):
        for line in other_inputs(groups, find_results([table.COMMITTED])):
            print(f"note: {line}.", file=sys.stderr)
    out = args.out or (table.COMMITTED.parent if own else next((p for p in places if p.is_dir()), Path.cwd()))
    written[out / "leaderboard.md"] = table.markdown(groups).encode()
    written[out / "leaderboard.csv"] = table.flat(groups).to_csv(index=False, lineterminator="\n").encode()
    written[out / "use_cases.md"] = markdown(found).encode()
    for path, content in written.items():
        write_bytes(path, content)
    print(summary(groups))
    print(f"\nall runs and metrics: {out / 'leaderboard.md'}, {out / 'leaderboard.csv'}")
    print(f"what they say about each use case: {out / 'use_cases.md'}")
    try:
        if own:
            write_bytes(ROOT / PLOT, png(use_cases_chart(found)))
        page = write_site(args.site or (ROOT / "runs" / "site" if own else out / "site"), groups, found)
        print(f"the same to look at in a browser: {page}")
    except ZooError as error:
        print(f"note: no site and no plot: {error}", file=sys.stderr)
    return 0


PLOT = Path("assets", "use-cases.png")
"""The README's plot, below the project's folder."""
