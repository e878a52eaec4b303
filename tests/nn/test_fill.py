from __future__ import annotations

import torch

from zoo.nn.fill import smooth_fill


def test_smooth_fill_keeps_what_is_known_and_fills_from_around():
    known = torch.ones(1, 1, 64, 128)
    known[..., 20:44, 30:90] = 0
    ramp = torch.linspace(0, 1, 128).expand(1, 3, 64, 128)
    filled = smooth_fill(torch.where(known > 0, ramp, 7.0), known)
    assert torch.allclose(filled[known.expand_as(filled) > 0], ramp[known.expand_as(ramp) > 0], atol=1e-6)
    assert (filled - ramp).abs().max() < 0.3
    flat = smooth_fill(torch.where(known > 0, torch.full_like(ramp, 0.3), 7.0), known)
    assert torch.allclose(flat, torch.full_like(flat, 0.3), atol=1e-5)


def test_smooth_fill_of_almost_nothing():
    known = torch.zeros(1, 1, 256, 256)
    known[..., 3, 5] = 1
    filled = smooth_fill(torch.full((1, 3, 256, 256), 0.6), known)
    assert torch.allclose(filled, torch.full_like(filled, 0.6), atol=1e-5)
