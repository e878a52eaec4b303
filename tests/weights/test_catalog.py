"""OpenModelDB's catalog: what is listed, and what loading an entry does, against a server on the loopback."""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import json
import os

import numpy as np
import pytest
import torch

import zoo
from tests.zoo.samples import run_zoo
from zoo.cli import catalog as catalog_cli
from zoo.cli import weights as weights_cli
from zoo.errors import UnknownNameError, WeightsError, ZooError
from zoo.models.openmodeldb import catalog
from zoo.nn.torchvision_compat import ensure_torchvision
from zoo.weights import places


def run(command, *argv: str) -> int:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return command.run(parser.parse_args(argv))


# ---- What is shipped


def test_what_is_shipped():
    entries = catalog.entries()
    assert len(entries) == 662 and catalog.FILE.stat().st_size < 100_000
    known = entries["4x-realesrgan-x4plus"]
    card = zoo.get_card("real-esrgan.x4plus")
    assert known.direct == (card.weights.sources[0].url,)
    assert (known.sha256, known.size, known.license) == (card.weights.sha256, card.weights.size, card.license)
    for entry in entries.values():
        assert len(entry.sha256) == 64 and entry.urls and entry.task in zoo.TASKS and entry.scale >= 1
        assert entry.commercial_use is (None if entry.license is None else "NC" not in entry.license)


def test_every_known_entry_has_a_card():
    known = [entry for entry in catalog.entries().values() if entry.architecture in catalog.SPANDREL]
    names = {zoo.get_card(f"openmodeldb:{entry.key}").name for entry in known}
    assert len(names) == len(known) > 600
    assert {zoo.get_card(name).name for name in sorted(names)[::50]} == set(sorted(names)[::50])


def test_search():
    def keys(**filters) -> set[str]:
        return {entry.key for entry in catalog.search(**filters)}

    everything = set(catalog.entries())
    assert keys() == everything
    twice, free = keys(scale=2), keys(license="permissive")
    assert keys(scale=2, license="permissive") == twice & free and twice and free < everything
    assert all(catalog.entries()[key].license in ("MIT", "Apache-2.0", "CC0-1.0", "CC-BY-4.0", "WTFPL", "BSD-3-Clause",
                                                  "Unlicense") for key in free)  # fmt: skip
    assert keys(license="mit") == {key for key, entry in catalog.entries().items() if entry.license == "MIT"}
    assert "4x-UltraSharp" in keys(word="ultrasharp") and "4x-UltraSharp" in keys(word="kim2091")
    assert keys(task="deblur") == {"deblur" in catalog.entries()[key].tags and key for key in keys(task="deblur")}


def test_the_commands_table(capsys):
    assert run(catalog_cli, "--search", "ultrasharp") == 0
    header, *lines = capsys.readouterr().out.splitlines()
    assert header.split() == ["name", "task", "scale", "architecture", "license", "MB", "get", "tags"]
    line = next(line for line in lines if line.startswith("4x-UltraSharp "))
    assert line.split()[:7] == [
        "4x-UltraSharp", "super-resolution", "4x", "esrgan", "CC-BY-NC-SA-4.0", "67.0", "by"
    ]  # fmt: skip
    assert run(catalog_cli, "--search", "no such thing") == 0
    assert capsys.readouterr().err == "no checkpoint matches.\n"


def test_unknown_names_and_architectures():
    with pytest.raises(UnknownNameError, match="did you mean 4x-UltraSharp"):
        zoo.get_card("openmodeldb:4x-UltraShrp")
    unknown = next(entry for entry in catalog.entries().values() if entry.architecture == "sofvsr")
    with pytest.raises(WeightsError, match="architecture sofvsr, which spandrel does not know"):
        zoo.get_card(f"openmodeldb:{unknown.key}")
    done = run_zoo("info", f"openmodeldb:{unknown.key}")
    assert done.returncode == 2 and done.stderr.startswith("error: ")


# ---- Making it anew


def facts(**changes) -> dict:
    """One model as OpenModelDB publishes it."""
    resource = {"platform": "pytorch", "type": "pth", "size": 5, "sha256": "0" * 64, "urls": ["https://github.com/x"]}
    given = {"name": "Tiny", "author": ["a", "b"], "license": "MIT", "architecture": "compact", "scale": 2}
    given |= {"tags": ["photo"], "date": "2026-01-01", "description": "long", "images": [], "resources": [resource]}
    return {**given, **changes}


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """A catalog file of this test alone."""
    monkeypatch.setattr(catalog, "FILE", tmp_path / "catalog.json.gz")
    catalog.entries.cache_clear()
    yield tmp_path / "catalog.json.gz"
    catalog.entries.cache_clear()


def test_update(shipped, hub, tmp_path):
    onnx = {**facts()["resources"][0], "platform": "onnx", "type": "onnx"}
    published = {"2x-Tiny": facts(), "2x-Onnx": facts(resources=[onnx]), "2x-None": facts(resources=[])}
    hub.files["/models.json"] = json.dumps(published).encode()
    assert catalog.update(f"{hub.url}/models.json", shipped) == 1
    first = shipped.read_bytes()
    (entry,) = catalog.entries().values()
    assert (entry.key, entry.authors, entry.scale, entry.license) == ("2x-Tiny", ("a", "b"), 2, "MIT")
    assert b"long" not in gzip.decompress(first)
    (tmp_path / "models.json").write_bytes(hub.files["/models.json"])
    assert catalog.update(str(tmp_path / "models.json"), shipped) == 1
    assert shipped.read_bytes() == first
    for text, said in (("[]", "is not OpenModelDB"), ("{}", "no checkpoint"), ("<html>", "it is no JSON")):
        (tmp_path / "models.json").write_text(text)
        with pytest.raises(ZooError, match=said):
            catalog.update(str(tmp_path / "models.json"), shipped)
    assert shipped.read_bytes() == first
    with pytest.raises(ZooError, match="cannot be read"):
        catalog.update(f"{hub.url}/absent.json", shipped)


