"""Embeddings: the same person is alike, strangers are not, and what is missing is told."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest

from zoo.errors import UnknownNameError, WeightsError, ZooError
from zoo.faces import align, similarity
from zoo.io import images


@pytest.fixture(params=["dlib", "mobilefacenet"])
def embedding(request, with_weights):
    if request.param == "dlib":
        if reason := similarity.unavailable_reason("dlib"):
            pytest.skip(reason)
    else:
        with_weights("mobilefacenet.onnx")
    return similarity.load_embedding(request.param)


@pytest.fixture(scope="module")
def crop(astronaut, astronaut_face):
    return align.warp(astronaut, align.to_crop(astronaut_face.landmarks, 256), 256, 256)


def worse(crop: np.ndarray) -> np.ndarray:
    """A third of the resolution, and compressed."""
    small = cv2.resize(crop, (85, 85), interpolation=cv2.INTER_AREA)
    small = cv2.imdecode(cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 50])[1], cv2.IMREAD_COLOR)
    return cv2.resize(small, (256, 256), interpolation=cv2.INTER_CUBIC)


def test_equal_faces(embedding, crop):
    numbers = embedding.embed(crop)
    assert numbers.shape == (128,)
    assert embedding.similarity(numbers, numbers) == pytest.approx(1)
    assert np.allclose(numbers, embedding.embed(crop.copy()))


def test_a_worse_picture_is_the_same_person(embedding, crop):
    similarity = embedding.similarity(embedding.embed(crop), embedding.embed(worse(crop)))
    assert embedding.same_person + 0.1 < similarity < 1


def test_size_and_strangeness(embedding, crop):
    """The crop's size matters little; an upside-down face is another thing."""
    large = cv2.resize(crop, (512, 512), interpolation=cv2.INTER_CUBIC)
    numbers = embedding.embed(crop)
    assert embedding.similarity(numbers, embedding.embed(large)) > 0.9
    assert embedding.similarity(numbers, embedding.embed(np.ascontiguousarray(crop[::-1]))) < 0.8


def test_landmarks_correct_a_badly_aligned_crop(with_weights, crop, astronaut, astronaut_face):
    with_weights("mobilefacenet.onnx")
    embedding = similarity.load_embedding("mobilefacenet")
    off = align.compose(np.array([[1, 0, 18], [0, 1, -14]], float), align.to_crop(astronaut_face.landmarks, 256))
    shifted = align.warp(astronaut, off, 256, 256)
    numbers = embedding.embed(crop)
    without = embedding.similarity(numbers, embedding.embed(shifted))
    corrected = embedding.similarity(numbers, embedding.embed(shifted, align.apply(off, astronaut_face.landmarks)))
    assert corrected > max(0.9, without)


def test_strangers(embedding, shared, mtcnn):
    numbers = []
    for path in sorted(shared("data/faces/val/london").glob("*.jpg"))[::5]:
        image = images.read(path).rgb8()
        (face,) = mtcnn.detect(image)
        to_crop = align.to_crop(face.landmarks, 256)
        crop = align.warp(image, to_crop, 256, 256)
        numbers.append((embedding.embed(crop), embedding.embed(worse(crop))))
    same = [embedding.similarity(*pair) for pair in numbers]
    others = [embedding.similarity(a[0], b[0]) for a, b in itertools.combinations(numbers, 2)]
    assert min(same) > embedding.same_person > np.quantile(others, 0.95)
    assert max(others) < min(same)


def test_dlib_missing(monkeypatch, nothing_bundled):
    real = similarity.importlib.util.find_spec
    monkeypatch.setattr(
        similarity.importlib.util,
        "find_spec",
        lambda name: None if name in ("dlib", "face_recognition_models") else real(name),
    )
    assert "pip install dlib-bin face-recognition-models" in similarity.unavailable_reason("dlib")
    with pytest.raises(ZooError, match="pip install dlib-bin"):
        similarity.load_embedding("dlib")
    # Nor is the other one here, so neither is any.
    assert "mobilefacenet.onnx" in similarity.unavailable_reason("auto")
    with pytest.raises(ZooError, match=r"pip install dlib-bin.*mobilefacenet\.onnx"):
        similarity.load_embedding("auto")


def test_mobilefacenet_missing(nothing_bundled):
    assert "Apache-2.0" in similarity.unavailable_reason("mobilefacenet")
    with pytest.raises(ZooError, match="ZOO_WEIGHTS"):
        similarity.load_embedding("mobilefacenet")


def test_another_file_is_refused(tmp_path, monkeypatch, nothing_bundled):
    (tmp_path / "mobilefacenet.onnx").write_bytes(b"something else")
    monkeypatch.setenv("ZOO_WEIGHTS", str(tmp_path))
    with pytest.raises(WeightsError, match="sha256"):
        similarity.load_embedding("mobilefacenet")


def test_unknown_embedding():
    with pytest.raises(UnknownNameError, match="dlib"):
        similarity.load_embedding("dlip")
