from __future__ import annotations

import pytest
import torch

from zoo.nn.nafnet import ChannelAttention, ChannelNorm, NAFBlock, simple_gate


def test_pixels_are_normalized_over_their_channels():
    x = torch.randn(2, 16, 5, 7) * 3 + 1
    y = ChannelNorm(16)(x)
    assert torch.allclose(y.mean(1), torch.zeros(2, 5, 7), atol=1e-5)
    assert torch.allclose(y.var(1, unbiased=False), torch.ones(2, 5, 7), atol=1e-3)


def test_the_gate_multiplies_halves():
    a, b = torch.rand(2, 1, 3, 4, 4)
    assert torch.equal(simple_gate(torch.cat([a, b], dim=1)), a * b)


def test_attention_is_one_factor_per_channel_and_picture():
    x = torch.rand(2, 4, 6, 5) + 0.5
    layer = ChannelAttention(4)
    factors = layer(x) / x
    assert torch.allclose(factors, factors[..., :1, :1].expand_as(x), atol=1e-4)
    alone = layer(x[:1])
    assert torch.allclose(alone, layer(x)[:1], atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_new_block_is_the_identity_and_learns(dtype):
    block = NAFBlock(8).to(dtype)
    x = torch.rand(1, 8, 6, 6, dtype=dtype)
    assert torch.equal(block(x), x)
    with torch.no_grad():
        for parameter in block.parameters():
            parameter.add_(0.1)
    y = block(x)
    assert y.shape == x.shape and not torch.equal(y, x)
    y.float().sum().backward()
    assert all(parameter.grad is not None for parameter in block.parameters())
