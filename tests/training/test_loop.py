from __future__ import annotations

import csv
import json
import math
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch

from tests.training.pictures import training_folder
from training import loop, losses
from training.__main__ import main
from training.cards import read_card, read_weights
from training.data import Pairs, batches, load_pictures, split, to_tensor, validation_pairs
from training.loop import Position, Settings, learning_rate_at, resume, start
from training.recipe import RECIPES as REGISTRY
from training.recipe import get_recipe
from zoo.errors import UnknownNameError, ZooError

RECIPES = list(REGISTRY)


def small_recipe(name: str):
    """The shipped recipe on crops that take no time."""
    return replace(get_recipe(name), crop=32, margin=8, batch_size=2)


@pytest.fixture(scope="module", autouse=True)
def quick():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # more only wait for each other on a busy machine
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "get_recipe", small_recipe)
        yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return training_folder(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def undisturbed(data, tmp_path_factory):
    """A finished run of six steps, checkpointed every two."""
    run = start(tmp_path_factory.mktemp("runs") / "run", settings(data))
    run.train(print)
    return run


def settings(data, **changes) -> Settings:
    return Settings(**{"recipe": "autoencoder.mini", "data": str(data), "steps": 6, "checkpoint_every": 2, **changes})


def log(run, name: str = "log.csv") -> list[dict]:
    with (run.folder / name).open(encoding="utf-8") as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


def assert_same(a, b) -> None:
    assert log(a) == log(b) and log(a, "validation.csv") == log(b, "validation.csv")
    for name, value in a.average.module.state_dict().items():
        assert torch.equal(value, b.average.module.state_dict()[name]), name
        assert torch.equal(a.network.state_dict()[name], b.network.state_dict()[name]), name


def test_a_run_leaves_its_logs(undisturbed):
    rows = log(undisturbed)
    assert [int(row["step"]) for row in rows] == [1, 2, 3, 4, 5, 6]
    assert all(math.isfinite(float(value)) for row in rows for value in row.values())
    assert [int(row["step"]) for row in log(undisturbed, "validation.csv")] == [2, 4, 6]
    assert list(undisturbed.folder.glob("events.out.tfevents.*"))
    assert json.loads((undisturbed.folder / "run.json").read_text())["computed_in"] == "float32"
    assert undisturbed.position.finished and undisturbed.position.step == 6


def test_tensorboard_has_losses_and_pictures(undisturbed):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(undisturbed.folder)).Reload()
    assert [event.step for event in events.Scalars("train/loss")] == [1, 2, 3, 4, 5, 6]
    assert {"train/learning_rate", "train/gradient_norm", "train/charbonnier", "validation/psnr"} <= set(
        events.Tags()["scalars"]
    )
    assert events.Tags()["images"]


@pytest.mark.parametrize("stop", [3, 4])
def test_a_killed_run_goes_on_as_if_it_had_not_been(stop, data, undisturbed, tmp_path, monkeypatch):
    run = start(tmp_path / "run", settings(data))
    step = run.step

    def killed(*batch):
        if run.position.step == stop:
            raise KeyboardInterrupt
        return step(*batch)

    monkeypatch.setattr(run, "step", killed)
    with pytest.raises(KeyboardInterrupt):
        run.train(print)
    with (run.folder / "log.csv").open("a") as file:  # as if it had died between the log and the checkpoint
        file.write(f"{stop + 2},0.9,1,0,0,9,9\n")
    again = resume(run.folder)
    assert again.position.step == stop // 2 * 2
    again.train(print)
    assert_same(again, undisturbed)


def test_a_run_starts_from_another(data, undisturbed, tmp_path):
    run = start(tmp_path / "run", settings(data, start_from=str(undisturbed.folder)))
    for name, value in undisturbed.average.module.state_dict().items():
        assert torch.equal(run.network.state_dict()[name], value)
        assert torch.equal(run.average.module.state_dict()[name], value)
    stored = json.loads((run.folder / "run.json").read_text())
    assert stored["before"]["steps"] == 6 and stored["before"]["minutes"] > 0
    with pytest.raises(ZooError, match="no weights"):
        start(tmp_path / "other", settings(data, recipe="vae.mini", start_from=str(undisturbed.folder)))
    assert not (tmp_path / "other").exists()


def test_a_run_starts_from_what_is_bundled(data, tmp_path):
    run = start(tmp_path / "run", settings(data, recipe="autoencoder.mini", start_from="autoencoder.mini"))
    weights = read_weights("autoencoder.mini")
    for name, value in run.network.state_dict().items():
        assert value.dtype == torch.float32 and torch.equal(value, weights[name])
    card = read_card("autoencoder.mini")
    assert json.loads((run.folder / "run.json").read_text())["before"] == {"steps": card.steps, "minutes": card.minutes}


