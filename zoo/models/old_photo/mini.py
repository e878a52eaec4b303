"""Old photographs mended: the fading undone for the whole picture, then softness, grain and scratches place by place.

Fading and yellowing map all colors of a print in one way, so a small network reads their inverse, an affine map of
colors, from how often each color occurs. A U-Net of NAFNet's blocks sees the picture before and after that.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...nn.layers import random_place
from ...nn.nafnet import NAFBlock
from ...nn.unet import ShuffledUNet

THUMBNAIL = 64
"""Side in pixels of what colors are counted on: grain and scratches are averaged away there."""
QUANTILES = 17
PART = 192
"""Side in pixels of what the U-Net is trained on of each crop."""


class Tone(nn.Module):
    """An affine map of colors for each picture: N x 3 x H x W to N x 3 x 4, the identity at first."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3 * QUANTILES + 12, 128), nn.GELU(), nn.Linear(128, 128), nn.GELU(),
                                    nn.Linear(128, 12))  # fmt: skip
        nn.init.zeros_(self.layers[-1].weight)
        nn.init.zeros_(self.layers[-1].bias)

    def forward(self, picture: Tensor) -> Tensor:
        """See the class. Means and quantiles of R, G and B, and the covariances of both, count."""
        with torch.autocast(picture.device.type, enabled=False):
            colors = F.adaptive_avg_pool2d(picture.float(), THUMBNAIL).flatten(2)
            places = torch.linspace(0, colors.shape[2] - 1, QUANTILES, device=colors.device).round().long()
            quantiles = colors.sort(dim=2).values[..., places]
            means = colors.mean(2)
            centered = colors - means[..., None]
            covariances = centered @ centered.transpose(1, 2) / colors.shape[2]
            seen = torch.cat([2 * quantiles.flatten(1) - 1, 2 * means - 1, 20 * covariances.flatten(1)], dim=1)
            change = self.layers(seen).view(-1, 3, 4)
            return torch.eye(3, 4, device=change.device) + change


def applied(tone: Tensor, picture: Tensor) -> Tensor:
    """N x 3 x 4 affine maps of the colors of N x 3 x H x W."""
    return torch.einsum("nij,njhw->nihw", tone[..., :3], picture) + tone[..., 3, None, None]


class OldPhotoMini(nn.Module):
    """N x 3 x H x W RGB in [0, 1] to the same, mended. H and W are multiples of 16."""

    def __init__(self):
        super().__init__()
        self.tone = Tone()
        self.unet = ShuffledUNet(4, (64, 96, 128), (3, 3, 4), NAFBlock, inputs=6, outputs=4)

    def forward(self, picture: Tensor) -> Tensor:
        """See the class; further channels of the input are not looked at."""
        return self.mended(picture[:, :3])[0]

    def scratches(self, picture: Tensor) -> Tensor:
        """Where the scratches and specks are: N x 3 x H x W to N x 1 x H x W probabilities."""
        return self.mended(picture)[1].sigmoid()

    def mended(self, picture: Tensor, part: tuple = (...,)) -> tuple[Tensor, Tensor]:
        """(the picture mended, logits of the scratches) of N x 3 x H x W, or of a part of it."""
        with torch.autocast(picture.device.type, enabled=False):
            toned = applied(self.tone(picture), picture[part])
        seen = torch.cat([picture[part], toned], dim=1).contiguous(memory_format=torch.channels_last)
        result = self.unet.result(seen).float()
        return toned + result[:, :3], result[:, 3:]

    def training_forward(self, given: Tensor, truth: Tensor) -> dict[str, Tensor | Callable[[], Tensor]]:
        """`restored`: a part of the pictures, of PART pixels where there are as many, toned as the whole; `truth`: that
        of the truth; `tone`: how far the toned thumbnails are from those of the truth, in the mean; `scratches`: cross
        entropy of what is found of those in the fourth channel of `given`."""
        part = random_place(truth, PART, 4)
        restored, logits = self.mended(given[:, :3], part)
        wrong = F.binary_cross_entropy_with_logits(logits, given[:, 3:][part])
        small, wanted = (F.adaptive_avg_pool2d(picture[:, :3], THUMBNAIL) for picture in (given, truth))
        with torch.autocast(given.device.type, enabled=False):
            tone = F.l1_loss(applied(self.tone(given[:, :3]), small), wanted)
        return {"restored": restored, "truth": truth[part], "tone": tone, "scratches": wrong}
