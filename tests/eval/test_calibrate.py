from __future__ import annotations

import numpy as np
import pytest

from eval.calibrate import calibrate, fit
from tests.eval.helpers import evaluate
from zoo.faces import similarity
from zoo.io.images import Picture, write
from zoo.seeding import rng_for


def test_fit_finds_the_curve_that_drew_the_pairs():
    rng = rng_for("pairs")
    values = rng.uniform(0, 1, 40_000)
    same = rng.random(values.size) < 1 / (1 + np.exp(-12 * (values - 0.5)))  # half are the same person
    slope, middle = fit(values[same], values[~same])
    assert slope == pytest.approx(12, rel=0.05) and middle == pytest.approx(0.5, abs=0.01)


def test_kinds_weigh_the_same_however_many_there_are():
    rng = rng_for("weights")
    same, strangers = rng.normal(0.7, 0.15, 2_000), rng.normal(0.1, 0.15, 2_000)
    slope, middle = fit(same, strangers)
    assert middle == pytest.approx(0.4, abs=0.02)
    assert fit(same, np.tile(strangers, 10)) == pytest.approx((slope, middle), rel=0.02)


def test_separable_pairs_have_a_finite_slope():
    slope, middle = fit(np.linspace(0.6, 0.9, 100), np.linspace(-0.2, 0.3, 1_000))
    assert 5 < slope < 200 and 0.3 < middle < 0.6


def test_probability():
    for name, (slope, middle) in similarity.CALIBRATION.items():
        assert similarity.probability(name, middle) == pytest.approx(0.5)
        assert similarity.probability(name, 1) > 0.9999 and similarity.probability(name, 0) < 0.001
        assert similarity.probability(name, middle + 1 / slope) == pytest.approx(1 / (1 + np.exp(-1)))


def test_folders_of_people(tmp_path, capsys):
    """Pairs are made by the end of the name; a copy of a photograph is no second photograph."""
    if reason := similarity.unavailable_reason("mobilefacenet"):
        pytest.skip(reason)
    import skimage.data
    from scipy.ndimage import gaussian_filter

    from eval.identity import faces_in
    from zoo.faces import align

    face = skimage.data.astronaut()
    crop = align.warp(face, align.to_crop(faces_in(face)[0].landmarks, 256), 256, 256)
    pictures = {"one/a_X1.png": crop, "one/a_X2.png": crop[:, ::-1], "one/a_X3.png": crop[::-1],
                "two/b_X1.png": gaussian_filter(crop, (3, 3, 0)), "two/b_X2.png": np.roll(crop[:, ::-1], 9, axis=0),
                "two/b_X9.png": crop}  # fmt: skip
    for name, picture in pictures.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write(tmp_path / name, Picture(np.ascontiguousarray(picture)))
    found = calibrate("mobilefacenet", tmp_path / "one", tmp_path / "two")
    assert found.same <= 2 and found.strangers == 3 and found.shifted > 0
    assert evaluate("calibrate", tmp_path / "one", tmp_path / "two", "--embedding", "mobilefacenet") == 0
    assert f"slope {found.slope}" in capsys.readouterr().out
    assert evaluate("calibrate", tmp_path / "one", tmp_path / "one" / "nothing") == 2
    assert "there is no folder" in capsys.readouterr().err
