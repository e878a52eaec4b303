"""What is estimated of a picture: each fault is found where it was made, and not where it was not."""

from __future__ import annotations

import io

import numpy as np
import pytest
import skimage.data
from PIL import Image

from eval import faults
from eval.faults import FAULTS, estimate
from zoo import degradations as d
from zoo.errors import PictureError
from zoo.io.images import eight_bits

NATURAL = ("coffee", "chelsea")


def picture(name: str) -> np.ndarray:
    """HxWx3 float32 in [0, 1]."""
    return getattr(skimage.data, name)().astype(np.float32) / 255


def found(image: np.ndarray) -> dict[str, str]:
    return estimate(eight_bits(image)).found()


@pytest.mark.parametrize("name", NATURAL)
def test_a_clean_photograph_has_no_fault(name):
    assert not found(picture(name)).keys() - {"small", "faces"}


@pytest.mark.parametrize("name", NATURAL)
def test_each_fault_is_found(name):
    clean = picture(name)
    rng = np.random.default_rng(0)
    assert "noise" in found(d.gaussian_noise(clean, rng, 20 / 255))
    assert "blur" in found(d.blur(clean, d.linear_kernel(20, 0.5)))
    assert "compression" in found(d.jpeg(clean, 10))
    assert "dark" in found(clean * 0.2)
    assert "faded" in found(0.4 + clean * 0.4)
    assert "monochrome" in found(d.grey(clean))
    sepia = np.clip(d.grey(clean) * np.float32([1, 0.85, 0.6]), 0, 1)
    assert "monochrome" in found(sepia)
    assert "small" in found(clean[:200, :200])
    assert "small" not in found(np.concatenate([np.concatenate([clean, clean])] * 2, axis=1))


def test_noise_is_estimated_near_what_was_added():
    flat = np.full((256, 256, 3), 0.5, np.float32)
    for sigma in (5, 10, 20):
        noisy = d.gaussian_noise(flat, np.random.default_rng(1), sigma / 255)
        # Luma averages the three channels' noise: sqrt(0.299^2 + 0.587^2 + 0.114^2) of it is left.
        assert estimate(eight_bits(noisy)).noise == pytest.approx(sigma * 0.6687, rel=0.05)


def test_noise_and_darkness_have_no_face_and_the_astronaut_has_one():
    astronaut = estimate(skimage.data.astronaut())
    assert astronaut.faces == 1
    assert 50 < astronaut.face_side < 250  # her face, in pixels
    assert estimate(np.zeros((64, 64, 3), np.uint8)).faces == 0


@pytest.mark.parametrize("quality", [10, 35, 60, 90])
def test_the_quality_of_a_file_is_read_from_its_tables(quality, tmp_path):
    stream = io.BytesIO()
    Image.fromarray(skimage.data.coffee()).save(stream, "JPEG", quality=quality)
    path = tmp_path / "coffee.jpg"
    path.write_bytes(stream.getvalue())
    for source in (stream.getvalue(), path, str(path), Image.open(path)):
        estimated = estimate(source)
        assert estimated.jpeg_quality == quality
        assert ("compression" in estimated.found()) == (quality < faults.COMPRESSED)
    assert estimate(skimage.data.coffee()).jpeg_quality is None


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 2000, 3), (2000, 1, 3), (16, 16, 3), (9, 40)])
@pytest.mark.parametrize("value", [0, 128, 255])
def test_any_size_and_flat_pictures_have_finite_estimates(shape, value):
    estimated = estimate(np.full(shape, value, np.uint8))
    numbers = (estimated.noise, estimated.blur, estimated.blockiness, estimated.darkest, estimated.brightest)
    assert np.isfinite(numbers).all()
    assert (estimated.height, estimated.width) == shape[:2]
    assert estimated.found().keys() <= set(FAULTS)


def test_what_is_no_picture_is_one_sentence(tmp_path):
    with pytest.raises(PictureError, match=r"cannot read .*nowhere\.png: no such file"):
        estimate(tmp_path / "nowhere.png")
    (tmp_path / "page.jpg").write_bytes(b"<html>")
    with pytest.raises(PictureError, match=r"page\.jpg is not a picture"):
        estimate(tmp_path / "page.jpg")
