"""Looks: each setting does what it says, and nothing else."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from zoo.errors import UnknownNameError, ZooError
from zoo.faces.style import STYLES, Look, finish, get_style, skin


@pytest.fixture(scope="module")
def crop(astronaut):
    return cv2.resize(astronaut[30:190, 150:310], (256, 256), interpolation=cv2.INTER_CUBIC)


def luma(image: np.ndarray) -> np.ndarray:
    return image @ np.array([0.299, 0.587, 0.114])


def detail(image: np.ndarray, sigma: float) -> float:
    y = luma(image).astype(np.float32)
    return float((y - cv2.GaussianBlur(y, (0, 0), sigma)).std())


def test_the_default_changes_nothing(crop):
    assert finish(crop, Look()) is crop


def test_sharpening_adds_fine_detail_only(crop):
    out = finish(crop, Look(sharpening=1))
    assert detail(out, 1) > 1.3 * detail(crop, 1)
    assert np.abs(cv2.GaussianBlur(out, (0, 0), 12).astype(int) - cv2.GaussianBlur(crop, (0, 0), 12)).max() <= 4


def test_contrast_adds_modeling(crop):
    out = finish(crop, Look(contrast=1))
    assert detail(out, 12) > 1.3 * detail(crop, 12)


@pytest.mark.parametrize(("saturation", "low", "high"), [(0.0, 0, 0.75), (2.0, 1.3, 3)])
def test_saturation_is_of_skin(crop, saturation, low, high):
    out = finish(crop, Look(saturation=saturation))

    def chroma(image):
        return np.ptp(image.astype(float), axis=2)

    face = np.s_[110:150, 110:150]
    assert low <= chroma(out)[face].mean() / chroma(crop)[face].mean() <= high
    limit = 25 if saturation > 1 else 2  # brightness is kept, where nothing is clipped
    assert np.abs(luma(out)[face] - luma(crop)[face]).max() < limit
    wall = np.full((64, 64, 3), (60, 90, 200), np.uint8)
    assert np.array_equal(finish(wall, Look(saturation=saturation)), wall)


@pytest.mark.parametrize("tone", [(255, 219, 172), (224, 172, 105), (198, 134, 66), (141, 85, 36), (90, 56, 37)])
def test_skin_of_all_tones_is_skin(tone):
    assert skin(np.full((32, 32, 3), tone, np.float32) / 255).min() > 0.7


@pytest.mark.parametrize("color", [(60, 90, 200), (80, 160, 70), (128, 128, 128), (250, 250, 250)])
def test_other_colors_are_not(color):
    assert skin(np.full((32, 32, 3), color, np.float32) / 255).max() < 0.1


def test_grey_and_16_bit(crop):
    look = Look(sharpening=0.5, contrast=0.5, saturation=0.5)
    deep = finish(crop.astype(np.uint16) * 257, look)
    assert deep.dtype == np.uint16
    assert np.abs(deep / 257 - finish(crop, look)).max() <= 0.51
    grey = finish(crop[..., 0], look)
    assert grey.shape == (256, 256) and grey.dtype == np.uint8
    assert np.array_equal(finish(crop[..., 0], Look(saturation=0)), crop[..., 0])


def test_a_setting_means_the_same_at_every_size(crop):
    small = finish(crop, Look(sharpening=1, contrast=1))
    large = finish(cv2.resize(crop, (512, 512), interpolation=cv2.INTER_CUBIC), Look(sharpening=1, contrast=1))
    assert np.abs(cv2.resize(large, (256, 256), interpolation=cv2.INTER_AREA).astype(int) - small).mean() < 2


def test_presets_and_single_settings():
    assert get_style(None) == Look()
    assert get_style("natural").strength < 1
    assert get_style("cinematic").saturation < 1
    assert get_style("clear").changed(sharpening=0.1, strength=None) == Look(1.0, 0.1, STYLES["clear"].contrast, 1.0)
    assert len(set(STYLES.values())) == len(STYLES)


@pytest.mark.parametrize(
    "wrong", [{"strength": 1.1}, {"strength": -0.1}, {"saturation": 3}, {"contrast": float("nan")}]
)
def test_limits(wrong):
    with pytest.raises(ZooError, match="goes from 0 to"):
        Look(**wrong)


def test_unknown_style():
    with pytest.raises(UnknownNameError, match="natural"):
        get_style("natura")
