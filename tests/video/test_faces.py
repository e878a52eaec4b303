"""Faces over time: one track a person, one decision a track, crops that do not tremble."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from skimage import data

from tests.video import clips
from zoo.faces import FacePipeline
from zoo.faces.face import Face
from zoo.faces.style import Look
from zoo.video.faces import FaceTracks
from zoo.video.recipe import Recipe, Step
from zoo.video.restore import FaceOptions
from zoo.video.run import Job, restore_video


def portrait_clip(count: int, noise: float = 3.0, seed: int = 0) -> list[np.ndarray]:
    """A camera moves over a portrait: 128 x 160 frames with a face of some 50 pixels."""
    picture = cv2.resize(data.astronaut()[:320, 100:420], (240, 240), interpolation=cv2.INTER_AREA)
    rng = np.random.default_rng(seed)
    found = []
    for number in range(count):
        center = (95 + 0.6 * number, 85 + 0.3 * number)
        frame = cv2.getRectSubPix(picture, (160, 128), center).astype(float)
        found.append(np.clip(frame + rng.normal(0, noise, frame.shape), 0, 255).astype(np.uint8))
    return found


class Trembling:
    """A detector whose landmarks are off by some pixels, another way in each frame; it counts its calls."""

    name = "trembling"

    def __init__(self, lost: tuple[int, ...] = ()):
        self.calls, self.lost = 0, lost
        self.rng = np.random.default_rng(0)

    def detect(self, image):
        self.calls += 1
        if self.calls in self.lost:
            return []
        # The portrait's face, found by its brightest spot: the frames of `plain` hold nothing else.
        y, x = np.unravel_index(image[..., 0].argmax(), image.shape[:2])
        points = (*np.array([[-10, -8], [10, -8], [0, 2], [-8, 12], [8, 12]], float), x, y)
        points += self.rng.normal(0, 1.0, points.shape)
        return [Face(np.array([x - 22, y - 25, x + 22, y + 25], float), points, 0.95)]


def plain(count: int, speed: float = 1.0) -> list[np.ndarray]:
    """A bright blob that moves over a texture."""
    found = []
    for number, frame in enumerate(clips.pan(count, step=0.0, height=128, width=160)):
        frame = (frame // 2).astype(np.uint8)
        cv2.circle(frame, (50 + round(speed * number), 60), 5, (255, 255, 255), -1)
        found.append(cv2.GaussianBlur(frame, (0, 0), 1.5))
    return found


def tracks(detector="yunet", **options) -> FaceTracks:
    pipeline = FacePipeline("no-op", detector=detector, embedding="none")
    return FaceTracks(pipeline, look=Look(), force=True, **options)


def follow(faces: FaceTracks, frames, size=8):
    logs, images = [], []
    for start in range(0, len(frames), size):
        batch = frames[start : start + size]
        made, log = faces(batch, [start + n == 0 for n in range(len(batch))], start)
        images += made
        logs += log
    return images, logs


def test_a_face_is_one_track_and_is_not_looked_for_in_every_frame():
    detector = Trembling()
    faces = tracks(detector)
    _, logs = follow(faces, plain(32))
    assert [[entry["track"] for entry in log] for log in logs] == [[1]] * 32
    assert {entry["action"] for log in logs for entry in log} == {"restored"}
    assert detector.calls <= 16
    (summary,) = faces.summaries()
    assert (summary["first"], summary["last"], summary["action"]) == (0, 31, "restored")


def test_landmarks_tremble_less_than_the_detector():
    detector = Trembling()
    faces = tracks(detector)
    seen = []
    for start in range(0, 48, 8):
        faces(plain(48)[start : start + 8], [start + n == 0 for n in range(8)], start)
        seen.append(np.array(faces._tracks[0].landmarks) - [50 + start + 7, 60])
    off = np.array(seen[1:]) - np.mean(seen[1:], axis=0)
    assert off.std() < 0.75 * 1.0  # the detector's own deviation is 1
    assert np.abs(np.mean(seen[1:], axis=0).mean(0) - [0, 2]).max() < 1.0  # and nothing lags behind


def test_a_face_that_is_missed_for_some_frames_stays_the_same_track():
    detector = Trembling(lost=(4, 5))
    _, logs = follow(tracks(detector), plain(32))
    assert all([entry["track"] for entry in log] == [1] for log in logs)


def test_a_cut_ends_every_track():
    faces = tracks(Trembling())
    frames = plain(8)
    _, log = faces(frames, [n in (0, 4) for n in range(8)], 0)
    assert [entry[0]["track"] for entry in log] == [1] * 4 + [2] * 4
    assert [(each["track"], each["last"]) for each in faces.summaries()] == [(1, 3), (2, 7)]


def test_going_on_from_a_state_gives_the_same():
    frames = plain(24)
    whole, _ = follow(tracks("yunet"), frames)
    begun = tracks("yunet")
    follow(begun, frames[:16])
    state = begun.state()
    state = json.loads(json.dumps({k: v for k, v in state.items() if k != "grey"})) | {"grey": state["grey"]}
    fresh = tracks("yunet")
    fresh.resume(state)
    rest, _ = fresh(frames[16:], [False] * 8, 16)
    assert all(np.array_equal(one, other) for one, other in zip(whole[16:], rest, strict=True))


def test_a_real_face_is_found_restored_and_compared():
    faces = FaceTracks(FacePipeline("gpen.mini", detector="yunet", embedding="mobilefacenet"), look=Look())
    frames = portrait_clip(16, noise=8)
    images, logs = follow(faces, frames)
    assert all([entry["action"] for entry in log] == ["restored"] for log in logs)
    (summary,) = faces.summaries()
    assert 0.35 < summary["similarity_least"] <= summary["similarity_mean"] <= 1
    clean = portrait_clip(16, noise=0)
    box = np.s_[30:100, 45:105]
    before = np.mean([np.square(a[box] - b[box].astype(float)).mean() for a, b in zip(frames, clean, strict=True)])
    after = np.mean([np.square(a[box] - b[box].astype(float)).mean() for a, b in zip(images, clean, strict=True)])
    assert after < before
    assert all(np.array_equal(a[:5], b[:5]) for a, b in zip(frames, images, strict=True))  # the rest stays


@pytest.mark.parametrize("which", ["others", "all"])
def test_faces_are_blurred_in_every_frame(tmp_path, which):
    source = clips.write(tmp_path / "in.mkv", portrait_clip(20), codec="ffv1")
    recipe = Recipe((Step("faces", "no-op"), Step("steady", strength=0.6)), "ffv1")
    options = FaceOptions(Look(), False, which)
    outcome = restore_video(Job(source, tmp_path / "out.mkv", recipe, faces=options), notes=lambda text: None)
    if which == "others":  # the one face is fit to be restored
        assert [track["action"] for track in outcome.tracks] == ["restored"]
        return
    assert [track["action"] for track in outcome.tracks] == ["blurred"]
    from zoo.faces.detect import load_detector

    detector = load_detector("yunet")
    for before, after in zip(clips.read(source), clips.read(tmp_path / "out.mkv"), strict=True):
        assert detector.detect(before) and not detector.detect(after)
