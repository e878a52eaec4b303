"""Inputs as the papers make them, so that figures can be held against theirs. Each returns (input, truth)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from zoo.degradations.bicubic import resize
from zoo.errors import ZooError
from zoo.io.images import eight_bits

Pair = tuple[np.ndarray, np.ndarray]


def reduced(scale: int) -> Callable[[np.ndarray, np.random.Generator], Pair]:
    """Super-resolution's protocol: smaller by MATLAB's bicubic imresize with anti-aliasing, rounded to 8 bits.

    Height and width of the truth are cropped to multiples of `scale`. Nothing is drawn.
    """

    def make(clean: np.ndarray, rng: np.random.Generator) -> Pair:
        height, width = (side // scale for side in clean.shape[:2])
        if not height or not width:
            raise ZooError(f"{clean.shape[1]} x {clean.shape[0]} pixels are too few to divide by {scale}.")
        clean = clean[: height * scale, : width * scale]
        return eight_bits(resize(clean, height, width)), eight_bits(clean)

    return make


def noisy(sigma: float, *, grey: bool, clipped: bool) -> Callable[[np.ndarray, np.random.Generator], Pair]:
    """Denoising's protocol: white Gaussian noise of standard deviation `sigma` (of 255) on 8-bit pictures.

    clipped: rounded to 8 bits like a stored picture; else the input is float32 and goes beyond [0, 1], as most papers
    have it. grey: of the luma (BT.601, rounded), in three equal channels.
    """

    def make(clean: np.ndarray, rng: np.random.Generator) -> Pair:
        truth = eight_bits(clean)
        if grey:
            luma = np.round(truth @ np.array([0.299, 0.587, 0.114])).astype(np.uint8)
            truth = np.repeat(luma[..., None], 3, axis=2)
        noise = rng.standard_normal(truth[..., :1].shape if grey else truth.shape, np.float32)
        given = (truth / np.float32(255) + noise * np.float32(sigma / 255)).astype(np.float32)
        return (eight_bits(given) if clipped else given), truth

    return make
