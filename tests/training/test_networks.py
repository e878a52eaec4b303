from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.training.pictures import photograph
from training.losses import charbonnier
from zoo.models.autoencoder import MINI, make_mini
from zoo.nn.unet import Block, GatedBlock, ShuffledUNet
from zoo.restorer import Restorer
from zoo.runtimes.torch import TorchBackend


def shaken(network: torch.nn.Module, amount: float = 0.05) -> torch.nn.Module:
    """New networks do nothing; this one does something."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=amount)
    return network.eval().requires_grad_(False)


@pytest.mark.parametrize("block", [Block, GatedBlock])
def test_a_new_network_is_the_identity(block):
    network = ShuffledUNet(2, (8, 12, 16), (1, 1, 2), block)
    x = torch.rand(2, 3, 32, 48)
    assert torch.equal(network(x), x)
    assert network.multiple == 8


@pytest.mark.parametrize("block", [Block, GatedBlock])
@pytest.mark.parametrize(("shuffle", "widths", "depths"), [(2, (4, 6), (1, 2)), (4, (4, 4), (1, 1))])
def test_nothing_reaches_farther_than_it_says(shuffle, widths, depths, block):
    network = shaken(ShuffledUNet(shuffle, widths, depths, block)).double()
    side = 2 * network.reach + 4 * network.multiple
    x = torch.rand(1, 3, side, side, dtype=torch.double)
    y = x.clone()
    y[..., side // 2, side // 2] += 10
    rows, columns = torch.nonzero((network(x) - network(y))[0].abs().sum(0) > 1e-12, as_tuple=True)
    distance = max(abs(int(v) - side // 2) for v in (rows.min(), rows.max(), columns.min(), columns.max()))
    assert 0 < distance <= network.reach


def test_the_autoencoder_is_the_same_in_tiles():
    assert make_mini().reach <= MINI.tiling.margin
    backend = TorchBackend(shaken(make_mini(), 0.02))
    picture = np.tile(photograph("chelsea"), (1, 2, 1))[:300, :600]
    whole = Restorer(MINI, backend, device="cpu", tile=None).restore(picture).image
    tiled = Restorer(MINI, backend, device="cpu", tile=448).restore(picture).image
    assert np.abs(whole.astype(int) - tiled).max() <= 1
    assert np.abs(whole.astype(int) - picture).mean() > 1


def test_charbonnier_against_numpy():
    a, b = np.random.default_rng(0).random((2, 2, 3, 5, 7)).astype(np.float32)
    expected = np.mean(np.sqrt((a.astype(np.float64) - b) ** 2 + 0.01**2))
    assert charbonnier(torch.from_numpy(a), torch.from_numpy(b), 0.01).item() == pytest.approx(expected, rel=1e-5)
