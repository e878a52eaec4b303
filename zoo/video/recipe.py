"""What is done to a video: a list of steps, given on the command line or in a file."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import UnknownNameError, ZooError, describe_os_error
from ..io.files import read_bytes
from .encode import CODECS
from .steady import strength_of

FOLDER = Path(__file__).parent / "recipes"
STEPS = {
    "deflicker": (),
    "dust": (),
    "fill": (),
    "model": ("model",),
    "faces": ("model",),
    "steady": ("strength",),
}
"""Step -> what belongs to it."""
ORDER = {"deflicker": 0, "dust": 1, "fill": 2, "model": 3, "faces": 3, "steady": 4}
"""What looks at several frames goes first, what keeps the result steady goes last."""


@dataclass(frozen=True)
class Step:
    """One thing that is done to every frame."""

    kind: str
    """Of STEPS."""
    model: str | None = None
    strength: float = 0.0


@dataclass(frozen=True)
class Recipe:
    """All that is done to a video."""

    steps: tuple[Step, ...]
    codec: str | None = None
    crf: int | None = None

    def __post_init__(self) -> None:
        kinds = [step.kind for step in self.steps]
        for before, after in itertools.pairwise(kinds):
            if ORDER[before] > ORDER[after]:
                raise ZooError(f"the step {after} goes before {before}.")
        for kind in ("deflicker", "dust", "fill", "faces", "steady"):
            if kinds.count(kind) > 1:
                raise ZooError(f"the step {kind} can be there once only.")
        if not any(step.kind != "steady" for step in self.steps):
            raise ZooError("nothing is to be restored: name a model, faces, or a recipe.")

    @property
    def models(self) -> tuple[str, ...]:
        """The models of whole frames, in order."""
        return tuple(step.model for step in self.steps if step.kind == "model" and step.model)

    @property
    def faces(self) -> str | None:
        """The model of faces."""
        return next((step.model for step in self.steps if step.kind == "faces"), None)

    @property
    def strength(self) -> float:
        """Of temporal consistency."""
        return next((step.strength for step in self.steps if step.kind == "steady"), 0.0)

    def has(self, kind: str) -> bool:
        """Whether there is such a step."""
        return any(step.kind == kind for step in self.steps)


def names() -> list[str]:
    """The recipes that come with the program."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def read_recipe(name: str) -> Recipe:
    """A recipe by its name, or from a JSON file of one's own. Raises UnknownNameError and ZooError."""
    path = Path(name) if name.endswith(".json") else FOLDER / f"{name}.json"
    if not name.endswith(".json") and name not in names():
        raise UnknownNameError("recipe", name, names())
    try:
        data = json.loads(read_bytes(path, 1 << 20))
    except OSError as error:
        raise ZooError(f"cannot read {path}: {describe_os_error(error)}.") from None
    except (ValueError, RecursionError) as error:
        raise ZooError(f"{path} is no JSON file: {error}.") from None
    return recipe_of(data, str(path))


def recipe_of(data: Any, name: str) -> Recipe:
    """A recipe from the content of its file. Raises ZooError that names what is wrong in it."""
    if not isinstance(data, dict) or not isinstance(data.get("steps"), list):
        raise ZooError(f"{name} is no recipe: it needs a list `steps`.")
    unknown = set(data) - {"about", "steps", "codec", "crf"}
    if unknown:
        raise ZooError(f"{name}: a recipe has about, steps, codec and crf, but no {sorted(unknown)[0]}.")
    codec, crf = data.get("codec"), data.get("crf")
    if codec is not None and codec not in CODECS:
        raise ZooError(f"{name}: unknown codec '{codec}'; known: {', '.join(CODECS)}.")
    if crf is not None and (isinstance(crf, bool) or not isinstance(crf, int)):
        raise ZooError(f"{name}: crf is a whole number, not {crf!r}.")
    steps = []
    for number, given in enumerate(data["steps"], 1):
        kind = given.get("step") if isinstance(given, dict) else None
        if kind not in STEPS:
            raise ZooError(f"{name}: step {number} is none of {', '.join(STEPS)}.")
        if set(given) != {"step", *STEPS[kind]} or not all(isinstance(given[key], (str, float, int)) for key in given):
            wants = f"exactly {', '.join(STEPS[kind])}" if STEPS[kind] else "nothing more"
            raise ZooError(f"{name}: step {number} ({kind}) takes {wants}.")
        strength = strength_of(given["strength"]) if kind == "steady" else 0.0
        steps.append(Step(kind, str(given["model"]) if "model" in given else None, strength))
    return Recipe(tuple(steps), codec, crf)
