"""Whether two pictures of a face show the same person: face embeddings behind one interface.

A similarity is 1 for equal faces and about 0 or less for strangers; each embedding says from what value on two
pictures are taken for the same person. Values of different embeddings are not comparable.
"""

from __future__ import annotations

import importlib.util
import math
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from ..errors import UnknownNameError, ZooError
from . import align, helpers

if TYPE_CHECKING:
    from .face import Face

EMBEDDINGS = {
    "dlib": "dlib's ResNet-29, 128 numbers (packages dlib-bin and face-recognition-models)",
    "mobilefacenet": "MobileFaceNet trained with ArcFace, 128 numbers; bundled",
}
"""Name -> what it is; `auto` is the first one that is here."""
CROP = 256
"""Side in pixels of the aligned crops that pictures are compared at."""
INSTALL_DLIB = "pip install dlib-bin face-recognition-models"


class Calibration(NamedTuple):
    """A logistic curve from an embedding's similarity to the probability that two faces are of one person."""

    slope: float
    middle: float
    """The similarity at which both answers are as probable."""


CALIBRATION = {"mobilefacenet": Calibration(19.45, 0.4194), "dlib": Calibration(30.91, 0.4367)}
"""By `python -m eval calibrate` on two official portraits each of 115 US legislators, some taken years apart, against
97,461 pairs of strangers: 0.01 % (mobilefacenet) and 0.6 % (dlib) of them, both kinds weighing the same, are on the
wrong side of the middle. Strangers have a similarity of 0.04 and 0.18 on average, and a shift of one of 256 pixels
costs 0.006 and 0.042. All are sharp and frontal, so this says nothing of profiles or of children."""


def probability(embedding: str, similarity: float) -> float:
    """That two faces of this similarity are of one person, when both answers were as likely before looking.

    >>> round(probability("mobilefacenet", 0.4194), 6)
    0.5
    """
    slope, middle = CALIBRATION[embedding]
    return 1 / (1 + math.exp(-slope * (similarity - middle)))


class Embedding(Protocol):
    """What turns a face into numbers."""

    name: str
    same_person: float
    """Two pictures that are at least this similar are taken for the same person."""

    def embed(self, crop: np.ndarray, landmarks: np.ndarray | None = None) -> np.ndarray:
        """The numbers of one face.

        crop: SxSx3 uint8 RGB, aligned to `align.template(S)`. landmarks: the five in the crop, 5x2, where they are
        known better than by the template.
        """

    def similarity(self, one: np.ndarray, other: np.ndarray) -> float:
        """How alike two embedded faces are, at most 1."""


def unavailable_reason(name: str = "auto") -> str | None:
    """Why an embedding (or with "auto" any) cannot be used on this machine now, or None.

    Raises UnknownNameError.
    """
    if name == "auto":
        reasons = [reason for known in EMBEDDINGS if (reason := unavailable_reason(known)) is not None]
        return None if len(reasons) < len(EMBEDDINGS) else " Or ".join(reasons)
    if name not in EMBEDDINGS:
        raise UnknownNameError("embedding", name, (*EMBEDDINGS, "auto", "none"))
    if name == "mobilefacenet":
        return helpers.missing_reason(helpers.MOBILEFACENET)
    missing = [package for package in ("dlib", "face_recognition_models") if not importlib.util.find_spec(package)]
    return f"a face embedding needs an optional extra: {INSTALL_DLIB}." if missing else None


def load_embedding(name: str = "auto") -> Embedding:
    """The embedding of that name; "auto" is the first that is here.

    Raises UnknownNameError, and ZooError or WeightsError that says what is missing and how to get it.
    """
    if name == "auto":
        name = next((known for known in EMBEDDINGS if unavailable_reason(known) is None), "auto")
    if reason := unavailable_reason(name):
        raise ZooError(reason)
    return Dlib() if name == "dlib" else ArcFace()


