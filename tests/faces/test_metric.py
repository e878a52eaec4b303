"""The identity metrics of evaluations use the code that the pipeline uses."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from eval.metrics import NotComputable, get_metric
from eval.scenarios import get_scenario

EMBEDDINGS = {"face_similarity_dlib": "dlib", "face_similarity": "mobilefacenet"}


@pytest.fixture(params=list(EMBEDDINGS))
def metric(request, with_weights):
    if EMBEDDINGS[request.param] == "mobilefacenet":
        with_weights("mobilefacenet.onnx")
    metric = get_metric(request.param)
    if reason := metric.unavailable():
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
    with pytest.raises(NotComputable, match="face"):
        metric.compute(wall, wall, None)


@pytest.mark.parametrize("name", list(EMBEDDINGS))
def test_without_an_embedding(name, monkeypatch, nothing_bundled):
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    reason = get_metric(name).unavailable()
    assert reason and ("pip install dlib-bin" in reason or "mobilefacenet.onnx" in reason)


def test_portraits_are_measured_by_it():
    assert set(EMBEDDINGS) <= set(get_scenario("blind-face").metrics)
