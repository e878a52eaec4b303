"""Alignment against transforms that are known."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from tests.zoo.samples import ROOT
from zoo.faces import align


def known(angle: float, scale: float, shift: tuple[float, float]) -> np.ndarray:
    c, s = scale * np.cos(angle), scale * np.sin(angle)
    return np.array([[c, -s, shift[0]], [s, c, shift[1]]])


@pytest.mark.parametrize("angle", [0.0, 0.4, -1.2, 3.0])
@pytest.mark.parametrize("scale", [0.05, 1.0, 7.0])
def test_similarity_is_recovered_exactly(angle, scale):
    matrix = known(angle, scale, (12.3, -45.6))
    source = align.template(512)
    assert np.allclose(align.similarity(source, align.apply(matrix, source)), matrix, atol=1e-9)


def test_similarity_is_the_best_of_all():
    rng = np.random.default_rng(0)
    source = align.template(512)
    target = align.apply(known(0.3, 0.7, (5, 9)), source) + rng.normal(0, 4, (5, 2))
    best = align.similarity(source, target)

    def error(matrix):
        return np.sum((align.apply(matrix, source) - target) ** 2)

    for _ in range(200):
        nudge = known(rng.normal(0, 0.01), 1 + rng.normal(0, 0.01), rng.normal(0, 0.5, 2))
        assert error(align.compose(nudge, best)) > error(best)


def test_similarity_never_mirrors():
    source = align.template(512)
    matrix = align.similarity(source, source * [-1, 1])
    assert np.linalg.det(matrix[:, :2]) > 0


def test_coinciding_points_are_refused():
    with pytest.raises(ValueError, match="coincide"):
        align.similarity(np.ones((5, 2)), align.template(512))


def test_template_keeps_its_place_at_every_size():
    # In parts of the side, corners at 0 and 1, the landmarks are the same for all sizes.
    parts = [(align.template(side) + 0.5) / side for side in (112, 256, 512, 1024, 2048)]
    assert np.allclose(parts, parts[0])


def test_inverse_and_compose():
    matrix = known(0.7, 2.5, (100, -30))
    assert np.allclose(align.compose(align.inverse(matrix), matrix), np.eye(2, 3))
    assert align.scale_of(matrix) == pytest.approx(2.5)


def waves(height: int, width: int, period: float = 40.0) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return wave_at(x, y, period).astype(np.float32)


def wave_at(x, y, period=40.0):
    return 128 + 60 * np.sin(2 * np.pi * x / period) + 50 * np.cos(2 * np.pi * y / (period * 0.8))


@pytest.mark.parametrize(("angle", "scale"), [(0.0, 1.0), (0.3, 0.9), (1.1, 2.3), (-2.5, 0.6)])
def test_warp_is_right_to_a_fraction_of_a_pixel(angle, scale):
    image = waves(400, 500)
    matrix = known(angle, scale, (0, 0))
    matrix[:, 2] = np.array([63.3, 64.8]) - matrix[:, :2] @ [250, 200]
    out = align.warp(image, matrix, 128, 128)
    v, u = np.mgrid[:128, :128]
    x, y = align.apply(align.inverse(matrix), np.column_stack([u.ravel(), v.ravel()])).T
    inside = (x > 3) & (y > 3) & (x < 496) & (y < 396)
    assert inside.mean() > 0.9
    error = np.abs(out.ravel() - wave_at(x, y))[inside]
    # The steepest slope is 13 per pixel, so 1 is less than a tenth of a pixel.
    assert error.max() < 1


@pytest.mark.parametrize("side", [300, 1100, 2300])
def test_reducing_does_not_alias(side):
    # One-pixel stripes have no detail that a small picture can hold: only their mean should be left. (Means over whole
    # pixels hold one stripe too many or too few, so a little is.) Sampling alone would leave all of it, 127.
    image = np.zeros((side, side), np.uint8)
    image[:, ::2] = 255
    matrix = align.resized(np.eye(2, 3), after=64 / side)
    out = align.warp(image, matrix, 64, 64)[4:-4, 4:-4].astype(int)
    assert abs(out.mean() - 127.5) < 3
    assert out.std() < 20


def test_there_and_back_again():
    image = waves(300, 300, 60)
    matrix = align.similarity(
        np.array([[120, 130], [180, 126], [150, 160], [128, 190], [176, 188]]), align.template(512)
    )
    crop = align.warp(image, matrix, 512, 512)
    back = align.warp(crop, align.inverse(matrix), 300, 300)
    x, y = np.mgrid[:300, :300][::-1]
    u, v = align.apply(matrix, np.column_stack([x.ravel(), y.ravel()])).T.reshape(2, 300, 300)
    inside = (u > 8) & (v > 8) & (u < 503) & (v < 503)
    assert inside.sum() > 10_000
    assert np.abs(back - image)[inside].max() < 1.5


def test_outside_of_the_picture_goes_on_mirrored():
    image = np.full((60, 60, 3), 200, np.uint8)
    crop = align.warp(image, np.array([[1.0, 0, 40], [0, 1.0, 40]]), 128, 128)
    assert crop.min() == 200  # no dark border


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("shape", [(90, 100), (90, 100, 3)])
def test_types_and_channels_are_kept(dtype, shape):
    image = np.full(shape, 77, dtype)
    out = align.warp(image, known(0.5, 0.7, (10, 4)), 50, 40)
    assert out.dtype == dtype
    assert out.shape == (40, 50, *shape[2:])
    assert np.allclose(out, 77)


def test_the_template_is_that_of_aligned_portraits(shared, mtcnn):
    """On portraits that others have aligned as FFHQ is, the landmarks lie at the template's places."""
    from zoo import images

    found = []
    for path in sorted(shared("data/faces/val").glob("*/*.jpg"))[::6]:
        image = images.read(path).rgb8()
        assert image.shape == (512, 512, 3)
        (face,) = mtcnn.detect(image)
        found.append(face.landmarks)
    off = np.mean(found, axis=0) - align.TEMPLATE
    assert np.abs(off).max() < 10  # of 126 pixels between the eyes


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (3000, 1), (60_000, 1), (2, 5000, 3), (9000, 3)])
def test_narrow_pictures_are_continued_at_once(shape):
    """In a process of its own: where it hangs, it does so inside OpenCV."""
    code = f"""
import numpy as np
from tests.zoo.samples import ROOT
from zoo.faces import align
picture = np.random.default_rng(0).integers(0, 256, {shape}).astype(np.uint8)
scale = 64 / max(picture.shape[:2])
crop = align.warp(picture, align.resized(np.eye(2, 3), after=scale), 64, 64)
assert crop.shape == (64, 64, *picture.shape[2:])
if 1 in picture.shape[:2]:
    along = crop if picture.shape[0] == 1 else crop.T
    assert (along == along[:1]).all()
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_a_picture_goes_on_mirrored_as_often_as_is_seen():
    picture = np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8)
    seen = align.warp(picture, np.array([[1, 0, 70], [0, 1, 50]], float), 150, 120)
    np.testing.assert_array_equal(seen, np.pad(picture, [(50, 50), (70, 50), (0, 0)], mode="reflect"))
