from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tests.models.checks import assert_alone_as_together, picture
from tests.training.threads import one_thread  # noqa: F401
from zoo.degradations import rng_for
from zoo.models.gpen import MINI
from zoo.models.gpen.mini import SIDE, STYLE, GPENMini, ModulatedConv, PortraitMini, resized
from zoo.restorer import Restorer
from zoo.training.losses import charbonnier
from zoo.training.recipe import get_recipe
from zoo.training.recipes.gpen_mini import ShuffledDiscriminator, degrade, quarter


def untrained() -> GPENMini:
    """A network that does something, unlike a new one."""
    torch.manual_seed(0)
    network = GPENMini().eval().requires_grad_(False)
    torch.nn.init.normal_(network.tail.weight, std=0.002)
    return network


@pytest.fixture(scope="module")
def network() -> GPENMini:
    return untrained()


def portraits(count: int = 2) -> torch.Tensor:
    """N x 3 x 256 x 256, smooth."""
    drawn = np.stack([picture(seed, SIDE, SIDE) for seed in range(count)])
    return torch.from_numpy(drawn).permute(0, 3, 1, 2).float() / 255


def test_a_new_network_is_the_identity_and_small():
    network, x = GPENMini(), portraits()
    assert torch.equal(network(x), x)
    assert sum(parameter.numel() for parameter in network.parameters()) <= 4_900_000  # below 10 MB in fp16


def test_a_portrait_comes_out_alone_as_together(network):
    x = portraits()
    assert network(x).shape == x.shape and (network(x) - x).abs().mean() > 1e-3
    assert_alone_as_together(network, x)


@pytest.mark.parametrize("kernel", [1, 3])
def test_modulation_is_that_of_weights_for_every_sample(kernel):
    """StyleGAN2, equations 1 to 3, as the paper computes them: grouped convolutions."""
    torch.manual_seed(1)
    conv, x, style = ModulatedConv(6, 8, kernel), torch.randn(3, 6, 9, 7), torch.randn(3, STYLE)
    weights = conv.weight * conv.modulation(style)[:, None, :, None, None]
    weights = weights / (weights.square().sum((2, 3, 4), keepdim=True) + 1e-8).sqrt()
    expected = F.conv2d(x.view(1, 18, 9, 7), weights.view(24, 6, kernel, kernel), padding=kernel // 2, groups=3)
    expected = expected.view(3, 8, 9, 7)
    assert torch.allclose(conv(x, style), expected, atol=1e-4)
    bias = torch.randn(8)
    assert torch.allclose(conv(x, style, 1.5, bias), 1.5 * expected + bias[:, None, None], atol=1e-4)


def test_the_code_and_every_level_of_the_encoder_matter(network):
    """Without the latent code, or the features of any one level, something else comes out."""
    x = portraits()
    whole = network.result(x)

    def silent(module, inputs, output):
        return torch.zeros_like(output)

    for part in (network.code, *(level.up for level in network.decoder), *network.encoder):
        hook = part.register_forward_hook(silent)
        assert (network.result(x) - whole).abs().mean() > 1e-3 * whole.abs().mean()
        hook.remove()
    assert torch.equal(network.result(x), whole)


def test_steps_lower_the_loss():
    torch.manual_seed(0)
    network, clean = GPENMini(), portraits()
    given = (clean + 0.1 * torch.randn_like(clean)).clamp(0, 1)
    optimizer = torch.optim.SGD(network.parameters(), lr=3e-3)  # Adam's first steps are too large for this
    values = []
    for _ in range(4):
        loss = charbonnier(network(given), clean)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        values.append(loss.item())
    assert values == sorted(values, reverse=True) and values[-1] < values[0]
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_bfloat16_is_near_float32(network):
    x = portraits()
    with torch.autocast("cpu", torch.bfloat16):
        rough = network.result(x).float()
    exact = network.result(x)
    assert (rough - exact).abs().mean() < 0.05 * exact.abs().mean()


@pytest.mark.parametrize("side", [64, 256])
def test_degradation_keeps_size_and_range_and_follows_the_seed(side):
    clean = picture(0, side, side).astype(np.float32) / 255
    changed = []
    for index in range(25):
        first, again = (degrade(clean, rng_for("gpen", index)) for _ in range(2))
        assert first.shape == clean.shape and first.dtype == np.float32
        assert first.min() >= 0 and first.max() <= 1 and np.array_equal(first, again)
        changed.append(np.abs(first - clean).mean())
    assert min(changed) < 0.02 < max(changed)
    assert np.array_equal(clean, picture(0, side, side).astype(np.float32) / 255)


def test_quarters_are_of_all_four_corners():
    x = portraits(5)
    parts = quarter(x)
    assert parts.shape == (5, 3, 128, 128)
    for n, (top, left) in enumerate([(0, 0), (0, 128), (128, 0), (128, 128), (0, 0)]):
        assert torch.equal(parts[n], x[n, :, top : top + 128, left : left + 128])


def test_the_discriminator_scores_portraits():
    x = portraits(4).to(memory_format=torch.channels_last)
    network = ShuffledDiscriminator().to(memory_format=torch.channels_last)
    ((*features, scores),) = network(x)
    assert scores.shape == (4, 1) and features[0].shape[-1] == 32 and scores.std() > 0


def test_what_is_larger_is_filtered_and_what_fits_is_kept():
    x = portraits(1)
    assert torch.equal(resized(x, SIDE), x)
    large = cv2.resize(x[0].permute(1, 2, 0).numpy(), (512, 512), interpolation=cv2.INTER_CUBIC)
    back = resized(torch.from_numpy(large).permute(2, 0, 1)[None], SIDE)
    assert (back - x).abs().mean() < 2e-3


@pytest.mark.parametrize(("height", "width"), [(256, 256), (512, 512), (203, 141), (64, 300)])
def test_any_size(network, height, width):
    restorer = Restorer(MINI, PortraitMini(network), device="cpu")
    drawn = [picture(seed, height, width) for seed in (1, 2)]
    together = restorer.restore_batch(drawn)
    for before, after in zip(drawn, together, strict=True):
        assert after.image.shape == before.shape and (after.image != before).any()
        # A batch may be added up in another order, which moves a value over the border between two levels at most.
        assert np.abs(restorer.restore(before).image.astype(int) - after.image).max() <= 1


def test_detail_finer_than_the_network_stays():
    """What a new network adds is nothing, so a large portrait comes out as it was."""
    noise = np.random.default_rng(0).integers(0, 256, (512, 512, 3), dtype=np.uint8)
    restorer = Restorer(MINI, PortraitMini(GPENMini().eval()), device="cpu")
    assert np.array_equal(restorer.restore(noise).image, noise)


def test_the_recipe_is_of_portraits():
    recipe = get_recipe("gpen.mini")
    assert recipe.upright and recipe.crop == SIDE and recipe.margin == 0 and recipe.data == ("faces/train",)
