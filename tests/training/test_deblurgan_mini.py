from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from tests.training.pictures import photograph
from zoo import blind_deconvolution as deconvolution
from zoo import degradations
from zoo.blind_deconvolution import SIDE, BlindDeconvolution
from zoo.models.deblurgan_mini import MINI, PART, DeblurMini
from zoo.restorer import Restorer
from zoo.unet import UNetBackend


def tensor(picture: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))[None]


def blurred(seed: int = 0, side: int = 192, length: float = 14) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(sharp, blurred, blur 1 x 1 x 33 x 33)."""
    kernel = degradations.motion_kernel(degradations.rng_for("blurred", seed), length)
    sharp = photograph("astronaut")[: side + 40, 150 : 190 + side].astype(np.float32) / 255
    inner = np.s_[20:-20, 20:-20]
    cut = (kernel.shape[0] - SIDE) // 2
    assert kernel[cut:-cut, cut:-cut].sum() > 0.999
    blur = torch.from_numpy(kernel[cut:-cut, cut:-cut].copy())[None, None]
    return tensor(sharp[inner]), tensor(degradations.blur(sharp, kernel)[inner]), blur


def psnr(a: torch.Tensor, b: torch.Tensor) -> float:
    inner = (..., slice(20, -20), slice(20, -20))
    return float(-10 * torch.log10((a.clamp(0, 1) - b)[inner].square().mean()))


@pytest.mark.parametrize("seed", range(3))
def test_the_blur_between_two_pictures_is_found(seed):
    sharp, soft, blur = blurred(seed)
    fitted = deconvolution.fitted_blur(sharp, soft)
    assert fitted.sum().item() == pytest.approx(1, abs=1e-4) and fitted.min() >= 0
    assert deconvolution.blur_distance(fitted, blur) < 0.05
    assert deconvolution.blur_distance(fitted.flip((2, 3)), blur) < 0.05  # a half turn is left open
    delta = torch.zeros_like(blur)
    delta[..., SIDE // 2, SIDE // 2] = 1
    assert deconvolution.blur_distance(delta, blur) > 0.5


def test_a_known_blur_is_taken_back():
    sharp, soft, blur = blurred()
    result = deconvolution.deconvolved(soft, blur, (1e-3, 0.1))
    assert result.shape == (1, 6, *sharp.shape[2:])
    assert psnr(result[:, :3], sharp) > psnr(soft, sharp) + 5
    assert psnr(result[:, 3:], sharp) > psnr(soft, sharp) + 2


def test_no_blur_leaves_the_picture():
    sharp, _, blur = blurred()
    delta = torch.zeros_like(blur)
    delta[..., SIDE // 2, SIDE // 2] = 1
    assert (deconvolution.deconvolved(sharp, delta, (1e-6,)) - sharp.clamp(1e-3)).abs().max() < 0.05


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
    assert torch.isfinite(deconvolution.fitted_blur(flat, flat)).all()
    assert torch.isfinite(DeblurMini().eval()(flat)).all()


@pytest.mark.parametrize(("length", "window", "step"), [(256, 256, 128), (257, 256, 128), (720, 256, 128), (60, 60, 9)])
def test_windows_cover_everything(length, window, step):
    places = deconvolution.starts(length, window, step)
    assert places[0] == 0 and places[-1] == length - window
    assert all(0 < b - a <= step for a, b in itertools.pairwise(places))


def test_windows_come_together_without_seams(monkeypatch):
    network = BlindDeconvolution(window=128).eval()
    delta = torch.zeros(1, 1, SIDE, SIDE)
    delta[..., SIDE // 2, SIDE // 2] = 1
    monkeypatch.setattr(network, "estimated", lambda picture: delta.expand(len(picture), -1, -1, -1))
    monkeypatch.setattr(BlindDeconvolution, "NOISES", (1e-6, 1e-6))
    picture = tensor(photograph("coffee")[:300, :260].astype(np.float32) / 255)
    found = network(picture)
    for candidate in found[:, :12].split(3, dim=1):
        assert (candidate - picture.clamp(1e-3)).abs().max() < 0.06
    assert torch.allclose(found[:, 12], torch.ones(()), atol=1e-5)  # a blur could not be more concentrated


def test_blurs_are_blurs():
    blurs = BlindDeconvolution().estimated(torch.rand(2, 3, 96, 80))
    assert blurs.shape == (2, 1, SIDE, SIDE) and blurs.min() >= 0
    assert torch.allclose(blurs.sum((1, 2, 3)), torch.ones(2), atol=1e-5)


def test_the_unet_does_not_teach_the_blurs_and_sees_a_part():
    network = DeblurMini()
    picture = torch.rand(1, 3, 192, 168)
    outputs = network.training_forward(picture, picture)
    assert outputs["blurs"].shape == (2, 1, SIDE, SIDE)
    assert outputs["restored"].shape == outputs["truth"].shape == (1, 3, PART, PART)
    with torch.no_grad():
        network.unet.tail.weight.normal_(0, 0.1)
    network.training_forward(picture, picture)["restored"].sum().backward()
    assert any(parameter.grad is not None for parameter in network.unet.parameters())
    assert all(parameter.grad is None for parameter in network.deconvolution.parameters())


def test_what_is_compared_is_the_same_place():
    network = DeblurMini()
    with torch.no_grad():
        network.unet.tail.bias.view(8, -1)[3] = 40  # the picture as it is
    picture = torch.rand(1, 3, 200, 200)
    outputs = network.training_forward(picture, picture)
    assert torch.allclose(outputs["restored"], outputs["truth"], atol=1e-5)


def test_it_is_a_backend_for_any_size():
    restorer = Restorer(MINI, UNetBackend(DeblurMini()), device="cpu", tile=None)
    for height, width in ((70, 131), (33, 20), (300, 280)):
        picture = photograph("chelsea")[:height, :width]
        restored = restorer.restore(picture).image
        assert restored.shape == picture.shape
        assert np.abs(restored.astype(int) - picture).mean() < 30  # a new network mostly leaves it
