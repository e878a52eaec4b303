"""What becomes of a portrait's face: likeness, landmarks, and whether it is found at all.

All follow the largest face that the default detector finds in the target; a target without a face does not count. A
restored picture in which no face is found near that place is a failure and never leaves the mean.
"""

from __future__ import annotations

import functools
from collections import OrderedDict
from typing import TYPE_CHECKING

import numpy as np

from .metric import Compute, DoesNotCount
from .store import digest

if TYPE_CHECKING:
    from zoo.faces.face import Face

EMBEDDING = "mobilefacenet"
"""The steadier one (see `similarity.CALIBRATION`): it moves least when a face is shifted by a pixel."""
FAILED = 0.5
"""A restored face whose probability to be the same person is below this has lost its identity."""
WORST_LANDMARKS = 100.0
"""Percent of the distance between the eyes: the landmark error of a face that is not found, and the most there is."""
NEAR = 1.0
"""A restored face is the target's when their landmarks' means are closer than this many distances between the eyes."""


def embedding_missing(embedding: str) -> str | None:
    """Why that embedding cannot be used on this machine, or None."""
    from zoo.faces import similarity

    return similarity.unavailable_reason(embedding)


@functools.cache
def embedding_of(name: str):
    """The embedding of that name, loaded once. Raises as `similarity.load_embedding` does."""
    from zoo.faces import similarity

    return similarity.load_embedding(name)


@functools.cache
def _comparison(embedding: str):
    from zoo.faces import similarity

    return similarity.Comparison(embedding, faces_in)


@functools.cache
def _detector():
    from zoo.faces.detect import load_detector

    return load_detector()


_seen: OrderedDict[str, list[Face]] = OrderedDict()  # several metrics look at a picture in a row


def faces_in(image: np.ndarray) -> list[Face]:
    """The faces that the default detector finds in an HxWx3 uint8 picture."""
    key = digest(image)
    if key not in _seen:
        _seen[key] = _detector().detect(image)
        while len(_seen) > 32:
            _seen.popitem(last=False)
    return _seen[key]


def face_similarity(embedding: str) -> Compute:
    """The similarity by that embedding; the function raises DoesNotCount for a target without a face."""

    def compute(restored: np.ndarray, target: np.ndarray, mask: np.ndarray | None) -> float:
        value = _comparison(embedding)(restored, target)
        if value is None:
            raise DoesNotCount("the detector finds no face in the target")
        return value

    return compute


def _pair(restored: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """The 5x2 landmarks of the target's largest face, and those of the same face restored, or None.

    Raises DoesNotCount for a target without a face.
    """
    faces = faces_in(target)
    if not faces:
        raise DoesNotCount("the detector finds no face in the target")
    wanted = max(faces, key=lambda face: face.area).landmarks
    eyes = interocular(wanted)

    def distance(face: Face) -> float:
        return float(np.linalg.norm(face.landmarks.mean(axis=0) - wanted.mean(axis=0)))

    nearest = min(faces_in(restored), key=distance, default=None)
    return wanted, nearest.landmarks if nearest is not None and distance(nearest) < NEAR * eyes else None


def interocular(landmarks: np.ndarray) -> float:
    """The distance of the two eyes, in pixels."""
    return float(np.linalg.norm(landmarks[1] - landmarks[0]))


def face_not_found(restored: np.ndarray, target: np.ndarray, mask: np.ndarray | None = None) -> float:
    """100 when the target has a face that is not found in the restored picture, else 0. Raises DoesNotCount."""
    return 100.0 if _pair(restored, target)[1] is None else 0.0


def landmark_error(restored: np.ndarray, target: np.ndarray, mask: np.ndarray | None = None) -> float:
    """The mean distance of five landmarks in percent of the target's distance between the eyes.

    At most WORST_LANDMARKS, which a face that is not found has. Raises DoesNotCount for a target without a face.
    """
    wanted, found = _pair(restored, target)
    if found is None:
        return WORST_LANDMARKS
    error = 100 * np.linalg.norm(found - wanted, axis=1).mean() / interocular(wanted)
    return min(float(error), WORST_LANDMARKS)


def same_person(restored: np.ndarray, target: np.ndarray, mask: np.ndarray | None = None) -> float:
    """The probability that the restored face is the target's person, 0 to 1 (see `similarity.probability`).

    0 where no face is found. Raises DoesNotCount for a target without a face.
    """
    from zoo.faces import similarity

    if _pair(restored, target)[1] is None:
        return 0.0
    value = _comparison(EMBEDDING)(restored, target)
    assert value is not None, "the target has a face"
    return similarity.probability(EMBEDDING, value)


def identity_failure(restored: np.ndarray, target: np.ndarray, mask: np.ndarray | None = None) -> float:
    """100 when `same_person` is below FAILED, else 0; the mean is a rate in percent. Raises DoesNotCount."""
    return 100.0 if same_person(restored, target) < FAILED else 0.0
