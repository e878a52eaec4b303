from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tests.training import inpainting
from tests.training.test_networks import shaken
from training.recipe import get_recipe
from training.recipes.edgeconnect_mini import edges_in_hole, half_mask
from zoo.models.edgeconnect import MINI
from zoo.models.edgeconnect.mini import EdgeConnectMini, edge_map, gradients, half_edges
from zoo.nn.filling import FillingBackend


def test_a_new_network_gives_the_smooth_fill():
    inpainting.check_new(EdgeConnectMini())


def test_it_changes_holes_only_and_takes_nothing_from_them():
    inpainting.check_holes(EdgeConnectMini())


def test_any_size_goes_through_the_restorer():
    inpainting.check_restorer(MINI, FillingBackend(shaken(EdgeConnectMini(), 0.01)))


def test_edges_are_where_the_luma_changes():
    step = torch.zeros(1, 3, 16, 16)
    step[..., 8:] = 1
    edges = edge_map(step)[0, 0]
    assert edges[:, 7:9].min() > 0.9 and edges[:, :6].max() < 0.01 and edges[:, 10:].max() < 0.01
    _, sideways, down = gradients(step)[0]
    assert sideways[:, 7:9].min() == pytest.approx(0.5) and not down.any()
    assert half_edges(step).shape == (1, 1, 8, 8)


def test_known_edges_are_the_true_ones_and_others_are_drawn():
    x = inpainting.with_hole()
    _, edges, zone = shaken(EdgeConnectMini(), 0.02).steps(x)
    assert edges.shape == zone.shape == (1, 1, 64, 96)
    assert (zone >= F.max_pool2d(x[:, 3:], 2)).all() and 0.1 < zone.mean() < 0.5
    assert torch.allclose(edges[zone == 0], half_edges(x[:, :3])[zone == 0], atol=1e-5)
    assert ((edges > 0) & (edges < 1)).all()


def test_the_colors_do_not_teach_the_edges():
    network = EdgeConnectMini().train()
    network.inpaint.tail.weight.data.normal_(std=0.02)
    given = inpainting.with_hole()
    outputs = network.training_forward(given, given[:, :3])
    outputs["restored"].square().mean().backward()
    assert all(parameter.grad is None for parameter in network.edge.parameters())
    assert network.inpaint.head.weight.grad.any()


def test_losses_reach_every_parameter():
    recipe, given = get_recipe("edgeconnect.mini"), inpainting.with_hole()
    network = shaken(EdgeConnectMini(), 0.01).requires_grad_(True).train()
    outputs = recipe.outputs(network, given, given[:, :3], {term.of for term in recipe.losses})
    sum(outputs[term.of].square().mean() for term in recipe.losses).backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in network.parameters())
    for adversarial in recipe.adversarial:
        real, mask = adversarial.real(given[:, :3]), adversarial.condition(given)
        assert real.shape == mask.shape == outputs[adversarial.of].shape


def test_cross_entropy_of_edges_against_numpy():
    target = torch.rand(1, 3, 32, 48)
    wanted = half_edges(target)
    drawn, zone = torch.rand_like(wanted) * 0.9 + 0.05, (torch.rand_like(wanted) > 0.5).float()
    q, p, inside = (x.double().numpy() for x in (wanted, drawn, zone))

    def entropy(p: np.ndarray) -> np.ndarray:
        p = np.clip(p, 1e-4, 1 - 1e-4)
        return -(q * np.log(p) + (1 - q) * np.log(1 - p))

    expected = (entropy(p) - entropy(q))[inside > 0].mean()
    assert edges_in_hole(torch.cat([drawn, zone], 1), target).item() == pytest.approx(expected, rel=1e-4)
    assert edges_in_hole(torch.cat([wanted, zone], 1), target).item() == pytest.approx(0, abs=1e-6)


def test_the_mask_shrinks_with_the_edges():
    given = torch.zeros(1, 4, 8, 8)
    given[0, 3, 5, 2] = 1
    assert half_mask(given)[0, 0].nonzero().tolist() == [[2, 1]]
