"""What every small inpainting network must do, for the tests of each."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from tests.training.pictures import photograph
from tests.training.test_networks import shaken
from zoo.card import ModelCard
from zoo.nn.fill import smooth_fill
from zoo.restorer import Restorer
from zoo.runtimes import Backend


def with_hole(height: int = 128, width: int = 192) -> torch.Tensor:
    """1 x 4 x H x W: noise, and a mask with two holes, one at the border."""
    mask = torch.zeros(1, 1, height, width)
    mask[..., 10:60, 40:110] = mask[..., height - 30 :, :25] = 1
    return torch.cat([torch.rand(1, 3, height, width), mask], dim=1)


def check_new(network: nn.Module) -> None:
    """At most 5 M parameters; the smooth fill before training."""
    assert sum(parameter.numel() for parameter in network.parameters()) <= 4_900_000
    x = with_hole()
    image, mask = x[:, :3], x[:, 3:]
    with torch.inference_mode():
        expected = torch.where(mask > 0, smooth_fill(image, 1 - mask), image)
        assert torch.allclose(network(x), expected, atol=1e-6)


def check_holes(network: nn.Module) -> None:
    """Only holes change, by something, and nothing is taken from them."""
    network = shaken(network, 0.02)
    x = with_hole()
    image, mask = x[:, :3], x[:, 3:]
    first = network(x)
    assert first.shape == image.shape
    assert torch.equal(first * (1 - mask), image * (1 - mask))
    fill = smooth_fill(image, 1 - mask)
    assert ((first - fill).abs() * mask).sum() / (3 * mask.sum()) > 1e-3
    other = torch.where(mask > 0, torch.rand_like(image), image)
    assert torch.allclose(network(torch.cat([other, mask], 1)), first, atol=1e-5)
    both = network(torch.cat([torch.cat([other, mask], 1), with_hole()]))
    assert torch.allclose(both[:1], first, atol=1e-4)


def check_restorer(card: ModelCard, backend: Backend) -> None:
    """Any size goes through, in half precision too; the known pixels stay bit for bit."""
    restorer = Restorer(card, backend, device="cpu")
    picture = photograph("chelsea")
    for height, width in ((16, 20), (65, 131), (300, 451)):
        image = picture[:height, :width]
        mask = np.zeros((height, width), bool)
        mask[height // 4 : height // 2, width // 4 : width // 2] = True
        filled = restorer.restore(image, mask).image
        assert filled.shape == image.shape and np.array_equal(filled[~mask], image[~mask])
    tiled = Restorer(card, backend, device="cpu", tile=384).restore(image, mask).image
    assert np.array_equal(tiled[~mask], image[~mask])
    half = Restorer(card, backend, device="cpu", precision="bf16").restore(image, mask).image
    assert np.abs(half[mask].astype(int) - filled[mask]).mean() < 6
