"""Between stored values and linear light, in which light adds up."""

from __future__ import annotations

import numpy as np

GAMMA = 2.2
"""Light adds up in the sensor, before the tone curve: blur is applied to values raised to this power."""


def to_linear(image: np.ndarray, gamma: float = GAMMA) -> np.ndarray:
    """Stored values to light: float64, clipped to [0, 1]."""
    return np.power(np.clip(image.astype(np.float64), 0, 1), gamma)


def to_stored(light: np.ndarray, gamma: float = GAMMA) -> np.ndarray:
    """Light to stored values: float32, clipped to [0, 1]."""
    return np.power(np.clip(light.astype(np.float64), 0, 1), 1 / gamma).astype(np.float32)
