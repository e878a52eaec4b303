"""The best models of a recommendation, tried on the user's own picture.

What is shown there needs no truth, and so proves little: NIQE prefers sharp, busy pictures whether or not their detail
is true, and a face that was left alone is the most like itself. It stands beside the measurements, not in their place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.errors import ZooError
from zoo.io import images, masks
from zoo.registry import get_card, load

from .use_cases import suggest

if TYPE_CHECKING:
    from eval.faults import Faults

    from .recommend import Choice, Recommendation

MOST = 4
"""So many models are tried."""


@dataclass(frozen=True)
class Trial:
    """One model on the picture."""

    model: str
    seconds: float | None
    niqe: float | None
    """Lower is called better; None where it cannot be computed."""
    similarity: float | None
    """Least similarity of a face before and after; None where there is no face to compare."""
    failed: str | None
    """Why there is no result, or None."""
    notes: tuple[str, ...]


@dataclass(frozen=True)
class TryOut:
    """The picture, what seems to be wrong with it, and what the models make of it."""

    faults: Faults
    found: dict[str, str]
    """Fault -> a phrase, as `Faults.found`."""
    use_cases: tuple[str, ...]
    """Those that the faults suggest, the most fitting first."""
    niqe: float | None
    """Of the picture as it came."""
    why_no_niqe: str | None
    trials: tuple[Trial, ...]


def try_out(
    picture: Any,
    mask: Any,
    faults: Faults,
    found: Recommendation,
    use_cases: Path,
    progress: Callable[[str], None] | None = None,
) -> TryOut:
    """Run the first MOST choices that can run on this machine.

    A model that fails is a trial that failed. progress: is told which model is next, and about how long it takes.
    Raises PictureError and MaskError.
    """
    opened = images.read(picture)
    hole = None if mask is None else masks.read(mask, opened.height, opened.width)
    seen = faults.found()
    before, why = _niqe(opened.rgb8())
    trials = []
    for choice in [choice for choice in found.choices if choice.missing is None][:MOST]:
        if progress is not None:
            progress(f"trying {choice.model}{_expected(choice, opened)}")
        trials.append(_trial(choice, opened, hole, bool(faults.faces)))
    return TryOut(
        faults=faults,
        found=seen,
        use_cases=tuple(suggest(seen, use_cases)),
        niqe=before,
        why_no_niqe=why,
        trials=tuple(trials),
    )


def _expected(choice: Choice, picture: images.Picture) -> str:
    """ ", some 12 s by what was measured"; empty where no latency was published."""
    cost = choice.cost
    if cost.seconds is None or not cost.megapixels:
        return ""
    fixed = get_card(choice.model).size.square is not None
    larger = 1.0 if fixed else picture.width * picture.height / 1e6 / cost.megapixels
    return f", some {cost.seconds * larger:.1f} s by what was measured"


def _trial(choice: Choice, picture: images.Picture, mask: Any, faces: bool) -> Trial:
    try:
        if get_card(choice.model).tasks[0] == "face":
            return _faces_trial(choice, picture)
        done = load(choice.model).restore(picture, mask)
        after, before = done.picture.rgb8(), picture.rgb8()
        similarity = _similarity(after, before) if faces and after.shape == before.shape else None
        return Trial(choice.model, done.seconds, _niqe(after)[0], similarity, None, done.notes)
    except ZooError as error:
        return Trial(choice.model, None, None, None, str(error), ())


def _faces_trial(choice: Choice, picture: images.Picture) -> Trial:
    """A backend for faces works on the faces it finds, whatever else the picture shows."""
    from zoo.faces.pipeline import FacePipeline

    done = FacePipeline(choice.model, embedding="mobilefacenet").run(picture)
    known = [face.similarity for face in done.faces if face.similarity is not None]
    notes = (*done.notes, done.summary())
    return Trial(choice.model, done.seconds, _niqe(done.picture.rgb8())[0], min(known, default=None), None, notes)


def _niqe(picture: np.ndarray) -> tuple[float | None, str | None]:
    """The value, or why there is none."""
    from eval.metric import NotComputable
    from eval.metrics import get_metric

    metric = get_metric("niqe")
    if why := metric.unavailable_reason():
        return None, why
    try:
        return metric.compute(picture, picture, None), None
    except NotComputable as error:
        return None, str(error)


def _similarity(after: np.ndarray, before: np.ndarray) -> float | None:
    from eval.metric import NotComputable
    from eval.metrics import get_metric

    metric = get_metric("face_similarity")
    if metric.unavailable_reason():
        return None
    try:
        return metric.compute(after, before, None)
    except NotComputable:
        return None


def lines(tried: TryOut) -> Sequence[str]:
    """The try-out as text, a line each."""
    faults = tried.faults
    said = [
        f"your picture: {faults.width} x {faults.height} pixels; {'; '.join(tried.found.values()) or 'no fault found'}"
    ]
    if tried.use_cases:
        said.append(f"  use cases that this suggests: {', '.join(tried.use_cases)}")
    niqe = f"{tried.niqe:.2f}" if tried.niqe is not None else f"unavailable: {tried.why_no_niqe}"
    said.append(f"  as it came: NIQE {niqe}")
    for trial in tried.trials:
        if trial.failed is not None:
            said.append(f"  {trial.model}: failed: {trial.failed}")
            continue
        parts = [f"{trial.seconds:.2f} s"]
        parts += [f"NIQE {trial.niqe:.2f}"] if trial.niqe is not None else []
        parts += [f"face similarity {trial.similarity:.2f}"] if trial.similarity is not None else []
        said.append(f"  {trial.model}: {', '.join(parts)}")
        said += [f"    {note}" for note in trial.notes]
    if not tried.trials:
        said.append("  no model that was compared can run on this machine")
    said.append("  (NIQE, lower is called better, knows no truth: it cannot replace the comparison above.)")
    return said
