"""What votes say: Bradley-Terry scores of the models, and how well each metric agrees with people."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from eval.metrics import METRICS
from eval.results import Result

from .votes import Vote

MOST_GROUPS = 100
"""Pictures are left out one by one up to so many, beyond that in so many groups."""
FEWEST_PICTURES = 5
"""A spread over fewer is too poorly known for an interval."""


@dataclass(frozen=True)
class Preference:
    """How much people prefer a model."""

    score: float
    """Bradley-Terry: log odds of being preferred to the average of the models compared."""
    low: float | None
    high: float | None
    """95 % interval; None with fewer than FEWEST_PICTURES pictures."""
    votes: int
    wins: float
    """Of these votes; a tie counts half."""


def bradley_terry(votes: Iterable[Vote]) -> list[dict[str, Preference]]:
    """Scores of models that met, directly or through others, the most preferred first; a table for each such group.

    Maximum likelihood (Bradley and Terry 1952) with Firth's correction (1993), so that a model that won all its votes
    has a finite score; a tie is half a win for both. The interval takes the larger of two standard errors: that of the
    model itself, which takes votes for independent, and the jackknife over pictures, as votes on one picture are not.
    """
    listed = list(votes)
    tables = []
    for models in _components(listed):
        among = [vote for vote in listed if vote.a in models]
        tables.append(_table(sorted(models), among))
    return sorted(tables, key=lambda table: (-len(table), min(table)))


def _components(votes: Sequence[Vote]) -> list[set[str]]:
    """Models that are connected by votes."""
    found: list[set[str]] = []
    for vote in votes:
        joined = [models for models in found if vote.a in models or vote.b in models]
        found = [models for models in found if models not in joined]
        found.append({vote.a, vote.b}.union(*joined))
    return found


def _table(models: list[str], votes: Sequence[Vote]) -> dict[str, Preference]:
    from scipy.stats import norm, t

    place = {model: index for index, model in enumerate(models)}
    pictures = sorted({vote.picture for vote in votes})
    groups = min(len(pictures), MOST_GROUPS)
    group = {picture: index % groups for index, picture in enumerate(pictures)}
    won = np.zeros((groups, len(models), len(models)))
    for vote in votes:
        share = {"a": 1.0, "b": 0.0, "tie": 0.5}[vote.winner]
        won[group[vote.picture], place[vote.a], place[vote.b]] += share
        won[group[vote.picture], place[vote.b], place[vote.a]] += 1 - share
    total = won.sum(axis=0)
    scores, errors = _fit(total)
    half = None
    if len(pictures) >= FEWEST_PICTURES:
        without = np.array([_fit(total - one)[0] for one in won])
        spread = np.sqrt((groups - 1) / groups * ((without - without.mean(axis=0)) ** 2).sum(axis=0))
        half = np.maximum(norm.ppf(0.975) * errors, t.ppf(0.975, groups - 1) * spread)
    met = total + total.T
    rows = {
        model: Preference(
            score=float(scores[i]),
            low=None if half is None else float(scores[i] - half[i]),
            high=None if half is None else float(scores[i] + half[i]),
            votes=round(met[i].sum()),
            wins=float(total[i].sum()),
        )
        for model, i in place.items()
    }
    return dict(sorted(rows.items(), key=lambda pair: (-pair[1].score, pair[0])))


def _fit(won: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scores with zero as their mean, and their standard errors, from a matrix of wins (row over column).

    Models that never met in the matrix, as when a picture is left out, keep a difference of zero.
    """
    count = len(won)
    met = won + won.T
    scores = np.zeros(count)
    for _ in range(100):
        chance = 1 / (1 + np.exp(scores[None, :] - scores[:, None]))
        information = met * chance * (1 - chance)
        laplacian = np.diag(information.sum(axis=1)) - information
        covariance = np.linalg.pinv(laplacian, rcond=1e-10, hermitian=True)
        variances = np.diag(covariance)
        leverage = information * (variances[:, None] + variances[None, :] - 2 * covariance)
        gradient = (won - met * chance + leverage * (0.5 - chance)).sum(axis=1)
        step = covariance @ gradient
        largest = np.abs(step).max()
        step *= min(1.0, 2.0 / max(largest, 1e-12))
        # With few losses a whole step goes past the maximum, and the next one back: Armijo's rule shortens it.
        before = _penalized(won, scores)
        while np.abs(step).max() > 1e-9 and _penalized(won, scores + step) < before + gradient @ step / 4:
            step /= 2
        scores = scores + step
        if largest < 1e-9:
            break
    return scores - scores.mean(), np.sqrt(np.maximum(variances, 0))


def _penalized(won: np.ndarray, scores: np.ndarray) -> float:
    """The log-likelihood of the wins with Firth's penalty, half the logarithm of the information's determinant."""
    chance = 1 / (1 + np.exp(scores[None, :] - scores[:, None]))
    information = (won + won.T) * chance * (1 - chance)
    eigenvalues = np.linalg.eigvalsh(np.diag(information.sum(axis=1)) - information)
    positive = eigenvalues[eigenvalues > 1e-12 * max(eigenvalues.max(), 1e-300)]
    return float((won * np.log(np.maximum(chance, 1e-300))).sum() + np.log(positive).sum() / 2)


@dataclass(frozen=True)
class Agreement:
    """How often a metric prefers what people prefer."""

    share: float
    """Of the decided votes, the mean over pictures; 0.5 is chance."""
    low: float
    high: float
    """95 % interval (Wilson 1927) for so many pictures."""
    votes: int
    pictures: int


def agreement(votes: Iterable[Vote], results: Iterable[Result] = ()) -> dict[str, Agreement]:
    """Metric -> its agreement with the votes, the best first.

    Values come from the votes themselves and, for pictures of the data sets, from result files: a row with the same
    input. Ties of people or of the metric do not count. All votes on a picture count as one observation.
    """
    measured: dict[tuple[str, str], dict[str, float]] = {}
    for result in sorted(results, key=lambda each: each.environment.finished):
        for row in result.images:
            values = {name: value for name, value in row.metrics.items() if value is not None and name in METRICS}
            measured[row.input, result.model.id] = values
    agreed: dict[str, dict[str, list[bool]]] = {}
    for vote in votes:
        if vote.winner == "tie":
            continue
        first, second = (measured.get((vote.picture, model), {}) for model in (vote.a, vote.b))
        pairs = {name: (first[name], second[name]) for name in first.keys() & second.keys()} | dict(vote.metrics)
        for name, (a, b) in pairs.items():
            if a != b:
                prefers_a = (a > b) == METRICS[name].higher_is_better
                agreed.setdefault(name, {}).setdefault(vote.picture, []).append(prefers_a == (vote.winner == "a"))
    found = {}
    for name, pictures in agreed.items():
        share = float(np.mean([np.mean(each) for each in pictures.values()]))
        low, high = _wilson(share, len(pictures))
        found[name] = Agreement(share, low, high, sum(map(len, pictures.values())), len(pictures))
    return dict(sorted(found.items(), key=lambda pair: (-pair[1].share, pair[0])))


def _wilson(share: float, count: int, z: float = 1.959963984540054) -> tuple[float, float]:
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return max(0.0, middle - half), min(1.0, middle + half)
