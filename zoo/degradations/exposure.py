"""Pictures taken with too little light."""

from __future__ import annotations

import numpy as np

from .light import to_linear, to_stored
from .noise import poisson_counts


def low_light(image: np.ndarray, rng: np.random.Generator, exposure: float, photons: float, read: float) -> np.ndarray:
    """A picture taken with too little light and made brighter by the camera, but not quite.

    exposure: what is left of the brightness after the camera's gain (linear light, 0 to 1). photons: counted at
    white; shot noise follows. read: standard deviation of the sensor's own noise, as a share of white in linear light.
    """
    counted = poisson_counts(to_linear(image) * photons, rng) / photons + rng.normal(0, read, image.shape)
    return to_stored(counted * exposure)


def underexposed(
    image: np.ndarray, rng: np.random.Generator, exposure: float, photons: float, read: float
) -> np.ndarray:
    """A picture taken with too little light and left dark.

    exposure: what reaches the sensor, as a share of what would have been right (linear light, 0 to 1). photons:
    counted at the sensor's white; shot noise follows. read: as in `low_light`.
    """
    light = to_linear(image) * exposure
    return to_stored(poisson_counts(light * photons, rng) / photons + rng.normal(0, read, image.shape))
