from __future__ import annotations

import numpy as np
import pytest

from tests.training.pictures import photograph
from zoo.degradations.averaged_frames import averaged_frames
from zoo.seeding import rng_for


def small() -> np.ndarray:
    return photograph("chelsea")[60:188, 120:290].astype(np.float32) / 255


@pytest.mark.parametrize("lengths", [(20,), (5, 30), (0, 10, 40)])
def test_frames_are_seeded_and_in_range(lengths):
    clean = small()
    before = clean.copy()
    outputs = [averaged_frames(clean, rng_for("frames", seed), lengths, 1.8, 3.0) for seed in range(6)]
    for seed, output in enumerate(outputs):
        assert output.shape == clean.shape and output.dtype == np.float32
        assert output.min() >= 0 and output.max() <= 1
        assert np.array_equal(output, averaged_frames(clean, rng_for("frames", seed), lengths, 1.8, 3.0))
    assert len({output.tobytes() for output in outputs}) == len(outputs)
    assert np.array_equal(clean, before)


def test_what_stands_still_stays():
    clean = small()
    for seed in range(4):
        still = averaged_frames(clean, rng_for("still", seed), (0, 0), 2.2)
        assert np.abs(still - clean).max() < 0.01


@pytest.mark.parametrize("gamma", [1.0, 2.2])
def test_frames_are_added_in_light(gamma):
    """Far from edges, a picture of two values that moves has, after the power, their mean by time."""
    half = np.zeros((96, 96, 3), np.float32)
    half[:, 48:] = 1
    for seed in range(4):
        light = averaged_frames(half, rng_for("light", seed), (24,), gamma) ** gamma
        assert light.min() < 0.01 and light.max() > 0.99
        assert light.mean() == pytest.approx(0.5, abs=0.12)  # the middle frame is the picture, so the edge is there


def test_longer_paths_blur_more():
    def sharpness(length: float) -> float:
        blurred = [averaged_frames(small(), rng_for("length", seed), (length,)) for seed in range(5)]
        return float(np.mean([np.abs(np.diff(picture, axis=axis)).mean() for picture in blurred for axis in (0, 1)]))

    assert sharpness(2) > 1.3 * sharpness(10) > 1.3 * 1.3 * sharpness(40)


def test_a_part_moves_by_itself():
    """With a camera that stands still, some of the picture stays as it is and some does not."""
    clean = photograph("astronaut")[:200, :200].astype(np.float32) / 255
    for seed in range(4):
        changed = np.abs(averaged_frames(clean, rng_for("part", seed), (0, 20)) - clean).max(2) > 0.02
        assert 0.02 < changed.mean() < 0.75


def test_white_spreads_where_it_is_brighter_than_white():
    dot = np.full((64, 64, 3), 0.2, np.float32)
    dot[30:34, 30:34] = 1
    plain, bright = (averaged_frames(dot, rng_for("dot", 0), (20,), 2.2, factor) for factor in (1.0, 4.0))
    assert (bright > plain + 0.1).any() and (bright >= plain - 1e-6).all() and bright.max() <= 1
