"""Every bundled network in half precision: near its float32 result, on this machine's CPU."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import zoo
from tests.models.checks import hole
from tests.zoo.samples import photo
from zoo.weights import is_bundled

BUNDLED = [card.id for card in zoo.list_models() if is_bundled(card)]


def convolves(dtype: torch.dtype) -> bool:
    """Whether this machine's CPU convolves numbers of this type."""
    try:
        torch.nn.functional.conv2d(torch.ones(1, 1, 3, 3, dtype=dtype), torch.ones(1, 1, 3, 3, dtype=dtype))
    except RuntimeError:
        return False
    return True


def test_all_mini_models_are_here():
    assert {"autoencoder.mini", "deblurgan.mini", "gpen.mini", "vae.mini"} <= set(BUNDLED)


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
@pytest.mark.parametrize("model", BUNDLED)
def test_half_precision_is_near_float32(model, precision):
    if not convolves({"fp16": torch.float16, "bf16": torch.bfloat16}[precision]):
        pytest.skip(f"this CPU has no convolutions in {precision}")
    picture = photo("astronaut", 100, 108, 60, 170)
    whole, half = (zoo.load(model, device="cpu", precision=each) for each in ("fp32", precision))
    mask = hole(100, 108) if whole.card.needs_mask else None
    expected = whole.restore(picture, mask).image.astype(int)
    # bf16 has 8 binary digits, as many as the values of the picture.
    assert np.abs(half.restore(picture, mask).image - expected).mean() < 2
    if whole.card.stochastic:
        first, second = half.sample(picture, mask, count=2)
        assert (first.image != second.image).any()
