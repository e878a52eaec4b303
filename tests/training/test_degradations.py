from __future__ import annotations

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio

from tests.training.pictures import photograph
from zoo import degradations
from zoo.degradations.chains import CHAINS
from zoo.seeding import rng_for

PINNED = {
    "motion": 26.872,
    "gaussian": 26.668,
    "motion-blur v2": 26.501,
    "noise v2": 16.12,
    "jpeg v2": 28.055,
    "blind-face v2": 26.029,
    "mixed v2": 26.505,
    "phone-dark v2": 29.988,
    "low-light v2": 10.303,
    "phone-motion v2": 29.065,
    "phone-compressed v2": 26.536,
    "old-photo v2": 16.977,
    "grey v1": 17.731,
    "defocus v1": 24.488,
    "surveillance v1": 24.05,
    "product-shot v1": 25.94,
    "medical-detail v1": 17.24,
}


def small(name: str = "chelsea") -> np.ndarray:
    return photograph(name)[60:188, 120:290].astype(np.float32) / 255


@pytest.mark.parametrize("chain", CHAINS.values(), ids=str)
def test_chains_are_seeded_and_in_range(chain):
    clean = small()
    before = clean.copy()
    outputs = [chain(clean, rng_for("chain", seed)) for seed in range(12)]
    for seed, output in enumerate(outputs):
        assert output.shape == clean.shape and output.dtype == np.float32
        assert output.min() >= 0 and output.max() <= 1
        assert np.array_equal(output, chain(clean, rng_for("chain", seed)))
        assert 8 < peak_signal_noise_ratio(clean, output, data_range=1) < 45
    fewest = 1 if chain.id == "grey" else 10  # it draws nothing; qualities of JPEG may meet
    assert len({output.tobytes() for output in outputs}) >= fewest
    assert np.array_equal(clean, before)


@pytest.mark.parametrize("chain", CHAINS.values(), ids=str)
@pytest.mark.parametrize("shape", [(8, 8), (3, 40), (1, 1)])
def test_chains_take_small_pictures(chain, shape):
    output = chain(np.full((*shape, 3), 0.5, np.float32), rng_for("small", chain.id))
    assert output.shape == (*shape, 3) and np.isfinite(output).all()


def test_pinned_outputs():
    """Result files hold on to the inputs that these make: another figure needs another version of the chain."""
    clean, rng = small(), rng_for("pinned", 0)
    motion = degradations.motion_blur(clean, rng)
    outputs = {"motion": motion, "gaussian": degradations.gaussian_noise(motion, rng, 0.01)}
    outputs |= {str(chain): chain(clean, rng_for("pinned", 0)) for chain in CHAINS.values()}
    found = {name: peak_signal_noise_ratio(clean, output, data_range=1) for name, output in outputs.items()}
    assert found == pytest.approx(PINNED, abs=0.01)


def test_kernels_sum_to_one_and_are_centered():
    y, x = np.mgrid[-20:21, -20:21]
    for angle in (0, 0.7, 2.0):
        kernel = degradations.linear_kernel(15, angle)
        assert kernel.sum() == pytest.approx(1, abs=1e-5)
        assert (kernel * x).sum() == pytest.approx(0, abs=1e-4) and (kernel * y).sum() == pytest.approx(0, abs=1e-4)
        # A line of length L has a variance of L^2 / 12 along itself and none across.
        along = (kernel * (x * np.cos(angle) + y * np.sin(angle)) ** 2).sum()
        across = (kernel * (y * np.cos(angle) - x * np.sin(angle)) ** 2).sum()
        assert along == pytest.approx(15**2 / 12, rel=0.05) and across < 0.3
    for radius in (0.5, 2, 4.5):
        kernel = degradations.disk_kernel(radius)
        assert kernel.sum() == pytest.approx(1, abs=1e-5) and np.array_equal(kernel, kernel[::-1].T)
    with pytest.raises(ValueError, match="does not fit"):
        degradations.linear_kernel(60, 0)


