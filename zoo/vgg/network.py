"""The network, and how either form's file becomes its tensors."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from ..errors import WeightsError
from ..weights.reading import read_checkpoint
from . import FILES

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""ImageNet's, of R, G and B in [0, 1]."""
TORCHVISION_LAYERS = {"conv1_1": 0, "conv1_2": 2, "conv2_1": 5, "conv2_2": 7, "conv3_1": 10}
"""Layer -> its number in torchvision's `features`."""


class VGG19(nn.Module):
    """The network of either form. Its parameters have the names of the normalized form's file."""

    def __init__(self, form: str):
        super().__init__()
        self.keep_odd = form == "normalized"
        padding = "reflect" if form == "normalized" else "zeros"
        self.conv0 = nn.Conv2d(3, 3, 1)
        widths = {"conv1_1": (3, 64), "conv1_2": (64, 64), "conv2_1": (64, 128), "conv2_2": (128, 128),
                  "conv3_1": (128, 256)}  # fmt: skip
        for name, (given, made) in widths.items():
            self.add_module(name, nn.Conv2d(given, made, 3, padding=1, padding_mode=padding))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Features of conv3_1 after its ReLU, differentiable with respect to x.

        x: N x 3 x H x W float32 RGB in [0, 1], sides of at least 8. Returns N x 256 x H/4 x W/4, not negative; sides
        that 4 does not divide are rounded up in the normalized form and down in torchvision's.
        """
        x = self.conv0(x)
        x = self._seen(self.conv1_1, x)
        x = self._halved(self._seen(self.conv1_2, x))
        x = self._seen(self.conv2_1, x)
        x = self._halved(self._seen(self.conv2_2, x))
        return self._seen(self.conv3_1, x)

    def cells(self, side: int) -> int:
        """How many rows (columns) of features a picture of so many rows (columns) has."""
        return (side + 3) // 4 if self.keep_odd else side // 4

    @staticmethod
    def _seen(convolution: nn.Conv2d, x: torch.Tensor) -> torch.Tensor:
        return functional.relu(convolution(x), inplace=True)  # half of the memory, also in training

    def _halved(self, x: torch.Tensor) -> torch.Tensor:
        return functional.max_pool2d(x, 2, ceil_mode=self.keep_odd)


def state_of(form: str) -> dict[str, torch.Tensor]:
    """The network's tensors, of that form's file."""
    path = FILES[form].path()
    if path is None:
        raise WeightsError(f"{FILES[form].name} went away while it was looked for.")
    tensors = read_checkpoint(path)
    if form == "normalized":
        return tensors
    mean, deviation = torch.tensor(MEAN), torch.tensor(DEVIATION)
    # Zeros are padded after the normalization, so a 1x1 convolution in front of the network is the same.
    state = {"conv0.weight": torch.diag(1 / deviation)[..., None, None], "conv0.bias": -mean / deviation}
    for name, index in TORCHVISION_LAYERS.items():
        for part in ("weight", "bias"):
            state[f"{name}.{part}"] = tensors[f"features.{index}.{part}"]
    return state
