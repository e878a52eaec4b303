"""RetinaFace with MobileNet-0.25, written from its paper and the names and shapes in the published weights.

Deng et al., RetinaFace: Single-Shot Multi-Level Face Localisation in the Wild, CVPR 2020,
https://arxiv.org/abs/1905.00641. A MobileNet of a quarter of the width; a feature pyramid of three levels; on each
level a context module (SSH, Najibi et al. 2017) and three heads for two square anchors per cell.
"""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import WeightsError
from ..nn.layers import build_with
from ..weights import load_tensors
from . import helpers
from .face import Face, suppress

MEAN = (104.0, 117.0, 123.0)
"""Of blue, green and red in 0 to 255; the network sees BGR minus it."""
LEVELS = ((8, (16, 32)), (16, (64, 128)), (32, (256, 512)))
"""Stride of each pyramid level, and the sides of its two anchors, in pixels."""
CENTER_SCALE, SIZE_SCALE = 0.1, 0.2
"""What the heads' numbers are multiplied by (SSD's variances)."""
SLOPE = 0.1
"""Of the leaky ReLUs; the pyramid's and the context modules' too, since they are 64 channels wide."""
LONG_SIDE = 1280
"""Larger pictures are searched at this long side."""
THRESHOLD = 0.8
"""Minimum probability."""


def _conv(inputs: int, outputs: int, kernel: int = 3, stride: int = 1, *, active: bool = True) -> nn.Sequential:
    layers: list[nn.Module] = [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
    ]
    return nn.Sequential(*layers, *([nn.LeakyReLU(SLOPE)] if active else []))


