"""`python -m zoo catalog`: the community's checkpoints, which load as openmodeldb:NAME."""

from __future__ import annotations

import argparse
import sys

from ..card import TASKS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("--task", choices=sorted(TASKS), help="only those for this task")
    parser.add_argument("--license", metavar="L", help='only those under one license (SPDX id), or "permissive"')
    parser.add_argument("--scale", type=int, metavar="N", help="only those that enlarge by N (1: same size)")
    parser.add_argument("--search", metavar="WORD", help="only those with this in name, author, architecture or tags")
    parser.add_argument(
        "--update", nargs="?", const="", metavar="SOURCE",
        help="make the catalog anew from the JSON that OpenModelDB publishes (or this URL or file)",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Print the table, or make the catalog anew. Raises ZooError."""
    from ..models.openmodeldb import catalog
    from .common import table

    if args.update is not None:
        count = catalog.update(args.update or catalog.PUBLISHED)
        print(f"{catalog.FILE}: {count} checkpoints")
        return 0
    found = catalog.search(task=args.task, license=args.license, scale=args.scale, word=args.search)
    if not found:
        print("no checkpoint matches.", file=sys.stderr)
        return 0
    rows = [
        (
            entry.key,
            entry.task,
            f"{entry.scale}x",
            entry.architecture,
            entry.license or "not stated",
            f"{entry.size / 1e6:.1f}" if entry.size else "?",
            _way(entry),
            ", ".join(entry.tags),
        )
        for entry in found
    ]
    print(table(("name", "task", "scale", "architecture", "license", "MB", "get", "tags"), rows))
    print(f"\n{catalog.counted(found)} Load one as openmodeldb:NAME.")
    return 0


def _way(entry) -> str:
    """How one gets a checkpoint."""
    from ..models.openmodeldb import catalog
    from ..weights.resolve import locate

    if entry.architecture not in catalog.SPANDREL:
        return "not loadable"
    if locate(catalog.weights_of(entry)):
        return "here"
    return "download" if entry.direct else "by hand"
