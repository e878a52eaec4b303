"""The best of each ranking, for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from eval.metrics import METRICS, get_metric
from eval.results import Result

from .table import Group, label, remarks, shown, told_apart, unranked

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
    if made.ranked:
        direction = "higher" if get_metric(made.primary).higher_is_better else "lower"
        shares = f"the best {BEST} of {len(made.ranked)}" if len(made.ranked) > BEST else f"all {len(made.ranked)}"
        lines.append(f"  {shares} by {made.primary} ({direction} is better), {made.ranked[0].n_scored} pictures")
        rows = [_row(made, rank, result) for rank, result in enumerate(made.ranked[:BEST], start=1)]
        value, seconds = max(len(row[2]) for row in rows), max(len(row[3]) for row in rows)
        model = min(max(len(row[1]) for row in rows), WIDTH - 9 - value - seconds)
        for rank, name, score, latency in rows:
            name = name if len(name) <= model else name[: model - 1] + "…"
            lines.append(f"  {rank:>2} {name:<{model}}  {score:<{value}}  {latency:>{seconds}}".rstrip())
    else:
        lines.append("  no complete run")
    lines += [_wrapped(line, "  ") for line in [*told_apart(made), *unranked(made)]]
    return "\n".join(lines)


def _row(made: Group, rank: int, result: Result) -> tuple[int, str, str, str]:
    """(rank, model, metric with its unit and interval, time)."""
    unit = METRICS[made.primary].unit
    value = shown(made.primary, result.metrics[made.primary], with_interval=True)
    latency = result.cost.seconds_median
    return (
        rank,
        label(result, (*made.ranked, *made.incomplete)),
        f"{value} {unit}".rstrip(),
        "" if latency is None else f"{latency:.3f} s a picture",
    )


def _wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(
        text, WIDTH, initial_indent=indent, subsequent_indent=" " * max(2, len(indent)), break_on_hyphens=False
    )