def _separable(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """A depthwise and a pointwise convolution, each normalized and activated."""
    return nn.Sequential(
        nn.Conv2d(inputs, inputs, 3, stride, 1, groups=inputs, bias=False),
        nn.BatchNorm2d(inputs),
        nn.LeakyReLU(SLOPE),
        nn.Conv2d(inputs, outputs, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.LeakyReLU(SLOPE),
    )


class Body(nn.Module):
    """MobileNet-0.25: features of 64, 128 and 256 channels at strides 8, 16 and 32."""

    def __init__(self):
        super().__init__()
        self.stage1 = nn.Sequential(
            _conv(3, 8, stride=2),
            _separable(8, 16),
            _separable(16, 32, 2),
            _separable(32, 32),
            _separable(32, 64, 2),
            _separable(64, 64),
        )
        self.stage2 = nn.Sequential(_separable(64, 128, 2), *(_separable(128, 128) for _ in range(5)))
        self.stage3 = nn.Sequential(_separable(128, 256, 2), _separable(256, 256))

    def forward(self, x: Tensor) -> list[Tensor]:
        first = self.stage1(x)
        second = self.stage2(first)
        return [first, second, self.stage3(second)]


class Pyramid(nn.Module):
    """Feature pyramid: what a coarser level knows is added to the finer one."""

    def __init__(self):
        super().__init__()
        self.output1, self.output2, self.output3 = (_conv(n, 64, 1) for n in (64, 128, 256))
        self.merge1, self.merge2 = _conv(64, 64), _conv(64, 64)

    def forward(self, levels: list[Tensor]) -> list[Tensor]:
        fine, middle, coarse = (getattr(self, f"output{i + 1}")(x) for i, x in enumerate(levels))
        middle = self.merge2(middle + F.interpolate(coarse, size=middle.shape[-2:], mode="nearest"))
        fine = self.merge1(fine + F.interpolate(middle, size=fine.shape[-2:], mode="nearest"))
        return [fine, middle, coarse]


class Context(nn.Module):
    """SSH's context module: fields of view of 3, 5 and 7, side by side."""

    def __init__(self):
        super().__init__()
        self.conv3X3 = _conv(64, 32, active=False)
        self.conv5X5_1 = _conv(64, 16)
        self.conv5X5_2 = _conv(16, 16, active=False)
        self.conv7X7_2 = _conv(16, 16)
        self.conv7x7_3 = _conv(16, 16, active=False)

    def forward(self, x: Tensor) -> Tensor:
        wider = self.conv5X5_1(x)
        return F.relu(torch.cat([self.conv3X3(x), self.conv5X5_2(wider), self.conv7x7_3(self.conv7X7_2(wider))], 1))


class Head(nn.Module):
    """`values` numbers for each of the two anchors of a cell."""

    def __init__(self, values: int):
        super().__init__()
        self.conv1x1 = nn.Conv2d(64, 2 * values, 1)
        self.values = values

    def forward(self, x: Tensor) -> Tensor:
        return self.conv1x1(x).permute(0, 2, 3, 1).reshape(len(x), -1, self.values)


class Network(nn.Module):
    """N x 3 x H x W (BGR minus MEAN) -> boxes (N x A x 4), logits (N x A x 2) and landmarks (N x A x 10)."""

    def __init__(self):
        super().__init__()
        self.body, self.fpn = Body(), Pyramid()
        self.ssh1, self.ssh2, self.ssh3 = Context(), Context(), Context()
        self.ClassHead, self.BboxHead, self.LandmarkHead = (
            nn.ModuleList(Head(values) for _ in LEVELS) for values in (2, 4, 10)
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        levels = [
            context(f) for context, f in zip((self.ssh1, self.ssh2, self.ssh3), self.fpn(self.body(x)), strict=True)
        ]
        boxes, logits, landmarks = (
            torch.cat([head(f) for head, f in zip(heads, levels, strict=True)], 1)
            for heads in (self.BboxHead, self.ClassHead, self.LandmarkHead)
        )
        return boxes, logits, landmarks


def anchors(height: int, width: int) -> np.ndarray:
    """Ax3: middle (x, y) and side in pixels of every anchor, in the order of the heads' outputs."""
    every = []
    for stride, sides in LEVELS:
        y, x, side = np.meshgrid(
            np.arange(-(-height // stride)), np.arange(-(-width // stride)), np.array(sides), indexing="ij"
        )
        every.append(np.stack([(x + 0.5) * stride, (y + 0.5) * stride, side], -1).reshape(-1, 3))
    return np.concatenate(every).astype(np.float64)


def build(state: Mapping[str, Tensor]) -> Network:
    """The network of a checkpoint's tensors. Raises RuntimeError when they are not exactly its own."""
    return build_with(Network, state)


class RetinaFace:
    """The network on one size of the picture."""

    name = "retinaface"

    def __init__(self, min_face: int | None = None):
        """min_face: smaller faces (side in pixels) are left out. Raises WeightsError when the weights are missing."""
        found = helpers.fetch(helpers.RETINAFACE)
        try:
            self.network = build(load_tensors(found))
        except RuntimeError as error:
            raise WeightsError(f"{found.files[0].path} does not fit {helpers.RETINAFACE.title}: {error}") from error
        self.min_face = min_face or 0

    def detect(self, image: np.ndarray) -> list[Face]:
        """The faces in a HxWx3 uint8 RGB picture, the surest first."""
        scale = min(1.0, LONG_SIDE / max(image.shape[:2]))
        size = [max(round(side * scale), 1) for side in image.shape[1::-1]]
        small = image if scale == 1 else cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        pixels = small[..., ::-1].astype(np.float32) - np.array(MEAN, np.float32)
        with torch.inference_mode():
            boxes, logits, points = self.network(torch.from_numpy(pixels.transpose(2, 0, 1)[None].copy()))
            scores = logits.softmax(-1)[0, :, 1].numpy().astype(np.float64)
        kept = np.flatnonzero(scores >= THRESHOLD)
        centers, sides = np.split(anchors(*small.shape[:2])[kept], [2], axis=1)
        middles = centers + boxes[0].numpy()[kept, :2] * CENTER_SCALE * sides
        halves = np.exp(boxes[0].numpy()[kept, 2:] * SIZE_SCALE) * sides / 2
        landmarks = centers[:, None] + points[0].numpy()[kept].reshape(-1, 5, 2) * CENTER_SCALE * sides[:, None]
        back = np.array(image.shape[1::-1]) / size
        boxes = np.concatenate([middles - halves, middles + halves], 1) * np.tile(back, 2) - 0.5
        order = suppress(boxes, scores[kept], 0.4)
        return [
            Face(boxes[i], landmarks[i] * back - 0.5, float(scores[kept][i]))
            for i in order
            if max(boxes[i, 2:] - boxes[i, :2]) >= self.min_face
        ]
