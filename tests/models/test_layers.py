"""The layers that families share: both forms, gradients, formats."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from zoo import layers
from zoo.models.contextual_attention.network import ContextualAttention, _Scorer
from zoo.models.deblurgan.network import InvertedResidual


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("height", "width"), [(64, 96), (13, 11), (2, 1)])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_statistics_are_exact(height, width, memory_format):
    x = random(1, 5, height, width) + 30  # a mean that would eat the variance's digits in one pass
    variance, mean = torch.var_mean(x.double(), (0, 2, 3), correction=0)
    found = layers.image_statistics(x.contiguous(memory_format=memory_format))
    # So many numbers are added up in one float, with half a unit of the last place lost in each step at most; that of
    # the variance counts more, by how far the mean is from 0 in standard deviations.
    steps = height * width // math.gcd(height * width, 64) + 3
    rounding = steps * torch.finfo(torch.float32).eps
    assert torch.allclose(found[0].double(), mean, rtol=rounding)
    assert torch.allclose(found[1].double(), variance, rtol=rounding * float((mean / variance.sqrt()).abs().max()))


@pytest.mark.parametrize("factor", [2, 3, 4, 8])
def test_convolution_of_an_enlarged_picture(factor):
    x, weight, bias = random(2, 3, 5, 7), random(4, 3, 3, 3, seed=1), random(4, seed=2)
    expected = F.conv2d(F.interpolate(x, scale_factor=factor, mode="nearest"), weight, bias, padding=1)
    assert torch.allclose(layers.conv_of_upsampled(x, weight, factor, bias), expected, atol=1e-5)


def test_blocks_with_extreme_gains():
    torch.manual_seed(0)
    block = InvertedResidual(4, 4, 1, 6).requires_grad_(False)
    for norm in (block.conv[1], block.conv[4], block.conv[7]):
        norm.weight.copy_(random(norm.channels, seed=3))
        norm.weight[:2] = torch.tensor([0.0, -1e-14])
        norm.bias.copy_(3 * random(norm.channels, seed=4))
    x = random(2, 4, 9, 12) * torch.tensor([1.0, 30.0]).view(2, 1, 1, 1)
    fast = block(x)
    with layers.plain_form(block):
        plain = block(x)
    assert (fast - plain).abs().max() <= 1e-4 * plain.std()


def test_gradients_flow_through_the_plain_form():
    block = InvertedResidual(4, 4, 1, 2)
    x = random(1, 4, 8, 8).requires_grad_()
    block(x).square().sum().backward()
    assert x.grad.abs().sum() > 0 and block.conv[0].weight.grad.abs().sum() > 0
    assert not block.is_fast(x) and block.requires_grad_(False).is_fast(x.detach())
    assert not block.is_fast(x.detach().double())


def test_plain_form_ends():
    norm = layers.ImageNorm2d(3)
    with pytest.raises(KeyError), layers.plain_form(norm):
        assert norm.plain
        raise KeyError
    assert not norm.plain


@pytest.mark.parametrize("same", [True, False])
@pytest.mark.parametrize(("height", "width"), [(16, 16), (18, 26), (26, 10), (40, 6)])
@pytest.mark.parametrize("budget", [1, 1 << 22])
def test_attention_in_pieces(same, height, width, budget):
    attention = ContextualAttention(same=same).requires_grad_(False)
    attention.budget = budget
    x = random(2, 5, height, width)
    mask = torch.zeros(2, 1, 4 * height, 4 * width)
    mask[0, :, height : 2 * height, width : 2 * width] = 1
    mask[1, :, :5, :9] = 1
    fast = attention(x, mask)
    attention.plain = True
    plain = attention(x, mask)
    assert (fast - plain).abs().max() <= 1e-4 * plain.std()
    if budget == 1:  # whatever the size of the picture, few rows of scores are held at a time
        rows = []
        scorer = _Scorer.scores

        def counted(self, start, stop):
            rows.append(stop - start)
            return scorer(self, start, stop)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_Scorer, "scores", counted)
            attention.plain = False
            attention(x[:1], mask[:1])
        assert max(rows) <= 6 and len(rows) == -(-height // 2 // 4)


def test_attention_copies_only_known_patches():
    """With a hole over everything, nothing may be copied."""
    attention = ContextualAttention(same=False).requires_grad_(False)
    x, mask = random(1, 5, 16, 16), torch.ones(1, 1, 64, 64)
    assert attention(x, mask).abs().max() == 0
    mask[..., :32] = 0
    changed = x.clone()
    changed[..., 12:] += 5  # features inside the hole
    before, after = attention(x, mask), attention(changed, mask)
    reachable = x[..., :10].abs().amax((2, 3)) + 1e-4  # patches of the known half and what a 4x4 patch reaches
    assert (after.abs().amax((2, 3)) <= reachable).all()
    assert not torch.equal(before, after)
