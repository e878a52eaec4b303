"""The benchmark command. Speed decides nothing here; equal outputs do."""

from __future__ import annotations

import argparse

import pytest

from zoo.cli import bench
from zoo.errors import ZooError


def parse(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    bench.add_arguments(parser)
    return parser.parse_args(words)


def test_table(capsys):
    assert bench.run(parse("--model", "gpen.bfr-256", "--repeats", "1")) == 0
    header, row, rate = capsys.readouterr().out.splitlines()
    assert header == bench.HEADER
    assert row.split()[:4] == ["gpen.bfr-256", "256", "x", "256"]
    assert rate.startswith("convolution rate: ") and "GFLOP/s" in rate


@pytest.mark.slow
@pytest.mark.parametrize("model", [*bench.DEFAULT, "edgeconnect.places2", "contextual-attention.places2-tf"])
def test_both_forms_give_the_same(model):
    row = bench.measure(model, repeats=1)
    assert row.difference < 1e-3
    assert row.fast > 0 and row.plain > 0


@pytest.mark.parametrize("words", [["--repeats", "0"], ["--threads", "0"], ["--model", "telea"], ["--model", "nosuch"]])
def test_bad_options(words):
    with pytest.raises(ZooError):
        bench.run(parse(*words))
