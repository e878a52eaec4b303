"""The identity metrics of evaluations use the code that the pipeline uses."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from eval.metrics import DoesNotCount, get_metric
from eval.scenarios import get_scenario

EMBEDDINGS = {"face_similarity_dlib": "dlib", "face_similarity": "mobilefacenet"}


@pytest.fixture(params=list(EMBEDDINGS))
def metric(request, with_weights):
    if EMBEDDINGS[request.param] == "mobilefacenet":
        with_weights("mobilefacenet.onnx")
    metric = get_metric(request.param)
    if reason := metric.unavailable_reason():
        pytest.skip(reason)
    return metric


def test_values(metric, astronaut):
    small = cv2.resize(astronaut, (170, 170), interpolation=cv2.INTER_AREA)
    worse = cv2.resize(small, (512, 512), interpolation=cv2.INTER_CUBIC)
    other = astronaut.copy()
    other[60:190, 150:290] = other[190:60:-1, 150:290]
    equal, near, far = (metric.compute(image, astronaut, None) for image in (astronaut, worse, other))
    assert equal == pytest.approx(1)
    assert metric.low <= far < 0.35 < near < 1
    assert metric.higher_is_better


def test_it_is_the_pipeline_s_similarity(metric, astronaut):
    """Measured by the metric or reported by the pipeline, a changed face has the same similarity."""
    from tests.faces.conftest import backend
    from zoo.faces import FacePipeline, Options

    def softer(image):
        import torch.nn.functional as F

        return F.interpolate(F.avg_pool2d(image, 4), scale_factor=4, mode="bilinear").clamp(0, 1)

    embedding = EMBEDDINGS[metric.id]
    result = FacePipeline(backend(softer), embedding=embedding).run(astronaut, Options(blend="feather"))
    measured = metric.compute(result.picture.color, astronaut, None)
    assert result.faces[0].similarity == pytest.approx(measured, abs=0.1)


def test_no_face(metric):
    wall = np.full((300, 300, 3), 120, np.uint8)
    with pytest.raises(DoesNotCount, match="face"):
        metric.compute(wall, wall, None)


@pytest.mark.parametrize("name", list(EMBEDDINGS))
def test_without_an_embedding(name, monkeypatch, nothing_bundled):
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    reason = get_metric(name).unavailable_reason()
    assert reason and ("pip install dlib-bin" in reason or "mobilefacenet.onnx" in reason)


def test_portraits_are_measured_by_it():
    assert set(EMBEDDINGS) <= set(get_scenario("blind-face").metrics)


def failed(name: str, restored, target) -> float:
    return get_metric(name).compute(restored, target, None)


def test_a_face_that_is_still_there(astronaut):
    small = cv2.resize(astronaut, (200, 200), interpolation=cv2.INTER_AREA)
    softer = cv2.resize(small, (512, 512), interpolation=cv2.INTER_CUBIC)
    for restored in (astronaut, softer):
        assert failed("face_not_found", restored, astronaut) == failed("identity_failure", restored, astronaut) == 0
        assert failed("face_same_person", restored, astronaut) > 0.95
    assert failed("landmark_error", astronaut, astronaut) == 0
    assert 0 < failed("landmark_error", softer, astronaut) < 10


def test_landmarks_that_moved(astronaut):
    """A picture shifted by a known distance has its landmarks there."""
    from eval.identity import faces_in, interocular

    eyes = interocular(max(faces_in(astronaut), key=lambda face: face.area).landmarks)
    moved = np.roll(astronaut, 6, axis=1)
    assert failed("landmark_error", moved, astronaut) == pytest.approx(100 * 6 / eyes, abs=4)
    # The face of someone elsewhere in the picture is not taken for it.
    away = np.roll(astronaut, 250, axis=1)
    assert failed("face_not_found", away, astronaut) == 100


def test_a_face_that_is_lost_counts_as_the_worst(astronaut):
    grey = np.full_like(astronaut, 120)
    assert failed("face_not_found", grey, astronaut) == failed("identity_failure", grey, astronaut) == 100
    assert failed("landmark_error", grey, astronaut) == 100 and failed("face_same_person", grey, astronaut) == 0
    for name in ("face_not_found", "identity_failure", "landmark_error", "face_same_person"):
        with pytest.raises(DoesNotCount, match="no face in the target"):
            failed(name, astronaut, grey)


def test_faces_are_looked_for_once(astronaut, monkeypatch):
    from eval import identity

    counted = []
    detector = identity._detector()
    monkeypatch.setattr(identity, "_detector", lambda: type("D", (), {"detect": lambda self, image: (
        counted.append(1), detector.detect(image))[1]})())  # fmt: skip
    restored = np.ascontiguousarray(astronaut[:, ::-1])[:, ::-1].copy()
    restored[0, 0] = 7
    for name in ("face_not_found", "identity_failure", "landmark_error", "face_same_person", "face_similarity"):
        failed(name, restored, astronaut)
    assert len(counted) <= 2


def test_a_picture_without_a_face_leaves_the_mean_to_the_others(tmp_path, astronaut):
    import json

    from tests.eval.helpers import evaluate
    from zoo.io.images import Picture, write

    folder = tmp_path / "portraits"
    folder.mkdir()
    write(folder / "face.png", Picture(astronaut))
    write(folder / "wall.png", Picture(np.random.default_rng(0).integers(90, 140, (256, 256, 3), np.uint8)))
    out = tmp_path / "runs"
    assert evaluate("-m", "no-op", "--dataset", f"folder:{folder}", "--scenario", "portrait-motion", "--workers", 1,
                    "--out", out) == 0  # fmt: skip
    (path,) = out.rglob("result.json")
    result = json.loads(path.read_text())
    assert result["n_scored"] == 2 and result["metrics"]["psnr_rgb"]["n"] == 2
    value = result["metrics"]["landmark_error"]
    assert value["n"] == 1 and value["unavailable"] is None
    rows = {row["name"]: row["metrics"]["landmark_error"] for row in result["images"]}
    assert rows["wall.png"] is None and rows["face.png"] == value["mean"]
