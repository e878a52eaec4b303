from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from training import adversarial
from training.adversarial import KINDS, Adversarial, DiscriminatorTrainer
from training.discriminators import DoubleScale, PatchGAN, StyleDiscriminator

DISCRIMINATORS = {
    "patch": lambda: PatchGAN(width=8),
    "patch with a mask": lambda: PatchGAN(4, width=8),
    "without spectral normalization": lambda: PatchGAN(width=8, spectral=False),
    "double scale": lambda: DoubleScale(width=4),
    "style": lambda: StyleDiscriminator(64, (8, 8, 16, 16)),
}
SETTINGS = Adversarial("d", lambda: PatchGAN(width=8, strides=2), "hinge", weight=0.5, start=0.0, learning_rate=1e-3)


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


def trainer(**changes) -> DiscriminatorTrainer:
    return DiscriminatorTrainer(replace(SETTINGS, **changes), 0, torch.device("cpu"), torch.float32)


@pytest.mark.parametrize("make", DISCRIMINATORS.values(), ids=DISCRIMINATORS)
def test_discriminators_give_features_and_scores(make):
    network = make()
    channels = 4 if make is DISCRIMINATORS["patch with a mask"] else 3
    scales = network(
        torch.rand(4, channels, *(2 * [192 if isinstance(network, DoubleScale) else 64])).contiguous(
            memory_format=torch.channels_last
        )
    )
    assert len(scales) == (2 if isinstance(network, DoubleScale) else 1)
    for scale in scales:
        assert len(scale) > 2 and scale[-1].shape[:2] == (4, 1)
        assert all(torch.isfinite(part).all() and len(part) == 4 for part in scale)


def test_three_strides_see_seventy_pixels():
    network = PatchGAN(width=4, spectral=False)
    picture = torch.rand(1, 3, 160, 160, requires_grad=True)
    scores = network(picture)[0][-1]
    scores[0, 0, scores.shape[2] // 2, scores.shape[3] // 2].backward()
    rows = torch.nonzero(picture.grad.abs().sum((0, 1, 3))).flatten()
    assert rows.max() - rows.min() + 1 == 70


def test_the_deeper_scale_sees_more():
    network = DoubleScale(width=4)
    local, whole = (scale[-1] for scale in network(torch.rand(1, 3, 192, 192)))
    assert local.shape[2] > 4 * whole.shape[2]


def test_the_style_discriminator_sees_that_pictures_are_alike():
    network = StyleDiscriminator(32, (8, 8, 8))
    one = torch.rand(1, 3, 32, 32)
    alike, alone = network(one.expand(4, -1, -1, -1))[0][-1], network(one)[0][-1]
    assert torch.allclose(alike, alone.expand(4, 1), atol=1e-5)  # no spread in either
    varied = network(torch.cat([one, torch.rand(3, 3, 32, 32)]))[0][-1]
    assert not torch.allclose(varied[0], alone[0], atol=1e-5)


def test_losses_by_hand():
    real, fake = [[torch.zeros(1), torch.tensor([2.0, 0.5])]], [[torch.zeros(1), torch.tensor([-2.0, 1.0])]]
    value = adversarial.discriminator_loss
    assert value("hinge", real, fake).item() == pytest.approx(0.25 + 1.0)
    assert value("least-squares", real, fake).item() == pytest.approx((1 + 0.25) / 2 + (4 + 1) / 2)
    assert value("wasserstein", real, fake).item() == pytest.approx(-0.5 - 1.25)
    assert adversarial.generator_loss("hinge", fake).item() == pytest.approx(0.5)
    assert adversarial.generator_loss("least-squares", fake).item() == pytest.approx((9 + 0) / 2)
    assert adversarial.feature_matching([[torch.ones(2), torch.zeros(1)]], [[torch.zeros(2), torch.ones(1)]]) == 1
    with pytest.raises(ValueError, match="hinge"):
        replace(SETTINGS, kind="other")


def test_the_gradient_norm_of_a_linear_score():
    class Linear(nn.Module):
        def forward(self, x):
            return [[x, 3 * x[:, :1].sum((1, 2, 3), keepdim=True)]]

    assert torch.allclose(adversarial.gradient_norm(Linear(), torch.rand(2, 3, 4, 4)), torch.full((2,), 3 * 16**0.5))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("r1", [0.0, 1e-3])
def test_a_discriminator_learns_to_distinguish(kind, r1):
    discriminator = trainer(kind=kind, r1=r1, learning_rate=4e-3)
    generator = torch.Generator().manual_seed(1)
    for _ in range(40):
        real = torch.rand(4, 3, 32, 32, generator=generator)
        fake = torch.nn.functional.avg_pool2d(real, 3, 1, 1)
        discriminator.update(fake, real, 1.0)
    real = torch.rand(4, 3, 32, 32, generator=generator)
    fake = torch.nn.functional.avg_pool2d(real, 3, 1, 1)
    assert discriminator.features(real)[0][-1].mean() > discriminator.features(fake)[0][-1].mean()


def test_the_generator_loss_leaves_the_discriminator_alone():
    discriminator = trainer(matching=1.0)
    fake, real = torch.rand(2, 3, 32, 32, requires_grad=True), torch.rand(2, 3, 32, 32)
    discriminator.generator_loss(fake, real).backward()
    assert fake.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in discriminator.discriminator.parameters())
    plain = trainer().generator_loss(fake, real)
    assert discriminator.generator_loss(fake, real) > plain  # the features differ too


def test_what_the_discriminator_sees():
    discriminator = trainer(of="edges", real=lambda target: target[:, :1], condition=lambda given: given[:, 3:])
    given, target = torch.rand(1, 4, 8, 8), torch.rand(1, 3, 8, 8)
    fake, real = discriminator.inputs({"edges": torch.zeros(1, 1, 8, 8)}, target, given)
    assert torch.equal(fake, torch.cat([torch.zeros(1, 1, 8, 8), given[:, 3:]], 1))
    assert torch.equal(real, torch.cat([target[:, :1], given[:, 3:]], 1))


def test_a_stored_discriminator_continues_as_it_was(tmp_path):
    real, fake = torch.rand(2, 2, 3, 32, 32)
    first = trainer(r1=1.0)
    first.update(fake, real, 1.0)
    torch.save(first.state_dict(), tmp_path / "state.pt")
    second = trainer(r1=1.0)
    second.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    assert [first.update(fake, real, 0.5) for _ in range(3)] == [second.update(fake, real, 0.5) for _ in range(3)]
