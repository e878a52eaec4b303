"""GPEN against the golden outputs of the published networks."""

from __future__ import annotations

import pytest
import torch

from tests.models import checks, parity
from zoo.models.gpen import build
from zoo.models.gpen.network import FullGenerator, Portrait
from zoo.nn.layers import plain_form
from zoo.registry import get_card


@pytest.mark.parametrize(
    ("case", "model_id"),
    [("gpen_bfr_256", "gpen.bfr-256"), pytest.param("gpen_bfr_512", "gpen.bfr-512", marks=pytest.mark.slow)],
)
def test_golden_output(case, model_id):
    net = build(get_card(model_id), parity.state(case)).network
    parity.assert_published_names(net, case)
    x = parity.golden_input(case)
    with torch.inference_mode():
        fast, latent = net(x)
        assert latent is None
        parity.assert_golden(case, {"y": fast}, 1e-3)
        with plain_form(net):
            plain, _ = net(x)
    parity.assert_golden(case, {"y": plain}, 1e-3)
    assert (fast - plain).abs().max() <= 1e-4 * plain.std()


def small(size: int, out_size: int | None = None) -> FullGenerator:
    """A tiny network with random weights of which every one matters."""
    torch.manual_seed(3)
    net = FullGenerator(size, 16, 2, 1, 1 / 32, out_size)
    for name, tensor in net.named_parameters():
        if name.endswith("noise.weight"):
            tensor.data += 0.3
        elif name.endswith("bias"):
            tensor.data += 0.1 * torch.randn_like(tensor)
    return net.eval().requires_grad_(False)


@pytest.mark.parametrize(("size", "out_size"), [(32, 32), (64, 64), (16, 64), (8, 16)])
def test_batch_and_plain_form(size, out_size):
    net = small(size, out_size)
    x = torch.cat([parity.recipe.image(str(i), (1, 3, size, size)) for i in range(2)])
    with torch.inference_mode():
        fast, _ = net(x)
        with plain_form(net):
            plain, _ = net(x)
    assert fast.shape == (2, 3, out_size, out_size)
    assert (fast - plain).abs().max() <= 1e-4 * plain.std()
    checks.assert_alone_as_together(net, x)


def test_published_sizes_have_the_published_shapes():
    with torch.device("meta"):
        for case, net in (
            ("gpen_bfr_256", FullGenerator(256, channel_multiplier=1, narrow=0.5)),
            ("gpen_bfr_512", FullGenerator(512)),
        ):
            parity.assert_published_names(net, case)
        large = FullGenerator(2048).state_dict()
    assert large["generator.convs.16.conv.weight"].shape == (1, 16, 64, 3, 3)
    assert large["ecd0.0.0.weight"].shape == (16, 3, 1, 1)


@pytest.mark.parametrize("sizes", [(500, None), (4, None), (512, 256)])
def test_impossible_sizes(sizes):
    with pytest.raises(ValueError, match="powers of two"):
        FullGenerator(sizes[0], out_size=sizes[1])


def test_any_size():
    state = {  # the random weights give a picture of ten times the range; clipped, it would say little
        name: tensor / 10 if "to_rgb" in name and name.endswith(("conv.weight", ".bias")) else tensor
        for name, tensor in parity.state("gpen_bfr_256").items()
    }
    checks.assert_restores_any_size("gpen.bfr-256", state, 203, 141)


def test_colorization_sees_only_the_luma_and_inpainting_a_white_hole():
    seen = []

    class Probe(torch.nn.Module):
        def forward(self, x):
            seen.append(x.clone())
            return x, None

    image = torch.from_numpy(checks.picture(5, 16, 16)).permute(2, 0, 1)[None] / 255
    Portrait(Probe(), grey=True).run(image, None)
    assert (seen[0][:, :1] == seen[0]).all()
    luma = (image[0, :, 3, 4] * torch.tensor([0.299, 0.587, 0.114])).sum()
    assert seen[0][0, 0, 3, 4].item() == pytest.approx(2 * luma.item() - 1, abs=1e-6)
    mask = torch.from_numpy(checks.hole(16, 16)).float()[None, None]
    Portrait(Probe()).run(image, mask)
    assert torch.equal(seen[1] == 1, (mask > 0).expand_as(image) | (image == 1))