def test_a_run_of_an_older_version_is_not_resumed(data, tmp_path):
    run = start(tmp_path / "run", settings(data))
    older = {("opponents" if name == "discriminators" else name): value for name, value in run.state_dict().items()}
    torch.save(older, run.folder / "checkpoint.pt")
    with pytest.raises(ZooError, match="older version"):
        resume(run.folder)


def test_a_finished_run_stays_as_it_is(undisturbed):
    before = (undisturbed.folder / "checkpoint.pt").read_bytes()
    again = resume(undisturbed.folder)
    again.train(print)
    assert (undisturbed.folder / "checkpoint.pt").read_bytes() == before
    assert_same(again, undisturbed)


def test_the_seed_decides(data, undisturbed, tmp_path):
    other = start(tmp_path / "run", settings(data, seed=1, steps=2))
    other.train(print)
    assert log(other)[0]["loss"] != log(undisturbed)[0]["loss"]


def test_a_time_box_ends_in_time_at_the_end_of_the_schedule(data, tmp_path, monkeypatch):
    now = 0.0

    def clock() -> float:  # a machine that takes a fifth of a second for what is between two looks
        nonlocal now
        now += 0.2
        return now

    monkeypatch.setattr(loop.time, "monotonic", clock)
    run = start(tmp_path / "run", settings(data, steps=None, minutes=0.5, checkpoint_every=30))
    run.train(print)
    monkeypatch.undo()
    assert run.position.finished and run.position.step > 20
    assert run.position.seconds == pytest.approx(30, rel=0.1)
    progress = [float(row["progress"]) for row in log(run)]
    assert progress == sorted(progress)


def test_the_learning_rate_warms_up_then_follows_a_cosine():
    recipe = get_recipe("autoencoder.mini")
    assert learning_rate_at(recipe, Position(0, 0.0)) == pytest.approx(recipe.learning_rate / recipe.warmup)
    assert learning_rate_at(recipe, Position(1000, 0.0)) == pytest.approx(recipe.learning_rate)
    assert learning_rate_at(recipe, Position(1000, 0.5)) == pytest.approx(recipe.learning_rate / 2)
    assert learning_rate_at(recipe, Position(1000, 1.0)) == pytest.approx(0)


def test_the_average_follows_the_weights(data, tmp_path):
    run = start(tmp_path / "run", settings(data))
    before = {name: value.clone() for name, value in run.average.module.state_dict().items()}
    picture = torch.rand(2, 3, 32, 32)
    run.step(picture, picture.flip(3))
    keep = min(run.recipe.ema, 1 / 10)
    for name, value in run.network.state_dict().items():
        assert torch.allclose(
            run.average.module.state_dict()[name], keep * before[name] + (1 - keep) * value, atol=1e-7
        )


def test_large_gradients_are_clipped(data, tmp_path):
    run = start(tmp_path / "run", settings(data))
    norms = []
    run.optimizer.step = lambda: norms.append(
        torch.stack([p.grad.norm() for p in run.network.parameters() if p.grad is not None]).norm().item()
    )
    picture = torch.rand(1, 3, 32, 32)
    run.recipe = replace(run.recipe, clip=1e-3)
    row = run.step(picture, picture.flip(3))
    assert row[4] > 10 * run.recipe.clip and norms == [pytest.approx(run.recipe.clip, rel=1e-3)]


def test_a_broken_gradient_ends_the_run(data, tmp_path):
    run = start(tmp_path / "run", settings(data))
    before = {name: value.clone() for name, value in run.network.state_dict().items()}
    picture = torch.rand(1, 3, 32, 32)
    with pytest.raises(ZooError, match="not finite at step 0"):
        run.step(picture, picture * float("nan"))
    assert all(torch.equal(value, before[name]) for name, value in run.network.state_dict().items())


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_steps(name, data, tmp_path, monkeypatch):
    """With all of its losses and discriminators at once, and stand-ins for networks that need files."""
    monkeypatch.setattr(losses, "_vgg", lambda device: torch.nn.Conv2d(3, 4, 4, 4))
    embedding = torch.nn.Sequential(torch.nn.AvgPool2d(32), torch.nn.Flatten())
    monkeypatch.setattr(losses, "_embedding", lambda device: embedding)
    recipe = get_recipe(name)
    recipe = replace(
        recipe,
        data=tuple(folder for folder in recipe.data if (data / folder).is_dir()),
        batch_size=2,
        crop=min(recipe.crop, 256 - 2 * recipe.margin),  # the pictures have 256 pixels
        losses=tuple(replace(term, start=0, every=1) for term in recipe.losses),
        adversarial=tuple(replace(part, start=0) for part in recipe.adversarial),
    )
    monkeypatch.setattr(loop, "get_recipe", lambda _: recipe)
    run = start(tmp_path / "run", settings(data, recipe=name))
    assert sum(parameter.numel() for parameter in run.network.parameters()) <= 5_000_000
    pictures = load_pictures(data, recipe.data, recipe.crop + 2 * recipe.margin)
    given, clean = Pairs(recipe, pictures, 0)[0]
    assert clean.shape == (recipe.batch_size, recipe.crop, recipe.crop, 3) and given.shape[:3] == clean.shape[:3]
    assert not np.array_equal(given[..., :3], clean)
    before = {key: value.clone() for key, value in run.network.state_dict().items()}
    given, clean = (to_tensor(part, run.device) for part in (given, clean))
    row = run.step(given, clean)
    names = (*loop.LOG_COLUMNS, *recipe.columns)
    assert len(row) == len(names)
    for column, value in list(zip(names, row, strict=True))[5:]:
        assert math.isfinite(value) and value != 0, column
    assert any(not torch.equal(before[key], value) for key, value in run.network.state_dict().items())
    assert run.network(given).shape[2:] == clean.shape[2:]


