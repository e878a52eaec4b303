"""What a result has to be to stand in the project's own table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from eval.provenance import Code, git
from eval.results import Result
from zoo.errors import ZooError

from .table import Group

ROOT = Path(__file__).parents[1]


def why_not(result: Result, root: Path = ROOT) -> str | None:
    """Why a result cannot stand in the committed table, in words, or None.

    It has to come from a clean tree at a commit of this history, which is only asked where `root` is a git checkout,
    and to be complete, on a data set that a card describes.
    """
    for code in result.codes:
        if code.commit is None:
            return f"it names no commit (version {code.version})"
        if not code.clean:
            return f"it is of an unclean tree, {code}"
        if is_checkout(root) and not in_history(code, root):
            return f"its commit {code.commit[:12]} is not in this history"
    if not result.complete:
        return f"only {result.n_scored} of {result.n_expected} pictures are scored"
    if result.dataset.state != "verified":
        return f"its pictures are not those that the card of {result.dataset.id} lists ({result.dataset.state})"
    return None


def is_checkout(root: Path) -> bool:
    """Whether git knows this folder as the top of a working tree, with its whole history (no shallow clone)."""
    top = git(root, "rev-parse", "--show-toplevel")
    whole = git(root, "rev-parse", "--is-shallow-repository") == "false"
    return top is not None and Path(top).resolve() == root.resolve() and whole


def in_history(code: Code, root: Path) -> bool:
    """Whether the commit is HEAD or one before it."""
    return code.commit is not None and git(root, "merge-base", "--is-ancestor", code.commit, "HEAD") is not None


def check(results: Iterable[Result], root: Path = ROOT) -> None:
    """Raise ZooError for the first result that cannot stand in the committed table."""
    for result in results:
        if why := why_not(result, root):
            raise ZooError(
                f"{result.model.id} on {result.dataset.id}, {result.scenario.id}, cannot stand in the committed "
                f"table: {why}. Measure it again from a clean tree (make results)."
            )


def place(result: Result) -> Path:
    """Where a result stands below leaderboard/results."""
    s = result.scenario
    variant = "" if result.cost.precision == "fp32" else f"-{result.cost.precision}"
    return Path(result.dataset.id, f"{s.id}-v{s.version}-s{s.seed}", f"{result.model.id}{variant}.json")


def other_inputs(groups: Sequence[Group], committed: Iterable[Result]) -> list[str]:
    """Where runs were given other inputs than the committed results of the same scenario, a sentence each."""
    known: dict[tuple, dict[str, str]] = {}
    for result in committed:
        s = result.scenario
        rows = known.setdefault((result.dataset.id, s.id, s.version, s.seed), {})
        rows.update({row.name: row.input for row in result.images})
    lines = []
    for made in groups:
        rows = known.get((made.dataset, made.scenario, made.version, made.seed), {})
        results = (*made.ranked, *made.unranked)
        other = {row.name for r in results for row in r.images if rows.get(row.name, row.input) != row.input}
        if other:
            lines.append(
                f"{made.name}: {len(other)} inputs, such as {min(other)}, are not those of the committed results, so "
                "the figures do not compare with them"
            )
    return lines
