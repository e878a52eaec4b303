"""Bundled networks in other runtimes, on a sample picture: within the limits of each precision."""

from __future__ import annotations

import numpy as np
import pytest

import zoo
from tests.zoo.samples import photo
from zoo.errors import RuntimeUnavailableError
from zoo.runtimes import choose, lower
from zoo.runtimes.measure import LIMITS, _vgg
from zoo.runtimes.samples import make_sample, psnr

SIDE = 128
MODELS = ["autoencoder.mini", "span.x2"]
CALIBRATED = sorted(path.stem for path in lower.CALIBRATIONS.glob("*.json"))
OTHERS = [("openvino", "fp32"), ("openvino", "bf16"), ("onnx", "fp32")]


def sample_of(card):
    return make_sample(card, "astronaut", photo("astronaut", SIDE, SIDE, 60, 170), SIDE)


def pair(model: str, runtime: str, precision: str):
    """(in PyTorch in float32, in the runtime): pictures of one sample; and the sample."""
    if reason := choose.unavailable_reason(runtime, precision):
        pytest.skip(reason)
    restorers = [
        zoo.load(model, device="cpu", runtime=r, precision=p) for r, p in (("torch", "fp32"), (runtime, precision))
    ]
    assert restorers[1].runtime == runtime and restorers[1].precision == precision
    sample = sample_of(restorers[0].card)
    return [restorer.restore(sample.given, sample.mask).image for restorer in restorers], sample


def assert_within(images, sample, precision: str) -> None:
    lost, perceptual = LIMITS[precision]
    exact, image = images
    assert psnr(exact, sample) - psnr(image, sample) < lost
    before, after = (_vgg([each], [sample]) for each in images)
    assert before is None or after < before * (1 + perceptual)


@pytest.mark.parametrize(("runtime", "precision"), OTHERS)
@pytest.mark.parametrize("model", MODELS)
def test_runtimes_keep_to_their_limits(model, runtime, precision):
    images, sample = pair(model, runtime, precision)
    assert_within(images, sample, precision)
    if precision == "fp32":
        exact = images[0].astype(float)
        assert np.abs(images[1] - exact).max() <= 1  # of 255: one value may be rounded to the other side


@pytest.mark.parametrize("runtime", ["onnx", "openvino"])
@pytest.mark.parametrize("model", [model for model in CALIBRATED if model in MODELS])
def test_int8_keeps_to_its_limits(model, runtime):
    try:
        images, sample = pair(model, runtime, "int8")
    except RuntimeUnavailableError as error:
        if "calibration for int8 is of" in str(error):  # another version of PyTorch exports another graph
            pytest.skip(str(error))
        raise
    assert (images[0] != images[1]).any()
    assert_within(images, sample, "int8")


def test_tiles_of_one_size_give_the_whole():
    picture = photo("astronaut", 150, 170, 60, 150)
    whole, tiled = (zoo.load("span.x2", runtime="onnx", tile=tile).restore(picture).image for tile in (None, 96))
    assert np.abs(whole.astype(int) - tiled).max() <= 1


def test_calibrations_are_of_the_bundled_weights():
    for model in CALIBRATED:
        card = zoo.get_card(model)
        lower.calibration(model, zoo.load(model, device="cpu").weights_sha256, card.portable[0])
