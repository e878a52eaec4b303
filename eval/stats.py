"""How sure a mean is."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np


def bootstrap_interval(values: Sequence[float], confidence: float = 0.95) -> tuple[float, float] | None:
    """The percentile bootstrap interval of the mean (Efron 1979), over 5,000 resamples with a fixed seed.

    Deterministic. None for a single value, which says nothing of the spread. With few values it is too narrow (five
    normal values: 83 % instead of 95 %). Raises ValueError for no values.
    """
    from scipy.stats import bootstrap

    data = np.asarray(values, dtype=float)
    if data.size == 0:
        raise ValueError("no values")
    if data.size == 1:
        return None
    if np.ptp(data) == 0:
        return float(data[0]), float(data[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = bootstrap(
            (data,), np.mean, n_resamples=5000, batch=max(1, 10**7 // data.size), confidence_level=confidence,
            method="percentile", rng=np.random.default_rng(0),
        )  # fmt: skip
    return float(result.confidence_interval.low), float(result.confidence_interval.high)
