from __future__ import annotations

import numpy as np
import pytest

from tests.zoo.samples import photo
from zoo.degradations import motion_kernel
from zoo.models.blind_richardson_lucy import SIDE, deconvolve
from zoo.seeding import rng_for


def blurred_by(picture: np.ndarray, blur: np.ndarray) -> np.ndarray:
    """Periodic, in the frequency domain."""
    field = np.zeros_like(picture)
    field[: blur.shape[0], : blur.shape[1]] = blur
    field = np.roll(field, [-(side // 2) for side in blur.shape], (0, 1))
    return np.fft.irfft2(np.fft.rfft2(picture) * np.fft.rfft2(field), s=picture.shape)


def stars() -> np.ndarray:
    sky = np.full((96, 112), 0.01)
    rng = np.random.default_rng(0)
    sky[rng.integers(0, 96, 25), rng.integers(0, 112, 25)] = 1
    return sky


FLAT = np.full((SIDE, SIDE), 1 / SIDE**2)


def likeness(one: np.ndarray, other: np.ndarray) -> float:
    return np.corrcoef(one.ravel(), other.ravel())[0, 1]


@pytest.mark.parametrize("seed", range(3))
def test_the_blur_of_stars_takes_shape(seed):
    truth = motion_kernel(rng_for("stars", seed), 10, SIDE)
    soft = np.maximum(blurred_by(stars(), truth), 1e-3)
    blur = deconvolve(soft)[1]
    assert blur.shape == (SIDE, SIDE) and blur.min() >= 0 and blur.sum() == pytest.approx(1)
    assert likeness(blur, truth) > 0.4


def test_light_is_kept_and_the_input_explained():
    """Blurred again the result is nearer to the input than with the flat blur at the start."""
    soft = blurred_by(photo("coffee", 120, 140, 100, 200)[..., 1] / 255 + 0.01, np.full((5, 5), 1 / 25))
    sharp, blur = deconvolve(soft)
    assert sharp.sum() == pytest.approx(soft.sum(), rel=1e-6) and sharp.min() >= 0
    assert np.abs(blurred_by(sharp, blur) - soft).mean() < 0.8 * np.abs(blurred_by(soft, FLAT) - soft).mean()


def test_a_flat_picture_stays():
    assert np.allclose(deconvolve(np.full((60, 50), 0.5))[0], 0.5, atol=1e-6)
