"""How sure a mean, a difference and a ranking are.

The methods were chosen by their measured coverage (tests/eval/test_coverage.py prints it). For a mean that is Student's
t interval: with 5 normal values it holds 94 to 95 %, where the percentile and the BCa bootstrap hold 81 to 84 %. For a
paired difference it is the studentized bootstrap, which keeps its promise best when differences are skewed. Neither
saves a strongly skewed metric with few pictures: with 5 log-normal values t holds 82 % and the studentized bootstrap
89 %.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

ALPHA = 0.05
"""The level at which a difference counts as significant."""
RESAMPLES = 4999
STUDENTIZED_UP_TO = 1000
"""Differences; from there on the bootstrap and the t interval agree, and t needs no memory."""


def t_interval(
    values: ArrayLike, confidence: float = 0.95, bounds: tuple[float, float] = (-math.inf, math.inf)
) -> tuple[float, float] | None:
    """Student's t interval of the mean of values that lie within bounds.

    None for a single value; raises ValueError for no values.
    """
    data = np.asarray(values, dtype=float)
    if data.size == 0:
        raise ValueError("no values")
    if data.size == 1:
        return None
    mean, half = data.mean(), float(t_half_width(data.std(ddof=1), data.size, confidence))
    return max(bounds[0], float(mean - half)), min(bounds[1], float(mean + half))


def t_half_width(deviation: ArrayLike, n: ArrayLike, confidence: float = 0.95) -> np.ndarray:
    """Half the width of Student's t interval of means of n values each, which have this sample standard deviation."""
    from scipy.stats import t

    sizes = np.asarray(n)
    return t.ppf((1 + confidence) / 2, sizes - 1) * np.asarray(deviation) / np.sqrt(sizes)


@functools.lru_cache(maxsize=4)
def _resamples(n: int) -> np.ndarray:
    """How often each of n values is drawn, in every resample, of a fixed seed: RESAMPLES x n."""
    return np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), RESAMPLES).astype(float)


