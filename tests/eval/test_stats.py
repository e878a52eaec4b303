from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t

from eval.stats import bootstrap_interval


@pytest.mark.parametrize("spread", [0.1, 3.0])
def test_agrees_with_the_t_interval_on_normal_values(spread):
    values = np.random.default_rng(5).normal(25, spread, 400)
    low, high = bootstrap_interval(values)
    expected = t.interval(0.95, 399, values.mean(), values.std(ddof=1) / 20)
    # Two estimates of the same ends; they differ by some hundredths of the interval's width.
    assert (low, high) == pytest.approx(expected, abs=0.05 * (expected[1] - expected[0]))


def test_holds_the_mean_as_often_as_it_promises():
    rng = np.random.default_rng(0)
    hits = sum(low <= 1 <= high for low, high in (bootstrap_interval(rng.exponential(1, 60)) for _ in range(200)))
    assert 0.88 <= hits / 200 <= 0.98  # 95 %, a little less for so skewed values


def test_confidence():
    values = np.random.default_rng(1).normal(size=50)
    low, high = bootstrap_interval(values)
    narrow = bootstrap_interval(values, confidence=0.5)
    assert low < narrow[0] < values.mean() < narrow[1] < high


def test_is_deterministic_and_depends_on_the_values_alone():
    values = np.random.default_rng(2).normal(size=24)
    np.random.seed(1)  # noqa: NPY002
    first = bootstrap_interval(values)
    np.random.seed(2)  # noqa: NPY002
    assert bootstrap_interval(list(values)) == first


def test_one_value_has_no_interval():
    assert bootstrap_interval([3.5]) is None


def test_equal_values():
    assert bootstrap_interval([80.0] * 7) == (80.0, 80.0)


def test_no_values():
    with pytest.raises(ValueError, match="no values"):
        bootstrap_interval([])


def test_many_values_fit_into_memory():
    values = np.random.default_rng(3).normal(30, 2, 20_000)
    low, high = bootstrap_interval(values)
    assert 29.9 < low < high < 30.1
