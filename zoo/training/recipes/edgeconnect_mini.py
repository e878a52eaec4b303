"""edgeconnect.mini: holes filled in two steps, edges first, in small.

What EdgeConnect (arXiv:1901.00212) does with two networks of 11 M parameters each, on a quarter of the size and from
a smooth fill instead of an empty hole. Not bundled: 2,630 steps on a CPU added nothing to the smooth fill.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ... import masks
from ...fill import smooth_fill
from ...unet import ShuffledUNet
from ..losses import charbonnier
from ..recipe import Recipe, Term


def edge_map(image: Tensor) -> Tensor:
    """How much of an edge there is at each pixel: Sobel's gradient of the luma, N x 1 x H x W in [0, 1)."""
    luma = (image * image.new_tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1, keepdim=True)
    across = image.new_tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]).div(8)
    kernels = torch.stack([across, across.T])[:, None]
    gradient = F.conv2d(F.pad(luma, (1, 1, 1, 1), mode="replicate"), kernels)
    return torch.tanh(4 * gradient.square().sum(1, keepdim=True).add(1e-6).sqrt())


class EdgeConnectMini(nn.Module):
    """N x 4 x H x W (RGB in [0, 1] with anything in the holes, mask with 1 = hole) to N x 4 x H x W.

    What comes out is RGB, with the known pixels as they were, and the edges that the first network drew. H and W are
    multiples of 64.
    """

    def __init__(self):
        super().__init__()
        self.edge = ShuffledUNet(4, (32, 64, 96), (1, 1, 2), inputs=5, outputs=1)
        self.inpaint = ShuffledUNet(4, (48, 96, 128, 128), (1, 2, 2, 3), inputs=5)

    def forward(self, x: Tensor) -> Tensor:
        image, mask = x[:, :3], x[:, 3:]
        filled = smooth_fill(image, 1 - mask)
        known_edges = edge_map(filled) * (1 - mask)
        drawn = known_edges + mask * self.edge.result(torch.cat([filled, mask, known_edges], dim=1)).sigmoid()
        restored = self.inpaint(torch.cat([filled, mask, drawn], dim=1))
        return torch.cat([torch.where(mask > 0, restored, image), drawn], dim=1)


SCALE = 512
"""The strokes are as wide as on a picture of this side."""


def degrade(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """HxWx3 to HxWx4: mid-grey holes, and their mask; a part of a larger mask, of which 5 to 70 % are holes."""
    height, width = image.shape[:2]
    while True:
        large = masks.free_form(rng, SCALE, SCALE)
        top, left = rng.integers(0, SCALE - height + 1), rng.integers(0, SCALE - width + 1)
        hole = large[top : top + height, left : left + width, None]
        if 0.05 <= hole.mean() <= 0.7:
            return np.concatenate([np.where(hole, np.float32(0.5), image), hole.astype(np.float32)], axis=2)


def colors(restored: Tensor, truth: Tensor) -> Tensor:
    """Of the colors; wide enough at its bottom that the mean, not the median, of what may be in a hole is best."""
    return charbonnier(restored[:, :3], truth, epsilon=0.05)


def edges(restored: Tensor, truth: Tensor) -> Tensor:
    """Of the edges that the first network drew; all but the holes is right already."""
    return charbonnier(restored[:, 3:], edge_map(truth), epsilon=0.05)


RECIPE = Recipe(
    id="edgeconnect.mini",
    network=EdgeConnectMini,
    data=("natural/train",),
    licenses="CC BY-SA 4.0 (CID22), CC BY-SA (Wikimedia), GPL-2+ and CC BY(-SA) (Debian), CC0 (Budgie)",
    degrade=degrade,
    degradation="free-form holes as in the scenario `free-form-holes`, as wide as on pictures of 512 px",
    losses=(Term("colors", 1.0, colors), Term("edges", 0.2, edges)),
    limits=("Large holes are filled smoothly: no texture and no objects are invented.",),
    steps=20_000,
    crop=192,
    margin=0,
    batch=4,
    rate=1.5e-3,
)
