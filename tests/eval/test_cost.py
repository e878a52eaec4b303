from __future__ import annotations

import numpy as np

import zoo
from eval.cost import PeakMemory, gflops
from tests.platforms import linux


@linux
def test_peak_is_the_rise_while_entered():
    memory = PeakMemory("cpu")
    with memory:
        block = np.ones(25_000_000)  # 200 MB, gone before the end
        del block
    assert 195 < memory.megabytes < 230
    with memory:
        pass
    assert memory.megabytes < 30


@linux
def test_what_was_there_before_does_not_count():
    before = np.ones(25_000_000)
    with PeakMemory("cpu") as memory:
        block = np.ones(5_000_000)
    assert 39 < memory.megabytes < 60
    assert before.sum() + block.sum() == 30_000_000


def test_classical_methods_have_no_arithmetic_to_count():
    image = np.zeros((20, 20, 3), np.uint8)
    assert gflops(zoo.load("identity"), image, None) is None