def test_batches_do_not_depend_on_where_a_run_begins_or_who_makes_them(data):
    recipe = get_recipe("autoencoder.mini")
    pairs = Pairs(recipe, load_pictures(data, recipe.data, 128), 0)
    alone = list(islice(batches(pairs, 0, 0), 4))
    later = list(islice(batches(pairs, 2, 0), 2))
    by_others = list(islice(batches(pairs, 2, 1), 2))
    for a, b, c in zip(alone[2:], later, by_others, strict=True):
        for part in range(2):
            assert np.array_equal(a[part], b[part]) and np.array_equal(a[part], c[part])
    assert not np.array_equal(alone[0][0], alone[1][0])


def test_the_validation_split_is_not_trained_on(data):
    pictures = [np.full((64, 64, 3), index, np.uint8) for index in range(60)]
    training, validation = split(pictures)
    assert {p[0, 0, 0] for p in validation} == {0, 25, 50}
    assert {p[0, 0, 0] for p in training} == set(range(60)) - {0, 25, 50}
    alone = split(pictures[:1])
    assert len(alone[0]) == len(alone[1]) == 1
    recipe = get_recipe("autoencoder.mini")
    first, second = (validation_pairs(recipe, load_pictures(data, recipe.data, 128), 0) for _ in range(2))
    assert np.array_equal(first[0], second[0]) and first[0].shape == first[1].shape


def test_pictures_are_made_smaller_when_they_are_read(data):
    whole, shrunk, same = (load_pictures(data, ("natural/train",), 64, shrink) for shrink in (None, 80, 400))
    assert [picture.shape for picture in shrunk] == [(80, 80, 3)] * len(whole)
    assert all(np.array_equal(a, b) for a, b in zip(whole, same, strict=True))
    assert np.abs(shrunk[0].mean((0, 1)) - whole[0].mean((0, 1))).max() < 1


def test_clean_crops_are_prepared_before_they_are_degraded(data):
    recipe = replace(
        get_recipe("autoencoder.mini"),
        prepare=lambda image, rng: image * 0 + rng.uniform(0.2, 0.4),
        degrade=lambda image, rng: image + 0.5,
    )
    given, clean = Pairs(recipe, load_pictures(data, recipe.data, 128), 0)[0]
    assert clean.min() >= 0.2 * 255 and clean.max() <= 0.4 * 255 + 1
    assert np.abs(given.astype(int) - clean - 128).max() <= 1


def test_errors_are_sentences(data, undisturbed, tmp_path, capsys):
    with pytest.raises(UnknownNameError, match=r"autoencoder\.mini"):
        get_recipe("autoencodr.mini")
    with pytest.raises(ZooError, match="not empty"):
        start(undisturbed.folder, settings(data))
    with pytest.raises(ZooError, match="no run with a checkpoint"):
        resume(tmp_path)
    with pytest.raises(ZooError, match="natural/train"):
        load_pictures(tmp_path, ("natural/train",), 64)
    with pytest.raises(ZooError, match="no picture of at least 9999"):
        load_pictures(data, ("natural/train",), 9999)
    with pytest.raises(ZooError, match="precision 'fp8'"):
        loop.autocast_type("fp8", torch.device("cpu"))
    assert main(["autoencoder.mini"]) == 2 and "--data is missing" in capsys.readouterr().err
    assert main(["nonsense", "--data", "x"]) == 2
    assert main(["deblurgan.mini", "--resume", "--out", str(undisturbed.folder)]) == 2
    assert "of autoencoder.mini, not of deblurgan.mini" in capsys.readouterr().err


def test_the_command_line_trains_and_resumes(data, tmp_path, capsys):
    out = tmp_path / "run"
    common = ["autoencoder.mini", "--out", str(out)]
    assert main([*common, "--data", str(data), "--steps", "2", "--precision", "bf16", "--device", "cpu"]) == 0
    assert json.loads((out / "run.json").read_text())["computed_in"] == "bfloat16"
    assert main([*common, "--resume"]) == 0
    assert "step 2, 100.0%" in capsys.readouterr().out
