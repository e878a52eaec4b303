from __future__ import annotations

import hashlib
import json
import platform
from importlib.metadata import version

import pytest

from eval.datasets import open_dataset
from eval.metrics import METRICS
from eval.provenance import code
from eval.results import Result, read_result
from eval.scenarios import get_scenario
from eval.store import digest
from tests.eval.helpers import ROOT, evaluate, photograph
from zoo.errors import ZooError


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """The path of a result file of two pictures of the sample."""
    out = tmp_path_factory.mktemp("out")
    assert evaluate("--model", "no-op", "--dataset", "sample", "--limit", 2, "--scenario", "jpeg", "--workers", 1,
                    "--out", out) == 0  # fmt: skip
    (path,) = out.rglob("result.json")
    return path


@pytest.fixture
def changed(stored, tmp_path):
    """Writes the result file with changes; dotted paths name the fields."""

    def write(**changes):
        data = json.loads(stored.read_text())
        for name, value in changes.items():
            *parents, last = name.split("__")
            place = data
            for parent in parents:
                place = place[int(parent)] if isinstance(place, list) else place[parent]
            place[last] = value
        path = tmp_path / "result.json"
        path.write_text(json.dumps(data))
        return path

    return write


def test_round_trip(stored):
    result = read_result(stored)
    assert Result.model_validate_json(result.model_dump_json()) == result
    assert result.model_dump() == json.loads(stored.read_text())


def test_everything_is_recorded(stored):
    result = read_result(stored)
    assert (result.model.id, result.model.requested, result.model.license) == ("no-op", "no-op", "MIT")
    assert (result.model.weights_sha256, result.model.parameters) == (None, 0)
    assert (result.dataset.id, result.dataset.license) == ("sample", "public domain and CC0")
    assert len(result.dataset.sha256) == 64
    assert (result.scenario.id, result.scenario.version, result.scenario.seed) == ("jpeg", 2, 0)
    assert (result.n_expected, result.n_scored, result.dataset.limit) == (5, 2, 2)
    assert (result.failures, result.notes, result.complete) == ({}, {}, False)
    assert [row.name for row in result.images] == ["astronaut.png", "chelsea.png"]
    assert all(row.seconds > 0 and len(row.metrics) == 8 for row in result.images)
    without_weights = {"lpips_alex", "vgg_conv3_1_torchvision"}
    assert set(result.metrics) == {*result.images[0].metrics, *without_weights}
    assert result.metrics["psnr_rgb"].low <= result.metrics["psnr_rgb"].mean <= result.metrics["psnr_rgb"].high
    assert result.schema_version == 3
    assert 0 <= result.cost.others <= 1
    assert (result.cost.seconds_median is None) == result.cost.shared  # on a busy machine there is none
    assert (result.cost.device, result.cost.precision, result.cost.workers) == ("cpu", "fp32", 1)
    assert result.environment.python == platform.python_version()
    assert result.environment.libraries["torch"] == version("torch")
    assert result.environment.libraries["pyiqa"] == version("pyiqa")
    assert result.code == result.restoring.code == code()
    assert result.restoring.libraries == result.environment.libraries
    assert result.command == ("python -m eval --model no-op --dataset sample --scenario jpeg --limit 2 --workers 1")
    assert (result.dataset.state, result.scenario.chain) == ("verified", "jpeg v2")
    for name, value in result.metrics.items():
        assert value.version == METRICS[name].version
    items = {item.name: item for item in open_dataset("sample").items}
    for row in result.images:
        given = get_scenario("jpeg").prepare(items[row.name], 0).given
        assert row.input == digest(given, "none")[:16]
    assert result.environment.finished.endswith("+00:00")
    assert result.environment.processor in result.cost.machine


def test_content_hash_can_be_checked_by_hand(stored):
    outer = hashlib.sha256()
    for name in ("astronaut", "chelsea"):
        pixels = photograph(name)
        inner = hashlib.sha256(f"{pixels.shape[1]} x {pixels.shape[0]}\0".encode() + pixels.tobytes()).hexdigest()
        outer.update(f"{name}.png\0{inner}\0".encode())
    assert read_result(stored).dataset.sha256 == outer.hexdigest()


def test_the_schema_that_is_committed_is_the_models(capsys, stored):
    assert evaluate("schema") == 0
    printed = capsys.readouterr().out
    assert printed == (ROOT / "eval" / "result.schema.json").read_text(encoding="utf-8")
    schema = json.loads(printed)
    assert set(schema["required"]) <= set(json.loads(stored.read_text()))
    assert schema["additionalProperties"] is False


def test_version_2_is_read(changed):
    path = changed(schema_version=2)
    data = json.loads(path.read_text())
    for name in ("others", "shared"):
        del data["cost"][name]
    for name in ("shard", "contents"):
        del data["dataset"][name]
    for row in data["images"]:
        del row["shared"], row["retried"]
    path.write_text(json.dumps(data))
    result = read_result(path)
    assert (result.schema_version, result.cost.shared, result.images[0].retried) == (2, None, None)


@pytest.mark.parametrize("found", [1, 4, None, "2"])
def test_another_schema_version_is_refused(found, changed):
    path = changed(schema_version=found)
    with pytest.raises(ZooError, match=rf"is no result file of schema version 2 or 3 \(it says {found}\)"):
        read_result(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_scored": "many"}, "n_scored"),
        ({"n_scored": 5}, "5 of 5 pictures scored, but 2 listed"),
        ({"n_expected": 1}, "2 of 1 pictures scored"),
        ({"metrics__psnr_rgb__n": 5}, "the mean of psnr_rgb is over 5 of 2 pictures"),
        ({"metrics__psnr_rgb__mean": None}, "neither, or both"),
        ({"metrics__lpips_alex__mean": 3.5}, "neither, or both"),
        ({"metrics__psnr_rgb__mean": float("nan")}, "metrics.psnr_rgb.mean"),
        ({"images__0__metrics__psnr_rgb": float("inf")}, "images.0.metrics.psnr_rgb"),
        ({"scenario__primary": "fid"}, "ranked by fid, which it does not have"),
        ({"surprise": 1}, "surprise"),
        ({"model": None}, "model"),
    ],
)
def test_what_does_not_add_up_is_refused(change, message, changed):
    with pytest.raises(ZooError, match="is no result file: ") as caught:
        read_result(changed(**change))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[1, 2]", b"null", b"3", b"[" * 100_000])
def test_garbage_is_refused(content, tmp_path):
    path = tmp_path / "result.json"
    path.write_bytes(content)
    with pytest.raises(ZooError, match=r"result\.json is no (JSON|result) file"):
        read_result(path)


def test_a_missing_file(tmp_path):
    with pytest.raises(ZooError, match="no such file"):
        read_result(tmp_path / "result.json")