class Dlib:
    """King's face recognition ResNet (2017, public domain): Euclidean distance, threshold 0.6, LFW 99.38 %.

    https://github.com/davisking/dlib-models. The similarity is 1 minus the distance.
    """

    name = "dlib"
    same_person = 0.4
    FACE = np.array([0.193, 0.312, 0.790, 0.909])
    """Where dlib's own detector sees the face in an aligned crop, in parts of its side: the mean over 72 portraits of
    the training data (standard deviation 0.02). Its landmark predictor starts from there."""

    def __init__(self):
        """Raises ZooError when the packages are not installed."""
        try:
            import dlib
        except ImportError as error:
            raise ZooError(f"dlib cannot be imported ({error}): {INSTALL_DLIB}.") from None
        # The package is found but not imported: that would need pkg_resources, which new Pythons do not have.
        spec = importlib.util.find_spec("face_recognition_models")
        if spec is None or spec.origin is None:
            raise ZooError(f"the embedding dlib needs its weights: {INSTALL_DLIB}.")
        folder = Path(spec.origin).parent / "models"
        self._dlib = dlib
        self._points = dlib.shape_predictor(str(folder / "shape_predictor_5_face_landmarks.dat"))
        self._network = dlib.face_recognition_model_v1(str(folder / "dlib_face_recognition_resnet_model_v1.dat"))
        self._lock = threading.Lock()

    def embed(self, crop: np.ndarray, landmarks: np.ndarray | None = None) -> np.ndarray:
        """128 numbers; the landmarks are not used, since the network was trained with those of dlib's predictor."""
        crop = np.ascontiguousarray(crop)
        face = self._dlib.rectangle(*(round(part * crop.shape[0]) for part in self.FACE))
        with self._lock:
            chip = self._dlib.get_face_chip(crop, self._points(crop, face), size=150)
            return np.array(self._network.compute_face_descriptor(chip))

    def similarity(self, one: np.ndarray, other: np.ndarray) -> float:
        """1 minus the Euclidean distance, not below -1."""
        return max(1 - float(np.linalg.norm(one - other)), -1.0)


class ArcFace:
    """An ArcFace-type network in an ONNX file (Deng et al., CVPR 2019): cosine similarity of 112 x 112 pixel faces."""

    name = "mobilefacenet"
    same_person = 0.35
    SIDE = 112
    POINTS = np.array(
        [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
    )
    """Where ArcFace's aligned faces have their landmarks."""
    MEAN, DEVIATION = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)
    """Of R, G and B in [0, 1]: what this network was trained with."""

    def __init__(self):
        """Raises WeightsError when the file is missing or not the published one, ZooError when it cannot be read."""
        import cv2

        path = helpers.fetch(helpers.MOBILEFACENET).files[0].path
        try:
            self._network = cv2.dnn.readNetFromONNX(str(path))
        except cv2.error as error:
            raise ZooError(f"OpenCV cannot read {path}: {error}") from error
        self._lock = threading.Lock()

    def embed(self, crop: np.ndarray, landmarks: np.ndarray | None = None) -> np.ndarray:
        """128 numbers of length 1."""
        if landmarks is None:
            landmarks = align.template(crop.shape[0])
        face = align.warp(crop, align.similarity(landmarks, self.POINTS), self.SIDE, self.SIDE)
        pixels = (face.astype(np.float32) / 255 - self.MEAN) / self.DEVIATION
        with self._lock:
            self._network.setInput(np.ascontiguousarray(pixels.transpose(2, 0, 1)[None]))
            numbers = self._network.forward().ravel().astype(np.float64)
        return numbers / np.linalg.norm(numbers)

    def similarity(self, one: np.ndarray, other: np.ndarray) -> float:
        """The cosine of the angle between both."""
        return float(one @ other)


class Comparison:
    """Face similarity between a portrait and its restored version: the metric of evaluations."""

    def __init__(self, name: str, detect: Callable[[np.ndarray], list[Face]] | None = None):
        """name: of the embedding. detect: finds the faces of a picture; None: the default detector.

        Raises UnknownNameError, ZooError or WeightsError.
        """
        from .detect import load_detector

        self._embedding, self._detect = load_embedding(name), detect or load_detector().detect

    def __call__(self, restored: np.ndarray, target: np.ndarray) -> float | None:
        """The similarity of the largest face of the target (HxWx3 uint8 RGB), and of what is in its place in the
        restored picture of the same size; None when the target has no face."""
        faces = self._detect(target)
        if not faces:
            return None
        landmarks = max(faces, key=lambda face: face.area).landmarks
        to_crop = align.to_crop(landmarks, CROP)
        points = align.apply(to_crop, landmarks)
        crops = (align.warp(picture, to_crop, CROP, CROP) for picture in (restored, target))
        return self._embedding.similarity(*(self._embedding.embed(crop, points) for crop in crops))
