"""Degradations: seeded, the size they claim, and nothing but the picture and the generator counts."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from scipy import signal
from skimage.metrics import peak_signal_noise_ratio

from tests.zoo.samples import photo
from zoo import degradations as d
from zoo.degradations import chains
from zoo.io.images import eight_bits
from zoo.seeding import rng_for


def picture(name: str = "astronaut") -> np.ndarray:
    return photo(name, 96, 128, 100, 150).astype(np.float32) / 255


def test_a_generator_depends_on_its_parts_alone():
    first = rng_for(0, "a.png").random(4)
    rng_for(1, "b.png").random(4)
    np.testing.assert_array_equal(rng_for(0, "a.png").random(4), first)
    streams = {tuple(rng_for(*parts).random(4)) for parts in ((0, "a"), (1, "a"), (0, "b"), ("0a",), (0, "a", ""))}
    assert len(streams) == 5
    # Runs on different machines and in different years must meet: these numbers may never change.
    np.testing.assert_allclose(
        rng_for(0, "a.png").random(2), [0.19011295650668925, 0.3401636928048366], rtol=0, atol=1e-15
    )


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize(("length", "size"), [(5, 41), (15, 41), (25, 41), (9, 15), (1, 5)])
def test_motion_kernels(seed, length, size):
    kernel = d.motion_kernel(rng_for(seed, "x"), length, size)
    assert kernel.shape == (size, size)
    assert kernel.dtype == np.float32
    assert kernel.min() >= 0
    assert kernel.sum() == pytest.approx(1, abs=1e-5)
    y, x = np.mgrid[:size, :size] - size // 2
    assert (kernel * y).sum() == pytest.approx(0, abs=1e-3)
    assert (kernel * x).sum() == pytest.approx(0, abs=1e-3)
    rows, columns = np.nonzero(kernel > 0)
    assert max(np.ptp(rows), np.ptp(columns)) <= length + 2
    np.testing.assert_array_equal(kernel, d.motion_kernel(rng_for(seed, "x"), length, size))
    if length > 1:
        assert (kernel != d.motion_kernel(rng_for(seed, "y"), length, size)).any()


def test_a_path_that_does_not_fit_is_an_error():
    with pytest.raises(ValueError, match="does not fit"):
        for seed in range(20):
            d.motion_kernel(rng_for(seed), 60, 21)


def test_blur_is_a_convolution_in_linear_light():
    image, kernel = picture(), d.motion_kernel(rng_for(3, "x"), 20)
    inner = np.s_[25:-25, 25:-25]
    expected = np.stack([signal.convolve2d(image[..., c] ** 2.2, kernel, "same") for c in range(3)], 2) ** (1 / 2.2)
    np.testing.assert_allclose(d.blur(image, kernel)[inner], expected[inner], atol=2e-4)
    point = np.zeros((3, 3), np.float32)
    point[1, 1] = 1
    np.testing.assert_allclose(d.blur(image, point), image, atol=1e-5)
    flat = np.full((60, 60, 3), 0.4, np.float32)
    np.testing.assert_allclose(d.blur(flat, kernel), flat, atol=1e-5)


def test_noise_has_the_deviation_it_is_asked_for():
    grey = np.full((256, 256, 3), 0.5, np.float32)
    for sigma in (0.01, 0.05, 0.1):
        noisy = d.gaussian_noise(grey, rng_for(0), sigma)
        assert (noisy - grey).std() == pytest.approx(sigma, rel=0.02)
        assert (noisy - grey).mean() == pytest.approx(0, abs=sigma / 50)
    extreme = d.gaussian_noise(picture(), rng_for(0), 2)
    assert (extreme.min(), extreme.max()) == (0, 1)


def test_jpeg_is_worse_at_lower_quality():
    image = picture("chelsea")
    quality = [peak_signal_noise_ratio(image, d.jpeg(image, q), data_range=1) for q in (5, 10, 30, 60, 90, 100)]
    assert quality == sorted(quality)
    assert quality[0] < 28 < 35 < quality[-1]


def test_downscale_is_pillows_bicubic():
    image = picture()
    small = d.downscale(image, 4)
    assert small.shape == (24, 32, 3)
    expected = Image.fromarray(eight_bits(image)).resize((32, 24), Image.Resampling.BICUBIC)  # rounds twice
    np.testing.assert_allclose(small * 255, np.asarray(expected), atol=2)
    for bad in (image[:95], image[:, :126]):
        with pytest.raises(ValueError, match="no multiple of 4"):
            d.downscale(bad, 4)


@pytest.mark.parametrize(
    "make",
    [
        lambda image, rng: d.motion_blur(image, rng),
        lambda image, rng: d.gaussian_noise(image, rng, 0.1),
        lambda image, rng: chains.blind_face(image, rng),
        lambda image, rng: d.jpeg(image, 20),
    ],
    ids=["motion", "noise", "face", "jpeg"],
)
def test_degraded_pictures_are_seeded_pictures_of_the_same_size(make):
    for name in ("astronaut", "rocket"):
        image = picture(name)
        before = image.copy()
        result = make(image, rng_for(0, name))
        assert result.shape == image.shape
        assert result.dtype == np.float32
        assert 0 <= result.min() < result.max() <= 1
        assert peak_signal_noise_ratio(image, result, data_range=1) < 40
        np.testing.assert_array_equal(result, make(image, rng_for(0, name)))
        np.testing.assert_array_equal(image, before)


def test_rounding_to_8_bits():
    values = np.array([-1, 0, 0.5 / 255 - 1e-4, 0.5 / 255 + 1e-4, 1, 2])
    np.testing.assert_array_equal(eight_bits(values), [0, 0, 0, 1, 255, 255])
    image = photo("coffee")
    np.testing.assert_array_equal(eight_bits(image.astype(np.float32) / 255), image)
