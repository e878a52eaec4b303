from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.training.pictures import photograph
from training.recipes.colorize_mini import prepare, rebalanced
from zoo.card import ModelCard
from zoo.degradations import grey
from zoo.models.colorize import mini as colorize_mini
from zoo.models.colorize.mini import ColorizeMini, joined, to_rgb, with_chroma
from zoo.nn.layers import luma
from zoo.restorer import Restorer
from zoo.runtimes.torch import TorchBackend

CARD = ModelCard(id="colorize.mini", title="Colorization, mini", tasks=("colorize",), license="MIT")


def tensor(picture: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))[None].float() / 255


def colorful() -> ColorizeMini:
    """A network that does something: a new one leaves pictures grey."""
    network = ColorizeMini()
    with torch.no_grad():
        network.unet.tail.bias.view(2, -1)[0] = 0.15
        network.unet.tail.bias.view(2, -1)[1] = -0.1
    return network.eval().requires_grad_(False)


def test_chroma_has_no_luma():
    chroma = torch.rand(2, 2, 8, 9) * 2 - 1
    assert luma(to_rgb(chroma)).abs().max() < 1e-6


def test_any_chroma_leaves_the_luma_and_stays_in_range():
    y = torch.rand(3, 1, 16, 16)
    y[0, 0, 0, :2] = torch.tensor([0.0, 1.0])
    picture = with_chroma(y, torch.rand(3, 2, 16, 16) * 2 - 1)
    assert picture.min() >= -1e-6 and picture.max() <= 1 + 1e-6
    assert (luma(picture) - y).abs().max() < 1e-6


def test_colors_that_fit_are_not_changed():
    picture = tensor(photograph("coffee")[:64, :64])
    chroma = (picture - luma(picture))[:, [0, 2]]
    assert (with_chroma(luma(picture), chroma) - picture).abs().max() < 1e-5


def test_chroma_follows_the_edges_of_luma():
    """A coarse chroma that belongs to a bright half comes out with the half's sharp edge."""
    large = torch.zeros(1, 1, 200, 200)
    large[..., 103:] = 0.8
    small = torch.nn.functional.interpolate(large, (50, 50), mode="area")
    chroma = torch.cat([small, -small], dim=1) / 2
    blurred = torch.nn.functional.avg_pool2d(chroma, 3, 1, 1, count_include_pad=False)
    found = joined(blurred, small, large)
    assert found.shape == (1, 2, 200, 200)
    assert found[0, 0, 100, 102] < 0.1 < 0.3 < found[0, 0, 100, 103]


@pytest.mark.parametrize("shape", [(96, 130), (300, 200), (7, 9), (1, 1)])
def test_luma_is_kept_at_any_size(shape):
    picture = np.resize(photograph("chelsea"), (*shape, 3))
    restored = Restorer(CARD, TorchBackend(colorful()), device="cpu").restore(picture).image
    assert restored.shape == picture.shape and not np.array_equal(restored[..., 0], restored[..., 2])
    weights = np.array([0.299, 0.587, 0.114])
    assert np.abs(restored @ weights - picture @ weights).max() <= 0.51  # each channel is rounded by up to a half


def test_grey_files_get_colors():
    picture = photograph("chelsea")[:100, :120, 0]
    restored = Restorer(CARD, TorchBackend(colorful()), device="cpu").restore(picture).image
    assert restored.shape == (100, 120, 3)
    assert restored[..., 0].mean() > restored[..., 2].mean() + 10


def test_only_luma_is_seen():
    network, picture = colorful(), photograph("coffee")[:96, :96].astype(np.float32) / 255
    color, plain = (network(tensor(p * 255)) for p in (picture, grey(picture)))
    assert (color - plain).abs().max() < 1e-5


def test_the_true_chroma_has_the_smallest_loss():
    target = tensor(photograph("coffee")[:64, :64])
    right = (target - luma(target))[:, [0, 2]]
    assert rebalanced(right, target) == pytest.approx(0.03, abs=1e-3)
    assert rebalanced(0 * right, target) > rebalanced(0.5 * right, target) > rebalanced(right, target)


def test_saturated_pixels_count_more():
    target = torch.full((1, 3, 8, 8), 0.5)
    target[..., 0, 4:, :] = 0.9
    wrong = torch.zeros(1, 2, 8, 8)
    missed = (target - luma(target))[:, [0, 2]]
    spoiled = missed.clone()
    spoiled[..., :4, :] = 0.3
    assert rebalanced(wrong, target) > 0.5 * rebalanced(missed, target)
    assert colorize_mini.SATURATION > 0


def test_prepared_pictures_keep_their_size():
    picture = photograph("coffee")[:100, :140].astype(np.float32) / 255
    for seed in range(5):
        part = prepare(picture, np.random.default_rng(seed))
        assert part.shape == picture.shape and part.dtype == np.float32 and part.min() >= 0 and part.max() <= 1