def test_a_damaged_catalog_is_told(shipped):
    shipped.write_bytes(b"no gzip")
    with pytest.raises(ZooError, match="--update"):
        catalog.search()


# ---- Loading an entry


@pytest.fixture
def tiny(hub, shipped, monkeypatch):
    """`tiny(**changes)`: a catalog with one checkpoint of a small Compact network, on the loopback."""
    ensure_torchvision()
    pytest.importorskip("spandrel", reason="the optional extra spandrel is not installed")
    from huggingface_hub import constants
    from spandrel.architectures.Compact import Compact

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(catalog, "_direct", lambda url: url if url.startswith(hub.url) else None)
    torch.manual_seed(0)
    network = Compact(num_in_ch=3, num_out_ch=3, num_feat=24, num_conv=8, upscale=2).eval()
    buffer = io.BytesIO()
    torch.save({"params": network.state_dict()}, buffer)
    data = buffer.getvalue()
    hub.files["/2x-Tiny.pth"] = data

    def publish(sha256: str | None = None, **changes) -> torch.nn.Module:
        resource = {"platform": "pytorch", "type": "pth", "size": len(data), "urls": [f"{hub.url}/2x-Tiny.pth"]}
        resource["sha256"] = sha256 or hashlib.sha256(data).hexdigest()
        source = shipped.with_name("models.json")
        source.write_text(json.dumps({"2x-Tiny": facts(resources=[resource], **changes)}))
        assert catalog.update(str(source), shipped) == 1
        return network

    return publish


def test_found(tiny, hub, capsys):
    network = tiny()
    image = np.random.default_rng(0).integers(0, 256, (20, 24, 3), dtype=np.uint8)
    model = zoo.load("openmodeldb:2x-tiny", device="cpu")
    result = model.restore(image).image
    with torch.inference_mode():
        expected = network(torch.from_numpy(image).permute(2, 0, 1)[None] / 255)[0].permute(1, 2, 0)
    assert result.shape == (40, 48, 3)
    assert np.abs(result - expected.clamp(0, 1).numpy() * 255).max() <= 0.51
    assert "2x-Tiny.pth" in capsys.readouterr().err
    zoo.load("openmodeldb:2x-Tiny", device="cpu")
    assert len(hub.gets()) == 1
    assert run(catalog_cli) == 0 and " here " in capsys.readouterr().out


def test_no_commercial_use_is_said(tiny, capsys):
    tiny(license="CC-BY-NC-4.0")
    card = zoo.get_card("openmodeldb:2x-Tiny")
    assert card.commercial_use is False
    assert run(weights_cli.Download, "openmodeldb:2x-Tiny") == 0
    assert "license: CC-BY-NC-4.0, no commercial use" in capsys.readouterr().err
    zoo.load("openmodeldb:2x-Tiny", device="cpu")
    assert "openmodeldb:2x-tiny (CC-BY-NC-4.0) forbids commercial use" in capsys.readouterr().err


def test_wrong_hash(tiny):
    tiny(sha256="0" * 64)
    with pytest.raises(WeightsError, match=r"is not the published file.*has been removed"):
        zoo.load("openmodeldb:2x-Tiny", device="cpu")
    assert not (places.downloads_folder() / "openmodeldb" / "2x-Tiny.pth").exists()


def test_absent(tiny, hub):
    tiny()
    hub.files.clear()
    with pytest.raises(WeightsError, match=r"HTTP 404.*by hand from https://openmodeldb\.info/models/2x-Tiny"):
        zoo.load("openmodeldb:2x-Tiny", device="cpu")


def test_cut_off(tiny, hub):
    tiny()
    hub.cut_after = 20_000
    with pytest.raises(WeightsError, match="broke off"):
        zoo.load("openmodeldb:2x-Tiny", device="cpu")
    hub.cut_after = None
    assert zoo.load("openmodeldb:2x-Tiny", device="cpu").parameters > 0
    assert hub.requests[-1][2] == "bytes=20000-"


def test_another_network_than_the_catalog_says(tiny):
    tiny(scale=4)
    with pytest.raises(WeightsError, match="enlarges by 2, not by 4"):
        zoo.load("openmodeldb:2x-Tiny", device="cpu")


def test_by_hand(shipped, home, monkeypatch, tmp_path):
    source = tmp_path / "models.json"
    source.write_text(json.dumps({"2x-Tiny": facts()}))
    catalog.update(str(source), shipped)
    monkeypatch.setenv("ZOO_WEIGHTS", os.fspath(tmp_path / "mine"))
    with pytest.raises(WeightsError, match=r"openmodeldb\.info/models/2x-Tiny and put it into the folder .*mine"):
        zoo.load("openmodeldb:2x-Tiny", device="cpu")
