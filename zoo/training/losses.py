"""Losses between a restored picture and its truth, N x 3 x H x W RGB in about [0, 1], each to one number."""

from __future__ import annotations

from torch import Tensor


def charbonnier(restored: Tensor, truth: Tensor, epsilon: float = 1e-3) -> Tensor:
    """A smooth absolute difference, sqrt(d^2 + epsilon^2) (Lai et al., LapSRN, arXiv:1704.03915)."""
    return (restored - truth).square().add(epsilon * epsilon).sqrt().mean()
