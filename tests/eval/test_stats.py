from __future__ import annotations

import numpy as np
import pytest
from scipy import stats as reference

from eval.stats import (
    FEWEST_SCENARIOS,
    STUDENTIZED_UP_TO,
    bradley_terry,
    holm,
    judge,
    minimum_sample,
    over_seeds,
    paired,
    paired_bootstrap,
    rank,
    signed_rank,
    smallest_p,
    strengths,
    t_interval,
)

# Darwin's maize (Fisher 1935): crossed minus self-fertilized plants, in eighths of an inch.
MAIZE = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]
# Survival in days of the control mice of Efron and Tibshirani (1993), table 2.1.
MICE = [52, 104, 146, 10, 51, 30, 40, 27, 46]
# Games of the American League in 1987 (Agresti 1990, table 10.10): row beats column.
BASEBALL = {
    "Milwaukee": [0, 7, 9, 7, 7, 9, 11],
    "Detroit": [6, 0, 7, 5, 11, 9, 9],
    "Toronto": [4, 6, 0, 7, 7, 8, 12],
    "New York": [6, 8, 6, 0, 6, 7, 10],
    "Boston": [6, 2, 6, 7, 0, 7, 12],
    "Cleveland": [4, 4, 5, 6, 6, 0, 6],
    "Baltimore": [2, 4, 1, 3, 1, 7, 0],
}


@pytest.mark.parametrize("n", [2, 5, 24, 94])
@pytest.mark.parametrize("confidence", [0.5, 0.95])
def test_the_t_interval_is_scipys(n, confidence):
    values = np.random.default_rng(n).normal(25, 3, n)
    expected = reference.ttest_1samp(values, 0).confidence_interval(confidence)
    assert t_interval(values, confidence) == pytest.approx((expected.low, expected.high))


def test_an_interval_ends_where_the_metric_does():
    low, high = t_interval([0.9, 0.99, 0.995], bounds=(0, 1))
    assert 0 < low < 0.96
    assert high == 1


@pytest.mark.parametrize("interval", [t_interval, paired_bootstrap])
def test_too_few_or_equal_values(interval):
    with pytest.raises(ValueError, match="no values"):
        interval([])
    assert interval([3.5]) is None
    assert interval([80.0] * 7) == (80.0, 80.0)


def test_the_bootstrap_agrees_with_the_published_example():
    # Efron and Tibshirani (1993, section 12.5) give 35.82 to 116.74 for 90 %, from 1,000 resamples.
    low, high = paired_bootstrap(MICE, confidence=0.9)
    assert low == pytest.approx(35.82, abs=2)
    assert high == pytest.approx(116.74, abs=12)


@pytest.mark.parametrize("skewed", [False, True])
def test_the_bootstrap_agrees_with_scipys_on_many_values(skewed):
    rng = np.random.default_rng(5)
    values = rng.exponential(1, 400) if skewed else rng.normal(25, 3, 400)
    expected = reference.bootstrap((values,), np.mean, method="BCa", rng=np.random.default_rng(1)).confidence_interval
    # Two estimates of the same ends; they differ by some hundredths of the interval's width.
    width = expected.high - expected.low
    assert paired_bootstrap(values) == pytest.approx((expected.low, expected.high), abs=0.06 * width)


def test_the_bootstrap_leans_to_where_the_values_lie():
    values = np.random.default_rng(0).exponential(1, 11)
    low, high = paired_bootstrap(values)
    assert high - values.mean() > 1.2 * (values.mean() - low)
    assert low < t_interval(values)[1]


@pytest.mark.parametrize("values", [[1.0, 2.0, 4.0, 9.0], [0.0] * 30 + [1.0], range(STUDENTIZED_UP_TO + 1)])
def test_where_the_bootstrap_cannot_work_it_is_the_t_interval(values):
    assert paired_bootstrap(values) == t_interval(values)


def test_the_bootstrap_is_deterministic_and_shifts_with_the_values():
    values = np.random.default_rng(2).normal(size=24)
    np.random.seed(1)  # noqa: NPY002
    low, high = paired_bootstrap(values)
    np.random.seed(2)  # noqa: NPY002
    assert paired_bootstrap(list(values[::-1])) == (low, high)
    assert paired_bootstrap(values * 3 + 10) == pytest.approx((low * 3 + 10, high * 3 + 10))


