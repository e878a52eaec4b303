from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from tests.training.pictures import photograph
from zoo.nn.biharmonic import biharmonic
from zoo.nn.filling import THIN, FillingBackend, textured, thin_holes


def depth_of(hole: np.ndarray) -> np.ndarray:
    return cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, 5)


def holed(kind: str) -> tuple[np.ndarray, np.ndarray]:
    """(a photograph, a hole in it: a line of 3 pixels, or a square of 60)."""
    image = photograph("coffee")[100:292, 100:356].astype(np.float32) / 255
    hole = np.zeros(image.shape[:2], bool)
    if kind == "thin":
        hole[90:93, 20:230] = True
    else:
        hole[70:130, 90:150] = True
    return image, hole


def smooth(image: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """The picture with a fill that has no texture: the mean of what is known."""
    return np.where(hole[..., None], image[~hole].mean(axis=0), image).astype(np.float32)


def test_holes_are_thin_where_no_pixel_is_deep():
    hole = np.zeros((100, 120), bool)
    hole[10:13, 5:100] = hole[40:80, 40:80] = True
    hole[60:62, 80:110] = True  # a thin part of a wide hole is none by itself
    thin = thin_holes(hole, depth_of(hole))
    assert thin[10:13, 5:100].all() and not thin[30:].any()
    assert depth_of(hole)[60, 60] > THIN


@pytest.mark.parametrize("kind", ["thin", "wide"])
def test_only_the_hole_changes_and_nothing_is_taken_from_under_it(kind):
    image, hole = holed(kind)
    learned = smooth(image, hole)
    filled = textured(learned, hole)
    assert filled.dtype == np.float32 and filled.shape == image.shape
    assert np.array_equal(filled[~hole], image[~hole])
    assert np.abs(filled - learned)[hole].mean() > 0.01 and filled.min() >= 0 and filled.max() <= 1
    assert np.array_equal(textured(learned, hole), filled)


def test_a_wide_hole_gets_the_texture_around_it():
    _, hole = holed("wide")
    image = np.repeat(
        (np.indices(hole.shape).sum(0) % 10 < 5)[..., None] * np.float32(0.4) + np.float32(0.3), 3, axis=2
    )
    learned = smooth(image, hole)
    inside = textured(learned, hole)[85:115, 105:135]
    assert np.abs(learned - image)[hole].mean() > 0.19  # it has no stripes
    assert np.abs(inside - image[85:115, 105:135]).mean() < 0.15 and inside.std() > 0.5 * image.std()


def test_a_thin_hole_is_filled_better_than_by_the_surface_alone():
    image, hole = holed("thin")
    worst = smooth(image, hole)
    errors = [np.square(one - image)[hole].mean() for one in (textured(worst, hole), biharmonic(worst, hole), worst)]
    assert errors[0] < errors[1] < errors[2]


@pytest.mark.parametrize("value", [False, True])
def test_without_holes_or_without_known_pixels_nothing_is_done(value):
    image, hole = holed("wide")
    assert textured(image, np.full_like(hole, value)) is image


def test_the_backend_gives_the_network_the_mask_and_textures_what_it_makes():
    class Grey(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            assert set(x[:, 3:].unique().tolist()) == {0, 1}
            return torch.where(x[:, 3:] > 0, 0.5, x[:, :3])

    image, hole = holed("wide")
    given = torch.from_numpy(image).permute(2, 0, 1)[None]
    mask = torch.from_numpy(hole)[None, None].float() * 0.7
    filled = FillingBackend(Grey()).run(torch.cat([given, given]), torch.cat([mask, mask]))
    expected = textured(np.where(hole[..., None], np.float32(0.5), image), hole)
    for one in filled:
        assert np.array_equal(one.permute(1, 2, 0).numpy(), expected)
