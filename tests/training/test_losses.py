from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import ndimage
from skimage.metrics import structural_similarity
from torch.distributions import Normal, kl_divergence

from tests.training.pictures import photograph
from training import embedding, losses
from zoo.errors import ZooError
from zoo.faces import align
from zoo.faces.similarity import ArcFace
from zoo.nn import vgg
from zoo.weights import places


def pair(side: int = 48) -> tuple[np.ndarray, np.ndarray]:
    """Two different crops, HxWx3 float32 in [0, 1]."""
    picture = photograph("chelsea")[:, :, :3].astype(np.float32) / 255
    return picture[40 : 40 + side, 100 : 100 + side], picture[42 : 42 + side, 103 : 103 + side]


def tensors(*pictures: np.ndarray) -> tuple[torch.Tensor, ...]:
    return tuple(torch.from_numpy(picture.transpose(2, 0, 1).copy())[None] for picture in pictures)


def test_charbonnier_against_numpy():
    a, b = np.random.default_rng(0).random((2, 2, 3, 5, 7)).astype(np.float32)
    expected = np.mean(np.sqrt((a.astype(np.float64) - b) ** 2 + 0.01**2))
    one, other = torch.from_numpy(a), torch.from_numpy(b)
    assert losses.charbonnier(one, other, 0.01).item() == pytest.approx(expected, rel=1e-5)
    assert losses.l1(one, other).item() == pytest.approx(np.abs(a - b).mean(), rel=1e-5)


def test_ssim_against_scikit_image():
    a = pair()[0]
    b = ndimage.gaussian_filter(a, (1, 1, 0))  # no structure turned round: pyiqa counts such as 0
    expected = 1 - structural_similarity(
        a, b, channel_axis=2, data_range=1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    assert losses.ssim(*tensors(a, b)).item() == pytest.approx(expected, abs=1e-3)
    assert losses.ssim(*tensors(a, a)).item() == pytest.approx(0, abs=1e-6)
    with torch.autocast("cpu", torch.bfloat16):
        assert losses.ssim(*tensors(a, b)).item() == pytest.approx(losses.ssim(*tensors(a, b)).item(), abs=1e-5)


def test_edge_against_scipy():
    a, b = pair()
    inner = (slice(1, -1), slice(1, -1))
    difference = [ndimage.laplace(a[..., c].astype(float) - b[..., c])[inner] for c in range(3)]
    expected = np.mean(np.sqrt(np.square(difference) + 1e-6))
    assert losses.edge(*tensors(a, b)).item() == pytest.approx(expected, rel=1e-4)


def test_kl_against_torch():
    mean, log_variance = torch.randn(2, 3, 5)
    expected = kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0)).sum(1).mean()
    assert torch.allclose(losses.kl(torch.cat([mean, log_variance], 1), torch.empty(0)), expected, rtol=1e-5)


def test_perceptual_is_the_squared_difference_of_features(monkeypatch):
    network = torch.nn.Conv2d(3, 4, 3)
    monkeypatch.setattr(losses, "_vgg", lambda device: network)
    a, b = (t.requires_grad_(True) for t in tensors(*pair(16)))
    expected = (network(a) - network(b)).square().mean()
    loss = losses.perceptual(a, b)
    assert torch.allclose(loss, expected)
    loss.backward()
    assert a.grad.abs().sum() > 0 and b.grad is None  # the target is fixed


def test_perceptual_without_its_file_says_what_is_missing(monkeypatch, tmp_path):
    monkeypatch.setattr(places, "BUNDLED", tmp_path / "nothing")
    monkeypatch.setenv("ZOO_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    losses._vgg.cache_clear()
    assert vgg.missing() is not None
    with pytest.raises(ZooError, match="vgg19"):
        losses.perceptual(*tensors(*pair(16)))


def test_identity_is_one_minus_the_cosine(monkeypatch):
    monkeypatch.setattr(losses, "_embedding", lambda device: torch.nn.Flatten())
    a, b = tensors(*pair(8))
    expected = 1 - float((a * b).sum() / (a.norm() * b.norm()))
    assert losses.identity(a, b).item() == pytest.approx(expected, abs=1e-5)
    assert losses.identity(a, 3 * a).item() == pytest.approx(0, abs=1e-6)


def test_the_embedding_sees_faces_as_the_metric_does():
    """The loss and the metric cut the same 112 pixels out of an aligned portrait."""
    portrait = photograph("astronaut")[:256, 100:356]
    matrix = align.similarity(align.template(256), ArcFace.POINTS)
    expected = align.warp(portrait, matrix, ArcFace.SIDE, ArcFace.SIDE).astype(np.float32) / 255
    seen = embedding.FaceEmbedding(torch.nn.Identity())(*tensors(portrait.astype(np.float32) / 255))
    found = (seen * torch.from_numpy(ArcFace.DEVIATION).view(3, 1, 1) + torch.from_numpy(ArcFace.MEAN).view(3, 1, 1))[0]
    difference = np.abs(found.permute(1, 2, 0).numpy() - expected)[2:-2, 2:-2]
    assert difference.mean() < 0.03 and not math.isnan(difference.max())


def test_the_embedding_names_its_package(monkeypatch):
    import builtins

    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "onnx2torch":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ZooError, match="pip install onnx2torch"):
        embedding.load_embedding()
