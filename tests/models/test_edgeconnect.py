"""EdgeConnect against the golden outputs of the published networks."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.models import checks, parity
from zoo.layers import plain_form
from zoo.models.edgeconnect import build
from zoo.models.edgeconnect.network import EdgeConnect, fold_spectral_norm, known_edges
from zoo.registry import get_card


def published_state() -> dict[str, torch.Tensor]:
    """Both files' tensors as the weights loader joins them."""
    both = {"edge.": parity.state("edgeconnect_edge"), "inpaint.": parity.state("edgeconnect_inpaint")}
    return {prefix + name: tensor for prefix, state in both.items() for name, tensor in state.items()}


@pytest.fixture(scope="module")
def network() -> EdgeConnect:
    return build(get_card("edgeconnect.places2"), published_state()).network


@pytest.mark.parametrize("part", ["edge", "inpaint"])
def test_golden_output(network, part):
    case, net = f"edgeconnect_{part}", getattr(network, part)
    x = parity.golden_input(case, 0, 1)
    with torch.inference_mode():
        fast = net(x)
        parity.assert_golden(case, {"y": fast})
        with plain_form(net):
            plain = net(x)
    parity.assert_golden(case, {"y": plain})
    assert (fast - plain).abs().max() <= 1e-4 * plain.std()


def test_spectral_norm_is_folded_as_torch_does():
    torch.manual_seed(0)
    for layer in (torch.nn.Conv2d(5, 7, 3), torch.nn.ConvTranspose2d(5, 7, 4)):
        normed = torch.nn.utils.spectral_norm(layer)
        normed(torch.randn(1, 5, 8, 8))  # a step of the power iteration, in training mode
        normed.eval()
        state = {name: tensor.detach() for name, tensor in normed.state_dict().items()}
        normed(torch.randn(1, 5, 8, 8))
        folded = fold_spectral_norm(state)
        assert set(folded) == {"weight", "bias"}
        assert torch.allclose(folded["weight"], normed.weight.detach(), atol=1e-6)
        assert set(fold_spectral_norm(folded)) == {"weight", "bias"}


def test_batch(network):
    x = torch.cat([parity.recipe.image(str(i), (1, 3, 64, 96), 0, 1) for i in range(2)])
    mask = torch.zeros(2, 1, 64, 96)
    mask[0, :, 10:30, 20:50] = mask[1, :, 30:60, 40:90] = 1
    grey = x.mean(1, keepdim=True)
    edges = known_edges(grey, mask)
    checks.assert_alone_as_together(network, x, grey, edges, mask, tolerance=1e-4)


def test_edges_are_those_of_the_known_region():
    picture = np.zeros((64, 64), np.float32)
    picture[:, 32:] = 1
    grey = torch.from_numpy(picture)[None, None]
    mask = torch.zeros_like(grey)
    mask[:, :, 20:40] = 1
    edges = known_edges(grey, mask)
    assert edges.shape == grey.shape and edges.dtype == grey.dtype
    assert set(edges.unique().tolist()) == {0.0, 1.0}
    assert edges[0, 0, 5:15, 31:33].any(1).all()
    assert not edges[0, 0, 20:40].any()
    assert not known_edges(grey, torch.ones_like(mask)).any()
    assert torch.equal(known_edges(grey.bfloat16(), mask.bfloat16()), edges.bfloat16())


def test_any_size():
    checks.assert_restores_any_size("edgeconnect.places2", published_state(), 75, 101, masked=True)
