"""Set metrics against SciPy, closed forms and a direct sum."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import sqrtm

from eval import sets
from eval.metrics import SET_METRICS, NotComputable
from tests.eval.helpers import photograph
from zoo.seeding import rng_for


def features(seed: int, rows: int, length: int = 12) -> np.ndarray:
    rng = rng_for("features", seed)
    return rng.standard_normal((rows, length)) @ rng.standard_normal((length, length)) + rng.standard_normal(length)


def test_frechet_distance_is_the_formula_by_sqrtm():
    one, other = features(0, 200), features(1, 300)
    s1, s2 = np.cov(one, rowvar=False), np.cov(other, rowvar=False)
    expected = np.sum((one.mean(0) - other.mean(0)) ** 2) + np.trace(s1 + s2 - 2 * sqrtm(s1 @ s2).real)
    assert sets.frechet_distance(one, other) == pytest.approx(expected, rel=1e-9)
    assert sets.frechet_distance(other, one) == pytest.approx(expected, rel=1e-9)
    assert sets.frechet_distance(one, one) == pytest.approx(0, abs=1e-9)


def test_frechet_distance_of_what_is_only_moved_or_spread():
    one = features(2, 500)
    assert sets.frechet_distance(one + 0.5, one) == pytest.approx(0.25 * one.shape[1])
    around = one - one.mean(0)
    assert sets.frechet_distance(2 * around, around) == pytest.approx(np.trace(np.cov(one, rowvar=False)))


def test_frechet_distance_without_full_rank_is_finite():
    one, other = features(3, 5), features(4, 6)
    assert np.isfinite(sets.frechet_distance(one, other))


def test_kernel_distance_is_the_sum_over_pairs(monkeypatch):
    monkeypatch.setattr(sets, "BLOCK", 7)  # several blocks
    one, other = features(5, 20), features(6, 25)

    def kernel(x, y):
        return (x @ y / 12 + 1) ** 3

    def mean(rows):
        return np.mean([kernel(x, y) for i, x in enumerate(rows) for j, y in enumerate(rows) if i != j])

    expected = mean(one) + mean(other) - 2 * np.mean([kernel(x, y) for x in one for y in other])
    assert sets.kernel_distance(one, other) == pytest.approx(expected, rel=1e-9)


def test_kernel_distance_has_no_bias():
    """Of samples of one distribution it is as often below 0 as above, however small they are."""
    values = [sets.kernel_distance(*(rng_for("kid", seed).standard_normal((2, 20, 4)))) for seed in range(200)]
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(len(values))
    assert 0.2 < np.mean(np.array(values) > 0) < 0.8


def test_patches_are_means_of_vggs_features():
    metric = SET_METRICS.get("fid_vgg19_patches")
    if reason := metric.unavailable_reason():
        pytest.skip(reason)
    picture = photograph("coffee")[:150, :200]
    rows = metric.features(picture)
    assert rows.shape == (6, 256) and rows.dtype == np.float64
    from eval.perceptual import vgg_features

    whole = vgg_features("normalized", picture)
    assert whole.shape == (256, 38, 50)
    np.testing.assert_allclose(rows[4], whole[:, 16:32, 16:32].mean(axis=(1, 2)), rtol=1e-5)


def test_minimum_is_said():
    metric = SET_METRICS.get("fid_mobilefacenet")
    few = [np.zeros((1, 128))] * 100
    with pytest.raises(NotComputable, match="at least 129 places or pictures; there are 100"):
        metric.value(few, few)
    many = [row[None] for row in features(7, 140, 128)]
    assert metric.value(many, many) == pytest.approx(0, abs=1e-6)
    with pytest.raises(NotComputable, match="at least 50"):
        SET_METRICS.get("kid_mobilefacenet").value(few[:49], few)


def test_blur_is_farther_from_the_target_than_noise_is_not(photographs):
    """More blur is a greater distance, by both."""
    from scipy.ndimage import gaussian_filter

    for name in ("fid_vgg19_patches", "kid_vgg19_patches"):
        metric = SET_METRICS.get(name)
        if reason := metric.unavailable_reason():
            pytest.skip(reason)
    pictures = [photograph(name)[:256, :384] for name in ("astronaut", "chelsea", "coffee")]
    rows = {
        sigma: [sets.vgg_patches(gaussian_filter(p, (sigma, sigma, 0)) if sigma else p) for p in pictures]
        for sigma in (0, 1, 3)
    }
    for compare in (sets.frechet_distance, sets.kernel_distance):
        near, far = (compare(np.concatenate(rows[s]), np.concatenate(rows[0])) for s in (1, 3))
        assert 0 < near < far
