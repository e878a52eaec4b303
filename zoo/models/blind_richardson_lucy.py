"""Blind deconvolution as it was before learning: Richardson-Lucy for the picture and for its blur in turn."""

from __future__ import annotations

import numpy as np

from ..card import ModelCard, Tiling
from ..registry import register
from .classical_deblur import on_luma, transfer_function

SIDE = 25
"""Of the blur in pixels, as wide as the longest shake of the scenario `motion-blur`."""
ROUNDS = 10
PAD = 2 * SIDE

CARD = ModelCard(
    id="blind-richardson-lucy",
    title="Blind Richardson-Lucy",
    tasks=("deblur",),
    license="MIT",
    commercial_use=True,
    summary=f"Blind deconvolution: {ROUNDS} rounds of Richardson-Lucy for the picture and its {SIDE} x {SIDE} blur.",
    paper=(
        "Fish, Brinicombe, Pike, Walker, Blind deconvolution by means of the Richardson-Lucy algorithm, JOSA A 12 "
        "(1995), https://doi.org/10.1364/JOSAA.12.000058"
    ),
    tiling=Tiling(margin=64, exact=False),
    notes=("It starts from a flat blur and mostly stays near it: most pictures ring and lose. A baseline, no advice.",),
)


def deconvolve(blurred: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(sharper, blur): H x W above 0, taken as periodic, to the same and to SIDE x SIDE with the sum 1.

    A round is one step for the blur, then one for the picture. Sides are at least SIDE.
    """
    sharp, blur = blurred, np.full((SIDE, SIDE), 1 / SIDE**2)
    filter = transfer_function(blur, *blurred.shape)

    def ratio(spectrum: np.ndarray, filter: np.ndarray) -> np.ndarray:
        return np.fft.rfft2(blurred / np.maximum(np.fft.irfft2(spectrum * filter, s=blurred.shape), 1e-3))

    for _ in range(ROUNDS):
        spectrum = np.fft.rfft2(sharp)
        likely = np.fft.irfft2(ratio(spectrum, filter) * spectrum.conj(), s=blurred.shape)
        blur = np.maximum(blur * np.roll(likely, (SIDE // 2, SIDE // 2), (0, 1))[:SIDE, :SIDE], 0)
        blur /= blur.sum()
        filter = transfer_function(blur, *blurred.shape)
        sharp = np.maximum(sharp * np.fft.irfft2(ratio(spectrum, filter) * filter.conj(), s=blurred.shape), 0)
    return sharp, blur


@register(CARD)
def build(card: ModelCard, state: None):
    """The luma is deconvolved, mirrored around the picture."""
    return on_luma(lambda wide: deconvolve(np.maximum(wide.astype(np.float64), 1e-3))[0], PAD)
