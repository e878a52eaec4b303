"""Masks: read strictly, made from a seed."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tests.zoo.samples import encoded
from zoo.errors import MaskError, PictureError
from zoo.io import masks
from zoo.seeding import rng_for

HOLE = np.zeros((20, 30), bool)
HOLE[5:9, 10:25] = True
WHITE = HOLE.astype(np.uint8) * 255


@pytest.mark.parametrize(
    "source",
    [
        HOLE, HOLE[..., None], HOLE.astype(np.uint8), HOLE.astype(np.int64), HOLE.astype(np.float32), WHITE,
        WHITE.astype(np.uint16) * 257, np.repeat(WHITE[..., None], 3, axis=2), Image.fromarray(WHITE),
        Image.fromarray(WHITE).convert("1"), Image.fromarray(WHITE).convert("P"), encoded(WHITE, "PNG"),
        encoded(WHITE, "TIFF"),
    ],
    ids=lambda source: f"{type(source).__name__} {getattr(source, 'dtype', getattr(source, 'mode', ''))}",
)  # fmt: skip
def test_every_way_to_give_a_mask(source):
    result = masks.read(source, 20, 30)
    assert result.dtype == bool
    np.testing.assert_array_equal(result, HOLE)


def test_a_mask_from_a_path(tmp_path):
    (tmp_path / "mask.png").write_bytes(encoded(WHITE, "PNG"))
    np.testing.assert_array_equal(masks.read(tmp_path / "mask.png", 20, 30), HOLE)
    with pytest.raises(PictureError, match="no such file"):
        masks.read(tmp_path / "missing.png", 20, 30)


def test_what_is_transparent_is_no_hole():
    painted = np.full((20, 30, 4), 255, np.uint8)
    painted[..., 3] = WHITE
    np.testing.assert_array_equal(masks.read(painted, 20, 30), HOLE)


def test_another_size():
    with pytest.raises(MaskError, match="the mask has 30 x 20 pixels, the picture 31 x 20"):
        masks.read(WHITE, 20, 31)


def test_all_black_and_all_white():
    for value, reason in ((0, "all black"), (255, "all white")):
        with pytest.raises(MaskError, match=reason):
            masks.read(np.full((20, 30), value, np.uint8), 20, 30)
    with pytest.raises(MaskError, match="all white"):
        masks.read(WHITE + np.uint8(10) * (WHITE == 0), 20, 30, threshold=5)


def test_grey_needs_a_threshold():
    grey = np.where(HOLE, 200, 60).astype(np.uint8)
    with pytest.raises(MaskError, match=r"600 pixels are grey.*threshold"):
        masks.read(grey, 20, 30)
    for threshold in (61, 128, 200):
        np.testing.assert_array_equal(masks.read(grey, 20, 30, threshold), HOLE)
    with pytest.raises(MaskError, match="all black"):
        masks.read(grey, 20, 30, 201)
    for threshold in (0, 256, -1):
        with pytest.raises(MaskError, match="from 1 to 255"):
            masks.read(grey, 20, 30, threshold)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(("height", "width"), [(128, 128), (300, 451), (33, 200), (16, 16)])
def test_random_masks_cover_what_they_promise(seed, height, width):
    for make, low, high in ((masks.rectangles, 0.05, 0.40), (masks.free_form, 0.10, 0.40)):
        mask = make(rng_for(seed, "a"), height, width)
        assert mask.shape == (height, width)
        assert mask.dtype == bool
        assert low <= mask.mean() <= high
        masks.check(mask)
        np.testing.assert_array_equal(mask, make(rng_for(seed, "a"), height, width))
        assert (mask != make(rng_for(seed, "b"), height, width)).any()


def test_free_form_keeps_to_other_limits():
    for seed in range(8):
        assert 0.2 <= masks.free_form(rng_for(seed), 200, 200, 0.2, 0.3).mean() <= 0.3


@pytest.mark.parametrize("seed", range(12))
def test_scratches_are_thin_and_few(seed):
    for height, width in ((512, 512), (300, 451), (1000, 700)):
        mask = masks.scratches(rng_for(seed), height, width)
        np.testing.assert_array_equal(mask, masks.scratches(rng_for(seed), height, width))
        assert 0.005 < mask.mean() < 0.08


def test_pictures_too_small_for_random_masks():
    for make in (masks.rectangles, masks.free_form):
        with pytest.raises(MaskError, match="at least 16 pixels"):
            make(rng_for(0), 15, 200)
