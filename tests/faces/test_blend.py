"""Putting faces back: what changes, what does not, and who owns a pixel between two faces."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from zoo.faces import align, blend


def face_at(x: float, y: float, size: float, angle: float = 0.0) -> np.ndarray:
    """Landmarks of an upright or turned face whose aligned crop would be `size` pixels wide, centered at (x, y)."""
    points = (align.template(512) - 255.5) * size / 512
    c, s = np.cos(angle), np.sin(angle)
    return points @ np.array([[c, s], [-s, c]]) + [x, y]


def region(x, y, size, angle=0.0, side=256, **more) -> blend.Region:
    return blend.Region(align.to_crop(face_at(x, y, size, angle), side), side, **more)


def crop_of(image: np.ndarray, where: blend.Region) -> np.ndarray:
    return align.warp(image, where.to_crop, where.side, where.side)


def flat(value, dtype=np.uint8, shape=(200, 300, 3)) -> np.ndarray:
    return np.full(shape, value, dtype)


@pytest.mark.parametrize("method", blend.METHODS)
@pytest.mark.parametrize("size", [24, 90, 260])
def test_outside_of_the_faces_nothing_changes(method, size):
    image = np.random.default_rng(0).integers(0, 256, (200, 300, 3), dtype=np.uint8)
    where = region(150, 100, size, 0.4)
    out = blend.composite(image, [blend.Patch(where, flat(255, shape=(256, 256, 3)))], method)
    outside = where.distance((0, 0, 300, 200)) >= 1
    assert np.array_equal(out[outside], image[outside])
    if method == "feather":
        inside = where.distance((0, 0, 300, 200)) < blend.FULL
        assert (out[inside] == 255).all()


def test_the_window_holds_the_whole_region():
    for where in (region(150, 100, 120, 0.7), region(5, 190, 80, -2.0), region(150, 100, 150, reach=blend.HIDDEN)):
        x0, y0, x1, y1 = where.window(200, 300)
        claimed = where.distance((0, 0, 300, 200)) < where.reach
        claimed[y0:y1, x0:x1] = False
        assert not claimed.any()


def test_a_region_outside_of_the_picture():
    image = flat(50)
    out = blend.composite(image, [blend.Patch(region(-300, 100, 60), flat(255, shape=(256, 256, 3)))])
    assert np.array_equal(out, image)


def test_the_mask_has_no_steps():
    """A white face on black: a small crop enlarged much shows no stair in the seam."""
    where = region(150, 100, 180, 0.3, side=64)
    out = blend.composite(flat(0), [blend.Patch(where, flat(255, shape=(64, 64, 3)))])[..., 0].astype(int)
    slope = np.abs(np.diff(out, axis=1)).max()
    width = (blend.RADII[0] * 180) * (1 - blend.FULL)  # of the fade, in pixels
    assert slope < 255 / width * 1.5 * 1.3 + 1  # a smoothstep is 1.5 times as steep as a line; the oval is turned


@pytest.mark.parametrize("size", [30, 100, 400])
def test_restoring_nothing_changes_almost_nothing(astronaut, astronaut_face, size):
    """Through the crop and back, for a face that is small or large beside the crop."""
    scale = size / 100
    image = cv2.resize(astronaut, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    where = blend.Region(align.to_crop(astronaut_face.scaled(scale).landmarks, 512), 512)
    out = blend.composite(image, [blend.Patch(where, crop_of(image, where))])
    assert np.abs(out.astype(int) - image).mean(where=(out != image)) < 4
    assert (out == image).mean() > 0.9


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(200, 300), (200, 300, 3)])
@pytest.mark.parametrize("method", blend.METHODS)
def test_types_and_grey_are_kept(dtype, shape, method):
    top = np.iinfo(dtype).max
    image = np.full(shape, top // 2, dtype)
    crop = np.full((128, 128, *shape[2:]), top, dtype)
    out = blend.composite(image, [blend.Patch(region(150, 100, 90, side=128), crop)], method)
    assert out.dtype == dtype and out.shape == shape
    assert out[100, 150].max() == (top if method == "feather" else pytest.approx(top // 2, abs=0.02 * top))


def test_16_bit_steps_survive():
    """A restored face of 16 bits has values between those of 8 bits, and they arrive."""
    crop = np.full((256, 256), 40_000, np.uint16) + np.arange(256, dtype=np.uint16)[None]
    out = blend.composite(np.full((200, 300), 20_000, np.uint16), [blend.Patch(region(150, 100, 120), crop)])
    middle = out[100, 130:170].astype(int)
    assert (np.diff(middle) > 0).all() and (np.diff(middle) < 10).all()


@pytest.mark.parametrize("strength", [0.0, 0.25, 1.0])
def test_strength(strength):
    where = region(150, 100, 120)
    out = blend.composite(flat(100), [blend.Patch(where, flat(200, shape=(256, 256, 3)), strength)])
    assert out[105, 150, 0] == round(100 + 100 * strength)


def test_shares_add_up_to_one_and_never_jump():
    regions = [region(110, 100, 110, 0.2), region(170, 90, 130, -0.3), region(140, 150, 60)]
    window = (0, 0, 300, 200)
    every = np.stack([blend.shares(regions, i, window) for i in range(3)])
    claimed = np.min([r.distance(window) for r in regions], axis=0) < 0.99
    assert np.allclose(every.sum(0)[claimed], 1, atol=1e-5)
    # Where a pixel is wholly inside its face's mask, a share changes by far less than 1 from pixel to pixel.
    seen = [
        np.abs(np.diff(s, axis=1))[(r.distance(window) < 0.9)[:, 1:]].max() for s, r in zip(every, regions, strict=True)
    ]
    assert max(seen) < 0.45


def test_shares_of_a_part_are_those_of_the_whole():
    regions = [region(110, 100, 110), region(170, 90, 130)]
    whole = blend.shares(regions, 0, (0, 0, 300, 200))
    part = blend.shares(regions, 0, (90, 40, 200, 160))
    # A claim is an eighth power in float32, which takes a rounding in the distance eightfold.
    assert np.allclose(part, whole[40:160, 90:200], atol=64 * np.finfo(np.float32).eps)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_no_face_is_pasted_over_by_its_neighbor(order):
    """Two overlapping faces, one red, one green: each keeps its own middle, in any order."""
    regions = [region(120, 100, 110), region(175, 100, 110)]
    crops = [np.zeros((256, 256, 3), np.uint8) for _ in range(2)]
    crops[0][..., 0] = crops[1][..., 1] = 255
    out = blend.composite(flat(0), [blend.Patch(regions[i], crops[i]) for i in order])
    assert out[103, 120].tolist() == [255, 0, 0]
    assert out[103, 175].tolist() == [0, 255, 0]
    middle = out[103, 147:149].astype(int).mean(0)
    assert np.abs(middle[:2] - 127).max() < 40  # the border runs midway


@pytest.mark.parametrize("method", blend.METHODS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_order_does_not_matter(dtype, method):
    """Restored, hidden and untouched faces, two of them in the very same place: equal in every order, bit for bit."""
    rng = np.random.default_rng(1)
    top = np.iinfo(dtype).max
    image = rng.integers(0, top, (200, 300, 3), dtype, endpoint=True)
    crops = [rng.integers(0, top, (256, 256, 3), dtype, endpoint=True) for _ in range(3)]
    patches = [blend.Patch(region(x, 100, 110), crop) for x, crop in zip((110, 160, 160), crops, strict=True)]
    hidden = region(200, 100, 110, reach=blend.HIDDEN)
    patches += [blend.Patch(hidden, None, hidden=True), blend.Patch(region(150, 60, 70), None)]
    first = blend.composite(image, patches, method)
    assert (first != image).mean() > 0.1
    for shift in range(len(patches)):
        order = patches[shift:] + patches[:shift]
        assert np.array_equal(blend.composite(image, order, method), first)
        assert np.array_equal(blend.composite(image, order[::-1], method), first)


def test_a_face_that_stays_is_not_pasted_over():
    """The left face is restored, the right one is left: its middle is untouched, bit for bit."""
    image = np.random.default_rng(0).integers(0, 256, (200, 300, 3), dtype=np.uint8)
    regions = [region(120, 100, 130), region(170, 100, 70)]
    alone = blend.composite(image, [blend.Patch(regions[0], flat(255, shape=(256, 256, 3)))])
    both = blend.composite(
        image, [blend.Patch(regions[0], flat(255, shape=(256, 256, 3))), blend.Patch(regions[1], None)]
    )
    core = regions[1].distance((0, 0, 300, 200)) < 0.3
    changed_alone = (alone != image).any(2)[core].mean()
    changed_both = np.abs(both.astype(int) - image)[core].max()
    assert changed_alone > 0.3  # without its claim the neighbor's crop would lie on it
    assert changed_both <= 1


def test_poisson_fits_the_colors(astronaut, astronaut_face):
    """A face restored too red comes out with the picture's own colors around its rim."""
    where = blend.Region(align.to_crop(astronaut_face.landmarks, 256), 256)
    red = crop_of(astronaut, where)
    red[..., 0] = np.minimum(red[..., 0].astype(int) + 40, 255)
    off = {}
    for method in blend.METHODS:
        out = blend.composite(astronaut, [blend.Patch(where, red)], method)
        off[method] = np.abs(out.astype(int) - astronaut)[where.distance((0, 0, 512, 512)) < 0.9].mean()
    assert off["poisson"] < off["feather"] / 3


