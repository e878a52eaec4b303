"""What happened to each face of a picture, as values and as plain data for JSON."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from ..io.images import Picture
    from .check import Pose
    from .face import Face

VERSION = 2
"""Of the report's layout."""
RESTORED, LEFT, BLURRED = "restored", "left", "blurred"


@dataclass(frozen=True, eq=False)
class FaceResult:
    """One face and what became of it."""

    number: int
    """From 1, from left to right."""
    action: str
    """"restored", "left" (as it was) or "blurred"."""
    reason: str | None = None
    """Why it was not restored, as a phrase."""
    face: Face | None = None
    """None for a picture that is an aligned crop itself."""
    pose: Pose | None = None
    covered: float | None = None
    """Part of the face that something covers, 0 to 1."""
    similarity: float | None = None
    """Of the face before and after, by the report's embedding; None when it was not measured."""
    before: np.ndarray | None = None
    """The aligned crop that the backend was given."""
    after: np.ndarray | None = None
    """The finished face, as it was put into the picture."""

    def data(self) -> dict[str, Any]:
        """JSON-ready: positions in pixels of the input, angles in degrees."""
        face = self.face
        return {
            "number": self.number,
            "action": self.action,
            "reason": self.reason,
            "box": None if face is None else [round(float(v), 1) for v in face.box],
            "landmarks": None if face is None else [[round(float(v), 2) for v in point] for point in face.landmarks],
            "confidence": None if face is None else round(face.confidence, 4),
            "yaw": None if self.pose is None else round(self.pose.yaw, 1),
            "pitch": None if self.pose is None else round(self.pose.pitch, 1),
            "roll": None if self.pose is None else round(self.pose.roll, 1),
            "covered": None if self.covered is None else round(self.covered, 3),
            "similarity": None if self.similarity is None else round(self.similarity, 4),
        }


@dataclass(frozen=True, eq=False)
class FacesResult:
    """A picture with its faces restored, and what was done."""

    picture: Picture
    faces: tuple[FaceResult, ...]
    seconds: float
    """Wall time from decoded input to finished picture."""
    changed: bool
    """False when not one pixel, nor the size, was changed."""
    notes: tuple[str, ...] = ()
    """What the user should know, a sentence each."""

    def count(self, action: str) -> int:
        """How many faces were "restored", "left" or "blurred"."""
        return sum(face.action == action for face in self.faces)

    def summary(self) -> str:
        """One plain sentence."""
        if not self.faces:
            return "no face found; " + (
                "the picture is only enlarged." if self.changed else "the picture is unchanged."
            )
        found = "1 face" if len(self.faces) == 1 else f"{len(self.faces)} faces"
        counts = [f"{self.count(a)} {a}" for a in (RESTORED, BLURRED, LEFT) if self.count(a)]
        reasons = Counter(face.reason for face in self.faces if face.action == LEFT and face.reason)
        why = f" ({'; '.join(f'{n}x {r}' if n > 1 else r for r, n in reasons.items())})" if reasons else ""
        return f"{found}: {', '.join(counts)}{why}."

    def data(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "faces": len(self.faces),
            **{action: self.count(action) for action in (RESTORED, LEFT, BLURRED)},
            "changed": self.changed,
            "seconds": round(self.seconds, 3),
            "notes": list(self.notes),
            "details": [face.data() for face in self.faces],
        }
