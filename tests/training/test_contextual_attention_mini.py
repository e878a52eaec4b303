from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.training import inpainting
from tests.training.pictures import photograph
from tests.training.test_networks import shaken
from training.recipe import get_recipe
from zoo.models.contextual_attention import MINI
from zoo.models.contextual_attention.mini import Attention, ContextualAttentionMini
from zoo.nn.filling import FillingBackend
from zoo.restorer import Restorer


def test_a_new_network_gives_the_smooth_fill():
    inpainting.check_new(ContextualAttentionMini())


def test_it_changes_holes_only_and_takes_nothing_from_them():
    inpainting.check_holes(ContextualAttentionMini())


def test_any_size_goes_through_the_restorer():
    inpainting.check_restorer(MINI, FillingBackend(shaken(ContextualAttentionMini(), 0.01)))


def taught_attention(channels: int = 8) -> Attention:
    """It copies what it finds as it is, and compares sharply."""
    attention = Attention(channels, channels)
    with torch.no_grad():
        for layer in (attention.compare, attention.copy, attention.paste):
            layer.weight.copy_(torch.eye(channels)[..., None, None])
            layer.bias.zero_()
        attention.sharpness.fill_(1000.0)
    return attention.requires_grad_(False)


def test_attention_finds_the_known_place_that_is_alike():
    x = torch.randn(1, 8, 12, 16)
    x[..., 2:5, 10:13] = x[..., 6:9, 3:6]
    hole = torch.zeros(1, 1, 12, 16)
    hole[..., 3, 11] = 1
    y = taught_attention()(x, hole)
    assert torch.allclose(y[..., 3, 11], 2 * x[..., 7, 4], atol=1e-4)
    known = hole.expand_as(x) == 0
    assert torch.equal(y[known], x[known])


def test_attention_takes_from_known_places_only():
    hole = torch.zeros(2, 1, 10, 10)
    hole[0, :, 2:7, 3:8] = hole[1, :, :4] = 1
    attention = taught_attention()
    attention.sharpness.fill_(0.0)  # all known places alike
    x = torch.randn(2, 8, 10, 10)
    found = attention(x, hole) - x
    for n in range(2):
        mean = x[n].flatten(1)[:, hole[n].flatten() == 0].mean(1)
        assert torch.allclose(found[n].flatten(1)[:, hole[n].flatten() > 0], mean[:, None], atol=1e-5)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_attention_without_holes_or_without_known_places_changes_nothing(value):
    x = torch.randn(1, 8, 6, 6)
    assert torch.equal(taught_attention()(x, torch.full((1, 1, 6, 6), value)), x)


def test_attention_in_parts_is_the_same_and_few_places_are_evenly_picked():
    x, hole = torch.randn(1, 8, 20, 20), torch.zeros(1, 1, 20, 20)
    hole[..., 5:15, 5:15] = 1
    attention = taught_attention()
    attention.sharpness.fill_(3.0)
    whole = attention(x, hole)
    attention.budget = 1000
    assert torch.allclose(attention(x, hole), whole, atol=1e-5)
    attention.places, attention.sharpness = 30, torch.nn.Parameter(torch.tensor(0.0), requires_grad=False)
    picked = x.flatten(2)[0][:, (hole.flatten() == 0).nonzero()[:, 0][torch.arange(30) * 300 // 30]]
    assert torch.allclose((attention(x, hole) - x)[0, :, 9, 9], picked.mean(1), atol=1e-5)


def test_losses_see_both_stages_with_the_mask_and_reach_every_parameter():
    recipe, given = get_recipe("contextual-attention.mini"), inpainting.with_hole()
    network = shaken(ContextualAttentionMini(), 0.01).requires_grad_(True).train()
    outputs = recipe.outputs(network, given, given[:, :3], {term.of for term in recipe.losses})
    for term in recipe.losses:
        assert torch.equal(outputs[term.of][:, 3:], given[:, 3:])
    sum(outputs[term.of].square().mean() for term in recipe.losses).backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in network.parameters())


def test_a_large_picture_goes_through_with_few_scores_at_a_time(monkeypatch):
    """1024 x 1024 pixels have more places than are looked at, and more scores than are held."""
    picture = np.tile(photograph("chelsea"), (4, 3, 1))[:1024, :1024]
    mask = np.zeros((1024, 1024), bool)
    mask[200:600, 100:900] = True
    sizes = []
    softmax = torch.Tensor.softmax
    monkeypatch.setattr(torch.Tensor, "softmax", lambda x, dim: sizes.append(tuple(x.shape)) or softmax(x, dim=dim))
    restorer = Restorer(MINI, FillingBackend(shaken(ContextualAttentionMini(), 0.01)), device="cpu", tile=None)
    restored = restorer.restore(picture, mask).image
    assert np.array_equal(restored[~mask], picture[~mask])
    assert len(sizes) > 1 and all(rows * columns <= Attention.budget for rows, columns in sizes)
    assert {columns for _, columns in sizes} == {Attention.places}
