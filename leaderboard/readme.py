"""The README's tables, made from the committed results and put between their markers.

A table stands between `<!-- leaderboard: DATASET SCENARIO METRIC[ METRIC...] -->`, or
`<!-- leaderboard: use-cases -->`, and `<!-- /leaderboard -->`; what is between them is written anew.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from eval.metrics import get_metric
from zoo.errors import ZooError

from .answers import summary_table
from .recommend import Recommendation
from .table import Group, label, shown

MARKED = re.compile(r"(<!-- leaderboard: ([^\n]+?) -->\n).*?(<!-- /leaderboard -->)", re.DOTALL)


USE_CASES = "use-cases"
"""The marker of the table with a row for each use case."""


def filled(text: str, groups: Sequence[Group], answers: Sequence[Recommendation]) -> str:
    """The text with its marked tables made anew. Raises ZooError for a marker that names no ranking or metric."""

    def made(marker: str) -> str:
        return summary_table(answers) if marker == USE_CASES else table(marker, groups)

    return MARKED.sub(lambda found: found[1] + made(found[2]) + found[3], text)


def table(marker: str, groups: Sequence[Group]) -> str:
    """The Markdown table of one marker: a row for each ranked model, the best first, with its (shared) rank."""
    dataset, scenario, *metrics = marker.split()
    fitting = [made for made in groups if (made.dataset, made.scenario) == (dataset, scenario) and made.ranked]
    if not fitting or not metrics:
        raise ZooError(f"the README's marker '{marker}' names no ranking of the committed results, or no metric.")
    made = max(fitting, key=lambda group: group.version)
    titles = []
    for name in metrics:
        metric = get_metric(name)
        unit = f" ({metric.unit})" if metric.unit else ""
        titles.append(f"{name}{unit}{'' if metric.higher_is_better else ', lower is better'}")
    lines = ["| rank | model | " + " | ".join(titles) + " |", "| --- " * (2 + len(titles)) + "|"]
    for rank, result in zip(made.ranks, made.ranked, strict=True):
        cells = [shown(name, result.metrics.get(name)) for name in metrics]
        lines.append(f"| {rank} | `{label(result, made.ranked)}` | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"
