"""`python -m eval cost`."""

from __future__ import annotations

import json

import numpy as np
import pytest

from eval import costs
from eval.costs import BATCH, example, parse_sizes, read_costs
from tests.eval.helpers import evaluate
from tests.platforms import linux
from zoo.errors import ZooError


@pytest.fixture
def alone(monkeypatch):
    """Nothing else computes on this machine, as far as the watch tells."""
    monkeypatch.setattr(costs, "is_shared", lambda seconds, others: False)


def test_what_is_measured(alone, tmp_path, capsys):
    out = tmp_path / "costs.json"
    assert evaluate("cost", "-m", "unsharp-mask,autoencoder.mini", "--size", "64x48,96x64", "--rounds", 2, "--device",
                    "cpu", "--out", out) == 0  # fmt: skip
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 5
    found = read_costs(out)
    assert [(c.model, c.width, c.height) for c in found.models] == [
        ("unsharp-mask", 64, 48), ("unsharp-mask", 96, 64), ("autoencoder.mini", 64, 48), ("autoencoder.mini", 96, 64),
    ]  # fmt: skip
    for cost in found.models:
        assert (cost.failure, cost.shared) == (None, False)
        assert cost.p50_seconds > 0
        assert cost.restorations >= 2
        assert (cost.p95_seconds is None) == (cost.restorations < costs.FEWEST_FOR_P95)
        assert cost.megapixels_per_second > 0
        assert (cost.first_seconds is not None) == (cost.width == 64)
    classical, network = found.models[0], found.models[2]
    assert (classical.parameters, classical.gmacs) == (0, None)
    assert network.parameters > 1000
    assert network.gmacs > 0
    assert (found.device, found.rounds) == ("cpu", 2)
    assert str(tmp_path) not in out.read_text()


@linux
def test_memory_is_of_the_model_whatever_ran_before(alone, tmp_path):
    first, second = tmp_path / "1.json", tmp_path / "2.json"
    common = ("--size", "64x48", "--rounds", 1, "--device", "cpu", "--out")
    assert evaluate("cost", "-m", "unsharp-mask", *common, first) == 0
    assert evaluate("cost", "-m", "gpen.mini,unsharp-mask", *common, second) == 0
    (alone_,), (large, after) = read_costs(first).models, read_costs(second).models
    assert large.peak_memory_mb > 4 * large.parameters / 1e6  # its weights at least
    assert abs(after.peak_memory_mb - alone_.peak_memory_mb) < large.peak_memory_mb / 2


def test_other_work_leaves_latencies_out(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(costs, "is_shared", lambda seconds, others: True)
    out = tmp_path / "costs.json"
    assert evaluate("cost", "-m", "unsharp-mask", "--size", "64x48", "--rounds", 1, "--out", out) == 1
    (cost,) = read_costs(out).models
    assert cost.shared is True
    assert {cost.load_seconds, cost.first_seconds, cost.p50_seconds, cost.megapixels_per_second} == {None}
    shown = capsys.readouterr()
    assert "other work on the machine" in shown.out
    assert "latencies are left out" in shown.err


def test_the_picture_has_the_size_and_a_hole_where_one_is_needed():
    picture, mask = example(70, 40, with_mask=True)
    assert (picture.shape, picture.dtype, mask.shape) == ((40, 70, 3), np.uint8, (40, 70))
    assert 0 < mask.mean() < 0.3
    assert example(70, 40, with_mask=False)[1] is None
    assert BATCH > 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-m", "no-op", "--size", "768"), "a size is WIDTHxHEIGHT in pixels, such as 768x512, not '768'"),
        (("-m", "no-op", "--size", "0x5"), "not '0x5'"),
        (("-m", "no-op", "--size", "64x64,"), "not ''"),
        (("-m", "no-op", "--size", "99999x99999"), "99999x99999 is more than the limit of 150,000,000 pixels"),
        (("-m", "no-op", "--rounds", "0"), "rounds are a number from 1 up, not 0"),
        (("-m", "no-op", "--time-limit", "0"), "a time limit is a number of seconds above 0, not 0"),
        (("-m", "nop"), "unknown model 'nop'"),
        (("-m", ","), "names no model"),
        (("-m", "no-op", "--out", "."), "cannot write .: it is a folder; name a file"),
        (("-m", "no-op", "--device", "abacus"), "the device 'abacus' is not available"),
    ],
)
def test_what_cannot_be_measured_is_one_sentence(arguments, message, capsys):
    assert evaluate("cost", *arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    (line,) = shown.err.splitlines()
    assert message in line


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "x.json"
    for content, message in [(b"{", "is no JSON file"), (b"[]", "is no file of costs"), (b"{}", "is no file of costs")]:
        path.write_bytes(content)
        with pytest.raises(ZooError, match=message):
            read_costs(path)
    path.write_text(json.dumps({"kind": "costs", "schema_version": 9}))
    with pytest.raises(ZooError, match="schema_version"):
        read_costs(path)
    assert parse_sizes("64x48,64x48") == [(64, 48)]
