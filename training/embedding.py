"""MobileFaceNet as a torch module, for the identity loss: the same network and alignment as `zoo.faces.similarity`."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.errors import ZooError
from zoo.faces import align, helpers
from zoo.faces.similarity import ArcFace
from zoo.nn.torchvision_compat import ensure_torchvision


class FaceEmbedding(nn.Module):
    """N x 3 x S x S aligned portraits (RGB in [0, 1]) to N x 128 embeddings, not normalized."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.from_numpy(ArcFace.MEAN).view(1, 3, 1, 1))
        self.register_buffer("deviation", torch.from_numpy(ArcFace.DEVIATION).view(1, 3, 1, 1))

    def forward(self, portraits: Tensor) -> Tensor:
        """See the class."""
        grid = _grid(portraits.shape[-1], ArcFace.SIDE).to(portraits)
        faces = F.grid_sample(portraits, grid.expand(len(portraits), -1, -1, -1), align_corners=False)
        with torch.autocast(portraits.device.type, enabled=False):
            return self.network((faces.float() - self.mean) / self.deviation)


def _grid(side: int, small: int) -> Tensor:
    """Sampling grid (for grid_sample) of a face of `small` pixels in an aligned portrait of `side` pixels."""
    inverse = align.similarity(ArcFace.POINTS, align.template(side))
    y, x = np.mgrid[:small, :small]
    points = align.apply(inverse, np.stack([x.ravel(), y.ravel()], axis=1).astype(float))
    return torch.from_numpy((points + 0.5) * (2 / side) - 1).view(1, small, small, 2)


def load_embedding() -> FaceEmbedding:
    """MobileFaceNet from mobilefacenet.onnx, frozen.

    Raises WeightsError when the file is missing, ZooError when the package onnx2torch is.
    """
    ensure_torchvision()  # onnx2torch imports it
    try:
        from onnx2torch import convert
    except ImportError:
        raise ZooError(
            "the identity loss reads mobilefacenet.onnx through a package: pip install onnx2torch."
        ) from None
    network = convert(str(helpers.fetch(helpers.MOBILEFACENET).files[0].path))
    return FaceEmbedding(network).eval().requires_grad_(False)
