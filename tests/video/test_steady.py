"""What is steadied, and what never is: hidden things, scene cuts, flicker of the light, dust."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tests.video import clips
from zoo.errors import ZooError
from zoo.video.clean import Deflicker, remove_dust, windowed
from zoo.video.motion import consistent, flow, mark_cuts, warp
from zoo.video.source import Frame
from zoo.video.steady import Steady, strength_of


def noisy(frames, sigma, seed=0):
    rng = np.random.default_rng(seed)
    return [np.clip(np.rint(f + rng.normal(0, sigma, f.shape)), 0, 255).astype(np.uint8) for f in frames]


def error(frames, truth):
    return np.mean([np.square(a.astype(float) - b).mean() for a, b in zip(frames, truth, strict=True)])


def steadied(given, results, strength=0.6, **options):
    steady = Steady(strength, **options)
    return [steady(one, other, n == 0)[0] for n, (one, other) in enumerate(zip(given, results, strict=True))]


def test_motion_of_a_pan_is_found_and_undone():
    before, here = clips.pan(2, height=128, width=192, step=3)
    motion = flow(*(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in (here, before)))
    inner = np.s_[16:-16, 16:-16]
    assert np.abs(np.median(motion[inner], axis=(0, 1)) - [3, 1.5]).max() < 0.2
    moved = warp(before, motion)
    assert np.abs(moved.astype(int) - here)[inner].mean() < 0.3 * np.abs(before.astype(int) - here)[inner].mean()


def test_what_is_hidden_is_not_consistent():
    back = clips.scene(1, 128, 192)[:128, :192]
    frames = []
    for x in (60, 72):
        frame = back.copy()
        frame[40:90, x : x + 40] = clips.scene(2, 128, 192)[:50, :40]
        frames.append(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY))
    seen = consistent(flow(frames[1], frames[0]), flow(frames[0], frames[1]))
    revealed, elsewhere = seen[45:85, 61:70], seen[8:30, 10:180]
    assert revealed.mean() < 0.5 < 0.9 < elsewhere.mean()


@pytest.mark.parametrize("step", [0.0, 0.7, 2.3])
def test_noise_goes_and_detail_stays(step):
    truth = clips.pan(12, height=96, width=144, step=step)
    given = noisy(truth, 10)
    made = steadied(given, given)
    assert error(made[4:], truth[4:]) < 0.6 * error(given[4:], truth[4:])


def test_clean_results_of_clean_inputs_lose_next_to_nothing():
    truth = clips.pan(12, height=96, width=144, step=0.7)
    made = steadied(truth, truth, clean=True)
    assert error(made, truth) < 2.0  # 45 dB


def test_a_model_that_flickers_is_quieted():
    truth = clips.pan(16, height=96, width=144, step=0.5)
    rng = np.random.default_rng(0)
    results = [np.clip(frame + rng.normal(0, 8), 0, 255).astype(np.uint8) for frame in truth]
    made = steadied(truth, results)
    levels = [np.diff([frame.mean() for frame in each]).std() for each in (results, made)]
    assert levels[1] < 0.6 * levels[0]


def test_nothing_is_left_behind_by_what_moves():
    back = (clips.scene(1, 128, 192)[:128, :192] // 2 + 20).astype(np.uint8)
    truth = []
    for number in range(12):
        frame = back.copy()
        frame[40:90, 10 + 9 * number : 50 + 9 * number] = (250, 240, 235)
        truth.append(frame)
    made = steadied(truth, truth)
    for frame, wanted in zip(made, truth, strict=True):
        assert np.abs(frame.astype(int) - wanted).mean() < 1.0
        assert (np.abs(frame.astype(int) - wanted).max(2) > 25).mean() < 0.003


def test_a_cut_begins_anew():
    frames = [*clips.pan(3, seed=0), *clips.pan(3, seed=5)]
    steady = Steady(0.9)
    made = [steady(frame, frame, n in (0, 3))[0] for n, frame in enumerate(frames)]
    assert np.array_equal(made[3], frames[3]) and np.array_equal(made[0], frames[0])


def test_off_changes_nothing_and_state_goes_on():
    given = noisy(clips.pan(6), 10)
    assert all(a is b for a, b in zip(steadied(given, given, 0.0), given, strict=True))
    whole, begun, fresh = Steady(0.6), Steady(0.6), Steady(0.6)
    expected = [whole(frame, frame, n == 0)[0] for n, frame in enumerate(given)]
    for n, frame in enumerate(given[:3]):
        begun(frame, frame, n == 0)
    fresh.resume(begun.state())
    assert all(np.array_equal(fresh(frame, frame, False)[0], expected[n + 3]) for n, frame in enumerate(given[3:]))


def test_more_bits_and_larger_results():
    given = noisy(clips.pan(3), 6)
    deep = [cv2.resize(frame, None, fx=2, fy=2).astype(np.uint16) * 257 for frame in given]
    made = steadied(given, deep)
    assert made[2].dtype == np.uint16 and made[2].shape == deep[2].shape
    assert 0 < np.abs(made[2].astype(int) - deep[2]).mean() < 257 * 20


@pytest.mark.parametrize("text", ["much", "-1", "1", "nan", "0.99", "1e9"])
def test_strengths(text):
    assert strength_of("off") == 0 and 0 < strength_of("auto") < 0.95 and strength_of("0.3") == 0.3
    with pytest.raises(ZooError, match="auto, off"):
        strength_of(text)


def as_frames(images, cuts=(0,)):
    return [Frame(n, n, image, cut=n in cuts) for n, image in enumerate(images)]


def test_cuts_are_found_and_motion_noise_and_flicker_are_none():
    one = noisy(clips.pan(6, step=3, height=96, width=144), 12)
    other = [(frame * 0.7).astype(np.uint8) for frame in clips.pan(4, seed=9, height=96, width=144)]
    dark = [
        (frame * (0.75 if n % 2 else 1)).astype(np.uint8)
        for n, frame in enumerate(clips.pan(4, seed=4, height=96, width=144))
    ]
    found = [frame.cut for frame in mark_cuts(iter(as_frames([*one, *other, *dark], ())))]
    assert [n for n, cut in enumerate(found) if cut] == [0, 6, 10]


def test_windows_hold_the_right_frames_of_one_scene():
    seen = []

    def look(scene, at):
        seen.append(([frame.index for frame in scene], at))
        return scene[at].image

    frames = as_frames([np.zeros((2, 2, 3), np.uint8)] * 6, cuts=(0, 4))
    assert [frame.index for frame in windowed(iter(frames), 2, look)] == list(range(6))
    assert seen == [
        ([0, 1, 2], 0), ([0, 1, 2, 3], 1), ([0, 1, 2, 3], 2), ([1, 2, 3], 2), ([4, 5], 0), ([4, 5], 1)
    ]  # fmt: skip


def test_flicker_of_the_light_goes():
    truth = clips.pan(30, height=96, width=144, step=0.4)
    rng = np.random.default_rng(0)
    given = [np.clip(f * (1 + rng.normal(0, 0.08)) + rng.normal(0, 4), 0, 255).astype(np.uint8) for f in truth]
    made = [frame.image for frame in windowed(iter(as_frames(given)), Deflicker.radius, Deflicker())]
    levels = [np.diff([frame.mean() for frame in each]).std() for each in (given, made)]
    assert levels[1] < 0.35 * levels[0]
    assert error(made, truth) < 0.6 * error(given, truth)


def test_dust_goes_and_what_moves_stays():
    truth = clips.pan(9, height=96, width=144, step=1.0)
    for number, frame in enumerate(truth):  # a small thing that moves fast is no dust
        cv2.rectangle(frame, (10 + 12 * number, 70), (16 + 12 * number, 76), (255, 255, 255), -1)
    given = [frame.copy() for frame in truth]
    rng = np.random.default_rng(2)
    spots = [(n, (int(rng.integers(8, 136)), int(rng.integers(8, 60)))) for n in range(1, 8) for _ in range(3)]
    for number, center in spots:
        cv2.circle(given[number], center, 2, (250, 250, 250) if number % 2 else (5, 5, 5), -1)
    made = [frame.image for frame in windowed(iter(as_frames(given)), 1, remove_dust)]
    left = [np.abs(made[n].astype(int) - truth[n])[y - 2 : y + 3, x - 2 : x + 3].mean() for n, (x, y) in spots]
    were = [np.abs(given[n].astype(int) - truth[n])[y - 2 : y + 3, x - 2 : x + 3].mean() for n, (x, y) in spots]
    assert np.median(left) < 0.25 * np.median(were)
    for number in range(1, 8):
        thing = np.s_[71:75, 11 + 12 * number : 15 + 12 * number]
        assert made[number][thing].mean() > 200
    assert np.array_equal(made[0], given[0])
