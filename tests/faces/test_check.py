"""Which faces are too turned or too covered: against known poses, and on real faces with known covers."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from zoo.faces import align, check, visibility
from zoo.io import images


def seen_from_far(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """The five landmarks of check.HEAD turned by these angles (degrees) and projected, at some place and size."""
    y, p, r = np.radians([yaw, pitch, roll])
    about_y = np.array([[np.cos(y), 0, -np.sin(y)], [0, 1, 0], [np.sin(y), 0, np.cos(y)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    about_z = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    turned = check.HEAD @ (about_z @ about_y @ about_x).T
    return turned[:, :2] * 57 + [310, 95]


@pytest.mark.parametrize(
    ("yaw", "pitch", "roll"),
    [(0, 0, 0), (30, 0, 0), (-55, 0, 0), (0, 25, 0), (0, -20, 0), (10, 5, 40), (-40, -10, -60)],
)
def test_known_poses(yaw, pitch, roll):
    pose = check.pose(seen_from_far(yaw, pitch, roll))
    assert (pose.yaw, pose.pitch, pose.roll) == pytest.approx((yaw, pitch, roll), abs=0.01)


def test_directions():
    """The nose shows where a face looks."""
    points = align.template(512)
    right, down = points.copy(), points.copy()
    right[2, 0] += 30
    down[2, 1] += 20
    assert check.pose(right).yaw > 10
    assert check.pose(down).pitch > 5
    assert abs(check.pose(points).yaw) < 2


def test_small_errors_of_landmarks_are_no_turn():
    rng = np.random.default_rng(0)
    for _ in range(100):
        noisy = seen_from_far(0, 0, 0) + rng.normal(0, 57 * 0.04, (5, 2))  # MTCNN's error: 4 % of the eyes' distance
        assert check.reason_to_skip(check.pose(noisy), 0.0) is None


@pytest.mark.parametrize(("yaw", "pitch", "roll", "said"), [
    (0, 0, 0, None), (35, 0, 0, None), (0, 0, 90, None), (50, 0, 0, "50 degrees to the side"),
    (-60, 0, 20, "60 degrees to the side"), (0, 50, 0, "50 degrees down"), (0, -50, 0, "50 degrees up"),
])  # fmt: skip
def test_reasons_to_skip_turned_faces(yaw, pitch, roll, said):
    found = check.reason_to_skip(check.pose(seen_from_far(yaw, pitch, roll)), 0.1)
    assert found is None if said is None else said in found


def test_reasons_to_skip_covered_faces():
    assert check.reason_to_skip(None, 0.3) is None
    assert check.reason_to_skip(None, 0.42) == "about 42% covered"
    assert check.reason_to_skip(None, None) is None


def covered(face: np.ndarray, part: float, thing: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The aligned portrait (512 px) with so large a part of its oval behind a thing: an oval, a box, from a side."""
    y, x = np.mgrid[:512, :512].astype(float)
    middle, angle = rng.uniform([120, 200], [390, 480]), rng.uniform(0, np.pi)
    u = np.cos(angle) * (x - middle[0]) + np.sin(angle) * (y - middle[1])
    v = -np.sin(angle) * (x - middle[0]) + np.cos(angle) * (y - middle[1])
    away = [np.hypot(u, 1.4 * v), np.maximum(np.abs(u), 1.5 * np.abs(v)), u, -y + 10 * np.cos(x / 50)][rng.integers(4)]
    edge = np.quantile(away[visibility.face_oval(512)], part)
    mask = cv2.GaussianBlur((away <= edge).astype(np.float32), (0, 0), 1.5)[..., None]
    return np.rint(face * (1 - mask) + thing * mask).astype(np.uint8)


@pytest.fixture(scope="module")
def seeing():
    return visibility.Visibility()


def test_the_astronaut_is_not_covered(seeing, astronaut, astronaut_face):
    crop = align.warp(astronaut, align.to_crop(astronaut_face.landmarks, 256), 256, 256)
    assert seeing.covered([crop])[0] < 0.1
    grey = np.repeat(crop.mean(2, keepdims=True).astype(np.uint8), 3, axis=2)
    assert seeing.covered([grey])[0] < 0.1


@pytest.mark.parametrize("color", [(20, 20, 20), (30, 90, 200), (235, 235, 235), (200, 60, 40)])
@pytest.mark.parametrize("part", ["below", "left"])
def test_half_of_the_astronaut_covered(seeing, astronaut, astronaut_face, color, part):
    crop = align.warp(astronaut, align.to_crop(astronaut_face.landmarks, 256), 256, 256)
    if part == "below":
        crop[150:] = color
    else:
        crop[:, :128] = color
    found = seeing.covered([crop])[0]
    assert 0.3 < found < 0.75


def test_the_map_says_where(seeing, astronaut, astronaut_face):
    crop = align.warp(astronaut, align.to_crop(astronaut_face.landmarks, 256), 256, 256)
    crop[150:] = (30, 90, 200)
    (found,) = seeing.maps([crop])
    assert found.shape == (16, 16)
    assert found[11:, 4:12].mean() > 0.9 and found[4:8, 4:12].mean() < 0.2


def test_none(seeing):
    assert seeing.covered([]) == []


@pytest.mark.slow
def test_covers_it_was_not_trained_with(seeing, shared, mtcnn):
    """Portraits and things that are not in the training data, through the detector, as the pipeline does it."""
    rng = np.random.default_rng(5)
    portraits = [images.read(p).rgb8() for p in sorted(shared("data/faces/val").glob("*/*.jpg"))]
    scenes = [images.read(p).rgb8() for p in sorted(shared("data/natural/val/kodak24").glob("*"))]
    truth, flagged, unseen = [], [], 0
    for index in range(2 * len(portraits)):
        portrait = portraits[index % len(portraits)]
        part = (0.0, 0.1, 0.2, 0.0, 0.4, 0.5)[rng.integers(6)]
        if part:
            thing = cv2.resize(scenes[rng.integers(len(scenes))][:400, :400], (512, 512))
            if rng.random() < 0.4:
                thing = np.full_like(thing, rng.integers(0, 256, 3))
            elif rng.random() < 0.4:
                thing = np.roll(portraits[rng.integers(len(portraits))], rng.integers(-200, 200, 2), (0, 1))
            portrait = covered(portrait, part, thing, rng)
        portrait = cv2.resize(portrait, (256, 256), interpolation=cv2.INTER_AREA)
        faces = mtcnn.detect(cv2.copyMakeBorder(portrait, 30, 30, 30, 30, cv2.BORDER_REPLICATE))
        if not faces:
            unseen += 1
            assert part >= 0.4  # only the mostly covered are overlooked
            continue
        face = max(faces, key=lambda face: face.area)
        crop = align.warp(portrait, align.to_crop(face.landmarks - 30, 256), 256, 256)
        truth.append(part > check.MAX_COVERED)
        flagged.append(seeing.covered([crop])[0] > check.MAX_COVERED)
    truth, flagged = np.array(truth), np.array(flagged)
    precision, recall = (truth & flagged).sum() / flagged.sum(), (truth & flagged).sum() / truth.sum()
    print(f"{len(truth)} faces, {unseen} not detected, precision {precision:.3f}, recall {recall:.3f}")
    assert precision > 0.8 and recall > 0.7
