"""Where tiles lie and how they are joined: overlapping windows whose weights sum to one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Span:
    """One tile along one axis."""

    start: int
    stop: int
    weight: np.ndarray
    """float32, one value per pixel of [start, stop): its share in the joined picture."""


def spans(length: int, tile: int, margin: int, feather: int = 32, step: int = 1, *, equal: bool = False) -> list[Span]:
    """Cut an axis of `length` pixels into tiles of about `tile` pixels whose weights sum to one everywhere.

    Every inner edge of a tile has weight zero over `margin` pixels, whose context is incomplete, and then rises
    linearly over `feather` pixels. Starts are multiples of `step` (a network's own multiple), so that a strided
    network sees each tile on the same grid as the whole. `equal` moves the last tile back, so that
    all become as large when they are padded to multiples of `step`; `tile` is made such a multiple. Raises ValueError
    when a tile is too small for its margins or `feather` is below 1.
    """
    if length <= tile:
        return [Span(0, length, np.ones(length, np.float32))]
    if equal:
        tile = tile // step * step
    stride = (tile - 2 * margin - feather) // step * step
    if stride < 1 or feather < 1:
        raise ValueError(
            f"tiles of {tile} pixels are too small for margins of {margin} pixels on each side; "
            f"the least is {2 * margin + feather + step}"
        )
    starts = [0]
    while starts[-1] + tile < length:
        starts.append(starts[-1] + stride)
    if equal:
        starts[-1] = -(-length // step) * step - tile
    stops = [min(start + tile, length) for start in starts]

    def risen(index: int) -> np.ndarray:
        # The share taken over from tile `index` onwards, for every pixel of the axis.
        if index == 0:
            return np.ones(length, np.float32)
        if index == len(starts):
            return np.zeros(length, np.float32)
        position = np.arange(length, dtype=np.float32) - (starts[index] + margin) + 0.5
        return np.clip(position / feather, 0, 1)

    shares = [risen(i) - risen(i + 1) for i in range(len(starts))]
    return [Span(a, b, share[a:b]) for a, b, share in zip(starts, stops, shares, strict=True)]