def test_rotation_leaves_the_center_and_blurs_the_rest():
    board = (np.indices((96, 96)).sum(0) // 4 % 2).astype(np.float32)[..., None].repeat(3, 2)
    blurred = degradations.rotation_blur(board, 0.2, (48, 48))
    error = np.abs(blurred - board).mean(axis=2)
    assert error[46:51, 46:51].mean() < 0.2 < error[:10, :10].mean()


def test_a_moving_camera_blurs_by_its_path_and_shifts_nothing():
    picture = small()
    mild, strong = (degradations.camera_motion(picture, rng_for("camera", 0), length) for length in (1, 15))
    errors = [np.abs(blurred - picture).mean() for blurred in (mild, strong)]
    assert 0 < errors[0] < 0.5 * errors[1]
    assert np.allclose(degradations.camera_motion(picture, rng_for("camera", 0), 0), picture, atol=1e-5)
    spot = np.zeros((65, 65, 3), np.float32)
    spot[32, 32] = 1
    centers = []
    for seed in range(20):
        light = degradations.camera_motion(spot, rng_for("spot", seed), 6, 1.0).sum(2)
        assert light.max() < 1.5  # of 3: it is spread out
        centers.append(np.array([(light.sum(1 - axis) * np.arange(65)).sum() / light.sum() for axis in (0, 1)]) - 32)
    assert np.abs(centers).max() < 2 and np.abs(np.mean(centers, axis=0)).max() < 0.5
    dark = degradations.camera_motion(picture, rng_for("camera", 1), 12, 1.0)
    assert dark.mean() < degradations.camera_motion(picture, rng_for("camera", 1), 12).mean()  # light outweighs shade


def test_a_part_of_a_scene_moves_by_itself():
    picture = small()
    still = degradations.scene_motion(picture, rng_for("scene", 0), (0, 0))
    assert np.allclose(still, picture, atol=1e-5)
    for lengths in ((0, 15), (15, 0)):
        shares = []
        for seed in range(8):
            moved = degradations.scene_motion(picture, rng_for("scene", seed), lengths)
            shares.append((np.abs(moved - picture).max(axis=2) > 0.01).mean())
        assert 0.05 < np.mean(shares) < 0.9  # the rest stays as it is
    both = degradations.scene_motion(picture, rng_for("scene", 0), (15, 15))
    assert (np.abs(both - picture).max(axis=2) > 0.01).mean() > 0.8


def test_shot_noise_has_the_variance_of_its_photons():
    grey = np.full((256, 256, 3), 0.5, np.float32)
    linear = 0.5**degradations.GAMMA
    noisy = degradations.poisson_noise(grey, np.random.default_rng(0), 2000).astype(np.float64) ** degradations.GAMMA
    assert noisy.mean() == pytest.approx(linear, rel=1e-3)
    assert noisy.var() == pytest.approx(linear / 2000, rel=0.02)


def test_low_light_is_darker_by_the_exposure():
    grey = np.full((128, 128, 3), 0.7, np.float32)
    dark = degradations.low_light(grey, np.random.default_rng(0), 0.5, 500, 0.005).astype(np.float64)
    assert (dark**degradations.GAMMA).mean() == pytest.approx(0.5 * 0.7**degradations.GAMMA, rel=0.01)


def test_fade_keeps_grey_and_maps_white_to_the_paper():
    ramp = np.linspace(0, 1, 11, dtype=np.float32)[None, :, None].repeat(3, 2)
    paper = (0.9, 0.85, 0.7)
    assert np.allclose(degradations.fade(ramp, 1, 1, (1, 1, 1)), ramp, atol=1e-6)
    faded = degradations.fade(ramp, 0.3, 0.6, paper)
    assert np.allclose(faded[0, -1], paper, atol=1e-6) and np.allclose(faded[0, 0], np.multiply(paper, 0.24), atol=1e-6)
    red = degradations.fade(np.array([[[1, 0, 0]]], np.float32), 0, 1, (1, 1, 1))
    assert np.allclose(red, 0.299, atol=1e-6)  # all color gone: its luma is left
