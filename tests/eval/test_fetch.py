"""Data sets from the Hub, with its real client against a server on the loopback."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from eval.datasets import CARDS, open_dataset
from tests.eval.helpers import ROOT, evaluate
from tests.weights.hub import running_hub

CARD = CARDS["set5"]
PATH = f"/datasets/{CARD.archive.repo}/resolve/{CARD.archive.revision}/{CARD.archive.file}"


@pytest.fixture
def hub():
    with running_hub() as hub:
        yield hub


def picture(seed: int) -> bytes:
    stream = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (40, 50, 3), np.uint8)
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def archive(files: dict[str, bytes], links: dict[str, str] | None = None) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as made:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            made.addfile(member, io.BytesIO(data))
        for name, target in (links or {}).items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, target
            made.addfile(member)
    return stream.getvalue()


FIVE = {f"Set5_HR/{name}.png": picture(i) for i, name in enumerate(("baby", "bird", "butterfly", "head", "woman"))}


def fetch(hub, root: Path, home: Path, name: str = "set5", **more: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "HF_ENDPOINT": hub.url, "HF_HOME": str(home / "hf"), "HF_HUB_DISABLE_XET": "1", **more}
    for proxy in ("http_proxy", "https_proxy", "all_proxy"):
        environment.pop(proxy, None), environment.pop(proxy.upper(), None)
    command = [sys.executable, "-m", "eval", "fetch", name, "--data-root", str(root)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment, timeout=300)


def test_a_set_is_fetched_from_its_pinned_revision(hub, tmp_path, home):
    hub.files[PATH] = archive({**FIVE, "Set5_HR/._baby.png": b"no picture", "Set5_HR/Thumbs.db": b"nothing"})
    done = fetch(hub, tmp_path / "root", home)
    assert done.returncode == 0, done.stderr
    assert CARD.license in done.stdout and f"set5 is in {tmp_path / 'root' / 'set5'}" in done.stdout
    found = sorted(path.name for path in (tmp_path / "root" / "set5").iterdir())
    assert found == sorted(Path(name).name for name in FIVE)
    assert [path.name for path in (tmp_path / "root").iterdir()] == ["set5"]
    asked = {path for _, path, _, _ in hub.requests if "eugenesiow" in path}
    assert PATH in asked and not any("main" in path for path in asked)  # the pinned revision, whatever main is
    opened = open_dataset("set5", tmp_path / "root")
    assert len(opened.items) == 5 and opened.state == "different"  # these are not the pictures that its card lists
    again = fetch(hub, tmp_path / "root", home)
    assert again.returncode == 2 and "is there already" in again.stderr


def test_a_download_that_broke_off_goes_on(hub, tmp_path, home):
    hub.files[PATH] = archive({**FIVE, "Set5_HR/big.bin": os.urandom(400_000)})
    hub.cut_after = 200_000
    broken = fetch(hub, tmp_path / "root", home)
    assert broken.returncode == 2 and "run it again to go on" in broken.stderr
    assert not (tmp_path / "root" / "set5").exists()
    hub.cut_after = None
    done = fetch(hub, tmp_path / "root", home)
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "root" / "set5").iterdir())) == 5


@pytest.mark.parametrize(
    ("files", "links", "sentence"),
    [
        (dict(list(FIVE.items())[:4]), {}, "holds 4 pictures, not 5"),
        ({**FIVE, "other/baby.png": picture(9)}, {}, "two pictures named baby.png"),
        (dict(list(FIVE.items())[:4]), {"Set5_HR/woman.png": "/etc/hostname"}, "holds 4 pictures, not 5"),
        ({**dict(list(FIVE.items())[:4]), "../../woman.png": picture(4)}, {}, ""),
        (None, {}, "is no archive, or is damaged"),
    ],
)
def test_what_an_archive_may_hold(hub, tmp_path, home, files, links, sentence):
    hub.files[PATH] = archive(files, links) if files else b"no archive at all" * 100
    done = fetch(hub, tmp_path / "deep" / "root", home)
    if sentence:
        assert done.returncode == 2 and sentence in done.stderr
        assert not list((tmp_path / "deep" / "root").iterdir())
    else:  # a path that leads out of the folder is taken by its last part
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "deep" / "root" / "set5" / "woman.png").is_file() and not (tmp_path / "woman.png").exists()


def test_what_cannot_be_fetched_is_told(hub, tmp_path, home, capsys):
    gone = fetch(hub, tmp_path, home)
    assert (
        gone.returncode == 2 and "set5 was not fetched from eugenesiow/Set5 at bcb97ac28c8a on the Hub" in gone.stderr
    )
    offline = fetch(hub, tmp_path, home, HF_HUB_OFFLINE="1")
    assert offline.returncode == 2 and "HF_HUB_OFFLINE is set" in offline.stderr
    assert evaluate("fetch", "hide", "--data-root", tmp_path) == 2
    told = capsys.readouterr().err
    assert (
        "by hand" in told and "https://github.com/joanshen0508/HA_deblur" in told and "hide/blur and hide/sharp" in told
    )
    assert evaluate("fetch", "set6", "--data-root", tmp_path) == 2
    assert "unknown data set 'set6': did you mean set5" in capsys.readouterr().err
    assert evaluate("fetch", "set5") == 2
    assert "neither --data-root nor ZOO_DATA" in capsys.readouterr().err


def test_a_missing_set_says_how_to_get_it(tmp_path, capsys):
    assert evaluate("-m", "no-op.x4", "--dataset", "set14", "--data-root", tmp_path) == 2
    assert "`python -m eval fetch set14` gets it, or get Set14" in capsys.readouterr().err
    for card in CARDS.values():
        assert card.id == "sample" or (card.license and card.source.startswith("http") and card.expected and card.size)
        if card.archive:
            assert len(card.archive.revision) == 40 and card.archive.file.endswith(".tar.gz")
