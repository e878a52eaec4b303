"""Which backend for a use case: the pick, the runner-up, and what the measurements say about their difference."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eval.compare import Line, compare
from eval.metrics import get_metric
from eval.relevance import digits
from eval.results import Result
from eval.stats import minimum_sample, paired, rank
from zoo.card import ModelCard
from zoo.errors import ZooError
from zoo.registry import get_card, unavailable_reason

from .costs import Cost, cost_of
from .gains import Gains, gains
from .ranks import shown_rank
from .table import COMMITTED
from .use_cases import FILE, UseCase, get_use_case, suggest
from .wishes import Wishes, face_similarity

if TYPE_CHECKING:
    from .try_out import TryOut

CLEAR, TIED, CANNOT_TELL = "clear", "tied", "cannot tell"


@dataclass(frozen=True)
class Choice:
    """One model that meets the wishes."""

    model: str
    title: str
    license: str
    rank: str
    """Among all that were compared, doing nothing included: "2", or "1-3" where it is shared."""
    missing: str | None
    """Why it cannot run on this machine now, or None."""
    gain: float
    """Mean gain over doing nothing, in standard deviations (see `leaderboard.gains`)."""
    low: float | None
    high: float | None
    """Its 95 % interval; None for one picture."""
    better_than_nothing: bool
    """Whether the gain is significant, corrected for all comparisons."""
    p_nothing: float
    """Of that gain, corrected."""
    tied: bool
    """The first choice cannot be told apart from it."""
    face_similarity: float | None
    cost: Cost
    command: tuple[str, ...]
    """What to type."""


@dataclass(frozen=True)
class Difference:
    """Pick minus runner-up."""

    mean: float
    """In standard deviations, as the gains."""
    low: float | None
    high: float | None
    pictures: int
    win_rate: float
    """Share of pictures on which the pick is better; a tie counts half."""
    p: float
    comparisons: int
    """So many comparisons p is corrected for."""
    significant: bool
    metrics: tuple[Line, ...]
    """Each metric on each scenario in its own unit; A is the runner-up and B the pick."""

    @property
    def matters(self) -> bool:
        """Whether some metric differs by more than is too little to care for (`eval.relevance`), or may do so."""
        return any(line.matters is not False for line in self.metrics)


@dataclass(frozen=True)
class Recommendation:
    """The answer."""

    use: UseCase
    verdict: str
    """clear: better than all others; tied: better than doing nothing, but some others may be as good; cannot tell."""
    sentence: str
    """The verdict for people."""
    choices: tuple[Choice, ...]
    """All models that were compared, by their mean gain."""
    rank_of_nothing: str | None
    """The rank of doing nothing among the choices; None where there are none."""
    difference: Difference | None
    pictures: int
    """How many pictures the comparison rests on."""
    scenarios: tuple[str, ...]
    weights: dict[str, dict[str, float]]
    """Scenario -> metric -> share."""
    best_of_each: dict[str, str]
    """Scenario -> the model with the highest mean gain there that meets the wishes, among those measured there."""
    left_out: dict[str, str]
    """Model -> why it does not count."""
    notes: tuple[str, ...]
    at: tuple[int, int] | None
    try_out: TryOut | None = None

    @property
    def pick(self) -> Choice | None:
        """The model to take; None when the data cannot tell."""
        return None if self.verdict == CANNOT_TELL else self.choices[0]

    @property
    def runner_up(self) -> Choice | None:
        """The second."""
        return None if self.pick is None or len(self.choices) < 2 else self.choices[1]


def recommend(
    use: str | None = None,
    *,
    max_ms: float | None = None,
    at: tuple[int, int] | None = None,
    max_memory_mb: float | None = None,
    license: str | None = None,
    offline: bool = False,
    min_face_similarity: float | None = None,
    picture: Any = None,
    mask: Any = None,
    progress: Callable[[str], None] | None = None,
    results: Iterable[Result] | None = None,
    use_cases: Path = FILE,
) -> Recommendation:
    """Which backend to take, by what was measured.

    Args:
        use: a use case of `leaderboard/use_cases.json`; None: the one that fits the picture's faults best.
        max_ms: longest time for a picture in milliseconds, at the size `at` or that of the measured pictures.
        at: (width, height) in pixels for which time and memory are estimated.
        max_memory_mb: most memory beside the loaded model, in megabytes.
        license: "permissive" or an SPDX id.
        offline: only models whose weights are on this machine.
        min_face_similarity: least mean similarity of faces to those of the truth (MobileFaceNet's cosine, -1 to 1).
        picture: the best models are run on it (see `leaderboard.try_out`); a path or what `zoo.Restorer.restore` takes.
        mask: for a use case that fills holes, the picture's mask.
        progress: is told before each model that is tried on the picture, with a sentence.
        results: the measurements, by default the committed ones.
        use_cases: the file of use cases.

    Raises UnknownNameError for an unknown use case or license, ZooError for a wish that makes no sense or cannot be
    judged by what was measured, and when there are no results; PictureError and MaskError for what cannot be tried.
    """
    wishes = Wishes(max_ms, at, max_memory_mb, license, offline, min_face_similarity)
    if mask is not None and picture is None:
        raise ZooError("a mask is for a picture: give the picture too.")
    faults = None
    if picture is not None:
        from eval.faults import estimate

        faults = estimate(picture)
    if use is None:
        use = _guess(faults.found() if faults else None, use_cases)
    case = get_use_case(use, use_cases)
    if picture is not None and case.needs_mask and mask is None:
        raise ZooError(f"the use case {case.id} fills holes, so it needs the picture's mask (white = hole).")
    if mask is not None and not case.needs_mask:
        raise ZooError(f"the use case {case.id} uses no mask; leave it out.")
    if results is None:
        results = _committed()
    measured = gains(case, results)
    files = tuple(Path(given) if isinstance(given, (str, Path)) else None for given in (picture, mask))
    everyone = [run for cell in measured.cells for run in cell.runs.values()]
    if min_face_similarity is not None and face_similarity(everyone) is None:
        raise ZooError(f"no similarity of faces was measured for the use case {case.id}.")
    left_out = {}
    for model in dict.fromkeys(model for cell in measured.cells for model in cell.gains):
        why = wishes.why_not(model, _runs(model, measured))
        if why is not None:
            left_out[model] = why
    best = {cell.name: cell.best([model for model in cell.gains if model not in left_out]) for cell in measured.cells}
    best_of_each = {name: model for name, model in best.items() if model is not None and len(best) > 1}
    choices = {model: values for model, values in measured.models.items() if model not in left_out}
    left_out = {**measured.left_out, **left_out}
    found = _judged(case, measured, choices, best_of_each, left_out, at, files)
    if faults is None:
        return found
    from .try_out import try_out

    return replace(found, try_out=try_out(picture, mask, faults, found, use_cases, progress))


def _committed() -> list[Result]:
    from eval.find import find_results

    if not any(COMMITTED.rglob("*.json")):
        raise ZooError("this copy has no committed results: measure with `python -m eval` and name the folder.")
    return find_results([COMMITTED])


def _guess(found: Mapping[str, str] | None, use_cases: Path) -> str:
    if found is None:
        raise ZooError("name a use case, or give a picture whose faults are estimated.")
    fitting = suggest(found, use_cases)
    if not fitting:
        raise ZooError(
            f"no use case fits what was found in the picture ({', '.join(found.values()) or 'no fault'}): name one."
        )
    return fitting[0]


def _runs(model: str, measured: Gains) -> list[Result]:
    return [cell.runs[model] for cell in measured.cells if model in cell.runs]


def _judged(
    case: UseCase,
    measured: Gains,
    values: dict[str, np.ndarray],
    best_of_each: dict[str, str],
    left_out: dict[str, str],
    at: tuple[int, int] | None,
    files: Sequence[Path | None],
) -> Recommendation:
    """Compare all models and doing nothing pairwise, in one family: which of them is the best was not known before."""
    order = sorted(values, key=lambda model: (-float(values[model].mean()), model))
    verdicts, ranks, nothing = {}, [], len(order)
    if order:
        table = np.stack([values[model] for model in order])
        ranking = rank(np.vstack([table, np.zeros_like(table[:1])]))
        verdicts, ranks = ranking.verdicts, [shown_rank(*ends) for ends in ranking.ranks]
    choices = []
    for place, model in enumerate(order):
        card, own = get_card(model), paired(values[model].tolist())
        against_nothing = verdicts[place, nothing]
        choices.append(
            Choice(
                model=model,
                title=card.title,
                license=card.license,
                rank=ranks[place],
                missing=unavailable_reason(card),
                gain=own.mean,
                low=own.low,
                high=own.high,
                better_than_nothing=against_nothing.direction < 0,
                p_nothing=against_nothing.p,
                tied=place > 0 and verdicts[0, place].direction >= 0,
                face_similarity=face_similarity(_runs(model, measured)),
                cost=cost_of(card, _runs(model, measured), at),
                command=command(card, *files),
            )
        )
    difference = None
    if len(order) > 1:
        duel = paired((values[order[0]] - values[order[1]]).tolist())
        difference = Difference(
            mean=duel.mean, low=duel.low, high=duel.high, pictures=duel.n, win_rate=duel.win_rate, p=verdicts[0, 1].p,
            comparisons=len(verdicts), significant=verdicts[0, 1].direction < 0,
            metrics=_lines(measured, order[1], order[0]),
        )  # fmt: skip
    verdict, sentence = _verdict(choices, measured, len(verdicts))
    if verdict == CLEAR and difference is not None and not difference.matters:
        sentence += " The difference is too small to matter in any metric, though."
    if 0 < len(measured.cells) < len(case.cells):
        were = "was" if len(measured.cells) == 1 else "were"
        sentence += (
            f" Of the {len(case.cells)} sets of pictures that count here, {len(measured.cells)} {were} measured."
        )
    return Recommendation(
        use=case,
        verdict=verdict,
        sentence=sentence,
        choices=tuple(choices),
        rank_of_nothing=ranks[nothing] if ranks else None,
        difference=difference,
        pictures=measured.pictures,
        scenarios=tuple(cell.name for cell in measured.cells),
        weights={cell.name: cell.weights for cell in measured.cells},
        best_of_each=best_of_each,
        left_out=left_out,
        notes=measured.notes,
        at=at,
    )


def _verdict(choices: Sequence[Choice], measured: Gains, comparisons: int) -> tuple[str, str]:
    if not measured.cells:
        return CANNOT_TELL, "Cannot tell: nothing was measured that this use case could be judged by."
    if not choices:
        why = "no model was measured on all of its scenarios" if not measured.models else "no model meets the wishes"
        return CANNOT_TELL, f"Cannot tell: {why}."
    best = choices[0]
    if best.gain <= 0:
        return CANNOT_TELL, "Cannot tell: no model improved the pictures on average; leave yours as it is."
    needed = minimum_sample(comparisons)
    if measured.pictures < needed:
        return CANNOT_TELL, (
            f"Cannot tell: {measured.pictures} pictures are too few to tell {comparisons} differences from chance; "
            f"that takes at least {needed}. {best.model} has the highest mean."
        )
    if not best.better_than_nothing:
        return CANNOT_TELL, (
            f"Cannot tell: even {best.model}, which has the highest mean, may be no better than doing nothing "
            f"(p = {best.p_nothing:.2g} on {measured.pictures} pictures)."
        )
    equals = [choice.model for choice in choices if choice.tied]
    if equals:
        return TIED, (
            f"{best.model} has the highest mean, but on these {measured.pictures} pictures it cannot be told apart "
            f"from {' and '.join(equals)}."
        )
    if len(choices) == 1:
        return CLEAR, f"{best.model} is better than doing nothing; no other model was compared."
    return CLEAR, (
        f"{best.model} is better than {'all others' if len(choices) > 2 else choices[1].model}, and significantly so "
        f"on {measured.pictures} pictures."
    )


def _lines(measured: Gains, runner_up: str, pick: str) -> tuple[Line, ...]:
    """The two models' differences in the metrics that count."""
    metrics = list(dict.fromkeys(name for cell in measured.cells for name in cell.weights))
    found = compare(_runs(runner_up, measured), _runs(pick, measured), metrics)
    return tuple(line for line in found.lines if line.metric in _weights_at(measured, line))


def _weights_at(measured: Gains, line: Line) -> dict[str, float]:
    cells = (cell for cell in measured.cells if (cell.dataset, cell.scenario) == (line.dataset, line.scenario))
    return next((cell.weights for cell in cells), {})


def command(card: ModelCard, picture: Path | None = None, mask: Path | None = None) -> tuple[str, ...]:
    """The command lines that restore a picture with a model; a download comes first where its weights are missing."""
    source = picture or Path("photo.png")
    suffix = ".png" if source.suffix.lower() in ("", ".bmp") else source.suffix
    target = source.with_name(f"{source.stem}-{card.id}{suffix}")
    kind = "faces" if card.tasks[0] == "face" else "restore"
    words = ["python", "-m", "zoo", kind, _argument(source), "-m", card.id, "-o", _argument(target)]
    if card.needs_mask:
        words += ["--mask", _argument(mask or Path("mask.png"))]
    lines = [shlex.join(words)]
    if unavailable_reason(card) is not None:
        lines.insert(0, shlex.join(["python", "-m", "zoo", "download", card.id]))
    return tuple(lines)


def _argument(path: Path) -> str:
    """A path as an argument that is not taken for an option, with slashes that every shell takes."""
    text = path.as_posix()
    return f"./{text}" if text.startswith("-") else text


def shown_difference(line: Line) -> str:
    """ "psnr_rgb +0.31 dB [+0.20, +0.42]: better"."""
    places, unit = digits(line.metric), get_metric(line.metric).unit
    interval = "" if line.low is None else f" [{line.low:+.{places}f}, {line.high:+.{places}f}]"
    small = ", but too little to matter" if line.matters is False and line.verdict in ("better", "worse") else ""
    return f"{line.metric} {line.difference:+.{places}f}{unit and f' {unit}'}{interval}: {line.verdict}{small}"
