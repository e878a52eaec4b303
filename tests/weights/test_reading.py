"""Opening checkpoints: their wrapping, the cached copy, and all that is refused."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.platforms import posix
from tests.weights.checkpoints import WRAPPED, same, state
from zoo.card import ModelCard, Weights
from zoo.errors import WeightsError
from zoo.weights import load_tensors, places, reading, resolve
from zoo.weights.reading import read_checkpoint

ROOT = Path(__file__).parents[2]


def found(path: Path):
    """The verified file of a card made from it."""
    weights = Weights(str(path.resolve()), "MIT")
    return resolve(ModelCard(id="test.file", title="", tasks=("deblur",), license="MIT", weights=weights))


def copies() -> list[Path]:
    """The converted copies in the cache."""
    return sorted(places.cache_folder().glob("converted-*/*"))


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
@pytest.mark.parametrize("name", ["deblurgan_v2_mobilenet", "edgeconnect_inpaint"])
def test_both_torch_formats_whatever_the_suffix(tmp_path, name, legacy):
    path = tmp_path / "fpn_mobilenet.h5"
    torch.save(WRAPPED[name](state(name)), path, _use_new_zipfile_serialization=not legacy)
    assert same(read_checkpoint(path), state(name))


@pytest.mark.parametrize("name", sorted(WRAPPED))
def test_published_wrapping_is_undone_and_the_copy_is_read(tmp_path, name, monkeypatch):
    path = tmp_path / "published.pth"
    torch.save(WRAPPED[name](state(name)), path)
    file = found(path)
    assert same(load_tensors(file), state(name))
    assert [copy.name for copy in copies()] == [f"{file.sha256}.safetensors"]
    monkeypatch.setattr(reading, "read_checkpoint", None)  # from here on only the copy can be read
    assert same(load_tensors(file), state(name))


@pytest.mark.parametrize(
    "wrap",
    [
        lambda s: {"params": {"w": torch.zeros(1)}, "params_ema": s},
        lambda s: {"g": {"w": torch.zeros(1)}, "g_ema": s, "d": {"w": torch.zeros(1)}},
        lambda s: {"state_dict": {"module." + k: v for k, v in s.items()}, "epoch": 3, "best": 0.5},
        lambda s: {"model": {"state_dict": s}, "optimizer": {"state": {0: torch.zeros(1)}}},
        lambda s: {"weights": s, "config": {"width": 8}},
        lambda s: {**s, "iteration": 5},
        lambda s: {"_orig_mod." + k: v for k, v in s.items()},
        lambda s: {k: torch.nn.Parameter(v) for k, v in s.items()},
    ],
)
def test_other_wrappings(tmp_path, wrap):
    tensors = {"conv.weight": torch.randn(2, 3), "conv.bias": torch.randn(2)}
    torch.save(wrap(tensors), tmp_path / "x.pth")
    assert same(read_checkpoint(tmp_path / "x.pth"), tensors)


def test_tensors_that_share_memory(tmp_path):
    base = torch.arange(12.0)
    torch.save({"whole": base, "part": base[2:5], "turned": base.view(3, 4).t(), "again": base}, tmp_path / "x.pth")
    file = found(tmp_path / "x.pth")
    once, twice = load_tensors(file), load_tensors(file)
    assert same(once, twice) and torch.equal(twice["turned"], base.view(3, 4).t())
    assert len(copies()) == 1


def test_several_networks_are_not_guessed_at(tmp_path):
    torch.save({"first": {"w": torch.ones(1)}, "second": {"w": torch.ones(2)}}, tmp_path / "x.pth")
    with pytest.raises(WeightsError, match=r"told apart \(it has: first, second\)"):
        read_checkpoint(tmp_path / "x.pth")


def test_safetensors_are_read_as_they_are(tmp_path):
    save_file({"module.w": torch.ones(2)}, tmp_path / "x.safetensors")
    assert same(load_tensors(found(tmp_path / "x.safetensors")), {"w": torch.ones(2)})
    assert copies() == []


def test_a_damaged_copy_is_made_again(tmp_path):
    torch.save({"w": torch.ones(2)}, tmp_path / "x.pth")
    file = found(tmp_path / "x.pth")
    load_tensors(file)
    (copy,) = copies()
    copy.write_bytes(copy.read_bytes()[:-3])
    assert same(load_tensors(file), {"w": torch.ones(2)})
    assert same(load_file(copy), {"w": torch.ones(2)})


def test_prefixes_of_several_files(tmp_path):
    for name in ("one", "two"):
        torch.save({"w": torch.full((2,), float(len(name)))}, tmp_path / f"{name}.pth")
    one = Weights("one.pth", "MIT", prefix="one.")
    card = ModelCard(
        id="test.pair",
        title="",
        tasks=("inpaint",),
        license="MIT",
        weights=one,
        extra_weights=(Weights("two.pth", "MIT", prefix="two."),),
    )
    assert sorted(load_tensors(resolve(card, tmp_path))) == ["one.w", "two.w"]


class Attack:
    """Unpickling it makes a file."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("form", ["zip", "legacy", 2, 4], ids=["zip", "legacy", "pickle 2", "pickle 4"])