def test_signed_rank():
    assert signed_rank(MAIZE) == pytest.approx(0.041260, abs=1e-6)  # as published, of 2 ** 15 signs
    values = np.random.default_rng(1).normal(0.3, 1, 24)
    assert signed_rank(values) == pytest.approx(reference.wilcoxon(values).pvalue)
    assert signed_rank([0.0] * 9) == 1
    assert signed_rank([0.1 + 0.2 - 0.3] * 9) == 1  # rounding is no difference


@pytest.mark.parametrize("n", [1, 2, 5, 6, 11])
def test_the_smallest_p(n):
    assert smallest_p(n) == pytest.approx(signed_rank(np.arange(1, n + 1)))


def test_holm():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1, 1]
    assert holm([0.2]) == [0.2]
    assert holm([]) == []


def test_the_minimum_sample():
    assert minimum_sample() == 6  # 5 pictures cannot be significant
    for comparisons in (1, 3, 10, 28, 136):
        n = minimum_sample(comparisons)
        assert smallest_p(n) * comparisons < 0.05 <= smallest_p(n - 1) * comparisons


def test_effect_sizes():
    found = paired(MAIZE)
    assert (found.n, found.mean) == (15, pytest.approx(20.9333, abs=1e-4))
    assert found.rank_biserial == pytest.approx((96 - 24) / 120)
    assert found.standardized == pytest.approx(np.mean(MAIZE) / np.std(MAIZE, ddof=1))
    assert found.win_rate == pytest.approx(13 / 15)
    assert (found.low, found.high) == paired_bootstrap(MAIZE)
    tied = paired([0.0, 0.0, 1.0, -1.0])
    assert (tied.win_rate, tied.rank_biserial, tied.mean) == (0.5, 0, 0)
    assert paired([2.0, 2.0]).standardized is None
    assert paired([2.0]).low is None


def test_five_pictures_cannot_tell():
    (verdict,) = judge([paired([5.0, 6.0, 7.0, 8.0, 9.0])])
    assert (verdict.direction, verdict.enough) == (0, False)
    (verdict,) = judge([paired([5.0, 6.0, 7.0, 8.0, 9.0, 10.0])])
    assert (verdict.direction, verdict.enough) == (1, True)
    (verdict,) = judge([paired([-5.0, -6.0, -7.0, -8.0, -9.0, -10.0])])
    assert verdict.direction == -1


def test_more_comparisons_need_more_pictures():
    one = paired([5.0, 6.0, 7.0, 8.0, 9.0, 10.0])
    verdicts = judge([one, one])
    assert [v.enough for v in verdicts] == [False, False]
    assert [v.direction for v in verdicts] == [0, 0]
    many = paired(np.arange(1.0, 25.0))
    verdicts = judge([one, many])  # the other leaves this one its whole level
    assert [v.enough for v in verdicts] == [True, True]
    assert [v.direction for v in verdicts] == [1, 1]


def test_what_cannot_be_significant_does_not_count_in_the_family():
    six = paired([5.0, 6.0, 7.0, 8.0, 9.0, 10.0])
    verdicts = judge([six, *[paired([1.0, 2.0, 3.0])] * 9, paired([0.0] * 24)])
    assert verdicts[0].direction == 1
    assert [(v.direction, v.enough) for v in verdicts[1:]] == [(0, False)] * 10


def test_pictures_without_a_difference_are_no_evidence():
    found = paired([0.0] * 15 + [1.0, 2.0, 3.0, 4.0, 5.0])
    assert (found.n, found.differing) == (20, 5)
    assert found.p == smallest_p(5)
    assert not judge([found])[0].enough


def test_ranks_against_the_mean_are_no_verdict():
    # On most pictures a little better, on a few a lot worse: the signed ranks and the mean disagree.
    differences = np.array([0.1 + 0.001 * i for i in range(40)] + [-30.0, -31.0])
    found = paired(differences)
    assert found.p < 0.05
    assert found.mean < 0
    assert judge([found])[0].direction == 0


