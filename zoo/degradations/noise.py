"""Noise: Gaussian, and the shot noise of counted photons."""

from __future__ import annotations

import numpy as np

from .light import to_linear, to_stored


def gaussian_noise(image: np.ndarray, rng: np.random.Generator, sigma: float) -> np.ndarray:
    """Additive noise of standard deviation `sigma` (in units of the full range), clipped to [0, 1]."""
    noise = rng.standard_normal(image.shape) * sigma
    return np.clip(image + noise, 0, 1).astype(np.float32)


def poisson_noise(image: np.ndarray, rng: np.random.Generator, photons: float) -> np.ndarray:
    """Shot noise: white is `photons` counted photons, in linear light; what exceeds white is clipped."""
    return to_stored(poisson_counts(to_linear(image) * photons, rng) / photons)


def poisson_counts(rates: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Poisson counts of these rates, float64 of the same shape, from one uniform number for each.

    A generator's own Poisson draws take more or fewer numbers from its stream as a rate's last bit has it, and so
    move every draw after them; here a count depends on its own rate and number alone. Up to a rate of 20 it is the
    inverse of the distribution function; beyond, its Cornish-Fisher expansion to the third order, which in fewer than
    1 of 100 draws is one count off.
    """
    from scipy.special import ndtri

    uniform = rng.random(rates.shape)
    z = ndtri(np.maximum(uniform, 2.0**-54))  # random() may be 0, never 1
    root = np.sqrt(np.maximum(rates, 1e-9))
    counts = np.ceil(rates + root * z + (z**2 - 1) / 6 + (z - z**3) / (72 * root) - 0.5)
    few = rates <= 20
    rate, level = rates[few], uniform[few]
    term = np.exp(-rate)
    below, exact = term.copy(), np.zeros_like(rate)
    for count in range(1, 100):  # the chance of more than 99 is less than random() can tell from 0
        more = level > below
        if not more.any():
            break
        exact += more
        term *= rate / count
        below += term
    counts[few] = exact
    return np.maximum(counts, 0)