def test_a_pickle_that_runs_code_is_refused(tmp_path, form, monkeypatch):
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    trap, path = tmp_path / "trap", tmp_path / "x.pth"
    if isinstance(form, int):
        path.write_bytes(pickle.dumps({"w": 1, "more": Attack(trap)}, protocol=form))
        unsafe = lambda: pickle.loads(path.read_bytes())  # noqa: E731
    else:
        torch.save({"w": torch.ones(2), "more": Attack(trap)}, path, _use_new_zipfile_serialization=form == "zip")
        unsafe = lambda: torch.load(path, weights_only=False)  # noqa: E731
    refusal = r"no checkpoint of plain tensors" if form == 4 else r"is refused: .* \(it asks for \w+\.mkdir\)"
    with pytest.raises(WeightsError, match=refusal):
        read_checkpoint(path)
    assert not trap.exists()
    unsafe()
    assert trap.exists()  # the trap was set


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
@pytest.mark.parametrize("part", [0.02, 0.5, 0.99])
def test_truncated_torch_files(tmp_path, part, legacy):
    path = tmp_path / "x.pth"
    torch.save({"w": torch.randn(5000), "b": torch.randn(5000)}, path, _use_new_zipfile_serialization=not legacy)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    with pytest.raises(WeightsError, match=r"x\.pth is damaged"):
        read_checkpoint(path)


def test_truncated_safetensors(tmp_path):
    path = tmp_path / "x.safetensors"
    save_file({"w": torch.randn(5000)}, path)
    path.write_bytes(path.read_bytes()[:9000])
    with pytest.raises(WeightsError, match="damaged or cut short"):
        read_checkpoint(path)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"<!DOCTYPE html><html>Quota exceeded", "a web page, probably the download page"),
        (b"\n<HTML>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1", "a Git LFS pointer"),
        (b"\x89HDF\r\n\x1a\n" + bytes(99), "a Keras or HDF5 file"),
        (bytes(1000), "damaged"),
        (b"hello", "damaged"),
        (pickle.dumps([1, 2]), "damaged|holds no weights"),
    ],
)
def test_what_is_no_checkpoint(tmp_path, content, sentence):
    path = tmp_path / "x.pth"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=sentence):
        read_checkpoint(path)


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_what_holds_no_plain_tensors(tmp_path):
    path = tmp_path / "x.pth"
    for content, sentence in [
        ([torch.ones(1)], "no weights by name but a list"),
        ({"epoch": 1}, "no weights of one network"),
        ({"w": torch.ones(2).to_sparse()}, "sparse or quantized"),
    ]:
        torch.save(content, path)
        with pytest.raises(WeightsError, match=sentence):
            read_checkpoint(path)
    torch.jit.save(torch.jit.trace(torch.nn.Conv2d(1, 1, 1), torch.ones(1, 1, 1, 1)), path)
    with pytest.raises(WeightsError, match="TorchScript"):
        read_checkpoint(path)


@posix
def test_a_full_disk_does_not_stop_a_load(tmp_path):
    """The copy cannot be written, the weights are here all the same."""
    torch.save({"w": torch.randn(100_000)}, tmp_path / "x.pth")
    script = (
        "import resource, sys; from pathlib import Path; from tests.weights.test_reading import found\n"
        "from zoo.weights import load_tensors\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        f"print(len(load_tensors(found(Path({str(tmp_path / 'x.pth')!r})))['w']))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.stdout == "100000\n", done.stderr
    assert "no converted copy" in done.stderr
    assert copies() == []
