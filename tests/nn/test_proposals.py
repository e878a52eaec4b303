from __future__ import annotations

import pytest
import torch

from tests.training.test_networks import shaken
from zoo.nn.directions import ORIENTATIONS
from zoo.nn.fill import smooth_fill
from zoo.nn.proposals import DilatedBlock, Proposals, Stage


def striped() -> tuple[torch.Tensor, torch.Tensor]:
    """Upright stripes, and a hole in them."""
    stripes = (torch.arange(128) // 8 % 2).float().expand(1, 3, 128, 128)
    mask = torch.zeros(1, 1, 128, 128)
    mask[..., 40:80, 30:90] = 1
    return stripes, mask


def proposals_of(image: torch.Tensor, mask: torch.Tensor) -> tuple[Proposals, torch.Tensor]:
    filled = smooth_fill(image, 1 - mask)
    return Proposals(image, mask, filled), filled


def test_the_right_orientation_completes_stripes():
    image, mask = striped()
    proposals, filled = proposals_of(image, mask)
    weights = torch.zeros(1, len(ORIENTATIONS), 64, 64)
    weights[:, ORIENTATIONS.index((1, 0))] = 1
    inner = mask.expand_as(image) > 0

    def error(picture: torch.Tensor) -> float:
        return (picture - image)[inner].abs().mean().item()

    assert error(filled) > 0.3
    assert error(filled + proposals.mixed(weights)) < 0.15
    assert not proposals.mixed(torch.zeros_like(weights)).any()


def test_proposals_are_of_the_hole_and_from_outside_it():
    image, mask = striped()
    proposals, _ = proposals_of(image, mask)
    assert proposals.seen.shape == (1, 6 * len(ORIENTATIONS), 64, 64)
    outside = proposals.changes * (1 - mask[..., ::2, ::2])[:, None]
    assert not outside.any() and proposals.changes.any()
    other, _ = proposals_of(torch.where(mask > 0, torch.rand_like(image), image), mask)
    assert torch.equal(other.seen, proposals.seen)


@pytest.mark.parametrize(("cell", "detail"), [(4, 1), (8, 2), (8, 1)])
def test_a_new_stage_changes_nothing_and_a_taught_one_keeps_the_size(cell, detail):
    image, mask = striped()
    proposals, filled = proposals_of(image, mask)
    stage = Stage(3 * cell * cell, cell, (8, 12), detail)
    change, features = stage.decode(*stage.encode((filled, cell)), proposals)
    assert change.shape == image.shape and not change.any()
    assert features.shape == (1, 8, 128 // cell, 128 // cell)
    assert shaken(stage).decode(*stage.encode((filled, cell)), proposals)[0].abs().mean() > 1e-3


def test_a_new_dilated_block_is_the_identity_and_looks_as_far_as_it_says():
    x = torch.rand(1, 4, 21, 21)
    assert torch.equal(DilatedBlock(4, 3)(x), x)
    block = shaken(DilatedBlock(4, 3), 0.3)
    y = x.clone()
    y[..., 10, 10] += 1
    changed = (block(x) - block(y))[0].abs().sum(0) > 1e-6
    assert {tuple(v) for v in changed.nonzero().tolist()} == {(a, b) for a in (7, 10, 13) for b in (7, 10, 13)}
