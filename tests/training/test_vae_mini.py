"""vae.mini's network, losses and holes, and that chance in training follows from the step."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from tests.training.pictures import photograph, training_folder
from tests.training.threads import one_thread  # noqa: F401
from training import loop, losses
from training.loop import Settings, resume, start
from training.recipe import get_recipe
from training.recipes.vae_mini import FREE, colors, degrade, free_kl
from zoo.models.vae.network import LATENT, SIDE, Completion, ConditionalVAE, half_of
from zoo.nn.fill import smooth_fill


@pytest.fixture(scope="module")
def network() -> ConditionalVAE:
    """A new network's result is the smooth fill; this one draws something."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = ConditionalVAE()
        torch.nn.init.normal_(network.decoder.tail.weight, std=0.02)
    return network.eval().requires_grad_(False)


def given(seed: int = 0, count: int = 2, side: int = SIDE) -> tuple[torch.Tensor, torch.Tensor]:
    """(N x 4 x side x side with rectangular holes, the target)."""
    generator = torch.Generator().manual_seed(seed)
    target = torch.rand(count, 3, side, side, generator=generator)
    mask = torch.zeros(count, 1, side, side)
    mask[..., side // 4 : side // 2, side // 3 : side // 3 * 2] = 1
    return torch.cat([torch.where(mask > 0, 0.5, target), mask], dim=1), target


def test_it_is_small():
    assert sum(parameter.numel() for parameter in ConditionalVAE().parameters()) <= 4_900_000


@pytest.mark.parametrize(("height", "width"), [(SIDE, SIDE), (64, 128)])
def test_known_pixels_come_out_as_they_were(network, height, width):
    picture, mask = torch.rand(2, 3, height, width), torch.zeros(2, 1, height, width)
    mask[..., 10:50, 20:60] = 1
    for latent in (None, torch.randn(2, LATENT)):
        filled = network(torch.cat([picture, mask], 1), latent)
        assert filled.shape == picture.shape
        assert torch.equal(filled * (1 - mask), picture * (1 - mask))
        assert ((filled - picture).abs() * mask).mean() > 1e-3


def test_nothing_is_taken_from_the_hole(network):
    x, target = given()
    first = network(x)
    filled = torch.where(x[:, 3:] > 0, target, x[:, :3])
    assert torch.equal(network(torch.cat([filled, x[:, 3:]], 1)), first)


def test_the_latent_decides_and_zero_is_the_prior_mean(network):
    x, _ = given()
    assert torch.equal(network(x), network(x, torch.zeros(2, LATENT)))
    one, other = (network(x, torch.randn(2, LATENT, generator=torch.Generator().manual_seed(s))) for s in (1, 2))
    hole = x[:, 3:].expand_as(one) > 0
    assert (one - other)[hole].abs().mean() > 1e-3


def test_the_backend_draws_by_its_generator_alone(network):
    x, _ = given(count=1)
    backend = Completion(network)
    draws = [backend.sample(x[:, :3], x[:, 3:], torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)]
    assert torch.equal(draws[0], draws[1]) and not torch.equal(draws[0], draws[2])
    assert torch.equal(backend.run(x[:, :3], x[:, 3:]), network(x))


@pytest.mark.parametrize(("height", "width"), [(16, 16), (100, 50), (70, 300), (512, 512)])
@pytest.mark.parametrize("kind", [torch.float32, torch.float16])
def test_the_backend_takes_any_size(network, height, width, kind):
    picture, mask = torch.rand(1, 3, height, width).to(kind), torch.zeros(1, 1, height, width).to(kind)
    mask[..., height // 4 : height // 2, width // 3 : width // 3 * 2] = 1
    backend = Completion(copy.deepcopy(network).to(kind))
    plain = backend.run(picture, mask)
    drawn = backend.sample(picture, mask, torch.Generator().manual_seed(0))
    for filled in (plain, drawn):
        assert filled.shape == picture.shape and filled.dtype == kind and torch.isfinite(filled).all()
        assert torch.equal(filled * (1 - mask), picture * (1 - mask))
        assert torch.equal(backend.run(torch.where(mask > 0, 0.25, picture).to(kind), mask), plain)
    assert not torch.equal(plain, drawn)


class Adding(torch.nn.Module):
    """In place of the network: adds 0.1 to what it is given, everywhere."""

    def forward(self, x, latent=None):
        assert x.shape == (1, 4, SIDE, SIDE)
        return x[:, :3] + 0.1


@pytest.mark.parametrize(("height", "width"), [(512, 512), (310, 370)])
def test_what_the_network_adds_is_added_to_the_fill_at_full_size(height, width):
    picture, mask = torch.rand(1, 3, height, width) * 0.8, torch.zeros(1, 1, height, width)
    mask[..., 100:200, 50:300] = 1
    padded = (0, -width % 64, 0, -height % 64)
    fill = smooth_fill(torch.nn.functional.pad(picture, padded), torch.nn.functional.pad(1 - mask, padded))
    added = Completion(Adding()).run(picture, mask) - fill[..., :height, :width]
    torch.testing.assert_close(added[..., 110:190, 60:290], torch.full((1, 3, 80, 230), 0.1), atol=1e-3, rtol=0)
    assert (added * mask).abs().max() < 0.12 and (added * (1 - mask)).abs().max() < 1e-6


def outputs(network, x, target, seed: int) -> dict[str, torch.Tensor]:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return get_recipe("vae.mini").outputs(network, x, target, ("drawn",))


def test_training_outputs(network):
    x, target = given(count=3)
    first, again, other = (outputs(network, x, target, seed) for seed in (4, 4, 5))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert first["restored"].shape == target.shape and first["latent"].shape == (3, 2 * LATENT)
    torch.testing.assert_close(first["mean"], half_of(network(x)))
    assert len(first["mean"]) == 2
    known = 1 - x[:, 3:]
    for name in ("restored", "drawn"):
        assert torch.equal(first[name] * known, target * known)
        assert not torch.equal(other[name], first[name])
    assert torch.equal(other["mean"], first["mean"])
    assert torch.equal(first["drawn"][:2], first["restored"][:2])
    assert not torch.equal(first["drawn"][2:], first["restored"][2:])


def test_a_batch_of_one(network):
    x, target = given(count=1)
    found = outputs(network, x, target, 0)
    assert torch.equal(found["drawn"], found["restored"])


def test_recognition_sees_the_truth(network):
    x, target = given()
    latent = network.training_forward(x, target)["latent"]
    assert not torch.allclose(network.training_forward(x, target.flip(2, 3))["latent"], latent)


def test_kl_is_that_of_torch():
    latent = torch.randn(5, 2 * LATENT, dtype=torch.double).float()
    mean, log_variance = latent.double().chunk(2, 1)
    q = Normal(mean, (0.5 * log_variance).exp())
    each = kl_divergence(q, Normal(torch.zeros_like(mean), torch.ones_like(mean)))
    target = torch.zeros(5, 3, 8, 8)
    expected = each.sum(1).mean().item()
    assert free_kl(latent, target, free=0).item() == pytest.approx(expected, rel=1e-5)
    assert losses.kl(latent, target).item() == pytest.approx(expected, rel=1e-5)
    floored = each.mean(0).clamp_min(1.1).sum().item()
    assert free_kl(latent, target, free=1.1).item() == pytest.approx(floored, rel=1e-5)
    assert free_kl(torch.zeros(5, 2 * LATENT), target).item() == pytest.approx(FREE * LATENT)


def test_colors_compare_as_many_pictures_as_there_are():
    target = torch.rand(4, 3, 16, 16)
    assert colors(target[:2], target).item() == pytest.approx(0.05, rel=1e-4)
    assert colors(target[2:], target).item() > 0.1


def test_holes_are_grey_and_of_both_kinds():
    picture = photograph("astronaut")[:SIDE, :SIDE].astype(np.float32) / 255
    straight = []
    for seed in range(40):
        x = degrade(picture, np.random.default_rng(seed))
        hole = x[..., 3] > 0
        assert x.shape == (SIDE, SIDE, 4) and x.dtype == np.float32 and set(np.unique(x[..., 3])) == {0, 1}
        assert 0.05 <= hole.mean() <= 0.4
        assert (x[hole][:, :3] == 0.5).all() and np.array_equal(x[~hole][:, :3], picture[~hole])
        again = degrade(picture, np.random.default_rng(seed))
        assert np.array_equal(x, again)
        # Rectangles leave a few kinds of rows only; strokes change from row to row.
        straight.append(len({np.diff(row.astype(int)).tobytes() for row in hole}) < 12)
    assert 20 <= sum(straight) <= 36


def small_recipe(name: str):
    """On crops and with holes that take no time, without what needs files."""
    recipe = get_recipe(name)
    kept = tuple(term for term in recipe.losses if term.name != "features")
    return replace(recipe, crop=64, batch_size=2, losses=kept)


def test_a_resumed_run_draws_what_an_undisturbed_one_does(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "get_recipe", small_recipe)
    data = training_folder(tmp_path / "data")
    settings = Settings("vae.mini", str(data), steps=4, checkpoint_every=2)
    whole = start(tmp_path / "whole", settings)
    whole.train(print)
    cut = start(tmp_path / "cut", settings)
    step = cut.step

    def killed(*batch):
        if cut.position.step == 3:
            raise KeyboardInterrupt
        return step(*batch)

    monkeypatch.setattr(cut, "step", killed)
    torch.rand(17)
    with pytest.raises(KeyboardInterrupt):
        cut.train(print)
    torch.rand(5)  # whatever else draws from torch's own generator
    again = resume(cut.folder)
    assert again.position.step == 2
    again.train(print)
    for name, value in whole.network.state_dict().items():
        assert torch.equal(again.network.state_dict()[name], value), name
        assert torch.equal(again.average.module.state_dict()[name], whole.average.module.state_dict()[name]), name


def test_each_step_and_each_seed_draws_anew_and_leaves_torchs_generator(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "get_recipe", small_recipe)
    drawn = []
    forward = ConditionalVAE.training_forward

    def noted(network, x, target):
        drawn.append(torch.randn(3).tolist())
        return forward(network, x, target)

    monkeypatch.setattr(ConditionalVAE, "training_forward", noted)
    x, target = given(side=64)
    for seed in (0, 1):
        run = start(tmp_path / str(seed), Settings("vae.mini", str(tmp_path), seed=seed, steps=4))
        before = torch.random.get_rng_state()
        for _ in range(2):
            run.step(x, target)
        assert torch.equal(torch.random.get_rng_state(), before)
    assert len({tuple(values) for values in drawn}) == 4