def paired_bootstrap(differences: ArrayLike, confidence: float = 0.95) -> tuple[float, float] | None:
    """The studentized bootstrap interval of the mean of paired differences (Efron and Tibshirani 1993, section 12.5).

    Pictures are resampled, so both models always have the same ones. Deterministic. The t interval takes its place
    where resamples without any spread are frequent (fewer than 5 differences, or mostly ties) and for more than
    STUDENTIZED_UP_TO differences. None for a single difference; raises ValueError for none.
    """
    data = np.sort(np.asarray(differences, dtype=float))  # so that the order of pictures does not show
    if not 5 <= data.size <= STUDENTIZED_UP_TO:
        return t_interval(data, confidence)
    n, mean, spread = data.size, data.mean(), data.std(ddof=1)
    centered = (data - mean) / (spread or 1)
    counts = _resamples(n)
    means = counts @ centered / n
    variances = np.maximum(counts @ centered**2 / n - means**2, 0) * n / (n - 1)
    usable = variances > 1e-12
    if usable.mean() < 0.99:
        return t_interval(data, confidence)
    low, high = np.quantile(means[usable] / np.sqrt(variances[usable]), [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(mean - high * spread), float(mean - low * spread)


def signed_rank(differences: ArrayLike) -> float:
    """The two-sided p of Wilcoxon's signed-rank test (scipy's; zeros ranked as Pratt 1959 does). 1 if all are zero."""
    from scipy.stats import wilcoxon

    data = np.round(np.asarray(differences, dtype=float), 9)  # stored values have 6 digits: equal is equal
    if not data.any():
        return 1.0
    # With many zeros the normal approximation goes below what any distribution of signs can give.
    return max(float(wilcoxon(data, zero_method="pratt").pvalue), smallest_p(int(np.count_nonzero(data))))


def holm(p: Sequence[float]) -> list[float]:
    """The p of several tests, adjusted so that one false alarm among them all has the level (Holm 1979)."""
    data = np.asarray(p, dtype=float)
    order = np.argsort(data, kind="stable")
    stepped = np.maximum.accumulate(data[order] * np.arange(data.size, 0, -1))
    adjusted = np.empty_like(data)
    adjusted[order] = np.minimum(stepped, 1)
    return adjusted.tolist()


def smallest_p(n: int) -> float:
    """The smallest p that the signed-rank test can give for n differences that are not zero: all on one side."""
    return min(1.0, 2.0 ** (1 - n))


def minimum_sample(comparisons: int = 1, alpha: float = ALPHA) -> int:
    """The fewest pictures with which one of so many comparisons can be significant, corrected by Holm."""
    return 1 + math.ceil(math.log2(max(1, comparisons) / alpha))


@dataclass(frozen=True)
class Paired:
    """Two models on the same pictures, from the differences of the second to the first."""

    n: int
    """Pictures."""
    differing: int
    """Pictures with a difference other than zero."""
    mean: float
    low: float | None
    high: float | None
    """The 95 % interval of the mean difference; None for one picture."""
    p: float
    """Of the signed-rank test, not corrected."""
    win_rate: float
    """Share of pictures with a positive difference; a tie counts half."""
    standardized: float | None
    """Mean over standard deviation of the differences (Cohen's d_z); None without spread."""
    rank_biserial: float
    """Matched-pairs rank-biserial correlation (Kerby 2014), -1 to 1: the effect size of the signed-rank test."""


def paired(differences: Sequence[float]) -> Paired:
    """Compare by the differences, a picture each. Raises ValueError for none."""
    from scipy.stats import rankdata

    data = np.round(np.asarray(differences, dtype=float), 9)
    low, high = paired_bootstrap(data) or (None, None)
    spread = data.std(ddof=1) if data.size > 1 else 0.0
    signs = np.sign(data)
    ranks = rankdata(np.abs(data[signs != 0]))
    return Paired(
        n=data.size,
        differing=int(np.count_nonzero(data)),
        mean=float(data.mean()),
        low=low,
        high=high,
        p=signed_rank(data),
        win_rate=float((signs + 1).mean() / 2),
        standardized=float(data.mean() / spread) if spread > 0 else None,
        rank_biserial=float((signs[signs != 0] * ranks).sum() / ranks.sum()) if ranks.size else 0.0,
    )


@dataclass(frozen=True)
class Verdict:
    """What a family of comparisons allows to say of one of them."""

    p: float
    """Corrected by Holm for the whole family."""
    direction: int
    """1: significantly above zero, -1: below, 0: cannot be told apart."""
    enough: bool
    """Whether so many differing pictures could have been significant at all, in this family."""


def judge(family: Sequence[Paired], alpha: float = ALPHA) -> list[Verdict]:
    """Tell differences from chance, all in one family.

    A difference is significant when the corrected signed-rank test says so and the interval of the mean difference
    leaves out zero on the same side: the test alone looks at ranks, and means are what is ranked. What could not be
    significant even alone (too few pictures that differ) does not count in the family (Tarone 1990).
    """
    floors = [smallest_p(each.differing) for each in family]
    able = [index for index, floor in enumerate(floors) if floor < alpha]
    corrected = dict(zip(able, holm([family[index].p for index in able]), strict=True))
    lowest = dict(zip(able, holm([floors[index] for index in able]), strict=True))  # no corrected p can be below
    verdicts = []
    for index, each in enumerate(family):
        p = corrected.get(index, each.p)
        direction = 0
        if p < alpha and each.low is not None and each.high is not None:
            direction = int(each.low > 0 and each.rank_biserial > 0) - int(each.high < 0 and each.rank_biserial < 0)
        verdicts.append(Verdict(p=p, direction=direction, enough=lowest.get(index, 1.0) < alpha))
    return verdicts


@dataclass(frozen=True)
class Ranking:
    """Models on the same pictures."""

    ranks: tuple[tuple[int, int], ...]
    """The best and the worst rank that each model may have, given what cannot be told apart."""
    win_rates: tuple[float, ...]
    """Share of pictures and opponents that each model beats; a tie counts half."""
    verdicts: dict[tuple[int, int], Verdict]
    """Of each pair (i, j) with i < j: direction 1 when j is better."""


def rank(values: np.ndarray, alpha: float = ALPHA) -> Ranking:
    """Rank models by paired comparisons of all with all, corrected by Holm.

    A model's rank lies between 1 + those significantly better and k - those significantly worse; all these ranges
    hold together with probability 1 - alpha (Mogstad, Romano, Shaikh and Wilhelm 2024).

    Args:
        values: models x pictures, higher is better.
        alpha: level of the whole family.
    """
    k = len(values)
    pairs = [(i, j) for i in range(k) for j in range(i + 1, k)]
    family = [paired(values[j] - values[i]) for i, j in pairs]
    verdicts = judge(family, alpha)
    better = np.zeros((k, k), dtype=bool)
    share = np.full((k, k), np.nan)
    for (i, j), each, verdict in zip(pairs, family, verdicts, strict=True):
        better[i, j], better[j, i] = verdict.direction < 0, verdict.direction > 0
        share[i, j], share[j, i] = 1 - each.win_rate, each.win_rate
    ranks = tuple((1 + int(better[:, i].sum()), k - int(better[i].sum())) for i in range(k))
    win_rates = tuple(float(np.nanmean(row)) if k > 1 else math.nan for row in share)
    return Ranking(ranks, win_rates, dict(zip(pairs, verdicts, strict=True)))


@dataclass(frozen=True)
class Seeds:
    """A mean over pictures that were each measured with several seeds."""

    mean: float
    low: float | None
    high: float | None
    """95 % t interval over the pictures' means; the seeds' variance is in it."""
    between_pictures: float | None
    within_pictures: float | None
    """Standard deviations of the pictures' own values and, picture by picture, of the seeds; None where unknown."""


def over_seeds(values: np.ndarray) -> Seeds:
    """The mean of pictures x seeds, and where its variance is from (one-way random effects).

    Each picture draws its own random numbers from the seed, so seeds are independent from picture to picture, and the
    spread of the pictures' means has in it what the seeds add. Raises ValueError for no values.
    """
    values = np.asarray(values, dtype=float)
    means = values.mean(axis=1)
    low, high = t_interval(means) or (None, None)
    seeds = values.shape[1]
    within = float(values.var(axis=1, ddof=1).mean()) if seeds > 1 else None
    between = None
    if len(means) > 1:
        between = math.sqrt(max(0.0, float(means.var(ddof=1)) - (within or 0.0) / seeds))
    return Seeds(float(means.mean()), low, high, between, None if within is None else math.sqrt(within))


@dataclass(frozen=True)
class Strength:
    """A model's Bradley-Terry score."""

    score: float
    """Log odds of beating the average model, on a picture of a scenario drawn at random."""
    low: float | None
    high: float | None
    """95 % interval over scenarios (jackknife with Student's t); None with fewer than FEWEST_SCENARIOS."""
    scenarios: int


FEWEST_SCENARIOS = 4
"""A spread over fewer scenarios is too poorly known for an interval."""


def bradley_terry(shares: np.ndarray) -> np.ndarray:
    """The log strengths, of mean 0, that best explain who beats whom (Bradley and Terry 1952).

    Found by Hunter's (2004) MM iteration.

    Args:
        shares: k x k; [i, j] is how often i beat j, above 0 both ways where they met, 0 where they did not.
    """
    wins, met = shares.sum(axis=1), shares + shares.T
    log = np.zeros(len(shares))
    for _ in range(100_000):
        strength = np.exp(log)
        new = np.log(wins / (met / (strength[:, None] + strength)).sum(axis=1))
        new -= new.mean()
        if np.abs(new - log).max() < 1e-9:
            return new
        log = new
    raise ValueError("the models do not all meet, directly or through others")


def strengths(scenarios: Sequence[Mapping[str, np.ndarray]]) -> dict[str, Strength]:
    """Bradley-Terry scores over scenarios, each of which counts the same whatever its size.

    A scenario gives the share of its pictures that a model wins against each other, with half a picture added to both
    sides, so that who wins all has a finite score.

    Args:
        scenarios: for each, model -> its pictures' values, higher is better. Every model must meet every other,
            directly or through others; raises ValueError when not.
    """
    from scipy.stats import t

    models = sorted({model for scenario in scenarios for model in scenario})
    shares = np.stack([_shares(scenario, models) for scenario in scenarios])
    if not _connected(shares.sum(axis=0)):
        raise ValueError("the models do not all meet, directly or through others")
    scores = bradley_terry(shares.sum(axis=0))
    left_out = []
    for index in range(len(scenarios)):
        rest = np.delete(shares, index, axis=0).sum(axis=0)
        left_out.append(bradley_terry(rest) if _connected(rest) else None)
    found = {}
    for i, model in enumerate(models):
        own = [index for index, scenario in enumerate(scenarios) if model in scenario]
        low = high = None
        without = [left[i] for left in left_out if left is not None]
        if len(own) >= FEWEST_SCENARIOS and len(without) == len(left_out):
            count = len(scenarios)
            leave = np.array(without)
            error = math.sqrt((count - 1) / count * ((leave - leave.mean()) ** 2).sum())
            half = t.ppf(0.975, len(own) - 1) * error
            low, high = float(scores[i] - half), float(scores[i] + half)
        found[model] = Strength(float(scores[i]), low, high, len(own))
    return found


def _shares(scenario: Mapping[str, np.ndarray], models: Sequence[str]) -> np.ndarray:
    shares = np.zeros((len(models), len(models)))
    for i, one in enumerate(models):
        for j, other in enumerate(models):
            if i != j and one in scenario and other in scenario:
                differences = np.round(np.asarray(scenario[one]) - np.asarray(scenario[other]), 9)
                won = (differences > 0).sum() + 0.5 * (differences == 0).sum()
                shares[i, j] = (won + 0.5) / (differences.size + 1)
    return shares


def _connected(shares: np.ndarray) -> bool:
    from scipy.sparse.csgraph import connected_components

    return connected_components(shares > 0, directed=False, return_labels=False) == 1
