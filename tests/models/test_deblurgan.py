"""DeblurGAN against the golden outputs of the published networks."""

from __future__ import annotations

import pytest
import torch

from tests.models import checks, parity
from zoo.layers import ImageNorm2d, plain_form
from zoo.models.deblurgan import build
from zoo.registry import get_card

CASES = {
    "deblurgan_v1_resnet9": "deblurgan.v1-resnet9",
    "deblurgan_v2_mobilenet": "deblurgan.v2-mobilenet",
    "deblurgan_v2_inception": "deblurgan.v2-inception",
}


def network(case: str) -> torch.nn.Module:
    return build(get_card(CASES[case]), parity.state(case)).network


@pytest.mark.parametrize("case", CASES)
def test_golden_output(case):
    net = network(case)
    parity.assert_published_names(net, case)
    x = parity.golden_input(case)
    with torch.inference_mode():
        fast = net(x)
        parity.assert_golden(case, {"y": fast})
        with plain_form(net):
            plain = net(x)
    parity.assert_golden(case, {"y": plain})
    assert (fast - plain).abs().max() <= 1e-4 * plain.std()


@pytest.mark.parametrize(("case", "height", "width"), [(c, 128, 160) for c in CASES])
def test_batch(case, height, width):
    x = torch.cat([parity.recipe.image(str(i), (1, 3, height, width)) for i in range(2)])
    checks.assert_alone_as_together(network(case), x, tolerance=1e-4)


@pytest.mark.parametrize(("case", "height", "width"), [(c, 133, 97) for c in CASES])
def test_any_size(case, height, width):
    checks.assert_restores_any_size(CASES[case], parity.state(case), height, width)


def test_no_block_of_padding_that_is_not_needed():
    for case in CASES.values():
        size = get_card(case).size
        assert size.padded(256, 320) == (256, 320)
        assert size.padded(257, 319) == ((288, 320) if "v2" in case else (260, 320))


def test_another_encoder_is_refused():
    with pytest.raises(RuntimeError, match="Missing key"):
        build(get_card("deblurgan.v2-mobilenet"), parity.state("deblurgan_v1_resnet9"))


def test_normalization_is_per_image_and_ignores_the_running_statistics():
    x = torch.randn(2, 3, 9, 7, generator=torch.manual_seed(0)) * torch.tensor([1.0, 5.0]).view(2, 1, 1, 1) + 2
    norm = ImageNorm2d(3, affine=True, cap=6.0)
    norm.weight.data, norm.bias.data = torch.tensor([1.0, -2.0, 3.0]), torch.tensor([0.5, 1.0, -1.0])
    norm.running_mean += 100
    y = (x - x.mean((2, 3), keepdim=True)) / (x.var((2, 3), keepdim=True, unbiased=False) + norm.eps).sqrt()
    y = (y * norm.weight.view(1, 3, 1, 1) + norm.bias.view(1, 3, 1, 1)).clamp(0, 6)
    with torch.no_grad():
        assert torch.allclose(norm(x.clone()), y, atol=1e-5)
        assert torch.allclose(norm(x[:1].clone()), y[:1], atol=1e-5)
        norm.plain = True
        assert torch.allclose(norm(x.clone()), y, atol=1e-5)
