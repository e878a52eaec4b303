"""The face pipeline: detect -> choose -> check -> align -> restore -> finish -> check the similarity -> blend."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from ..errors import ZooError
from ..io import images
from ..io.exif import without_previews
from ..registry import get_card, load
from . import align, blend, check, similarity, upscale
from .detect import Detector, load_detector
from .face import Face
from .report import BLURRED, LEFT, RESTORED, FaceResult, FacesResult
from .style import Look, finish

if TYPE_CHECKING:
    from ..io.images import Picture
    from ..restorer import Restorer

CROP = 512
"""Side of the aligned crops for backends that take any size."""
SMALL = similarity.CROP
"""Side at which similarity and covering are measured."""
BATCH_PIXELS = 8 * 512 * 512
"""At most this many pixels of faces form a batch."""


@dataclass(frozen=True)
class Options:
    """What to do with one picture."""

    look: Look = field(default_factory=Look)
    """Strength, sharpening, local contrast, skin saturation."""
    only: str = "all"
    """"all", "largest", "center" (nearest to the picture's middle), or "x,y": the face at this pixel."""
    aligned: bool = False
    """The picture is an aligned crop of one face."""
    force: bool = False
    """Restore strongly turned and covered faces too."""
    blend: str = "feather"
    """"feather" or "poisson"."""
    upscale: int = 1
    """Enlarge the whole picture 1, 2 or 4 times."""
    min_similarity: float | None = None
    """Keep the original of a face whose similarity before and after is below this."""
    anonymize: str | None = None
    """"others" blurs the faces that are not restored, "all" every face (and restores none)."""

    def __post_init__(self) -> None:
        if self.blend not in blend.METHODS:
            raise ZooError(f"unknown blending '{self.blend}': use {' or '.join(blend.METHODS)}.")
        if self.upscale not in upscale.FACTORS:
            raise ZooError(f"a picture is enlarged {', '.join(map(str, upscale.FACTORS))} times, not {self.upscale}.")
        if self.anonymize not in (None, "others", "all"):
            raise ZooError(f"unknown choice of faces to blur '{self.anonymize}': use others or all.")
        if self.aligned and self.anonymize:
            raise ZooError("an aligned crop has no other faces: leave out either aligned or anonymize.")
        if self.aligned and self.only != "all":
            raise ZooError("an aligned crop has one face: leave out either aligned or the choice of faces.")
        if self.min_similarity is not None and not -1 <= self.min_similarity <= 1:
            raise ZooError(f"a similarity goes from -1 to 1, not {self.min_similarity}.")
        if self.only not in ("all", "largest", "center"):
            point_of(self.only)


def point_of(text: str) -> tuple[float, float]:
    """The pixel that "x,y" names. Raises ZooError."""
    try:
        x, y = (float(part) for part in text.split(","))
    except ValueError:
        raise ZooError(f"faces are chosen by all, largest, center or a pixel as x,y, not by '{text}'.") from None
    return x, y


class FacePipeline:
    """Restores the faces in pictures. What it needs is loaded at first use and kept."""

    def __init__(
        self,
        model: str | Restorer,
        *,
        detector: str | Detector = "mtcnn",
        embedding: str = "auto",
        upscaler: str = upscale.DEFAULT,
        min_face: int | None = None,
        device: str = "auto",
        runtime: str = "torch",
        precision: str = "fp32",
        tile: int | str | None = "auto",
        weights: Any = None,
    ):
        """model: an id or family of task "face", or a loaded backend. detector, embedding: their names (embedding
        "auto": the first that is here, if any; "none": none). upscaler: what enlarges the picture when asked to.
        min_face: side in pixels of the smallest face to look for. The rest is as in `zoo.load`; tile is for the
        upscaler.

        Raises UnknownNameError and ZooError for names that cannot be used; weights are looked for at first use.
        """
        self._settings = {"device": device, "runtime": runtime, "precision": precision}
        self._model, self._weights, self._tile = model, weights, tile
        self._detector, self._min_face = detector, min_face
        self._upscaler, self._upscalers = upscaler, {}
        card = get_card(model) if isinstance(model, str) else model.card
        if "face" not in card.tasks:
            raise ZooError(
                f"{card.id} does not restore faces but is for {', '.join(card.tasks)}; `python -m zoo list --task "
                "face` shows which do."
            )
        if embedding not in ("auto", "none"):
            similarity.unavailable_reason(embedding)  # an unknown name is told now
        self._embedding = embedding

    @cached_property
    def restorer(self) -> Restorer:
        """The backend. Raises WeightsError when its weights are not to be had."""
        if isinstance(self._model, str):
            return load(self._model, weights=self._weights, tile=None, **self._settings)
        return self._model

    @cached_property
    def detector(self) -> Detector:
        """What finds the faces. Raises ZooError or WeightsError."""
        if isinstance(self._detector, str):
            return load_detector(self._detector, min_face=self._min_face)
        return self._detector

    @cached_property
    def embedding(self) -> similarity.Embedding | None:
        """What compares faces before and after; None when it is switched off, or "auto" and there is none.

        Raises ZooError or WeightsError when the one that was asked for by name cannot be had.
        """
        if self._embedding == "none" or (self._embedding == "auto" and similarity.unavailable_reason()):
            return None
        return similarity.load_embedding(self._embedding)

    @property
    def similarity_note(self) -> str | None:
        """Why no similarity is measured, or None."""
        if self.embedding is not None:
            return None
        return "unavailable: " + ("switched off" if self._embedding == "none" else similarity.unavailable_reason())

    @cached_property
    def _visibility(self):
        from .visibility import Visibility

        return Visibility()

    def upscaler(self, factor: int) -> Restorer:
        """The backend that enlarges the whole picture. Raises UnknownNameError, ZooError or WeightsError."""
        if factor not in self._upscalers:
            name = upscale.upscaler_id(self._upscaler, factor)
            self._upscalers[factor] = load(name, tile=self._tile, **self._settings)
        return self._upscalers[factor]

    @property
    def crop_side(self) -> int:
        """Side in pixels of the aligned crops that the backend is given."""
        return self.restorer.card.size.square or CROP

    def prepare(self, options: Options) -> None:
        """Load all that these options need, so that what is missing is told before any work. Raises ZooError."""
        if options.anonymize != "all":
            self.restorer  # noqa: B018
            self._visibility  # noqa: B018
        if not options.aligned:
            self.detector  # noqa: B018
        if options.min_similarity is not None and self.embedding is None:
            raise ZooError(f"a least similarity cannot be kept to, because it is {self.similarity_note}")
        if options.upscale > 1:
            self.upscaler(options.upscale)

    def run(self, source: Any, options: Options | None = None) -> FacesResult:
        """Restore the faces of one picture.

        source: as `zoo.Restorer.restore` takes it. Size (times `options.upscale`), alpha, grey, bit depth and
        metadata are kept; outside of the restored faces no pixel changes, unless the whole picture is enlarged. Where a
        face is blurred, only numbers, dates and texts of the EXIF data stay: all else may hold a small copy of it.
        Raises PictureError, RestorationError when the backend fails, and what `prepare` raises.
        """
        options = options or Options()
        picture = images.read(source)
        self.prepare(options)
        started = time.perf_counter()
        tasks = self._aligned_task(picture) if options.aligned else self._tasks(picture, options)
        notes = list(picture.notes)
        if not any(task.wanted for task in tasks) and tasks and options.anonymize != "all":
            notes.append(f"there is no face at {options.only}.")
        if options.anonymize == "all":
            tasks = [replace(task, wanted=False, reason="all faces are anonymous") for task in tasks]
        self._check(picture, tasks, options)
        self._restore(picture, tasks, options)
        if options.upscale > 1:
            background = upscale.enlarge(picture, options.upscale, self.upscaler(options.upscale))
        else:
            background = picture
        color = blend.composite(background.color, [task.patch(options) for task in tasks], options.blend)
        hidden = any(task.hidden(options) for task in tasks)
        changed = options.upscale > 1 or hidden or not np.array_equal(color, picture.color)
        if hidden and picture.exif is not None:  # which may hold the face as it was
            background = replace(background, exif=without_previews(picture.exif))
        return FacesResult(
            replace(background, color=color, notes=()),
            tuple(task.result(options) for task in tasks),
            time.perf_counter() - started,
            changed,
            tuple(notes),
        )

    def _tasks(self, picture: Picture, options: Options) -> list[_Task]:
        """The faces of a picture from left to right, and which are wanted."""
        faces = sorted(self.detector.detect(picture.rgb8()), key=lambda face: face.center[0])
        chosen = choose(faces, options.only, picture.width, picture.height)
        tasks = []
        for number, face in enumerate(faces, 1):
            side = CROP if options.anonymize == "all" else self.crop_side
            task = _Task(number, align.to_crop(face.landmarks, side), side, face, pose=check.pose(face.landmarks))
            task.wanted = number - 1 in chosen
            task.reason = None if task.wanted else "not chosen"
            tasks.append(task)
        return tasks

    def _aligned_task(self, picture: Picture) -> list[_Task]:
        """The whole picture as one aligned crop; one that is not square is continued to a square, mirrored."""
        side = self.crop_side
        scale = side / max(picture.height, picture.width)
        return [_Task(1, align.resized(np.eye(2, 3), after=scale), side)]

    def _check(self, picture: Picture, tasks: Sequence[_Task], options: Options) -> None:
        """Crop the wanted faces, and drop those that are not to be restored."""
        wanted = [task for task in tasks if task.wanted]
        for task in wanted:
            task.before = align.warp(picture.color, task.to_crop, task.side, task.side)
        for task, covered in zip(wanted, self._covered(wanted), strict=True):
            task.covered = covered
            task.reason = check.reason_to_skip(task.pose, covered)
            task.wanted = options.force or task.reason is None
            if task.wanted:
                task.reason = None

    def _covered(self, tasks: Sequence[_Task]) -> list[float]:
        return self._visibility.covered([_small(task.before) for task in tasks]) if tasks else []

    def _restore(self, picture: Picture, tasks: Sequence[_Task], options: Options) -> None:
        """Restore the wanted faces in batches; a face whose similarity is too low keeps its original."""
        wanted = [task for task in tasks if task.wanted]
        if not wanted:
            return
        batch = max(1, BATCH_PIXELS // self.crop_side**2)
        restored = self.restorer.restore_batch([task.before for task in wanted], batch_size=batch)
        for task, restoration in zip(wanted, restored, strict=True):
            task.new = finish(restoration.picture.color, options.look)
            task.after = _mixed(task.before, task.new, options.look.strength)
            if self.embedding is not None:
                task.similarity = self._similarity(task)
            if options.min_similarity is not None and task.similarity < options.min_similarity:
                task.wanted = False
                task.reason = f"no longer the same person (similarity {task.similarity:.2f})"

    def _similarity(self, task: _Task) -> float:
        landmarks = None
        if task.face is not None:
            points = align.apply(task.to_crop, task.face.landmarks)
            landmarks = (points + 0.5) * (SMALL / task.side) - 0.5
        before, after = (self.embedding.embed(_small(crop), landmarks) for crop in (task.before, task.after))
        return self.embedding.similarity(before, after)


@dataclass
class _Task:
    """One face between detection and blending."""

    number: int
    to_crop: np.ndarray
    side: int
    face: Face | None = None
    pose: check.Pose | None = None
    wanted: bool = True
    reason: str | None = None
    covered: float | None = None
    similarity: float | None = None
    before: np.ndarray | None = None
    new: np.ndarray | None = None
    """The finished face before strength."""
    after: np.ndarray | None = None

    def hidden(self, options: Options) -> bool:
        return not self.wanted and options.anonymize is not None

    def patch(self, options: Options) -> blend.Patch:
        """What blending is to do, in pixels of the enlarged picture."""
        hidden = self.hidden(options)
        region = blend.Region(
            align.resized(self.to_crop, before=options.upscale),
            self.side,
            reach=blend.HIDDEN if hidden else 1.0,
            whole=self.face is None,
        )
        return blend.Patch(
            region, self.new if self.wanted else None, options.look.strength if self.wanted else 1.0, hidden
        )

    def result(self, options: Options) -> FaceResult:
        action = RESTORED if self.wanted else BLURRED if self.hidden(options) else LEFT
        return FaceResult(
            self.number,
            action,
            self.reason,
            self.face,
            self.pose,
            self.covered,
            self.similarity,
            self.before,
            self.after,
        )


def choose(faces: Sequence[Face], only: str, width: int, height: int) -> set[int]:
    """Indices of the faces that `Options.only` means. Raises ZooError for a text that means none."""
    if only == "all" or not faces:
        return set(range(len(faces)))
    if only == "largest":
        return {max(range(len(faces)), key=lambda i: faces[i].area)}
    point = np.array([(width - 1) / 2, (height - 1) / 2]) if only == "center" else np.array(point_of(only))
    nearest = min(range(len(faces)), key=lambda i: np.linalg.norm(faces[i].center - point))
    if only != "center":
        # A click beside the features (hair, chin) still means the face.
        box, room = faces[nearest].box, 0.25 * np.ptp(faces[nearest].box.reshape(2, 2), axis=0)
        if (point < box[:2] - room).any() or (point > box[2:] + room).any():
            return set()
    return {nearest}


def _small(crop: np.ndarray) -> np.ndarray:
    """A crop of any type as SMALL x SMALL x 3 uint8 RGB."""
    interpolation = cv2.INTER_AREA if crop.shape[0] > SMALL else cv2.INTER_CUBIC
    small = crop if crop.shape[0] == SMALL else cv2.resize(crop, (SMALL, SMALL), interpolation=interpolation)
    return images.read(small).rgb8()


def _mixed(before: np.ndarray, new: np.ndarray, strength: float) -> np.ndarray:
    """The restored crop blended with the original, at the restored one's size."""
    if strength == 1:
        return new
    if before.shape != new.shape:
        before = cv2.resize(before, new.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    mixed = new.astype(np.float32) * strength + before.astype(np.float32) * (1 - strength)
    return np.rint(mixed).astype(new.dtype)
