"""How often the 95 % intervals hold the truth, in simulations: why eval.stats uses the methods that it uses.

`pytest -m slow -s tests/eval/test_coverage.py` prints the table; all draws are seeded.
"""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from scipy import stats as reference

from eval.stats import FEWEST_SCENARIOS, bradley_terry, over_seeds, paired_bootstrap, strengths, t_interval

pytestmark = pytest.mark.slow

REPEATS = 600
SIZES = (5, 11, 24, 94)
DISTRIBUTIONS = {
    "normal": (lambda rng, size: rng.normal(size=size), 0),
    "uniform": (lambda rng, size: rng.uniform(size=size), 0.5),
    "t with 3 degrees of freedom": (lambda rng, size: rng.standard_t(3, size=size), 0),
    "gamma of shape 4": (lambda rng, size: rng.gamma(4, size=size), 4),
    "exponential": (lambda rng, size: rng.exponential(size=size), 1),
    "log-normal": (lambda rng, size: rng.lognormal(size=size), math.exp(0.5)),
}


def by_scipy(method: str):
    def interval(values: np.ndarray) -> tuple[float, float]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return reference.bootstrap((values,), np.mean, method=method, n_resamples=999, rng=0).confidence_interval

    return interval


def coverage(interval, draw, truth: float, n: int, seed: int) -> float:
    rng = np.random.default_rng(seed)
    intervals = [interval(draw(rng, n)) for _ in range(REPEATS)]
    return float(np.mean([low <= truth <= high for low, high in intervals]))


def test_coverage_of_the_mean():
    methods = {
        "t": t_interval,
        "studentized": paired_bootstrap,
        "BCa": by_scipy("BCa"),
        "percentile": by_scipy("percentile"),
    }
    found = {
        (name, n): {method: coverage(interval, draw, truth, n, seed=n) for method, interval in methods.items()}
        for n in SIZES
        for name, (draw, truth) in DISTRIBUTIONS.items()
    }
    print()
    for (name, n), shares in found.items():
        print(f"n = {n:2}  {name:28}" + "".join(f"{method} {share:6.1%}   " for method, share in shares.items()))
    noise = 3 * math.sqrt(0.95 * 0.05 / REPEATS)
    for n in SIZES:
        for name in ("normal", "uniform", "t with 3 degrees of freedom"):
            assert found[name, n]["t"] >= 0.95 - noise
        assert found["exponential", n]["studentized"] >= 0.9  # the skewed case that it is there for
        for method in ("BCa", "percentile"):  # what they are chosen over: the worst case of each
            worst = min(shares[method] for (_, size), shares in found.items() if size == n)
            assert min(shares["t"] for (_, size), shares in found.items() if size == n) >= worst - noise
            assert min(shares["studentized"] for (_, size), shares in found.items() if size == n) >= worst - noise
    assert found["normal", 5]["percentile"] < 0.88
    assert found["normal", 5]["BCa"] < 0.88


@pytest.mark.parametrize("n", [5, 24])
def test_coverage_over_several_seeds(n):
    rng = np.random.default_rng(n)
    hits = 0
    for _ in range(REPEATS):
        found = over_seeds(rng.normal(0, 1, (n, 1)) + rng.normal(0, 1.5, (n, 3)))
        hits += found.low <= 0 <= found.high
    print(f"\nn = {n}, 3 seeds: {hits / REPEATS:.1%}")
    assert abs(hits / REPEATS - 0.95) <= 3 * math.sqrt(0.95 * 0.05 / REPEATS)


@pytest.mark.parametrize("count", [FEWEST_SCENARIOS, 10])
def test_coverage_of_bradley_terry_over_scenarios(count):
    models, n = np.linspace(-1, 1, 4), 24
    rng = np.random.default_rng(count)

    def scenario() -> dict[str, np.ndarray]:
        strength = models + rng.normal(0, 0.5, models.size)  # scenarios favor models differently
        return {str(i): strength[i] + rng.gumbel(size=n) for i in range(models.size)}

    many = [scenario() for _ in range(2000)]
    shares = np.zeros((models.size, models.size))
    for values in (np.stack(list(each.values())) for each in many):
        shares += ((values[:, None] > values).sum(axis=2) + 0.5) / (n + 1) * (1 - np.eye(models.size))
    truth = bradley_terry(shares)
    hits = []
    for _ in range(REPEATS // 4):
        found = strengths([scenario() for _ in range(count)])
        hits += [found[str(i)].low <= truth[i] <= found[str(i)].high for i in range(models.size)]
    print(f"\n{count} scenarios: {np.mean(hits):.1%}")
    assert np.mean(hits) >= 0.91
