"""Tiles cover a picture with weights that sum to one, and never use pixels whose context is cut off."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.tiling import spans

CASES = [
    (length, tile, margin, feather, step)
    for length in (1, 5, 64, 100, 257, 1000)
    for tile, margin, feather, step in ((40, 0, 8, 1), (64, 10, 8, 1), (64, 4, 32, 8), (100, 16, 32, 16), (70, 9, 1, 3))
]


@pytest.mark.parametrize(("length", "tile", "margin", "feather", "step"), CASES)
def test_weights_sum_to_one_and_context_is_complete(length, tile, margin, feather, step):
    total = np.zeros(length)
    for span in spans(length, tile, margin, feather, step):
        assert len(span.weight) == span.stop - span.start <= tile
        assert span.start % step == 0
        assert span.weight.min() >= 0
        total[span.start : span.stop] += span.weight
        if span.start > 0:
            assert not span.weight[:margin].any()
        if span.stop < length:
            assert not span.weight[len(span.weight) - margin :].any()
    np.testing.assert_allclose(total, 1, atol=1e-6)


@pytest.mark.parametrize(("length", "tile", "margin", "feather", "step"), CASES)
def test_equal_tiles_are_equal_when_padded(length, tile, margin, feather, step):
    found = spans(length, tile, margin, feather, step, equal=True)
    total = np.zeros(length)
    for span in found:
        total[span.start : span.stop] += span.weight
        assert span.start % step == 0
        if len(found) > 1:
            assert -(-(span.stop - span.start) // step) * step == tile // step * step
            assert span.start == 0 or not span.weight[:margin].any()
            assert span.stop == length or not span.weight[len(span.weight) - margin :].any()
    np.testing.assert_allclose(total, 1, atol=1e-6)


def test_seams_are_feathered():
    first, second, *_ = spans(200, 100, 10, 32)
    steps = np.abs(np.diff(first.weight[second.start :]))
    assert steps.max() < 1.5 / 32


@pytest.mark.parametrize(("margin", "feather", "step"), [(16, 32, 1), (5, 8, 8), (0, 1, 1)])
def test_the_least_tile_that_the_error_names_works(margin, feather, step):
    least = 2 * margin + feather + step
    assert spans(500, least, margin, feather, step)
    with pytest.raises(ValueError, match=f"the least is {least}"):
        spans(500, least - 1, margin, feather, step)


def test_a_picture_smaller_than_the_tile_is_one_tile():
    (span,) = spans(30, 40, 100)
    assert (span.start, span.stop) == (0, 30)
    with pytest.raises(ValueError):
        spans(100, 90, 5, feather=0)
