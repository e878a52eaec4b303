"""`python -m eval compare`: what got better or worse from A to B."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from zoo.errors import ZooError

DESCRIPTION = """\
Compare runs on the same pictures, metric by metric: the difference B - A with its interval, a corrected p, and whether
it matters. Exits with 1 when something got significantly worse or B has no score for a picture that A scored, with 2
when there is nothing to compare, else with 0.
"""


def parser() -> argparse.ArgumentParser:
    """The command line; building it imports nothing heavy."""
    top = argparse.ArgumentParser(prog="python -m eval compare", description=DESCRIPTION)
    places = (
        "a result file, a folder of them, or the id of a run below --runs (DATASET/SCENARIO/MODEL or the end of it)"
    )
    top.add_argument("a", metavar="A", help=f"what to measure against: {places}")
    top.add_argument("b", metavar="B", help="what is in question, likewise")
    top.add_argument("--runs", type=Path, default=Path("runs"), metavar="DIR", help="where runs are (default runs)")
    top.add_argument("--metrics", metavar="M[,M...]", help="compare by these only; fewer comparisons find smaller "
                     "differences (default: all that both have)")  # fmt: skip
    top.add_argument("--matters", action="append", default=[], metavar="METRIC=VALUE", help="the smallest difference "
                     "that matters, in the metric's unit; may be repeated")  # fmt: skip
    top.add_argument("--fail-on", choices=["significant", "relevant"], default="significant", help="exit with 1 on "
                     "any significant regression (default), or not where it is known to be too small")  # fmt: skip
    top.add_argument("--format", choices=["text", "markdown", "json"], default="text", help="of the output")
    return top


def compare(arguments: list[str]) -> int:
    """Run the command. Returns 0, or 1 for a regression; raises ZooError for bad input."""
    args = parser().parse_args(arguments)
    smallest = dict(_limit(text) for text in args.matters)
    metrics = None
    if args.metrics is not None:
        metrics = [name.strip() for name in args.metrics.split(",") if name.strip()]
        if not metrics:
            raise ZooError(f"--metrics '{args.metrics}' names no metric.")

    from . import compare_report as report
    from .compare import compare
    from .find import find_results, places_of

    a, b = (find_results(places_of(name, args.runs)) for name in (args.a, args.b))
    found = compare(a, b, metrics, smallest)
    if args.format == "json":
        print(json.dumps(report.as_json(found), indent=2))
    else:
        print(report.markdown(found) if args.format == "markdown" else report.text(found))
    return 1 if found.lost or found.regressions(relevant=args.fail_on == "relevant") else 0


def _limit(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise ZooError(f"--matters '{text}' is not METRIC=VALUE with a value of 0 or more.")
    return name.strip(), number
