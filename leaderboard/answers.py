"""What the results say about every use case, as tables for the README and for use_cases.md."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from eval.results import Result
from zoo.card import ModelCard
from zoo.registry import get_card
from zoo.weights import is_bundled

from .costs import Cost
from .recommend import CANNOT_TELL, Choice, Recommendation, command, recommend
from .use_cases import read_use_cases

ABOUT = (
    "For each use case, what its scenarios and weighted metrics say together: the mean gain over doing nothing, in "
    "standard deviations of the pictures, with its 95 % interval. Models that cannot be told apart share their ranks, "
    "shown as 1-3 (Wilcoxon's signed-rank test over all pairs, with Holm's correction). Offline: the weights are "
    "bundled, or none are needed. Seconds are for a picture of the size in brackets; there are none where they were "
    "measured beside other work."
)
NOTHING = "(doing nothing)"


def answers(results: Iterable[Result]) -> list[Recommendation]:
    """The recommendation for every use case, in the order of use_cases.json."""
    found = list(results)
    return [recommend(use, results=found) for use in read_use_cases()]


def works_offline(card: ModelCard) -> bool:
    """Whether any copy of this project can run it at once: its weights are bundled, or it needs none."""
    return not card.files or is_bundled(card)


def how_to_run(card: ModelCard) -> tuple[str, ...]:
    """The command lines that restore a picture, for a machine that has nothing but this project."""
    restore = command(card)[-1]
    return (restore,) if works_offline(card) else (f"python -m zoo download {card.id}", restore)


def markdown(found: Sequence[Recommendation]) -> str:
    """All use cases as a Markdown document: the answer, what it rests on, and a table."""
    lines = ["# Which one for my use?", "", ABOUT, ""]
    for answer in found:
        use = answer.use
        lines += [f"## {use.id}: {use.title}", "", f"**{answer.sentence}**", ""]
        lines += [f"Measured: {use.measured} Not measured: {use.not_measured}", ""]
        if answer.choices:
            lines += [*_table(answer), ""]
        if answer.pick is not None:
            lines += ["```bash", *how_to_run(get_card(answer.pick.model)), "```", ""]
        if answer.scenarios:
            lines.append(f"- {answer.pictures} pictures: {', '.join(answer.scenarios)}.")
        lines += [f"- {model} is left out: {why}." for model, why in sorted(answer.left_out.items())]
        lines += [f"- {note}." for note in answer.notes]
        lines.append("")
    return "\n".join(lines)


def _table(answer: Recommendation) -> list[str]:
    lines = ["| rank | model | gain | seconds | license | offline |", "| --- " * 6 + "|"]
    shown_nothing = False
    for choice in answer.choices:
        if choice.gain <= 0 and not shown_nothing:
            lines.append(_nothing(answer))
            shown_nothing = True
        cells = (
            choice.rank, f"`{choice.model}`", _gain(choice), seconds(choice.cost), choice.license,
            _offline(choice.model),
        )  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return lines if shown_nothing else [*lines, _nothing(answer)]


def _nothing(answer: Recommendation) -> str:
    return f"| {answer.rank_of_nothing} | {NOTHING} | 0 |  |  |  |"


def summary_table(found: Sequence[Recommendation]) -> str:
    """One row for each use case that was measured, for the README; the others are named below it.

    A row names the first choice and those that cannot be told apart from it; its figures are the first one's.
    """
    lines = ["| for | take | gain over doing nothing | pictures | seconds | license | offline |", "| --- " * 7 + "|"]
    unmeasured = []
    for answer in found:
        if not answer.choices:
            unmeasured.append(f"`{answer.use.id}`")
        elif answer.verdict == CANNOT_TELL:
            lines.append(f"| `{answer.use.id}` | cannot tell: {_why(answer)} |  | {_pictures(answer)} |  |  |  |")
        else:
            best = answer.choices[0]
            equals = [f"`{choice.model}`" for choice in answer.choices if choice.tied]
            take = " or ".join([f"`{best.model}`", *equals])
            cells = (take, _gain(best), _pictures(answer), seconds(best.cost), best.license, _offline(best.model))
            lines.append(f"| `{answer.use.id}` | {' | '.join(cells)} |")
    if unmeasured:
        lines += ["", f"Not measured yet: {', '.join(unmeasured)}."]
    return "\n".join(lines) + "\n"


def _pictures(answer: Recommendation) -> str:
    """ "44", or, where not all was measured that counts, "24 (1 of 4 sets)"."""
    wanted, measured = len(answer.use.cells), len(answer.scenarios)
    return str(answer.pictures) + (f" ({measured} of {wanted} sets)" if measured < wanted else "")


def _why(answer: Recommendation) -> str:
    best = answer.choices[0]
    if best.gain <= 0:
        return "no model improved the pictures"
    return f"{best.model} may be no better than doing nothing"


def _gain(choice: Choice) -> str:
    interval = "" if choice.low is None else f" [{choice.low:+.2f}, {choice.high:+.2f}]"
    return f"{choice.gain:+.2f}{interval}"


def seconds(cost: Cost) -> str:
    """ "0.25 (0.39 MP)", or empty where no latency was published."""
    if cost.seconds is None or cost.megapixels is None:
        return ""
    return f"{cost.seconds:.2g} ({cost.megapixels:.2f} MP)"


def _offline(model: str) -> str:
    return "yes" if works_offline(get_card(model)) else "no"
