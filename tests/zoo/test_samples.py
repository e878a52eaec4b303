"""Different results of one picture: from Python and from the command line, with random weights."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

import zoo
from tests.training.threads import one_thread  # noqa: F401
from tests.zoo.networks import card
from tests.zoo.samples import decoded, files_below, photo
from zoo import __main__ as command_line
from zoo.card import Tiling
from zoo.errors import MaskError, RestorationError, ZooError
from zoo.models.vae import MINI
from zoo.models.vae.network import Completion, ConditionalVAE
from zoo.restorer import Restorer

HEIGHT, WIDTH = 70, 90


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    """A new network's tail is zero; this one draws something."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = ConditionalVAE()
        torch.nn.init.normal_(network.decoder.tail.weight, std=0.02)
    path = tmp_path_factory.mktemp("weights") / "random.safetensors"
    save_file(network.state_dict(), path)
    return path


@pytest.fixture(scope="module")
def model(weights) -> Restorer:
    return zoo.load("vae.mini", device="cpu", weights=weights)


@pytest.fixture(scope="module")
def hole() -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[20:50, 30:70] = True
    return mask


@pytest.fixture
def run(monkeypatch, capsys, weights):
    """The command, with random weights unless it names others."""

    def run(*args: object, model: str = "vae.mini") -> tuple[int, str, str]:
        more = ["--weights", weights] if model == "vae.mini" else []
        monkeypatch.setattr(sys, "argv", ["zoo", "restore", *map(str, [*args, "-m", model, *more, "--device", "cpu"])])
        try:
            status = command_line.main()
        except SystemExit as stop:  # argparse
            status = stop.code
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def files(tmp_path, hole) -> Path:
    """A folder with face.png and mask.png."""
    Image.fromarray(photo("astronaut", HEIGHT, WIDTH)).save(tmp_path / "face.png")
    Image.fromarray(hole).save(tmp_path / "mask.png")
    return tmp_path


# --- from Python


def test_samples_differ_inside_the_hole_only(model, hole):
    picture = photo("astronaut", HEIGHT, WIDTH)
    found = [result.image for result in model.sample(picture, hole, count=3)]
    plain = model.restore(picture, hole).image
    for one in found:
        assert np.array_equal(one[~hole], picture[~hole])
        assert one.shape == picture.shape and one.dtype == picture.dtype
    for a, b in ((0, 1), (0, 2), (1, 2)):
        assert not np.array_equal(found[a], found[b])
    assert not any(np.array_equal(one, plain) for one in found)


def test_the_seed_decides_and_the_number_does_not(model, hole):
    picture = photo("astronaut", HEIGHT, WIDTH)
    four = [result.image for result in model.sample(picture, hole, count=4, seed=5)]
    two = [result.image for result in model.sample(picture, hole, count=2, seed=5)]
    other = [result.image for result in model.sample(picture, hole, count=2, seed=6)]
    assert all(np.array_equal(a, b) for a, b in zip(two, four, strict=False))
    assert not any(np.array_equal(a, b) for a in four for b in other)


def test_samples_do_not_depend_on_torchs_own_generator(model, hole):
    picture = photo("astronaut", HEIGHT, WIDTH)
    before = torch.random.get_rng_state()
    first = model.sample(picture, hole, count=1)[0].image
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.rand(3)
    assert np.array_equal(model.sample(picture, hole, count=1)[0].image, first)


def test_grey_16_bits_and_alpha_are_kept(model, hole):
    rng = np.random.default_rng(0)
    for shape, kind in (((HEIGHT, WIDTH), np.uint8), ((HEIGHT, WIDTH, 4), np.uint16)):
        picture = rng.integers(0, np.iinfo(kind).max, shape, kind, endpoint=True)
        (one,) = model.sample(picture, hole, count=1)
        assert one.image.shape == shape and one.image.dtype == kind
        assert np.array_equal(one.image[~hole], picture[~hole])


@pytest.mark.parametrize("count", [0, -1, 65, "two", 1.5, True, None])
def test_bad_numbers_are_refused(model, hole, count):
    with pytest.raises(ZooError, match="the number of samples is from 1 to 64, not "):
        model.sample(photo("astronaut", HEIGHT, WIDTH), hole, count=count)


def test_bad_seeds_masks_and_models_are_refused(model, hole):
    picture = photo("astronaut", HEIGHT, WIDTH)
    with pytest.raises(ZooError, match="a seed is a whole number, not 'x'"):
        model.sample(picture, hole, count=1, seed="x")
    with pytest.raises(MaskError, match="needs a mask"):
        model.sample(picture, count=1)
    with pytest.raises(ZooError, match="telea gives one result for a picture"):
        zoo.load("telea").sample(picture, hole, count=1)


