from __future__ import annotations

import numpy as np
import pytest

from eval.plates import HEIGHT, WIDTH, with_plate
from eval.scenarios import get_scenario
from tests.eval.helpers import photograph
from zoo.errors import ZooError
from zoo.seeding import rng_for


def clean(name: str = "coffee") -> np.ndarray:
    return photograph(name).astype(np.float32) / 255


def test_a_plate_is_put_on_a_part_of_the_picture():
    whole = clean()
    texts = set()
    for seed in range(6):
        made = with_plate(whole, rng_for(seed))
        assert made.shape == (HEIGHT, WIDTH, 3) and made.dtype == np.float32
        windows = [
            np.abs(whole[top : top + HEIGHT, left : left + WIDTH] - made).max(axis=2)
            for top in range(whole.shape[0] - HEIGHT + 1)
            for left in range(0, whole.shape[1] - WIDTH + 1)
            if np.array_equal(whole[top, left], made[0, 0])
            or np.array_equal(whole[top + HEIGHT - 1, left], made[-1, 0])
        ]
        rows, columns = np.nonzero(min(windows, key=np.count_nonzero))
        high, wide = np.ptp(rows) + 1, np.ptp(columns) + 1
        assert 48 <= high <= 80 and 2 * high < wide <= WIDTH  # a plate: the rest of the picture is untouched
        plate = made[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        dark = plate.max(axis=2) < 0.4
        assert 0.05 < dark.mean() < 0.4  # with something written on it
        texts.add(dark.tobytes())
    assert len(texts) == 6


def test_what_the_camera_sees_is_worse_and_seeded():
    scenario = get_scenario("surveillance-plate")
    one, same, other = (scenario.make(clean(), rng_for(seed)) for seed in (1, 1, 2))
    assert np.array_equal(one.given, same.given) and np.array_equal(one.truth, same.truth)
    assert not np.array_equal(one.truth, other.truth)
    assert one.given.shape == one.truth.shape and one.given.dtype == np.uint8
    error = np.abs(one.given.astype(int) - one.truth).mean()
    assert 2 < error < 40
    with pytest.raises(ZooError, match="too few to put a plate on"):
        scenario.make(clean()[:100], rng_for(1))
