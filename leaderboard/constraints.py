"""What a user asks of a backend beside quality."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from eval.results import Result
from zoo.errors import UnknownNameError, ZooError
from zoo.licenses import is_licensed
from zoo.registry import get_card, list_models, unavailable_reason

from .costs import CostTable, cost_of

FACE_SIMILARITY = "face_similarity"
"""What a least similarity of faces is asked of: its embedding is bundled."""


@dataclass(frozen=True)
class Constraints:
    """Limits; None sets none. Raises ZooError for a limit that makes no sense, UnknownNameError for a license."""

    max_ms: float | None = None
    """Milliseconds for a picture of the size `at`, or that of the measured pictures."""
    at: tuple[int, int] | None = None
    """(width, height) in pixels."""
    max_memory_mb: float | None = None
    license: str | None = None
    """"permissive" or an SPDX id."""
    offline: bool = False
    """Weights have to be on this machine."""
    min_face_similarity: float | None = None

    def __post_init__(self) -> None:
        for name, value in (("the longest time", self.max_ms), ("the most memory", self.max_memory_mb)):
            if value is not None and not (math.isfinite(value) and value > 0):
                raise ZooError(f"{name} is a number above 0, not {value:g}.")
        if self.at is not None and not (len(self.at) == 2 and all(isinstance(s, int) and s > 0 for s in self.at)):
            raise ZooError(f"a size is a width and a height in pixels, not {self.at}.")
        similarity = self.min_face_similarity
        if similarity is not None and not -1 <= similarity <= 1:
            raise ZooError(f"a similarity of faces goes from -1 to 1, not {similarity:g}.")
        if self.license is not None and self.license.casefold() != "permissive":
            known = {card.license for card in list_models()}
            if self.license.casefold() not in {each.casefold() for each in known}:
                raise UnknownNameError("license", self.license, {"permissive", *known})

    def why_not(self, model: str, runs: Sequence[Result], costs: CostTable | None = None) -> str | None:
        """Why a model with these runs and costs does not meet the constraints, as a phrase, or None."""
        try:
            card = get_card(model)
        except ZooError:
            return "it is no backend of this version any more"
        if self.license is not None and not is_licensed(card.license, self.license):
            return f"its license is {card.license}"
        if self.offline and unavailable_reason(card) is not None:
            return "its weights are not on this machine"
        cost = cost_of(card, runs, self.at, costs)
        if self.max_ms is not None:
            seconds = cost.seconds if self.at is None else cost.seconds_at
            if seconds is None:
                return "no latency was published for it"
            if seconds * 1000 > self.max_ms:
                return f"it takes about {seconds * 1000:.0f} ms{cost.remark and f' ({cost.remark})'}"
        if self.max_memory_mb is not None:
            if cost.memory_mb is None:
                return "its memory was not measured"
            if cost.memory_mb > self.max_memory_mb:
                return f"it takes up to {cost.memory_mb:.0f} MB"
        if self.min_face_similarity is not None:
            similarity = face_similarity(runs)
            if similarity is None:
                return "its faces were not compared"
            if similarity < self.min_face_similarity:
                return f"its faces have {similarity:.3f} on average"
        return None


def face_similarity(runs: Iterable[Result]) -> float | None:
    """The lowest mean similarity of faces on any scenario; None where it was not measured."""
    values = [run.metrics[FACE_SIMILARITY].mean for run in runs if FACE_SIMILARITY in run.metrics]
    return min((value for value in values if value is not None), default=None)