def test_what_fails_inside_is_told(hole):
    class Broken(Completion):
        def sample(self, image, mask, generator):
            raise ValueError("no idea")

    with pytest.raises(RestorationError, match=r"vae\.mini failed: no idea"):
        Restorer(MINI, Broken(ConditionalVAE()), device="cpu").sample(photo("astronaut", HEIGHT, WIDTH), hole, count=1)


def test_a_stochastic_model_is_not_tiled():
    assert card(stochastic=True).stochastic and not card().stochastic
    with pytest.raises(ValueError, match="tiles"):
        card(stochastic=True, tiling=Tiling(margin=1))


# --- from the command line


def test_files_are_numbered_and_repeatable(run, files):
    common = [files / "face.png", "--mask", files / "mask.png"]
    status, out, err = run(*common, "-o", files / "a.png", "--samples", 3)
    assert status == 0, err
    assert out.startswith("restored 3 of 3 with vae.mini on cpu in ")
    assert run(*common, "-o", files / "b.png", "--samples", 2, "--seed", 0)[0] == 0
    assert run(*common, "-o", files / "c.png", "--samples", 1, "--seed", 7)[0] == 0
    assert run(*common, "-o", files / "plain.png")[0] == 0
    made = {path.name for path in files.iterdir()} - {"face.png", "mask.png"}
    assert made == {"a-1.png", "a-2.png", "a-3.png", "b-1.png", "b-2.png", "c-1.png", "plain.png"}
    content = {name: (files / name).read_bytes() for name in made}
    assert content["a-1.png"] == content["b-1.png"] and content["a-2.png"] == content["b-2.png"]
    assert len(set(content.values())) == 5


def test_they_are_what_python_gives(run, files, model, hole):
    assert run(files / "face.png", "--mask", files / "mask.png", "-o", files / "out", "--samples", 2)[0] == 0
    expected = model.sample(files / "face.png", hole, count=2)
    for path, result in zip(("out/face-1.png", "out/face-2.png"), expected, strict=True):
        assert np.array_equal(decoded(files / path), result.image)


def test_nothing_is_overwritten(run, files):
    common = [files / "face.png", "--mask", files / "mask.png", "-o", files / "x.png", "--samples", 3]
    (files / "x-2.png").write_bytes(b"old")
    status, _, err = run(*common)
    assert (status, err) == (2, f"error: {files}/x-2.png exists; pass --existing overwrite or --existing skip.\n")
    assert not (files / "x-1.png").exists()
    status, out, _ = run(*common, "--existing", "skip")
    assert status == 0 and "restored 2 of 3" in out and "1 already there" in out
    assert (files / "x-2.png").read_bytes() == b"old"
    third = (files / "x-3.png").read_bytes()
    assert run(*common, "--existing", "overwrite")[0] == 0
    assert (files / "x-2.png").read_bytes() != b"old" and (files / "x-3.png").read_bytes() == third


def test_numbered_outputs_spare_the_other_inputs(run, files):
    pictures = files / "in"
    pictures.mkdir()
    for name in ("a.png", "a-1.png"):
        Image.fromarray(photo("astronaut", HEIGHT, WIDTH)).save(pictures / name)
    before = (pictures / "a-1.png").read_bytes()
    for existing in ("overwrite", "skip", "error"):
        common = ["--mask", files / "mask.png", "-o", pictures, "--samples", 1, "--existing", existing]
        status, _, err = run(pictures / "a.png", pictures / "a-1.png", *common)
        assert status == 2 and err.count("\n") == 1
    assert (pictures / "a-1.png").read_bytes() == before
    assert files_below(pictures) == ["a-1.png", "a.png"]


@pytest.mark.parametrize(
    ("args", "model", "reason"),
    [
        (["--samples", "2"], "telea", "telea gives one result for a picture, so there are no samples of it"),
        (["--samples", "0"], "vae.mini", "the number of samples is from 1 to 64, not '0'"),
        (["--samples", "-3"], "vae.mini", "the number of samples is from 1 to 64, not '-3'"),
        (["--samples", "many"], "vae.mini", "the number of samples is from 1 to 64, not 'many'"),
        (["--samples", "1.5"], "vae.mini", "the number of samples is from 1 to 64, not '1.5'"),
        (["--samples", "2", "--seed", "x"], "vae.mini", "a seed is a whole number, not 'x'"),
        (["--seed", "2"], "vae.mini", "a seed is for samples: give their number with --samples"),
    ],
)
def test_mistakes_are_told_in_a_sentence(run, files, args, model, reason):
    done = run(files / "face.png", "--mask", files / "mask.png", "-o", files / "x.png", *args, model=model)
    assert done == (2, "", f"error: {reason}.\n")
    assert files_below(files) == ["face.png", "mask.png"]
