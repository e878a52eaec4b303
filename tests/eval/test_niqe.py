"""NIQE against its formula written out block by block, and against pyiqa's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import savemat
from scipy.ndimage import gaussian_filter
from scipy.optimize import minimize_scalar
from scipy.special import gamma
from skimage.color import rgb2ycbcr

from eval import niqe
from eval.metrics import METRICS, NotComputable
from tests.eval.helpers import photograph
from zoo.nn.torchvision_compat import ensure_torchvision
from zoo.weights import places


def blurred(image: np.ndarray) -> np.ndarray:
    return gaussian_filter(image, (1.2, 1.2, 0))


def noisy(image: np.ndarray) -> np.ndarray:
    return np.clip(image + np.random.default_rng(0).normal(0, 12, image.shape), 0, 255).astype(np.uint8)


def model() -> dict[str, np.ndarray]:
    from safetensors.numpy import load_file

    return load_file(places.BUNDLED / "niqe.safetensors")


def asymmetric(values: np.ndarray) -> tuple[float, float, float]:
    """Shape and scales of an asymmetric generalized Gaussian: the moments' equation solved, not looked up."""
    left, right = (np.sqrt(np.mean(side**2)) for side in (values[values < 0], values[values > 0]))
    skew = left / right
    ratio = np.mean(np.abs(values)) ** 2 / np.mean(values**2)
    ratio *= (skew**3 + 1) * (skew + 1) / (skew**2 + 1) ** 2
    shape = minimize_scalar(
        lambda s: (gamma(2 / s) ** 2 / (gamma(1 / s) * gamma(3 / s)) - ratio) ** 2,
        bounds=(0.2, 10),
        method="bounded",
        options={"xatol": 1e-7},
    ).x
    scale = np.sqrt(gamma(1 / shape) / gamma(3 / shape))
    return shape, left * scale, right * scale


def reference(image: np.ndarray) -> float:
    """The paper's steps, one after another."""
    y, x = np.mgrid[-3:4, -3:4]
    window = np.exp(-(x**2 + y**2) / 2 / (7 / 6) ** 2)
    window /= window.sum()
    height, width = (side // 96 * 96 for side in image.shape[:2])
    plane = np.round(rgb2ycbcr(image[:height, :width])[..., 0])
    small = Image.fromarray(plane.astype(np.float32)).resize((width // 2, height // 2), Image.Resampling.BICUBIC)
    features = []
    for luma, side in ((plane, 96), (np.asarray(small, np.float64), 48)):
        padded = np.pad(luma, 3, mode="edge")
        seen = np.lib.stride_tricks.sliding_window_view(padded, (7, 7))
        mean = np.einsum("hwij,ij->hw", seen, window)
        deviation = np.sqrt(np.abs(np.einsum("hwij,ij->hw", seen**2, window) - mean**2))
        normal = (luma - mean) / (deviation + 1)
        rows = []
        for top in range(0, luma.shape[0], side):
            for start in range(0, luma.shape[1], side):
                block = normal[top : top + side, start : start + side]
                shape, left, right = asymmetric(block)
                row = [shape, (left + right) / 2]
                for shift in ((0, 1), (1, 0), (1, 1), (1, -1)):
                    shape, left, right = asymmetric(block * np.roll(block, shift, (0, 1)))
                    row += [shape, (right - left) * gamma(2 / shape) / gamma(1 / shape), left, right]
                rows.append(row)
        features.append(rows)
    features = np.concatenate(features, axis=1)
    difference = features.mean(axis=0) - model()["mu"]
    spread = (np.cov(features.T) + model()["cov"]) / 2
    return float(np.sqrt(difference @ np.linalg.pinv(spread) @ difference))


@pytest.mark.parametrize("degrade", [lambda image: image, blurred, noisy], ids=["clean", "blurred", "noisy"])
def test_it_is_the_formula(degrade):
    image = degrade(photograph("chelsea"))
    # Shapes come from a table of steps of 0.001, and Pillow has other edges in the smaller picture.
    assert niqe.niqe(image) == pytest.approx(reference(image), rel=0.01)


@pytest.mark.parametrize("degrade", [lambda image: image, blurred, noisy], ids=["clean", "blurred", "noisy"])
def test_it_is_pyiqas(degrade, tmp_path):
    ensure_torchvision()
    import pyiqa

    savemat(tmp_path / "model.mat", {"mu_prisparam": model()["mu"][None], "cov_prisparam": model()["cov"]})
    theirs = pyiqa.create_metric(
        "niqe", device="cpu", pretrained_model_path=str(tmp_path / "model.mat"), color_space="ycbcr"
    )
    image = degrade(photograph("chelsea"))
    tensor = torch.tensor(image).permute(2, 0, 1)[None].float() / 255
    assert niqe.niqe(image) == pytest.approx(float(theirs(tensor)), rel=2e-3)


def test_pristine_is_better_and_the_truth_plays_no_part():
    image = photograph("coffee")
    compute = METRICS["niqe"].compute
    assert METRICS["niqe"].unavailable_reason() is None and not METRICS["niqe"].higher_is_better
    assert compute(image, image, None) == compute(image, blurred(image), None)
    assert compute(image, image, None) < min(compute(worse(image), image, None) for worse in (blurred, noisy))


def test_what_has_no_statistics():
    with pytest.raises(NotComputable, match="192 x 192"):
        niqe.niqe(photograph("coffee")[:191])
    with pytest.raises(NotComputable, match="contrast"):
        niqe.niqe(np.full((200, 200, 3), 90, np.uint8))


def test_without_its_model_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(places, "BUNDLED", tmp_path)
    monkeypatch.delenv("ZOO_WEIGHTS", raising=False)
    assert METRICS["niqe"].unavailable_reason().startswith("niqe.safetensors")