def test_ranks_that_cannot_be_told_apart_are_shared():
    rng = np.random.default_rng(0)
    base = rng.normal(25, 3, 24)  # pictures differ far more than models: only pairing sees it
    alike = np.where(np.arange(24) % 2, 0.2, -0.2) * np.arange(1, 25) / 24
    found = rank(np.stack([base + 2, base + 1, base + 1 + alike, base - 3]))
    assert found.ranks == ((1, 1), (2, 3), (2, 3), (4, 4))
    assert found.win_rates == pytest.approx((1, 0.5, 0.5, 0))
    assert found.verdicts[0, 3].direction == -1
    assert found.verdicts[1, 2].direction == 0


def test_five_pictures_share_all_ranks():
    found = rank(np.arange(3.0)[::-1, None] * 10 + np.arange(5.0))
    assert found.ranks == ((1, 3),) * 3
    assert not any(v.enough for v in found.verdicts.values())
    assert rank(np.arange(5.0)[None]).ranks == ((1, 1),)


def test_false_alarms_within_a_table_are_as_rare_as_promised():
    rng = np.random.default_rng(3)
    alarms = sum(any(r != (1, 4) for r in rank(rng.normal(size=(4, 12))).ranks) for _ in range(200))
    assert alarms / 200 <= 0.08  # 5 % and three standard errors


def test_several_seeds():
    rng = np.random.default_rng(7)
    pictures, seeds = 400, 3
    values = 25 + rng.normal(0, 2, (pictures, 1)) + rng.normal(0, 1.5, (pictures, seeds))
    found = over_seeds(values)
    assert (found.low, found.high) == t_interval(values.mean(axis=1))
    assert found.between_pictures == pytest.approx(2, rel=0.15)
    assert found.within_pictures == pytest.approx(1.5, rel=0.1)
    single = over_seeds(values[:, :1])
    assert single.within_pictures is None
    assert single.high - single.low > found.high - found.low  # one seed leaves more to chance
    assert over_seeds(values[:1]).low is None


def test_bradley_terry_on_the_published_example():
    log = bradley_terry(np.array(list(BASEBALL.values()), dtype=float))
    published = [1.5814, 1.4364, 1.2945, 1.2476, 1.1077, 0.6839, 0]  # Turner and Firth (2012), relative to Baltimore
    assert log - log[-1] == pytest.approx(published, abs=1e-4)
    assert log.mean() == pytest.approx(0, abs=1e-9)


def scenario(rng, models, spread=0.0, n=40):
    return {m: s + rng.normal(0, spread) + rng.gumbel(size=n) for m, s in models.items()}


def test_strengths_over_scenarios():
    rng = np.random.default_rng(0)
    models = {"a": 1.0, "b": 0.0, "c": -1.0}
    found = strengths([scenario(rng, models) for _ in range(12)])
    for name, true in models.items():  # Gumbel noise makes wins follow the Bradley-Terry model
        assert found[name].score == pytest.approx(true, abs=0.25)
        assert found[name].low < found[name].score < found[name].high
        assert found[name].scenarios == 12
    assert found["a"].low > found["b"].high


def test_scenarios_count_the_same_whatever_their_size():
    small = {"a": np.ones(20), "b": np.zeros(20)}
    large = {"a": np.zeros(2000), "b": np.ones(2000)}
    found = strengths([small, large])
    assert found["a"].score == pytest.approx(0, abs=0.1)


def test_winning_everything_has_a_finite_score():
    found = strengths([{"a": np.ones(24), "b": np.zeros(24)}] * 2)
    assert found["a"].score == pytest.approx(np.log(24.5 / 0.5) / 2, abs=1e-6)
    assert found["a"].low is None  # two scenarios have no spread to speak of


def test_models_that_met_in_few_scenarios_have_no_interval():
    rng = np.random.default_rng(1)
    games = [scenario(rng, {"a": 1, "b": 0}) for _ in range(FEWEST_SCENARIOS)]
    games[0] |= scenario(rng, {"c": 0})
    games[1] |= scenario(rng, {"c": 0})
    found = strengths(games)
    assert found["c"].low is None
    assert found["c"].scenarios == 2
    assert found["a"].low is not None


def test_models_that_never_met_have_no_common_scale():
    pair, other = {"a": np.ones(6), "b": np.zeros(6)}, {"c": np.ones(6), "d": np.zeros(6)}
    with pytest.raises(ValueError, match="do not all meet"):
        strengths([pair, other])
