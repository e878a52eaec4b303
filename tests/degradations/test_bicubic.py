"""Bicubic resizing against closed forms and an independent implementation."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tests.zoo.samples import photo
from zoo.degradations.bicubic import resize


def test_half_a_pixel_between_samples_by_hand():
    # Twice as large, output pixel 2k + 1 lies a quarter behind input pixel k: Keys' weights for 1.25, .25, .75, 1.75.
    row = np.array([3, 7, 1, 8, 2, 9], np.float32)
    weights = np.array([-0.0703125, 0.8671875, 0.2265625, -0.0234375])
    result = resize(row[None, :, None], 1, 12)[0, :, 0]
    assert result[5] == pytest.approx(weights @ row[1:5], abs=1e-5)
    assert result[6] == pytest.approx(weights[::-1] @ row[1:5], abs=1e-5)
    # At the edge, the picture goes on mirrored.
    assert result[0] == pytest.approx(weights[::-1] @ row[[1, 0, 0, 1]], abs=1e-5)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_slopes_stay_slopes(scale):
    # Keys' kernel reproduces polynomials of the second degree; small and large, away from the edges.
    x = np.arange(48, dtype=np.float32)
    row = (0.01 * x**2 - 0.2 * x + 3)[None, :, None]
    for side in (48 * scale, 48 // scale):
        place = (np.arange(side) + 0.5) * 48 / side - 0.5
        inner = slice(side // 4, -side // 4)
        result = resize(row, 1, side)[0, :, 0]
        expected = 0.01 * place**2 - 0.2 * place + 3
        np.testing.assert_allclose(result[inner], expected[inner], atol=0.02)


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_as_pillow_away_from_the_edges(factor):
    clean = photo("coffee", 96, 120, 100, 200)
    for size in ((120 // factor, 96 // factor), (120 * factor, 96 * factor)):
        own = resize(clean / np.float32(255), size[1], size[0])
        for channel in range(3):
            plane = Image.fromarray((clean[..., channel] / 255).astype(np.float32))
            theirs = np.asarray(plane.resize(size, Image.Resampling.BICUBIC))
            edge = 3 if size[0] < 120 else 3 * factor
            inner = np.s_[edge:-edge, edge:-edge]
            np.testing.assert_allclose(own[..., channel][inner], theirs[inner], atol=2e-5)


def test_sizes():
    picture = photo("coffee", 17, 23, 100, 200)
    assert resize(picture, 17, 23).dtype == np.float32
    np.testing.assert_array_equal(resize(picture, 17, 23), picture)
    assert resize(picture[:1, :1], 4, 4).shape == (4, 4, 3)
    np.testing.assert_allclose(resize(picture[:1, :1], 4, 4), np.broadcast_to(picture[:1, :1], (4, 4, 3)), atol=1e-4)
    with pytest.raises(ValueError, match="at least one pixel"):
        resize(picture, 0, 4)
