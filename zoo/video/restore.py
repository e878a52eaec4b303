"""What is done to batches of frames: models one after the other, faces, and keeping the result steady."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np

from ..errors import RestorationError, ZooError
from ..faces.pipeline import FacePipeline
from ..faces.style import Look
from ..registry import load
from ..restorer import Restorer
from .clean import DUST_RADIUS, Deflicker, remove_dust, windowed
from .faces import FaceTracks
from .motion import mark_cuts
from .recipe import Recipe
from .source import Frame
from .steady import Steady

MOST_IN_BATCH = 8
BATCH_PIXELS = 24_000_000
"""So many pixels of input and results are restored together."""


@dataclass(frozen=True)
class Machine:
    """Where and how models compute, as in `zoo.load`."""

    device: str = "auto"
    precision: str = "fp32"
    tile: int | str | None = "auto"


@dataclass(frozen=True)
class FaceOptions:
    """What is wanted of faces."""

    look: Look = field(default_factory=Look)
    force: bool = False
    anonymize: str | None = None


@dataclass
class Done:
    """A restored frame."""

    frame: Frame
    image: np.ndarray
    entry: dict[str, Any]
    """What happened to it, JSON-ready."""


class Restoring:
    """All steps of a recipe, loaded."""

    def __init__(self, recipe: Recipe, machine: Machine, faces: FaceOptions, holes: bool = False):
        """holes: frames come with holes to fill. Raises UnknownNameError, WeightsError or ZooError."""
        self.recipe = recipe
        self.models = [
            load(name, device=machine.device, precision=machine.precision, tile=machine.tile) for name in recipe.models
        ]
        inpainting = [model.card.id for model in self.models if "inpaint" in model.card.tasks]
        needing = [model.card.id for model in self.models if model.card.needs_mask]
        if needing and not holes:
            raise ZooError(f"{needing[0]} fills holes, so it needs a mask (white = hole): --mask.")
        if holes and not inpainting and not recipe.has("fill"):
            raise ZooError("a mask is given, but neither the step fill nor a model that fills holes.")
        self.faces: FaceTracks | None = None
        self._pipeline: FacePipeline | None = None
        if recipe.faces or faces.anonymize:
            self._pipeline = FacePipeline(
                recipe.faces or "no-op", detector="yunet", device=machine.device, precision=machine.precision
            )
            if self._pipeline.restorer.card.scale != 1:
                raise ZooError(f"{self._pipeline.restorer.card.id} enlarges faces, which is not done in videos.")
            self._pipeline.detector  # noqa: B018  what is missing is told before any work
            self.faces = FaceTracks(self._pipeline, look=faces.look, force=faces.force, anonymize=faces.anonymize)
        # A model that does nothing but enlarge takes it that there is no other fault.
        clean = bool(self.models) and all(model.card.tasks[0] == "super-resolution" for model in self.models)
        self.steady = Steady(recipe.strength, clean=clean and not (recipe.has("deflicker") or recipe.has("dust")))

    @property
    def scale(self) -> int:
        """How much larger the frames get."""
        return int(np.prod([model.card.scale for model in self.models], dtype=int))

    @property
    def identity(self) -> list[tuple[str, str | None]]:
        """The models, with the checksums of their weights."""
        used = [*self.models, *([self._pipeline.restorer] if self._pipeline else [])]
        return [(model.card.id, model.weights_sha256) for model in used]

    def batch_size(self, width: int, height: int) -> int:
        """How many frames of this size go through together: 8, 4, 2 or 1."""
        size = MOST_IN_BATCH
        while size > 1 and size * width * height * (1 + self.scale**2) > BATCH_PIXELS:
            size //= 2
        return size

    @property
    def context(self) -> int:
        """So many frames before a frame its result depends on, beyond what `state` holds."""
        radius = Deflicker.radius * self.recipe.has("deflicker") + DUST_RADIUS * self.recipe.has("dust")
        if self.recipe.has("fill"):
            from .fill import RADIUS

            radius += RADIUS
        return radius + 1

    def prepared(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        """The frames after the steps that look at several of them, with scene cuts marked."""
        frames = mark_cuts(frames)
        if self.recipe.has("deflicker"):
            frames = windowed(frames, Deflicker.radius, Deflicker())
        if self.recipe.has("dust"):
            frames = windowed(frames, DUST_RADIUS, remove_dust)
        if self.recipe.has("fill"):
            from .fill import filled

            frames = filled(frames)
        return frames

    def __call__(self, batch: list[Frame]) -> list[Done]:
        """Restore frames that follow each other. A frame on which a model fails keeps its input, and says so."""
        images = [frame.image for frame in batch]
        errors: dict[int, str] = {}
        for model in self.models:
            images = self._through(model, batch, images, errors)
        found: list[list[dict[str, Any]]] = [[] for _ in batch]
        if self.faces is not None:
            try:
                images, found = self.faces(images, [frame.cut for frame in batch], batch[0].index)
            except RestorationError as error:
                if self.faces.hides:  # no frame may go out with a face that was to be blurred
                    raise
                errors |= {number: str(error) for number in range(len(batch)) if number not in errors}
        done = []
        for number, (frame, image) in enumerate(zip(batch, images, strict=True)):
            entry: dict[str, Any] = {"frame": frame.index}
            if number in errors:
                entry |= {"state": "failed", "error": errors[number]}
            else:
                entry |= {"state": "damaged" if frame.damaged else "restored"}
            image, trust = self.steady(frame.image, image, frame.cut or number in errors)
            entry |= {"cut": frame.cut, "steadied": round(trust, 3), "faces": found[number]}
            done.append(Done(frame, image, entry))
        return done

    def _through(
        self, model: Restorer, batch: list[Frame], images: list[np.ndarray], errors: dict[int, str]
    ) -> list[np.ndarray]:
        """One model over a batch; where it fails on the whole, frame by frame. Failed ones are only enlarged."""
        fills = "inpaint" in model.card.tasks
        masks = [frame.hole if fills and frame.hole is not None and frame.hole.any() else None for frame in batch]
        if any(mask is not None and mask.shape != images[n].shape[:2] for n, mask in enumerate(masks)):
            raise ZooError(f"{model.card.id} fills holes, so it goes before what enlarges.")
        results: list[np.ndarray | None] = [None] * len(batch)
        # What has no hole needs no model that does nothing but fill.
        waiting = [n for n in range(len(batch)) if not (model.card.needs_mask and masks[n] is None)]
        for n in set(range(len(batch))) - set(waiting):
            results[n] = images[n]
        try:
            restored = model.restore_batch([images[n] for n in waiting], [masks[n] for n in waiting])
            for n, restoration in zip(waiting, restored, strict=True):
                results[n] = restoration.image
        except RestorationError:
            for n in waiting:
                try:
                    results[n] = model.restore(images[n], masks[n]).image
                except RestorationError as error:
                    errors.setdefault(n, str(error))
        return [
            _enlarged(batch[n].image, images[n].shape[0] * model.card.scale, images[n].shape[1] * model.card.scale)
            if result is None or n in errors
            else result
            for n, result in enumerate(results)
        ]

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """What the next batch depends on: JSON and arrays."""
        arrays = {f"steady.{name}": array for name, array in self.steady.state().items()}
        if self.faces is None:
            return {}, arrays
        state = self.faces.state()
        grey = state.pop("grey")
        if grey is not None:
            arrays["faces.grey"] = grey
        return {"faces": state}, arrays

    def resume(self, state: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        """Go on from a `state()`."""
        self.steady.resume({name.partition(".")[2]: a for name, a in arrays.items() if name.startswith("steady.")})
        if self.faces is not None and "faces" in state:
            self.faces.resume({**state["faces"], "grey": arrays.get("faces.grey")})


def _enlarged(image: np.ndarray, height: int, width: int) -> np.ndarray:
    if image.shape[:2] == (height, width):
        return image
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_CUBIC)
