"""Distillation: the student alone is trained and exported, and it comes nearer to its teacher."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from tests.training.pictures import training_folder
from training import distillation, loop
from training.__main__ import main
from training.distillation import Distilled, attention_map
from training.recipe import get_recipe
from zoo.models.autoencoder import make_mini, make_nano

STUDENT = "autoencoder.nano"


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def parameters(network: nn.Module) -> int:
    return sum(value.numel() for value in network.parameters())


def test_the_student_has_a_tenth_of_the_parameters():
    assert parameters(make_nano()) <= parameters(make_mini()) / 10


def test_the_teacher_is_no_part_of_the_student():
    made = get_recipe(STUDENT).network()
    assert list(made.state_dict()) == list(make_nano().state_dict())
    assert parameters(made) == parameters(make_nano())


def test_attention_maps_tell_places_not_strengths():
    features = torch.rand(2, 4, 5, 6)
    maps = attention_map(features)
    assert maps.shape == (2, 30)
    torch.testing.assert_close(maps.mean(1), torch.ones(2))
    torch.testing.assert_close(attention_map(3 * features), maps)
    assert not torch.allclose(attention_map(features.flip(2)), maps)


def test_losses_are_zero_where_the_student_is_the_teacher(monkeypatch):
    recipe = get_recipe(STUDENT)
    distilled: Distilled = recipe.network
    twin = replace(distilled, make=make_mini)()
    twin.load_state_dict(distillation.read_weights("autoencoder.mini"))
    image = torch.rand(1, 3, 32, 32)
    outputs = twin.training_forward(image, image)
    assert outputs["output"].max() < 1e-6 and outputs["features"].max() < 1e-6
    assert len(outputs["features"]) == len(distilled.layers)
    other = recipe.network().training_forward(image, image)
    assert other["output"].max() > 1e-3 and other["features"].min() > 1e-4


def test_every_loss_teaches_the_student_and_none_the_teacher():
    made = get_recipe(STUDENT).network()
    nn.init.normal_(made.tail.weight, std=0.01)  # a new network gives its input, whatever comes before the tail
    image = torch.rand(1, 3, 32, 32)
    for name in ("restored", "output", "features"):
        made.zero_grad()
        made.training_forward(image, image)[name].mean().backward()
        assert made.head.weight.grad.abs().max() > 0, name
    assert not any(value.requires_grad for value in made.training_forward.teacher.parameters())


def test_a_run_trains_is_resumed_and_loads_into_the_plain_network(tmp_path, monkeypatch, capsys):
    small = replace(get_recipe(STUDENT), crop=32, margin=8, batch_size=2)
    monkeypatch.setattr(loop, "get_recipe", lambda name: small)
    data, run = training_folder(tmp_path / "data"), tmp_path / "run"
    words = ["distill", "autoencoder.mini", STUDENT, "--out", str(run), "--device", "cpu"]
    assert main([*words, "--data", str(data), "--steps", "2", "--checkpoint-every", "1"]) == 0
    _, state = loop.read_run(run)
    make_nano().load_state_dict(state["average"])
    assert state["position"]["step"] == 2
    assert main([*words, "--resume"]) == 0


@pytest.mark.parametrize(
    ("pair", "sentence"),
    [
        (("vae.mini", STUDENT), "autoencoder.nano is distilled from autoencoder.mini, not from vae.mini."),
        (("vae.mini", "autoencoder.mini"), "the recipe of autoencoder.mini does not distill"),
        (("autoencoder.mini", "nosuch.nano"), "unknown recipe 'nosuch.nano'"),
    ],
)
def test_wrong_pairs_are_told(pair, sentence, capsys):
    assert main(["distill", *pair, "--data", "nowhere"]) == 2
    assert sentence in capsys.readouterr().err
