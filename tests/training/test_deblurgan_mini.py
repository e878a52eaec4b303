from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from tests.training.pictures import photograph
from zoo import degradations
from zoo.models.deblurgan import MINI
from zoo.models.deblurgan import blind_deconvolution as deconvolution
from zoo.models.deblurgan import mini as deblurgan_mini
from zoo.models.deblurgan.blind_deconvolution import SIDE, BlindDeconvolution
from zoo.models.deblurgan.mini import DeblurMini
from zoo.restorer import Restorer
from zoo.runtimes.torch import TorchBackend
from zoo.seeding import rng_for


def tensor(picture: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))[None]


def blurred(seed: int = 0, side: int = 192, length: float = 14) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(sharp, blurred, blur 1 x 1 x 33 x 33)."""
    kernel = degradations.motion_kernel(rng_for("blurred", seed), length)
    sharp = photograph("astronaut")[: side + 40, 150 : 190 + side].astype(np.float32) / 255
    inner = np.s_[20:-20, 20:-20]
    cut = (kernel.shape[0] - SIDE) // 2
    assert kernel[cut:-cut, cut:-cut].sum() > 0.999
    blur = torch.from_numpy(kernel[cut:-cut, cut:-cut].copy())[None, None]
    return tensor(sharp[inner]), tensor(degradations.blur(sharp, kernel)[inner]), blur


def psnr(a: torch.Tensor, b: torch.Tensor) -> float:
    inner = (..., slice(20, -20), slice(20, -20))
    return float(-10 * torch.log10((a.clamp(0, 1) - b)[inner].square().mean()))


def delta() -> torch.Tensor:
    """No blur."""
    blur = torch.zeros(1, 1, SIDE, SIDE)
    blur[..., SIDE // 2, SIDE // 2] = 1
    return blur


@pytest.mark.parametrize("seed", range(3))
def test_the_right_blur_has_a_small_error(seed):
    sharp, soft, blur = blurred(seed)
    assert deconvolution.reblur_error(blur, sharp, soft) < 0.1
    assert deconvolution.reblur_error(blur.flip((2, 3)), sharp, soft) < 0.1  # a half turn is left open
    assert deconvolution.reblur_error(delta(), sharp, soft) > 0.5
    assert deconvolution.reblur_error(delta(), sharp, sharp) == pytest.approx(0, abs=1e-6)


def test_errors_lead_to_the_blur():
    """Followed downhill from a wide guess, the error of a blur gives the blur."""
    sharp, soft, blur = blurred(1)
    logits = torch.zeros(1, SIDE * SIDE, requires_grad=True)
    optimizer = torch.optim.Adam([logits], lr=0.3)
    for _ in range(60):
        error = deconvolution.reblur_error(logits.softmax(1).view(blur.shape), sharp, soft).mean()
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
    found = logits.detach().softmax(1).view(blur.shape)
    assert min((b - blur).square().sum() for b in (found, found.flip((2, 3)))) < 0.2 * blur.square().sum()


def test_a_known_blur_is_taken_back():
    sharp, soft, blur = blurred()
    result = deconvolution.deconvolved(soft, blur, (1e-3, 0.1))
    assert result.shape == (1, 6, *sharp.shape[2:])
    assert psnr(result[:, :3], sharp) > psnr(soft, sharp) + 5
    assert psnr(result[:, 3:], sharp) > psnr(soft, sharp) + 2


def test_no_blur_leaves_the_picture():
    sharp = blurred()[0]
    assert (deconvolution.deconvolved(sharp, delta(), (1e-6,)) - sharp.clamp(1e-3)).abs().max() < 0.05


def test_maps_show_the_blur():
    """Of a horizontal motion of n pixels, autocorrelation falls across n pixels along it and at once across it."""
    sharp = np.random.default_rng(0).random((192, 192, 3)).astype(np.float32).round()
    soft = degradations.blur(sharp, degradations.linear_kernel(12, 0.0))
    maps = deconvolution.spectral_maps(tensor(soft))[0]
    assert maps.shape == (deconvolution.MAPS, 49, 49)
    center = deconvolution.RADIUS
    down = maps[1]  # of vertical gradients, which this blur does not cancel
    assert down[center, center] == pytest.approx(1, abs=1e-4)
    assert down[center, center + 4] > 0.4 and abs(down[center + 4, center]) < 0.1 and abs(down[center, -1]) < 0.1


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_flat_pictures_have_finite_maps(value):
    flat = torch.full((1, 3, 64, 64), value)
    assert torch.isfinite(deconvolution.spectral_maps(flat)).all()
    assert torch.isfinite(deconvolution.reblur_error(delta(), flat, flat)).all()
    assert torch.isfinite(DeblurMini().eval()(flat)).all()


@pytest.mark.parametrize(("length", "window", "step"), [(256, 256, 128), (257, 256, 128), (720, 256, 128), (60, 60, 9)])
def test_windows_cover_everything(length, window, step):
    places = deconvolution.starts(length, window, step)
    assert places[0] == 0 and places[-1] == length - window
    assert all(0 < b - a <= step for a, b in itertools.pairwise(places))


def test_windows_come_together_without_seams(monkeypatch):
    network = BlindDeconvolution(window=128).eval()
    monkeypatch.setattr(network, "estimated", lambda picture, places: delta().expand(len(places), -1, -1, -1))
    monkeypatch.setattr(BlindDeconvolution, "NOISES", (1e-6, 1e-6))
    picture = tensor(photograph("coffee")[:300, :260].astype(np.float32) / 255)
    found = network(picture)
    for candidate in found[:, :12].split(3, dim=1):
        assert (candidate - picture.clamp(1e-3)).abs().max() < 0.06
    assert torch.allclose(found[:, 12], torch.ones(()), atol=1e-5)  # a blur could not be more concentrated


def test_blurs_are_blurs():
    blurs = BlindDeconvolution().estimated(torch.rand(2, 3, 96, 80), deconvolution.windows(96, 80, 64, 32))
    assert blurs.shape == (2 * 4, 1, SIDE, SIDE) and blurs.min() >= 0
    assert torch.allclose(blurs.sum((1, 2, 3)), torch.ones(8), atol=1e-5)


def test_each_window_is_seen_with_what_is_around_it(monkeypatch):
    network = BlindDeconvolution(window=64, around=128)
    seen = []
    monkeypatch.setattr(network.estimate, "forward", lambda near, far: seen.extend(zip(near, far, strict=True)))
    picture = torch.rand(1, 3, 128, 256)
    network.estimated(picture, deconvolution.windows(128, 256, 64, 96))
    for (near, far), (top, left) in zip(seen, itertools.product((0, 64), (0, 96, 192)), strict=True):
        assert torch.equal(near, deconvolution.spectral_maps(picture[..., top : top + 64, left : left + 64])[0])
        nearest = {0: 0, 96: 64, 192: 128}[left]  # of those that begin at 0, 64 and 128
        assert torch.equal(far, deconvolution.spectral_maps(picture[..., nearest : nearest + 128])[0])


def test_the_unet_does_not_teach_the_blurs_and_sees_a_part(monkeypatch):
    monkeypatch.setattr(deblurgan_mini, "PART", 128)
    network = DeblurMini()
    picture = torch.rand(2, 3, 200, 168)
    outputs = network.training_forward(picture, picture)
    assert outputs["blurs"]().shape == (2,)
    with torch.no_grad():
        network.unet.tail.weight.normal_(0, 0.1)
    restored = outputs["restored"]()
    assert restored.shape == outputs["target"].shape == (2, 3, 128, 128)
    restored.sum().backward()
    assert any(parameter.grad is not None for parameter in network.unet.parameters())
    assert all(parameter.grad is None for parameter in network.deconvolution.parameters())


def test_the_bottleneck_adds_nothing_at_first():
    """So that a network without it can be trained on with it."""
    unet = DeblurMini().unet
    with torch.no_grad():
        for parameter in (*unet.head.parameters(), *unet.tail.parameters()):
            parameter.normal_(0, 0.1)
        seen = torch.rand(1, 16, 64, 64)
        before = unet.result(seen)
        for parameter in unet.down_blocks[-1].parameters():
            parameter.normal_(0, 1)
        assert torch.equal(unet.result(seen), before)
        unet.ups[-1].weight.normal_(0, 1)
        assert not torch.equal(unet.result(seen), before)


def test_it_stays_within_its_budget():
    """5 M parameters and 200 GMAC at 1920 x 1200, those of the windows' blurs included."""
    network = DeblurMini().eval()
    assert sum(parameter.numel() for parameter in network.parameters()) <= 5_000_000
    with torch.no_grad(), FlopCounterMode(display=False) as one_part:
        network.unet.result(torch.zeros(1, 16, 192, 192))
    maps = torch.zeros(1, deconvolution.MAPS, 49, 49)
    with torch.no_grad(), FlopCounterMode(display=False) as one_blur:
        network.deconvolution.estimate(maps, maps)
    blurs = len(deconvolution.windows(1200, 1920, network.deconvolution.window, network.deconvolution.step))
    products = (one_part.get_total_flops() * 1920 * 1200 / 192**2 + one_blur.get_total_flops() * blurs) / 2
    assert products < 200e9


def test_what_is_compared_is_the_same_place():
    network = DeblurMini()
    with torch.no_grad():
        network.unet.tail.bias.view(8, -1)[3] = 40  # the picture as it is
    picture = torch.rand(1, 3, 208, 208)
    outputs = network.training_forward(picture, picture)
    assert torch.allclose(outputs["restored"](), outputs["target"], atol=1e-5)


def test_it_is_a_backend_for_any_size():
    restorer = Restorer(MINI, TorchBackend(DeblurMini()), device="cpu", tile=None)
    for height, width in ((70, 131), (33, 20), (300, 280)):
        picture = photograph("chelsea")[:height, :width]
        restored = restorer.restore(picture).image
        assert restored.shape == picture.shape
        assert np.abs(restored.astype(int) - picture).mean() < 30  # a new network mostly leaves it
