"""Degradation chains: the same picture gives the same input on every machine."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import poisson

from tests.zoo.samples import photo
from zoo import degradations
from zoo.degradations.chains import CHAINS, _chain, get_chain
from zoo.errors import UnknownNameError
from zoo.io.images import eight_bits
from zoo.seeding import rng_for

ROOT = Path(__file__).parents[2]


class Recorder(np.random.Generator):
    """A generator that keeps the parameters it gave: everything that is drawn but noise for pixels."""

    def __init__(self, seed: int):
        super().__init__(np.random.PCG64(seed))
        self.parameters: list[float] = []

    def _kept(self, values):
        if np.size(values) < 1000:
            self.parameters += np.ravel(values).tolist()
        return values

    def uniform(self, *args, **options):
        return self._kept(super().uniform(*args, **options))

    def random(self, *args, **options):
        return self._kept(super().random(*args, **options))

    def normal(self, *args, **options):
        return self._kept(super().normal(*args, **options))

    def integers(self, *args, **options):
        return self._kept(super().integers(*args, **options))


def picture() -> np.ndarray:
    return photo("astronaut", 96, 128, 100, 150).astype(np.float32) / 255


def by_one_ulp(image: np.ndarray) -> np.ndarray:
    """Every value moved to the next one, up or down."""
    up = rng_for("ulp").random(image.shape) < 0.5
    moved = np.where(up, np.nextafter(image, np.float32(1)), np.nextafter(image, np.float32(0)))
    assert (moved != image).mean() > 0.9
    return moved


@pytest.mark.parametrize("chain", CHAINS.values(), ids=str)
def test_a_last_bit_changes_no_draw(chain):
    for seed in range(6):
        first, second = Recorder(seed), Recorder(seed)
        output, other = chain(picture(), first), chain(by_one_ulp(picture()), second)
        assert first.parameters == second.parameters and (first.parameters or chain.id == "grey")  # which draws nothing
        assert first.bit_generator.state == second.bit_generator.state
        if chain.id in ("phone-dark", "old-photo", "mixed"):
            continue  # where a value is rounded the other way, JPEG spreads it over a block; below without JPEG
        assert (np.abs(output - other) > 1e-4).mean() < 0.01


@pytest.mark.parametrize("photons", [0.5, 5, 30, 500, 10_000])
def test_a_last_bit_changes_no_other_pixels_photons(photons):
    clean = picture()
    counts = [
        degradations.poisson_counts(degradations.to_linear(image) * photons, rng_for("photons"))
        for image in (clean, by_one_ulp(clean))
    ]
    assert (counts[0] != counts[1]).mean() < 0.001  # each pixel has its own chance to be at an edge, and no more
    assert np.abs(counts[0] - counts[1]).max() <= 1
    bright = clean.copy()
    bright[3, 4] = 1 - bright[3, 4]  # a generator's own Poisson draws would all move behind this pixel
    changed = degradations.poisson_counts(degradations.to_linear(bright) * photons, rng_for("photons")) != counts[0]
    changed[3, 4] = False
    assert not changed.any()


@pytest.mark.parametrize("rate", [0.0, 0.01, 0.7, 3.0, 19.9, 20.1, 80.0, 2000.0])
def test_counts_are_poisson(rate):
    rng = rng_for("poisson", rate)
    uniform = rng.bit_generator.state, rng.random(100_000)
    rng.bit_generator.state = uniform[0]
    counts = degradations.poisson_counts(np.full(100_000, rate), rng)
    exact = poisson.ppf(uniform[1], rate) if rate else np.zeros(100_000)
    assert (counts != exact).mean() < (0.01 if rate > 20 else 1e-4)
    assert np.abs(counts - exact).max() <= 1
    assert counts.mean() == pytest.approx(rate, abs=5 * np.sqrt(rate / 1e5) + 1e-3)


DIGESTS = """
import hashlib, json
from tests.degradations.test_chains import CHAINS, picture, rng_for
from zoo.io.images import eight_bits
print(json.dumps({str(chain): [hashlib.sha256(eight_bits(chain(picture(), rng_for(seed))).tobytes()).hexdigest()
                               for seed in range(4)] for chain in CHAINS.values()}))
"""


def test_inputs_do_not_depend_on_what_the_processor_can_do():
    """With the vector instructions of NumPy and OpenCV switched off; their sums and powers then end in other bits."""
    without = {
        "NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3 AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL X86_V3 "
        "X86_V4",
        "OPENCV_CPU_DISABLE": "AVX,AVX2,FP16,AVX512-SKX,AVX512-COMMON,SSE4.1,SSE4.2",
        "OPENCV_IPP": "disabled",
    }
    found = []
    for more in ({}, without):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", DIGESTS],
            cwd=ROOT,
            capture_output=True,
            text=True,
            env=os.environ | more,
        )
        assert done.returncode == 0, done.stderr
        found.append(json.loads(done.stdout))
    assert found[0] == found[1]
    clean = eight_bits(picture()).tobytes()
    assert all(hashlib.sha256(clean).hexdigest() not in digests for digests in found[0].values())


def test_names_are_unique_and_suggested():
    with pytest.raises(ValueError, match="registered twice"):
        _chain("mixed", 1, "again")(lambda image, rng: image)
    with pytest.raises(UnknownNameError, match="did you mean phone-dark"):
        get_chain("phone-drak")
