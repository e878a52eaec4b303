"""NIQE: how far a picture's statistics are from those of pristine photographs, without a reference.

Mittal, Soundararajan, Bovik, Making a "Completely Blind" Image Quality Analyzer, IEEE Signal Processing Letters 2013,
https://doi.org/10.1109/LSP.2012.2227726, with the published model of pristine pictures. Lower is better.
"""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np

from zoo.degradations.bicubic import resize
from zoo.weights.known import KnownFile

from .fidelity import luma
from .metric import NotComputable

MODEL = KnownFile("niqe.safetensors", "NIQE's model of pristine pictures, 11 kB", "085d9107")
BLOCK = 96
"""Side of a block in pixels at the first of two scales."""
SHIFTS = ((0, 1), (1, 0), (1, 1), (1, -1))
"""Neighbors (down, right) whose products with a pixel are looked at."""


def niqe_missing() -> str | None:
    """Why NIQE cannot be computed on this machine, or None."""
    return MODEL.missing()


def niqe(restored: np.ndarray, target: np.ndarray | None = None, mask: np.ndarray | None = None) -> float:
    """NIQE of an HxWx3 uint8 picture of at least 192 x 192 pixels; target and mask are not used.

    Of luma rounded to integers, as MATLAB gives it. Raises NotComputable.
    """
    if min(restored.shape[:2]) < 2 * BLOCK:
        raise NotComputable(f"needs pictures of at least {2 * BLOCK} x {2 * BLOCK} pixels")
    height, width = (side // BLOCK * BLOCK for side in restored.shape[:2])
    plane = np.round(luma(restored[:height, :width]))
    half = resize(plane[..., None], height // 2, width // 2)[..., 0]
    features = np.hstack([_features(_normalized(plane), BLOCK), _features(_normalized(half), BLOCK // 2)])
    features = features[~np.isnan(features).any(axis=1)]  # a block without contrast has no statistics
    if len(features) < 2:
        raise NotComputable("needs more than one block of 96 x 96 pixels with contrast")
    model = _model(MODEL.path())
    difference = features.mean(axis=0) - model["mu"]
    spread = (np.cov(features, rowvar=False) + model["cov"]) / 2
    return float(np.sqrt(difference @ np.linalg.pinv(spread) @ difference))


@functools.cache
def _model(path: Path) -> dict[str, np.ndarray]:
    from safetensors.numpy import load_file

    return load_file(path)


def _normalized(plane: np.ndarray) -> np.ndarray:
    """Local mean removed and divided by the local deviation plus 1, of luma in [0, 255]."""
    from scipy.ndimage import correlate

    window = _model(MODEL.path())["window"]
    mean = correlate(plane, window, mode="nearest")
    deviation = np.sqrt(np.abs(correlate(plane**2, window, mode="nearest") - mean**2))
    return (plane - mean) / (deviation + 1)


def _features(plane: np.ndarray, side: int) -> np.ndarray:
    """Blocks x 18: the shapes of the distributions of a block's values, and of their products with neighbors."""
    from scipy.special import gamma

    rows, columns = (length // side for length in plane.shape)
    blocks = plane.reshape(rows, side, columns, side).swapaxes(1, 2).reshape(-1, side, side)
    shape, left, right = _fitted(blocks)
    features = [shape, (left + right) / 2]
    for shift in SHIFTS:
        shape, left, right = _fitted(blocks * np.roll(blocks, shift, axis=(1, 2)))
        features += [shape, (right - left) * gamma(2 / shape) / gamma(1 / shape), left, right]
    return np.stack(features, axis=1)


def _fitted(blocks: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shape, left and right scale of an asymmetric generalized Gaussian for each block, by matching moments.

    Lasmar, Stitou, Berthoumieu, Multiscale Skewed Heavy Tailed Model for Texture Analysis, ICIP 2009. NaN for a block
    that has no values on one side.
    """
    from scipy.special import gamma

    x = blocks.reshape(len(blocks), -1)
    shapes, ratios = _table()
    with np.errstate(invalid="ignore", divide="ignore"):
        left, right = (np.sqrt((x**2).sum(axis=1, where=side) / side.sum(axis=1)) for side in (x < 0, x > 0))
        skew = left / right
        ratio = np.abs(x).mean(axis=1) ** 2 / (x**2).mean(axis=1)
        ratio = ratio * (skew**3 + 1) * (skew + 1) / (skew**2 + 1) ** 2
    after = np.clip(np.searchsorted(ratios, ratio), 1, len(ratios) - 1)
    nearest = np.where(ratio - ratios[after - 1] < ratios[after] - ratio, after - 1, after)
    shape = np.where(np.isnan(ratio), np.nan, shapes[nearest])
    scale = np.sqrt(gamma(1 / shape) / gamma(3 / shape))
    return shape, left * scale, right * scale


@functools.cache
def _table() -> tuple[np.ndarray, np.ndarray]:
    """Shapes of 0.2 to 10, and the ratio of squared mean to variance of absolute values for each, which rises."""
    from scipy.special import gamma

    shapes = np.arange(0.2, 10.001, 0.001)
    return shapes, gamma(2 / shapes) ** 2 / (gamma(1 / shapes) * gamma(3 / shapes))
