from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from zoo.nn.directions import DOUBLINGS, FADE, ORIENTATIONS, across


def walk(image: np.ndarray, known: np.ndarray, y: int, x: int, rows: int, columns: int):
    """(color, pixels) of the first known pixel in a direction, step by step, or None."""
    for steps in range(2**DOUBLINGS):
        at = y + rows * steps, x + columns * steps
        if not (0 <= at[0] < known.shape[0] and 0 <= at[1] < known.shape[1]):
            return None
        if known[at]:
            return image[:, at[0], at[1]], steps * math.hypot(rows, columns)
    return None


def test_the_same_as_walking_step_by_step():
    rng = np.random.default_rng(0)
    image = rng.random((3, 24, 30)).astype(np.float32)
    known = np.ones((24, 30), bool)
    known[4:15, 6:22] = known[15:, :9] = known[:, 27:] = False
    colors, clues = across(torch.from_numpy(image)[None], torch.from_numpy(known)[None, None].float())
    assert colors.shape == clues.shape == (1, len(ORIENTATIONS), 3, 24, 30)
    for index, (rows, columns) in enumerate(ORIENTATIONS):
        for y, x in np.ndindex(24, 30):
            found = [f for sign in (1, -1) if (f := walk(image, known, y, x, sign * rows, sign * columns))]
            near = [*sorted((math.exp(-pixels / FADE) for _, pixels in found), reverse=True), 0, 0]
            weights = np.array([1 / (pixels + 1e-3) for _, pixels in found])
            color = np.zeros(3)
            if found:
                color = sum(w * c for w, (c, _) in zip(weights, found, strict=True)) / weights.sum()
            apart = np.abs(found[0][0] - found[1][0]).mean() if len(found) == 2 else 0
            assert colors[0, index, :, y, x].numpy() == pytest.approx(color, abs=1e-4)
            assert clues[0, index, :, y, x].numpy() == pytest.approx([*near[:2], apart], abs=1e-5)


def test_what_is_in_the_hole_is_not_looked_at():
    known = torch.ones(1, 1, 40, 40)
    known[..., 10:30, 5:35] = 0
    image = torch.rand(1, 3, 40, 40)
    other = torch.where(known > 0, image, 9.0)
    for one, two in zip(across(image, known), across(other, known), strict=True):
        assert torch.equal(one, two)


@pytest.mark.parametrize("side", [1, 2, 7])
def test_small_pictures_and_pictures_without_anything_known(side):
    for known in (torch.zeros(1, 1, side, side), torch.ones(1, 1, side, side)):
        colors, clues = across(torch.full((1, 3, side, side), 0.4), known)
        assert torch.allclose(colors, 0.4 * known[:, None].expand_as(colors), atol=1e-5)
        assert torch.isfinite(clues).all()
