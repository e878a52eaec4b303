"""`python -m zoo list` and `python -m zoo info`: which backends there are, and what is known of each."""

from __future__ import annotations

import argparse
import sys

from ..card import TASKS
from .common import explain_id, table


def add_list_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `list`."""
    parser.add_argument("--task", help=f"only those for one task: {', '.join(TASKS)}")
    parser.add_argument("--license", help='only those under one license (SPDX id), or "permissive"')
    parser.add_argument("--available", action="store_true", help="only those that can run on this machine now")


def add_info_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `info`."""
    parser.add_argument("id", help="model id or family")


def run_list(args: argparse.Namespace) -> int:
    """Print the list, by task; 0. Raises ZooError for an unknown task."""
    from .. import list_models
    from ..weights import state

    cards = list_models(task=args.task, license=args.license, available=args.available or None)
    groups: dict[str, list] = {task: [] for task in TASKS}
    for card in cards:
        groups[args.task or card.tasks[0]].append(card)
    for task, members in groups.items():
        if not members:
            continue
        rows = []
        for card in members:
            license = card.license if len(card.license) <= 30 else card.license[:29] + "…"
            also = ", ".join(other for other in card.tasks if other != task)
            rows.append((card.id, license, state(card), card.title + (f" (also: {also})" if also else "")))
        print(f"{task}: {TASKS[task]}")
        print(table(("id", "license", "weights", "title"), rows), end="\n\n")
    if not cards:
        print("no backend matches.", file=sys.stderr)
    return 0


def run_info(args: argparse.Namespace) -> int:
    """Print all that is known; 0. Raises ZooError for an unknown name."""
    from .. import get_card
    from ..registry import unavailable_reason
    from ..weights.bundled import recorded_sha256

    card = get_card(args.id)
    explain_id(args.id, card)
    facts = {
        "id": card.id,
        "title": card.title,
        "task": ", ".join(card.tasks),
        "what it does": card.summary,
        "license": card.license,
        "commercial use": {True: "yes", False: "no", None: "not stated"}[card.commercial_use],
        "paper": card.paper,
        "scale": f"{card.scale}x" if card.scale != 1 else None,
        "size": _size_text(card),
        "tiles": _tiling_text(card),
        "runtimes": _runtimes_text(card),
        "samples": "yes: different results with --samples" if card.stochastic else None,
        "state": unavailable_reason(card) or "ready",
    }
    for weights in card.files:
        facts |= _attribution(weights.filename)
        sha256 = recorded_sha256(weights.filename) or weights.sha256 or "not published: trusted on first use"
        size = f", {weights.size / 1e6:.1f} MB" if weights.size else ""
        facts[f"weights {weights.filename}"] = (
            f"{weights.license}{size}, sha256 {sha256}; from {' or '.join(map(str, weights.sources)) or 'this project'}"
        )
    lines = [(key, value) for key, value in facts.items() if value]
    for figure in card.figures:
        lines.append(
            ("figure", f"{figure.metric} {figure.value} on {figure.data} ({figure.protocol}; {figure.source})")
        )
    lines += [("note", note) for note in card.notes]
    for key, value in lines:
        print(f"{key}: {value}")
    return 0


def _attribution(filename: str) -> dict[str, str]:
    """Whose work a bundled file is."""
    from ..weights.bundled import read_published

    published = read_published(filename)
    if published is None:
        return {}
    return {
        "attribution": f"{published.attribution}; {published.source}",
        "changes": published.changes,
        "license text": f"in the file NOTICE, under {published.license}",
    }


def _size_text(card) -> str | None:
    rule = card.size
    if rule.square:
        return f"works at {rule.square} x {rule.square} pixels; other sizes are resized"
    if rule.multiple_of > 1 or rule.minimum > 1:
        return f"any; padded inside to multiples of {rule.multiple_of}, at least {rule.minimum} pixels"
    return None


def _tiling_text(card) -> str:
    if card.tiling is None:
        return "no: needs the whole picture at once"
    kind = "equal to the whole picture" if card.tiling.exact else "close to the whole picture, not equal"
    return f"yes, {kind} ({card.tiling.margin} pixels of context)"


def _runtimes_text(card) -> str | None:
    if not card.files:
        return None
    if not card.portable:
        return "torch alone"
    whole = card.portable == ("restore",)
    return "torch, compile, onnx, openvino" + ("" if whole else "; PyTorch does what lies between its networks")
