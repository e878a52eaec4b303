"""Show a comparison of runs: for a terminal, as Markdown, as JSON."""

from __future__ import annotations

from dataclasses import asdict

from .compare import BETTER, TOO_FEW, WORSE, Comparison, Line
from .relevance import digits
from .stats import ALPHA, minimum_sample

HEADER = ("metric", "A", "B", "B - A", "95 % interval", "p (Holm)", "B wins", "d_z", "verdict")


def cells(line: Line) -> tuple[str, ...]:
    """A line's texts, by HEADER."""
    places = digits(line.metric)

    def number(value: float) -> str:
        return f"{value:+.{places}f}" if value else "0"

    interval = "" if line.low is None or line.high is None else f"[{number(line.low)}, {number(line.high)}]"
    verdict = line.verdict
    if verdict in (BETTER, WORSE):
        verdict += {True: ", and it matters", False: ", too little to matter", None: ""}[line.matters]
    return (
        line.metric,
        f"{line.mean_a:.{places}f}",
        f"{line.mean_b:.{places}f}",
        number(line.difference),
        interval,
        "< 0.001" if line.p < 0.001 else f"{line.p:.3f}",
        f"{line.win_rate:.0%}",
        "" if line.standardized is None else f"{abs(line.standardized):.2f}",
        verdict,
    )


def _blocks(found: Comparison) -> dict[str, list[Line]]:
    blocks: dict[str, list[Line]] = {}
    for line in found.lines:
        model = line.a if line.a == line.b else f"{line.a} -> {line.b}"
        seeds = f", {line.seeds} seeds" if line.seeds > 1 else ""
        blocks.setdefault(f"{model} on {line.dataset}, {line.scenario} ({line.n} pictures{seeds})", []).append(line)
    return blocks


def summary(found: Comparison) -> str:
    """One sentence: how much got better, how much worse."""
    worse, better = (sum(line.verdict == verdict for line in found.lines) for verdict in (WORSE, BETTER))
    lost = f" B lost pictures in {len(found.lost)} runs." if found.lost else ""
    rest = len(found.lines) - worse - better
    return f"{len(found.lines)} comparisons: {worse} worse, {better} better, {rest} with no difference told.{lost}"


def method(found: Comparison) -> str:
    """How the verdicts came about."""
    count = len(found.lines)
    few = ""
    if any(line.verdict == TOO_FEW for line in found.lines):
        few = (
            f" Too few pictures: {minimum_sample()} on which A and B differ are the fewest that can be significant, "
            "more when several comparisons are made."
        )
    return (
        "B - A is the difference of the means over the same pictures, with its 95 % interval (studentized paired "
        "bootstrap); d_z is its size in standard deviations. Better and worse: Wilcoxon's signed-rank test gives p < "
        f"{ALPHA}, corrected by Holm over all {count} comparisons, and the interval leaves out zero.{few}"
    )


def text(found: Comparison) -> str:
    """The comparison for a terminal."""
    from zoo.cli.common import table

    parts = [f"{title}\n{table(HEADER, [cells(line) for line in lines])}" for title, lines in _blocks(found).items()]
    parts.append("\n".join([*found.lost, *found.notes, method(found), summary(found)]))
    return "\n\n".join(parts)


def markdown(found: Comparison) -> str:
    """The comparison as a Markdown document."""
    lines = ["# Comparison", "", summary(found), ""]
    for title, block in _blocks(found).items():
        lines += [f"## {title}", "", f"| {' | '.join(HEADER)} |", "| --- " * len(HEADER) + "|"]
        lines += [f"| {' | '.join(cells(line))} |" for line in block]
        lines.append("")
    lines += [f"- {sentence}" for sentence in (*found.lost, *found.notes)]
    return "\n".join([*lines, "", method(found), ""])


def as_json(found: Comparison) -> dict:
    """The comparison for programs."""
    lines = [{**asdict(line), "matters": line.matters} for line in found.lines]
    return {"schema_version": 1, "lines": lines, "lost": list(found.lost), "notes": list(found.notes)}
