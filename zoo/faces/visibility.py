"""How much of a face is covered: a small network that this project trained (training/visibility.py), bundled.

It marks what lies in front of an aligned face (a hand, a cup, another head) on a coarse map. What belongs to a
person (glasses, beard, hair) was in the training portraits uncovered, and counts as visible.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..card import ModelCard, Weights
from ..nn.layers import build_with
from ..weights import load_tensors, resolve

SIDE, CELLS = 64, 16
"""Of the crop that the network sees, in pixels, and of its map, in cells."""
MIDDLE, RADII = (0.5, 0.575), (0.27, 0.34)
"""Of the oval from the brows' upper end to the chin, in parts of the aligned crop's side."""
CARD = ModelCard(
    id="face-visibility.mini",
    title="What covers a face",
    tasks=("face",),
    license="MIT",
    weights=Weights(
        "face-visibility.safetensors",
        "MIT",
        size=343554,
        sha256="02fff8d6b9aa7a735804fff3e8674d49202a43c4f3f0fb23d9f553961d476f7f",
    ),
)


class Network(nn.Module):
    """A U-Net of 64, 32, 16 and 8 pixels. N x 3 x 64 x 64 RGB in [0, 1] -> N x 1 x 16 x 16 logits of "covered"."""

    def __init__(self):
        super().__init__()
        self.stem = _block(5, 16, stride=1)
        self.down1, self.down2, self.down3 = _block(16, 32), _block(32, 48), _block(48, 64)
        self.deep = nn.Sequential(_block(64, 64, stride=1), _block(64, 64, stride=1))
        self.up = _block(64 + 48, 48, stride=1)
        self.head = nn.Conv2d(48, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        # Light and contrast of the picture say nothing: mean and deviation of each picture become 0 and 1.
        x = (x - x.mean((1, 2, 3), keepdim=True)) / (x.std((1, 2, 3), keepdim=True) + 0.05)
        line = torch.linspace(-1, 1, x.shape[-1], dtype=x.dtype)
        place = torch.stack(torch.meshgrid(line, line, indexing="ij")).expand(len(x), -1, -1, -1)
        x = self.down2(self.down1(self.stem(torch.cat([x, place], 1))))
        deep = F.interpolate(self.deep(self.down3(x)), scale_factor=2, mode="bilinear", align_corners=False)
        return self.head(self.up(torch.cat([deep, x], 1)))


def _block(inputs: int, outputs: int, stride: int = 2) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.LeakyReLU(0.1)
    )


def face_oval(side: int) -> np.ndarray:
    """side x side bool: the cells of an aligned crop that are face, from the brows to the chin."""
    parts = (np.arange(side) + 0.5) / side
    return ((parts - MIDDLE[0]) / RADII[0])[None] ** 2 + ((parts - MIDDLE[1]) / RADII[1])[:, None] ** 2 <= 1


class Visibility:
    """The network with its weights."""

    def __init__(self):
        """Raises WeightsError when the bundled file is missing or damaged."""
        state = {name: tensor.float() for name, tensor in load_tensors(resolve(CARD)).items()}
        self.network = build_with(Network, state)

    def maps(self, crops: list[np.ndarray]) -> np.ndarray:
        """How surely each cell is covered: N x CELLS x CELLS in [0, 1], of N aligned SxSx3 uint8 RGB crops."""
        small = [cv2.resize(crop, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for crop in crops]
        x = torch.from_numpy(np.stack(small).astype(np.float32).transpose(0, 3, 1, 2) / 255)
        with torch.inference_mode():
            return self.network(x).sigmoid()[:, 0].numpy()

    def covered(self, crops: list[np.ndarray]) -> list[float]:
        """The covered part of each face, 0 to 1: the cells of its oval that are more probably covered than not."""
        if not crops:
            return []
        maps = self.maps(crops)
        return [float((one[face_oval(CELLS)] > 0.5).mean()) for one in maps]
