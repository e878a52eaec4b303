"""Directional interpolation of holes: the nearest known pixels on both sides, along eight orientations."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

ORIENTATIONS = ((0, 1), (1, 0), (1, 1), (1, -1), (1, 2), (2, 1), (1, -2), (2, -1))
"""(rows, columns) of one step along each orientation."""
DOUBLINGS = 6
"""Known pixels are looked for at most 2 ** DOUBLINGS steps away."""
FADE = 16.0
"""Decay length of the confidence in pixels."""


def across(image: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """Interpolate each pixel between the nearest known pixels on both sides, for each of the K orientations.

    image: N x 3 x H x W, known: N x 1 x H x W with 1 = known. Returns colors, N x K x 3 x H x W, weighted by inverse
    distance (of the only one where there is one; zeros where there is none), and features, N x K x 3 x H x W: the
    confidences exp(-pixels / FADE) of the nearer and of the farther pixel, 0 for none, and the mean absolute difference
    of their colors.
    """
    found = [_between(image, known, *orientation) for orientation in ORIENTATIONS]
    colors, clues = zip(*found, strict=True)
    return torch.stack(colors, dim=1), torch.stack(clues, dim=1)


def _between(image: Tensor, known: Tensor, rows: int, columns: int) -> tuple[Tensor, Tensor]:
    start = torch.cat([image * known, known], dim=1)
    one, other = (_first_known(start, sign * rows, sign * columns) for sign in (1, -1))
    distances = [-FADE * side[:, 3:].clamp_min(1e-30).log() for side in (one, other)]
    weights = [(side[:, 3:] > 0) / (distance + 1e-3) for side, distance in zip((one, other), distances, strict=True)]
    total = sum(weights).clamp_min(1e-12)
    color = (one[:, :3] * weights[0] + other[:, :3] * weights[1]) / total
    both = (one[:, 3:] > 0) & (other[:, 3:] > 0)
    apart = (one[:, :3] - other[:, :3]).abs().mean(1, keepdim=True) * both
    near, far = torch.maximum(one[:, 3:], other[:, 3:]), torch.minimum(one[:, 3:], other[:, 3:])
    return color, torch.cat([near, far, apart], dim=1)


def _first_known(state: Tensor, rows: int, columns: int) -> Tensor:
    """Color and confidence (0: none) of the nearest known pixel in a direction, found by doubling the step length."""
    length = math.hypot(rows, columns)
    for doubling in range(DOUBLINGS):
        steps = 2**doubling
        y, x = rows * steps, columns * steps
        if abs(y) >= state.shape[2] or abs(x) >= state.shape[3]:
            break
        ahead = F.pad(state, (-x, x, -y, y))
        ahead[:, 3:] *= math.exp(-steps * length / FADE)
        state = torch.where(state[:, 3:] > 0, state, ahead)
    return state
