"""Holes: what neighbors show is taken from them, the rest is left to a model."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tests.video import clips
from zoo.errors import MaskError, ZooError
from zoo.video.fill import Holes, filled
from zoo.video.recipe import Recipe, Step
from zoo.video.run import Job, restore_video
from zoo.video.source import Frame

HEIGHT, WIDTH = 96, 144
LOGO = np.zeros((HEIGHT, WIDTH), bool)
LOGO[40:52, 60:76] = True


def frames_of(images, hole, cuts=(0,)):
    return [Frame(n, n, image, cut=n in cuts, hole=hole) for n, image in enumerate(images)]


def with_logo(images):
    return [np.where(LOGO[..., None], np.uint8(255), image) for image in images]


def test_a_logo_is_replaced_by_what_passes_behind_it():
    truth = clips.pan(20, height=HEIGHT, width=WIDTH, step=1.8)
    given = with_logo(truth)
    made = list(filled(iter(frames_of(given, LOGO))))
    for number in range(6, 14):
        off = np.abs(made[number].image.astype(int) - truth[number])[LOGO]
        plain = cv2.inpaint(given[number], LOGO.astype(np.uint8), 3, cv2.INPAINT_TELEA)
        assert off.mean() < 0.7 * np.abs(plain.astype(int) - truth[number])[LOGO].mean()
        assert made[number].hole.sum() < 0.3 * LOGO.sum()
    assert all(np.array_equal(a.image[~LOGO], b[~LOGO]) for a, b in zip(made, given, strict=True))


def test_what_no_frame_shows_is_left():
    still = [clips.pan(1, height=HEIGHT, width=WIDTH)[0]] * 8
    made = list(filled(iter(frames_of(with_logo(still), LOGO))))
    assert all(np.array_equal(frame.hole, LOGO) for frame in made)


def test_other_scenes_are_not_looked_into():
    images = [*clips.pan(3, height=HEIGHT, width=WIDTH), *clips.pan(3, seed=7, height=HEIGHT, width=WIDTH)]
    frames = frames_of(images, None, cuts=(0, 3))
    frames[2].hole = LOGO
    frames[2].image = with_logo([images[2]])[0]
    alone = list(filled(iter([Frame(n, n, f.image, cut=f.cut, hole=f.hole) for n, f in enumerate(frames[:3])])))
    assert np.array_equal(list(filled(iter(frames)))[2].image, alone[2].image)


def test_a_large_hole_and_a_hole_at_the_edge():
    hole = np.zeros((240, 320), bool)
    hole[:220, 100:] = True
    images = clips.pan(3, height=240, width=320, step=2)
    made = list(filled(iter(frames_of(images, hole))))
    assert len(made) == 3 and made[1].hole.any()


def test_masks_for_each_frame_and_for_all(tmp_path):
    folder = tmp_path / "masks"
    folder.mkdir()
    for number in range(3):
        mask = np.zeros((HEIGHT, WIDTH), np.uint8)
        if number == 1:
            mask[LOGO] = 255
        cv2.imwrite(str(folder / f"{number:03}.png"), mask)
    holes = Holes(folder, HEIGHT, WIDTH)
    assert holes.of(0) is None and np.array_equal(holes.of(1), LOGO) and holes.of(3) is None
    one = Holes(folder / "001.png", HEIGHT, WIDTH)
    assert np.array_equal(one.of(0), LOGO) and np.array_equal(one.of(99), LOGO)
    with pytest.raises(MaskError, match="must be the same"):
        Holes(folder / "001.png", 50, 50)
    (tmp_path / "none").mkdir()
    with pytest.raises(MaskError, match="no mask"):
        Holes(tmp_path / "none", HEIGHT, WIDTH)


def test_from_file_to_file_and_on_after_a_stop(tmp_path, monkeypatch):
    from zoo.video import run as running

    monkeypatch.setattr(running, "SEGMENT", 16)
    truth = clips.pan(40, height=HEIGHT, width=WIDTH, step=0.9)
    source = clips.write(tmp_path / "in.mkv", with_logo(truth), codec="ffv1")
    cv2.imwrite(str(tmp_path / "logo.png"), LOGO.astype(np.uint8) * 255)
    recipe = Recipe((Step("fill"), Step("model", "telea"), Step("steady", strength=0.5)), "ffv1")

    def job(name):
        return Job(source, tmp_path / name, recipe, mask=tmp_path / "logo.png")

    restore_video(job("out.mkv"), notes=lambda text: None)
    made = clips.read(tmp_path / "out.mkv")
    off = [np.abs(one.astype(int) - other)[LOGO].mean() for one, other in zip(made, truth, strict=True)]
    assert np.mean(off) < 20

    def stop(count, total):
        if count >= 24:
            raise KeyError

    with pytest.raises(KeyError):
        restore_video(job("again.mkv"), stop, lambda text: None)
    assert restore_video(job("again.mkv"), notes=lambda text: None).resumed == 16
    assert all(np.array_equal(a, b) for a, b in zip(made, clips.read(tmp_path / "again.mkv"), strict=True))


def test_a_mask_needs_something_that_fills_and_the_other_way_round(tmp_path):
    source = clips.write(tmp_path / "in.mp4", clips.pan(3, height=HEIGHT, width=WIDTH))
    cv2.imwrite(str(tmp_path / "logo.png"), LOGO.astype(np.uint8) * 255)
    with pytest.raises(ZooError, match="needs a mask"):
        restore_video(Job(source, tmp_path / "a.mp4", Recipe((Step("model", "telea"),))))
    with pytest.raises(ZooError, match="neither the step fill"):
        restore_video(
            Job(source, tmp_path / "a.mp4", Recipe((Step("model", "bilateral"),)), mask=tmp_path / "logo.png")
        )
