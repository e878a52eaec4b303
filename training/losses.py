"""Losses between a restored picture and its target, N x 3 x H x W RGB in about [0, 1]; each gives a scalar.

Adversarial losses are in `adversarial`.
"""

from __future__ import annotations

import functools

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def charbonnier(restored: Tensor, target: Tensor, epsilon: float = 1e-3) -> Tensor:
    """A smooth absolute difference, sqrt(d^2 + epsilon^2) (Lai et al., LapSRN, arXiv:1704.03915)."""
    return (restored - target).square().add(epsilon * epsilon).sqrt().mean()


def l1(restored: Tensor, target: Tensor) -> Tensor:
    """The mean absolute difference."""
    return F.l1_loss(restored, target)


def ssim(restored: Tensor, target: Tensor) -> Tensor:
    """1 - SSIM, mean of R, G and B (Wang et al., IEEE TIP 2004), by pyiqa. H and W are at least 11."""
    from zoo.nn.torchvision_compat import ensure_torchvision

    ensure_torchvision()
    from pyiqa.archs import ssim_arch

    # Variances are small differences of large sums, for which bfloat16 is too coarse.
    with torch.autocast(restored.device.type, enabled=False):
        return 1 - ssim_arch.ssim(restored.clamp(0, 1) * 255, target * 255, data_range=255).mean()


def edge(restored: Tensor, target: Tensor) -> Tensor:
    """Charbonnier of the Laplacian (Zamir et al., MPRNet, CVPR 2021, equation 3), at full size."""
    kernel = restored.new_tensor([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]]).expand(3, 1, 3, 3)
    with torch.autocast(restored.device.type, enabled=False):
        return charbonnier(*(F.conv2d(picture.float(), kernel, groups=3) for picture in (restored, target)))


@functools.cache
def _vgg(device: torch.device) -> nn.Module:
    from zoo.nn.vgg import load_vgg

    return load_vgg().to(device)


def perceptual(restored: Tensor, target: Tensor) -> Tensor:
    """The mean squared difference of VGG-19's features after conv3_1 (Johnson et al., ECCV 2016, equation 2).

    Raises ZooError when no VGG file is here (see `zoo.nn.vgg`).
    """
    network = _vgg(restored.device)
    with torch.no_grad():
        target_features = network(target)
    return F.mse_loss(network(restored).float(), target_features.float())


@functools.cache
def _embedding(device: torch.device) -> nn.Module:
    from .embedding import load_embedding

    return load_embedding().to(device)


def identity(restored: Tensor, target: Tensor) -> Tensor:
    """1 - cosine of MobileFaceNet's embeddings of aligned square portraits (Deng et al., ArcFace, CVPR 2019).

    Raises ZooError when the network's file or the package onnx2torch is missing (see `training.embedding`).
    """
    network = _embedding(restored.device)
    with torch.no_grad():
        target_embedding = network(target)
    return 1 - F.cosine_similarity(network(restored), target_embedding).mean()


def kl(latent: Tensor, target: Tensor) -> Tensor:
    """KL divergence of N(mean, exp(log_variance)) from N(0, 1), summed over the latent, mean over the batch.

    latent: N x 2Z, first the means, then the log variances. The target is not used (Kingma and Welling,
    arXiv:1312.6114, appendix B).
    """
    mean, log_variance = latent.float().chunk(2, dim=1)
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).flatten(1).sum(1).mean()
