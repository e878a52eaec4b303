"""`python -m zoo download`, `weights` and `convert`."""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.platforms import posix
from tests.weights.ask import card
from tests.weights.checkpoints import WRAPPED, same, state
from zoo import registry, weights_cli
from zoo.card import ModelCard
from zoo.errors import UnknownNameError, WeightsError, ZooError


def run(command, *argv: str) -> int:
    """Run one of the subcommands as the command line does."""
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return command.run(parser.parse_args(argv))


def checkpoint(value: float = 1.0) -> bytes:
    """The bytes of a small torch checkpoint."""
    import io

    buffer = io.BytesIO()
    torch.save({"state_dict": {"module.w": torch.full((4,), value)}}, buffer)
    return buffer.getvalue()


@pytest.fixture
def models(monkeypatch):
    """Register models for this test alone."""
    entries: dict = {}
    monkeypatch.setattr(registry, "_entries", entries)
    monkeypatch.setattr(registry, "_discovered", True)

    def add(*cards: ModelCard) -> None:
        registry.register(*cards)(lambda card, state: None)

    return add


@pytest.fixture
def link(hub, monkeypatch):
    """A server with tiny.pth; this process may download."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    hub.files["/tiny.pth"] = checkpoint()
    return hub


def test_download_fetches_and_converts(link, models, home, capsys):
    models(card(source={"url": f"{link.url}/tiny.pth"}))
    assert run(weights_cli.Download, "test.tiny") == 0
    digest = hashlib.sha256(checkpoint()).hexdigest()
    path = home / "zoo" / "downloads" / "tiny.pth"
    assert capsys.readouterr().out.startswith(f"test.tiny: {path} (0.0 MB, sha256 {digest}, license: MIT)")
    assert path.read_bytes() == checkpoint()
    (copy,) = (home / "zoo").glob(f"converted-*/{digest}.safetensors")
    assert same(load_file(copy), {"w": torch.ones(4)})
    assert run(weights_cli.Download, "--task", "deblur") == 0
    assert len(link.requests) == 1


def test_download_goes_on_after_a_failure_and_tells(link, models, capsys):
    by_hand = ModelCard(
        id="hand.made", title="", tasks=("deblur",), license="MIT",
        weights=card(source={"page": "https://example.org"}).weights,
    )  # fmt: skip
    models(by_hand, card(source={"url": f"{link.url}/tiny.pth"}))
    by_hand.weights.__dict__["filename"] = "by_hand.pth"
    assert run(weights_cli.Download, "hand.made", "test.tiny") == 2
    out, err = capsys.readouterr()
    assert "error: the weights of hand.made are not on this machine: get by_hand.pth" in err
    assert out.startswith("test.tiny: ")


def test_download_refuses_what_is_no_checkpoint(link, models, capsys):
    link.files["/tiny.pth"] = b"no checkpoint at all"
    models(card(source={"url": f"{link.url}/tiny.pth"}))
    assert run(weights_cli.Download, "test.tiny") == 2
    assert "no checkpoint" in capsys.readouterr().err


def test_download_wants_models(models):
    models(card())
    for argv in ([], ["test.tiny", "--task", "deblur"]):
        with pytest.raises(ZooError, match="name the models"):
            run(weights_cli.Download, *argv)
    with pytest.raises(UnknownNameError, match=r"did you mean test\.tiny"):
        run(weights_cli.Download, "test.tine")


def test_a_family_means_its_published_default(link, models, capsys):
    default = card(source={"url": f"{link.url}/tiny.pth"})
    bundled = ModelCard(id="test.mini", title="", tasks=("deblur",), license="MIT")
    default.__dict__["family_default"] = True
    models(bundled, default)
    assert run(weights_cli.Download, "test") == 0
    assert capsys.readouterr().out.startswith("test.tiny: ")


def test_weights_tells_what_is_here(models, tmp_path, monkeypatch, capsys):
    models(card(source={"repo": "someone/tiny", "file": "tiny.pth"}))
    assert run(weights_cli.ListWeights) == 0
    line = capsys.readouterr().out.splitlines()[1]
    assert line.split() == [
        "test.tiny",
        "tiny.pth",
        "not",
        "here",
        "?",
        "?",
        "-",
        "MIT",
        "hf:someone/tiny/tiny.pth@main",
    ]

    monkeypatch.setenv("ZOO_WEIGHTS", str(tmp_path))
    (tmp_path / "tiny.pth").write_bytes(checkpoint())
    assert run(weights_cli.ListWeights, "--json") == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row == {
        "model": "test.tiny",
        "file": "tiny.pth",
        "place": "folder",
        "path": str(tmp_path / "tiny.pth"),
        "size": len(checkpoint()),
        "sha256": hashlib.sha256(checkpoint()).hexdigest(),
        "hash": "new",
        "license": "MIT",
        "sources": ["hf:someone/tiny/tiny.pth@main"],
    }


def test_weights_checks_and_forgets(models, tmp_path, monkeypatch, capsys):
    from zoo.weights.resolve import resolve, trust

    models(card())
    monkeypatch.setenv("ZOO_WEIGHTS", str(tmp_path))

    def state_of_hash() -> str:
        capsys.readouterr()
        run(weights_cli.ListWeights, "--json")
        return json.loads(capsys.readouterr().out)[0]["hash"]

    (tmp_path / "tiny.pth").write_bytes(checkpoint(1))
    trust(resolve(card()))
    assert state_of_hash() == "first use"
    (tmp_path / "tiny.pth").write_bytes(checkpoint(2))
    assert state_of_hash() == "wrong"
    assert run(weights_cli.ListWeights, "--forget", "tiny.pth") == 0
    assert state_of_hash() == "new"
    with pytest.raises(ZooError, match=r"no sha256 of tiny\.pth is recorded"):
        run(weights_cli.ListWeights, "--forget", "tiny.pth")
    with pytest.raises(UnknownNameError, match=r"did you mean tiny\.pth"):
        run(weights_cli.ListWeights, "--forget", "tine.pth")


def test_convert(tmp_path, capsys):
    source, target = tmp_path / "fpn_mobilenet.h5", tmp_path / "out" / "x.safetensors"
    torch.save(WRAPPED["deblurgan_v2_mobilenet"](state("deblurgan_v2_mobilenet")), source)
    assert run(weights_cli.Convert, str(source), str(target)) == 0
    assert same(load_file(target), state("deblurgan_v2_mobilenet"))
    out = capsys.readouterr().out
    assert "622 tensors" in out and "looks like DeblurGAN-v2 with the MobileNet encoder" in out
    assert hashlib.sha256(target.read_bytes()).hexdigest() in out
    assert target.stat().st_mode & 0o444 == 0o444


def test_convert_refuses(tmp_path):
    source = tmp_path / "x.pth"
    source.write_bytes(checkpoint())
    with pytest.raises(WeightsError, match=r"must end in \.safetensors"):
        run(weights_cli.Convert, str(source), str(tmp_path / "y.pth"))
    with pytest.raises(WeightsError, match="cannot be read: no such file"):
        run(weights_cli.Convert, str(tmp_path / "absent.pth"), str(tmp_path / "y.safetensors"))
    same_file = tmp_path / "z.safetensors"
    assert run(weights_cli.Convert, str(source), str(same_file)) == 0
    with pytest.raises(WeightsError, match="the same file"):
        run(weights_cli.Convert, str(same_file), str(same_file))


@posix
def test_convert_on_a_full_disk_leaves_nothing(tmp_path):
    torch.save({"w": torch.randn(100_000)}, tmp_path / "x.pth")
    script = (
        "import resource; from argparse import Namespace; from pathlib import Path\n"
        "from zoo.weights_cli import Convert\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        f"folder = Path({str(tmp_path)!r})\n"
        "Convert.run(Namespace(input=folder / 'x.pth', output=folder / 'y.safetensors'))"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, timeout=600)
    assert "WeightsError: cannot write" in done.stderr
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["x.pth"]


def test_building_the_parsers_imports_nothing_heavy():
    script = (
        "import argparse, sys; from zoo import weights_cli\n"
        "for c in weights_cli.COMMANDS: c.add_arguments(argparse.ArgumentParser())\n"
        "print([m for m in ('torch', 'huggingface_hub', 'safetensors') if m in sys.modules])"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, timeout=600)
    assert done.stdout == "[]\n", done.stderr
