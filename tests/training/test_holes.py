from __future__ import annotations

import numpy as np
import pytest
import torch

from training import holes


def filled_pair() -> tuple[torch.Tensor, torch.Tensor]:
    """A filled picture with its mask behind it, and the target: both as noise, equal outside the hole."""
    rng = np.random.default_rng(0)
    target = torch.from_numpy(rng.random((2, 3, 192, 192)).astype(np.float32))
    mask = torch.zeros(2, 1, 192, 192)
    mask[0, :, 20:60, 30:50] = mask[1, :, 150:, 160:] = 1
    other = torch.from_numpy(rng.random((2, 3, 192, 192)).astype(np.float32))
    return torch.cat([torch.where(mask > 0, other, target), mask], dim=1), target


def test_holes_are_cut_as_said():
    image = np.full((192, 192, 3), 0.2, np.float32)
    shares = []
    for seed in range(40):
        given = holes.degrade(image, np.random.default_rng(seed))
        mask = given[..., 3]
        assert given.shape == (192, 192, 4) and set(np.unique(mask)) == {0, 1}
        assert (given[..., :3] == np.where(mask[..., None] > 0, np.float32(0.5), image)).all()
        shares.append(mask.mean())
    assert min(shares) >= 0.01 and max(shares) <= 0.7 and 0.1 < np.mean(shares) < 0.4
    again = holes.degrade(image, np.random.default_rng(39))
    assert np.array_equal(again, given)
    assert sum(holes.PROBABILITIES.values()) == pytest.approx(1)


def test_colors_are_compared_in_the_hole_alone():
    filled, target = filled_pair()
    difference = (filled[:, :3] - target).permute(0, 2, 3, 1)[filled[:, 3] > 0].double().numpy()
    expected = np.mean(np.sqrt(difference**2 + 0.05**2) - 0.05)
    assert holes.colors_in_hole(filled, target).item() == pytest.approx(expected, rel=1e-5)
    outside = filled.clone()
    outside[:, :3] += 1 - filled[:, 3:]
    assert holes.colors_in_hole(outside, target).item() == pytest.approx(expected, rel=1e-5)
    assert holes.colors_in_hole(torch.cat([target, filled[:, 3:]], 1), target) == 0
    assert holes.colors_in_hole(torch.cat([target, torch.zeros(2, 1, 192, 192)], 1), target) == 0


def test_features_are_compared_around_the_hole(monkeypatch):
    seen = []

    def squared(restored, target):
        seen.append(restored.shape)
        return (restored - target).square().mean()

    monkeypatch.setattr(holes, "perceptual", squared)
    filled, target = filled_pair()
    value = holes.features_in_hole(filled, target)
    assert seen == [(2, 3, 128, 128)]
    # The holes' sides are multiples of 4 (and one's end 2 pixels off the grid), so the shares nearly cancel.
    inside = (filled[:, :3] - target).square().sum() / (3 * filled[:, 3:].sum())
    assert value.item() == pytest.approx(inside.item(), rel=0.2)
    assert holes.features_in_hole(torch.cat([target, filled[:, 3:]], 1), target) == 0
    small = holes.features_in_hole(filled[..., 16:80, 16:80], target[..., 16:80, 16:80])
    assert seen[-1] == (2, 3, 64, 64) and torch.isfinite(small)


def test_the_mask_is_the_fourth_channel():
    given = torch.rand(2, 4, 8, 8)
    assert torch.equal(holes.mask_of(given), given[:, 3:])
