"""DeepFill v2 against the golden outputs of the published networks, in both published forms."""

from __future__ import annotations

import pytest
import torch

from tests.models import checks, parity
from zoo.layers import plain_form
from zoo.models.contextual_attention import build
from zoo.models.contextual_attention.network import Generator
from zoo.registry import get_card

CASES = {"deepfill_v2": "contextual-attention.places2", "deepfill_v2_tf": "contextual-attention.places2-tf"}


def network(case: str) -> Generator:
    return build(get_card(CASES[case]), parity.state(case)).network


@pytest.mark.parametrize("case", CASES)
def test_golden_output(case):
    net = network(case)
    parity.assert_published_names(net, case)
    x, mask = parity.recipe.inpainting_input(case)
    with torch.inference_mode():
        fast = dict(zip(("stage1", "stage2"), net(x, mask), strict=True))
        parity.assert_golden(case, fast)
        with plain_form(net):
            plain = dict(zip(("stage1", "stage2"), net(x, mask), strict=True))
    parity.assert_golden(case, plain)
    for stage in fast:
        assert (fast[stage] - plain[stage]).abs().max() <= 1e-4 * plain[stage].std()


@pytest.mark.parametrize("case", CASES)
def test_batch_of_different_masks(case):
    first, mask = parity.recipe.inpainting_input("a", 72, 104)
    second = parity.recipe.inpainting_input("b", 72, 104)[0].flip(3)
    other = mask.flip(3)
    checks.assert_alone_as_together(network(case), torch.cat([first, second]), torch.cat([mask, other]))


@pytest.mark.parametrize("case", CASES)
def test_any_size(case):
    checks.assert_restores_any_size(CASES[case], parity.state(case), 75, 101, masked=True)
