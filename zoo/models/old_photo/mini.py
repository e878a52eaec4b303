"""Restoration of old photographs: a global color correction, then a U-Net for softness, grain and scratches.

Fading and yellowing map all colors of a print in one way, so a small network predicts their inverse, an affine map of
colors, from color statistics. A U-Net of NAFNet's blocks gets the picture before and after that map.
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
"""Side in pixels of the thumbnail that color statistics are computed on; it averages out grain and scratches."""
QUANTILES = 17
"""Quantiles of each color channel that the tone network gets."""
PART = 192
"""Side in pixels of the part of each crop that the U-Net is trained on."""


class Tone(nn.Module):
    """Predicts an affine map of colors for each picture: N x 3 x H x W to N x 3 x 4; starts as the identity map."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3 * QUANTILES + 12, 128), nn.GELU(), nn.Linear(128, 128), nn.GELU(),
                                    nn.Linear(128, 12))  # fmt: skip
        nn.init.zeros_(self.layers[-1].weight)
        nn.init.zeros_(self.layers[-1].bias)

    def forward(self, picture: Tensor) -> Tensor:
        """See the class. Its features are the channels' means, quantiles and covariances."""
        with torch.autocast(picture.device.type, enabled=False):
            colors = F.adaptive_avg_pool2d(picture.float(), THUMBNAIL).flatten(2)
            places = torch.linspace(0, colors.shape[2] - 1, QUANTILES, device=colors.device).round().long()
            quantiles = colors.sort(dim=2).values[..., places]
            means = colors.mean(2)
            centered = colors - means[..., None]
            covariances = centered @ centered.transpose(1, 2) / colors.shape[2]
            statistics = torch.cat([2 * quantiles.flatten(1) - 1, 2 * means - 1, 20 * covariances.flatten(1)], dim=1)
            change = self.layers(statistics).view(-1, 3, 4)
            return torch.eye(3, 4, device=change.device) + change


def applied(tone: Tensor, picture: Tensor) -> Tensor:
    """Apply N x 3 x 4 affine color maps to N x 3 x H x W pictures."""
    return torch.einsum("nij,njhw->nihw", tone[..., :3], picture) + tone[..., 3, None, None]


class OldPhotoMini(nn.Module):
    """N x 3 x H x W RGB in [0, 1] to the same, restored. H and W are multiples of 16."""

    def __init__(self):
        super().__init__()
        self.tone = Tone()
        self.unet = ShuffledUNet(4, (64, 96, 128), (3, 3, 4), NAFBlock, inputs=6, outputs=4)

    def forward(self, picture: Tensor) -> Tensor:
        """See the class; further channels of the input are ignored."""
        return self.restored(picture[:, :3])[0]

    def scratches(self, picture: Tensor) -> Tensor:
        """Probability of a scratch or speck at each pixel: N x 3 x H x W to N x 1 x H x W."""
        return self.restored(picture)[1].sigmoid()

    def restored(self, picture: Tensor, part: tuple = (...,)) -> tuple[Tensor, Tensor]:
        """(restored, scratch logits) of N x 3 x H x W, or of a part of it."""
        with torch.autocast(picture.device.type, enabled=False):
            toned = applied(self.tone(picture), picture[part])
        seen = torch.cat([picture[part], toned], dim=1).contiguous(memory_format=torch.channels_last)
        result = self.unet.result(seen).float()
        return toned + result[:, :3], result[:, 3:]

    def training_forward(self, degraded: Tensor, target: Tensor) -> dict[str, Tensor | Callable[[], Tensor]]:
        """Outputs for the losses of one training step.

        degraded: N x 4 x H x W with the scratch mask as fourth channel; target: N x 3 x H x W. `restored` and `target`
        are crops of PART pixels (or all there are), toned by the map of the whole picture; `tone` is the L1 loss of the
        toned thumbnails; `scratches` the binary cross-entropy of the scratch logits.
        """
        part = random_place(target, PART, 4)
        restored, logits = self.restored(degraded[:, :3], part)
        scratch_loss = F.binary_cross_entropy_with_logits(logits, degraded[:, 3:][part])
        small, small_target = (F.adaptive_avg_pool2d(picture[:, :3], THUMBNAIL) for picture in (degraded, target))
        with torch.autocast(degraded.device.type, enabled=False):
            tone = F.l1_loss(applied(self.tone(degraded[:, :3]), small), small_target)
        return {"restored": restored, "target": target[part], "tone": tone, "scratches": scratch_loss}
