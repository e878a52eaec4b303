"""Completion by patches: holes of every kind are filled from what is known, the same way each time."""

from __future__ import annotations

import numpy as np
import pytest

from tests.zoo.samples import photo
from zoo.io import masks
from zoo.nn import patch_match
from zoo.nn.patch_match import complete, smooth
from zoo.seeding import rng_for


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(5).random((height, width, 3), np.float32)


def stripes(height: int, width: int) -> np.ndarray:
    """Diagonal, with a period of 10 pixels."""
    y, x = np.indices((height, width))
    return np.repeat(((y + x) % 10 < 5).astype(np.float32)[..., None], 3, axis=2) * np.float32(0.6) + np.float32(0.2)


def squares(height: int, width: int, *corners: tuple[int, int], side: int) -> np.ndarray:
    hole = np.zeros((height, width), bool)
    for y, x in corners:
        hole[y : y + side, x : x + side] = True
    return hole


def test_known_pixels_and_what_is_under_the_mask():
    image = photo("coffee", 120, 150, 60, 100).astype(np.float32) / 255
    hole = masks.free_form(rng_for(0), 120, 150)
    first = complete(image, hole)
    np.testing.assert_array_equal(first.image[~hole], image[~hole])
    assert not first.distance[~hole].any()
    assert np.isfinite(first.distance).all()
    hidden = np.where(hole[..., None], noise(120, 150), image)
    second = complete(hidden, hole)
    np.testing.assert_array_equal(first.image, second.image)
    np.testing.assert_array_equal(first.distance, second.distance)


def test_a_constant_picture_stays_constant():
    image = np.full((90, 110, 3), (0.2, 0.5, 0.7), np.float32)
    result = complete(image, squares(90, 110, (10, 10), (60, 90), side=25))
    np.testing.assert_allclose(result.image, image, atol=0.5 / 255)


@pytest.mark.parametrize("corner", [(50, 60), (0, 0), (0, 70), (92, 132)], ids=str)
def test_a_periodic_texture_is_continued_into_the_hole_and_up_to_the_border(corner):
    image = stripes(120, 160)
    hole = squares(120, 160, corner, side=28)
    result = complete(image, hole)
    assert np.abs(result.image - image)[hole].mean() < 0.25 * np.abs(smooth(image, hole) - image)[hole].mean()


def test_the_start_decides_between_equals():
    """Beside black and white halves either fits a hole between them; what it begins with is followed."""
    image = np.zeros((96, 96, 3), np.float32)
    image[:, 48:] = 1
    hole = squares(96, 96, (0, 36), side=24)
    hole[24:] = False
    for value in (0.0, 1.0):
        start = np.where(hole[..., None], np.float32(value), image)
        middle = complete(image, hole, start).image[4:16, 44:52]
        assert abs(middle.mean() - value) < 0.25


@pytest.mark.parametrize("shape", [(1, 2), (2, 1), (3, 3), (1, 60), (7, 8), (25, 24), (97, 51), (64, 200)], ids=str)
def test_any_size(shape):
    image = noise(*shape)
    hole = np.zeros(shape, bool)
    hole[shape[0] // 2, shape[1] // 2] = True
    result = complete(image, hole)
    assert result.image.shape == image.shape
    assert result.image.dtype == np.float32
    assert 0 <= result.image.min() <= result.image.max() <= 1


def test_where_no_whole_patch_is_known_the_smooth_fill_is_left():
    image = noise(40, 50)
    hole = np.ones((40, 50), bool)
    hole[::4, ::4] = False
    result = complete(image, hole)
    np.testing.assert_allclose(result.image, smooth(image, hole), atol=1e-5)
    assert np.isinf(result.distance[hole]).all()


def test_cells_of_a_large_picture_have_no_seams(monkeypatch):
    monkeypatch.setattr(patch_match, "WHOLE_PIXELS", 20_000)
    monkeypatch.setattr(patch_match, "CELL", 100)
    monkeypatch.setattr(patch_match, "CONTEXT", 40)
    image = stripes(250, 310)
    hole = squares(250, 310, (80, 80), (180, 250), side=45)
    hole[5, :] = True  # gone at the reduced size
    result = complete(image, hole)
    np.testing.assert_array_equal(result.image[~hole], image[~hole])
    assert np.abs(result.image - image)[hole].mean() < 0.25 * np.abs(smooth(image, hole) - image)[hole].mean()
    np.testing.assert_array_equal(complete(image, hole).image, result.image)


def test_a_cell_whose_surroundings_are_all_unknown(monkeypatch):
    monkeypatch.setattr(patch_match, "WHOLE_PIXELS", 5_000)
    monkeypatch.setattr(patch_match, "CELL", 30)
    monkeypatch.setattr(patch_match, "CONTEXT", 10)
    image = photo("chelsea", 150, 200, 30, 120).astype(np.float32) / 255
    hole = np.ones((150, 200), bool)
    hole[:, 120:] = False
    result = complete(image, hole)
    np.testing.assert_array_equal(result.image[~hole], image[~hole])
    assert 0.1 < result.image[hole].mean() < 0.9