def test_poisson_puts_the_face_where_it_was(astronaut, astronaut_face):
    """Cloning moves nothing: an unchanged face stays in its place, also one cut by the picture's edge."""
    image = np.ascontiguousarray(astronaut[70:, 190:])
    points = astronaut_face.landmarks - [190, 70]
    where = blend.Region(align.to_crop(points, 512), 512)
    out = blend.composite(image, [blend.Patch(where, crop_of(image, where))], "poisson")
    assert np.abs(out.astype(int) - image).mean(where=(out != image)) < 3


def test_poisson_of_16_bits_is_that_of_8(astronaut, astronaut_face):
    where = blend.Region(align.to_crop(astronaut_face.landmarks, 256), 256)
    crop = (crop_of(astronaut, where) // 2 + 40).astype(np.uint8)
    out8 = blend.composite(astronaut, [blend.Patch(where, crop)], "poisson")
    out16 = blend.composite(
        astronaut.astype(np.uint16) * 257, [blend.Patch(where, crop.astype(np.uint16) * 257)], "poisson"
    )
    assert np.abs(out16 / 257 - out8).mean(where=(out8 != astronaut)) < 1.5


def test_hidden_faces_keep_no_features(astronaut, astronaut_face, mtcnn):
    hidden = blend.Region(align.to_crop(astronaut_face.landmarks, 512), 512, reach=blend.HIDDEN)
    out = blend.composite(astronaut, [blend.Patch(hidden, None, hidden=True)])
    assert mtcnn.detect(out) == []
    inside = hidden.distance((0, 0, 512, 512)) < 0.8
    detail = [np.abs(cv2.Laplacian(image.astype(np.float32), cv2.CV_32F))[inside].mean() for image in (astronaut, out)]
    assert detail[1] < detail[0] / 20
    outside = hidden.distance((0, 0, 512, 512)) >= blend.HIDDEN
    assert np.array_equal(out[outside], astronaut[outside])


def test_a_whole_picture_is_replaced_to_its_edges():
    where = blend.Region(align.resized(np.eye(2, 3), after=2.0), 400, whole=True)
    out = blend.composite(flat(10, shape=(200, 200, 3)), [blend.Patch(where, flat(90, shape=(400, 400, 3)))])
    assert (out == 90).all()
