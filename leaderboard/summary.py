"""The best of each ranking, for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from eval.metrics import METRICS, get_metric
from eval.results import Result

from .costs import latency
from .table import Group, evidence, label, remarks, shown, shown_unranked, told_apart, unranked

WIDTH = 100
"""Columns that no line exceeds."""
BEST = 3
"""Runs of each ranking that are shown."""


def summary(groups: Sequence[Group]) -> str:
    """The best runs of each group, by the metric that ranks them and with the time they take; then the remarks.

    No line is wider than WIDTH.
    """
    notes = "\n".join(_wrapped(line, "- ") for line in remarks(groups))
    return "\n\n".join([*map(_block, groups), *([notes] if notes else [])])


def _block(made: Group) -> str:
    lines = [_wrapped(f"{made.name}: {made.title}")]
    runs = [*zip(made.ranks, made.ranked, strict=True)] or [("–", run) for run in shown_unranked(made)]
    if runs:
        direction = "higher" if get_metric(made.primary).higher_is_better else "lower"
        shares = "all" if len(runs) <= BEST else f"the best {BEST} of" if made.ranked else f"{BEST} of"
        pictures = f"{made.ranked[0].n_scored} pictures" if made.ranked else "none ranked"
        lines.append(f"  {shares} {len(runs)} by {made.primary} ({direction} is better), {pictures}")
        rows = [_row(made, rank, run) for rank, run in runs[:BEST]]
        ranks = max(len(row[0]) for row in rows)
        value, seconds = max(len(row[2]) for row in rows), max(len(row[3]) for row in rows)
        model = min(max(len(row[1]) for row in rows), WIDTH - 7 - ranks - value - seconds)
        for rank, name, score, taken in rows:
            name = name if len(name) <= model else name[: model - 1] + "…"
            lines.append(f"  {rank:>{ranks}} {name:<{model}}  {score:<{value}}  {taken:>{seconds}}".rstrip())
    else:
        lines.append("  no complete run")
    lines += [_wrapped(line, "  ") for line in (evidence(made), *told_apart(made), *unranked(made)) if line]
    return "\n".join(lines)


def _row(made: Group, rank: str, result: Result) -> tuple[str, str, str, str]:
    """(rank, model, metric with its unit and interval, time)."""
    unit = METRICS[made.primary].unit
    value = shown(made.primary, result.metrics[made.primary], with_interval=True)
    seconds = latency(result)
    return (
        rank,
        label(result, (*made.ranked, *made.unranked)),
        f"{value} {unit}".rstrip(),
        "" if seconds is None else f"{seconds:.3f} s a picture",
    )


def _wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(
        text, WIDTH, initial_indent=indent, subsequent_indent=" " * max(2, len(indent)), break_on_hyphens=False
    )
