"""Distances that were fitted to people's judgments: LPIPS and DISTS. Their backbones are downloads of torchvision's."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np

from zoo.nn.torchvision_compat import ensure_torchvision
from zoo.weights.known import KnownFile

from .metric import Compute, NotComputable, tensor_of


def _lpips_file(name: str, what: str, network: str) -> KnownFile:
    digits = name.rpartition("-")[2].partition(".")[0]
    command = f"python -c \"import lpips; lpips.LPIPS(net='{network}')\""
    return KnownFile(name, what, digits, "checkpoints", command)


BACKBONES = {
    "alex": _lpips_file("alexnet-owt-7be5be79.pth", "torchvision's AlexNet, 233 MB", "alex"),
    "vgg": _lpips_file("vgg16-397923af.pth", "torchvision's VGG-16, 528 MB", "vgg"),
    "squeeze": _lpips_file("squeezenet1_1-b8a52dc0.pth", "torchvision's SqueezeNet 1.1, 5 MB", "squeeze"),
}
"""LPIPS's name of a network -> the weights of its layers."""
DISTS_WEIGHTS = KnownFile(
    "DISTS_weights-f5e65c96.pth", "the weights of DISTS, 12 kB", "f5e65c96", "pyiqa",
    "python -c \"import pyiqa; pyiqa.create_metric('dists')\"",
)  # fmt: skip


def lpips_missing(network: str) -> str | None:
    """Why LPIPS with that network cannot be computed on this machine, or None."""
    return BACKBONES[network].missing()


def lpips_distance(network: str) -> Compute:
    """LPIPS 0.1 with alex, vgg or squeeze. The function raises NotComputable.

    Zhang et al., "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric" (CVPR 2018).
    """

    def compute(restored: np.ndarray, target: np.ndarray, mask: np.ndarray | None) -> float:
        import torch

        if min(target.shape[:2]) < 64:
            raise NotComputable("needs pictures of at least 64 x 64 pixels")
        path = _here(BACKBONES[network])
        with torch.inference_mode():
            model = _lpips(network, path, path.stat().st_mtime_ns)
            return float(model(tensor_of(restored) * 2 - 1, tensor_of(target) * 2 - 1))

    return compute


def _here(file: KnownFile) -> Path:
    path = file.path()
    if path is None:
        raise NotComputable(f"needs a file: {file.missing()}")
    return path


@functools.cache
def _lpips(network: str, path: Path, changed: int):
    """The network with the backbone of this file, which `lpips_missing` has checked."""
    ensure_torchvision()
    import lpips
    import torch

    # The package has the linear heads inside; the backbone is set by hand, as its own loader would download it.
    model = lpips.LPIPS(net=network, version="0.1", pnet_rand=True, verbose=False).eval()
    state = torch.load(path, map_location="cpu", weights_only=True)
    for name, part in model.net.named_children():
        if name.startswith("slice"):
            for index, layer in part.named_children():
                start = f"features.{index}."
                layer.load_state_dict({k.removeprefix(start): v for k, v in state.items() if k.startswith(start)})
    return model


def dists_missing() -> str | None:
    """Why DISTS cannot be computed on this machine, or None."""
    return DISTS_WEIGHTS.missing() or BACKBONES["vgg"].missing()


def dists(restored: np.ndarray, target: np.ndarray, mask: np.ndarray | None = None) -> float:
    """DISTS, 0 for equal pictures; the mask is not used. Raises NotComputable.

    Ding et al., "Image Quality Assessment: Unifying Structure and Texture Similarity" (IEEE TPAMI 2020): means and
    covariances of the pixels and of five stages of VGG-16 whose pools are blurs of the square (L2 pooling). The
    published code makes pictures smaller before; here, as in pyiqa, they keep their size.
    """
    import torch

    if min(target.shape[:2]) < 32:
        raise NotComputable("needs pictures of at least 32 x 32 pixels")
    paths = _here(BACKBONES["vgg"]), _here(DISTS_WEIGHTS)
    backbone, alpha, beta = _dists(*paths, *(path.stat().st_mtime_ns for path in paths))
    similarity, first = 0.0, 0
    with torch.inference_mode():
        for x, y in zip(backbone(tensor_of(restored)), backbone(tensor_of(target)), strict=True):
            mean_x, mean_y = x.mean((2, 3)), y.mean((2, 3))
            covariance = (x * y).mean((2, 3)) - mean_x * mean_y
            variances = x.var((2, 3), unbiased=False) + y.var((2, 3), unbiased=False)
            texture = (2 * mean_x * mean_y + 1e-6) / (mean_x**2 + mean_y**2 + 1e-6)
            structure = (2 * covariance + 1e-6) / (variances + 1e-6)
            part = slice(first, first + x.shape[1])
            similarity += float((alpha[part] * texture[0] + beta[part] * structure[0]).sum())
            first += x.shape[1]
    return 1 - similarity


@functools.cache
def _dists(vgg: Path, weights: Path, *changed: int):
    """VGG-16 as a function to six stages (the picture is the first), and the weights of their channels."""
    ensure_torchvision()
    import torch
    import torchvision

    network = torchvision.models.vgg16(weights=None)
    state = torch.load(vgg, map_location="cpu", weights_only=True)
    network.features.load_state_dict(
        {k.removeprefix("features."): v for k, v in state.items() if k.startswith("features.")}
    )
    layers = network.features.eval()
    heads = torch.load(weights, map_location="cpu", weights_only=True)
    alpha, beta = (heads[name].flatten() for name in ("alpha", "beta"))
    total = alpha.sum() + beta.sum()
    mean, deviation = (torch.tensor(v).view(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    window = torch.tensor(np.hanning(5)[1:-1], dtype=torch.float32)
    window = (window[:, None] * window) / window.sum() ** 2

    def stages(x: torch.Tensor) -> list[torch.Tensor]:
        found = [x]
        x = (x - mean) / deviation
        for layer in layers[:30]:
            if isinstance(layer, torch.nn.MaxPool2d):
                found.append(x)
                kernel = window.expand(x.shape[1], 1, 3, 3)
                squares = torch.nn.functional.conv2d(x**2, kernel, stride=2, padding=1, groups=x.shape[1])
                x = (squares + 1e-12).sqrt()
            else:
                x = layer(x)
        return [*found, x]

    return stages, alpha / total, beta / total
