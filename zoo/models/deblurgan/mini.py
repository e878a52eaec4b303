"""DeblurGAN-v2's recipe in small (arXiv:1908.03826): a U-Net against a double-scale discriminator, trained here.

Its U-Net is not left alone with the blur: it is given what a blind deconvolution makes of the picture, and chooses
and mends. That takes the place of the large pretrained encoder of the published models, which a CPU could not train.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ...nn.layers import random_place
from ...nn.nafnet import NAFBlock
from ...nn.unet import GatedBlock, ShuffledUNet
from .blind_deconvolution import BlindDeconvolution, reblur_error

PART = 256
"""Side in pixels of what the U-Net is trained on of each crop: blurs are seen best with what is around them."""


def _block(channels: int) -> nn.Module:
    """Dense convolutions where there are few channels, depthwise ones with channel attention at the bottleneck."""
    return GatedBlock(channels) if channels < 128 else NAFBlock(channels)


class DeblurMini(nn.Module):
    """N x 3 x H x W blurred RGB in [0, 1] to the same, sharper. H and W are multiples of 16 and at least 64."""

    def __init__(self):
        super().__init__()
        self.deconvolution = BlindDeconvolution()
        choices = 1 + BlindDeconvolution.CANDIDATES
        inputs = 3 + BlindDeconvolution.CHANNELS
        widths, depths = (32, 64, 96, 160), (1, 2, 4, 6)
        self.unet = ShuffledUNet(2, widths, depths, _block, inputs=inputs, outputs=3 + choices)
        with torch.no_grad():  # at first, mostly the picture as it is
            self.unet.tail.bias.view(3 + choices, -1)[3] = 2
        nn.init.zeros_(self.unet.ups[-1].weight)
        nn.init.zeros_(self.unet.ups[-1].bias)

    def forward(self, picture: Tensor) -> Tensor:
        """See the class."""
        return self.mended(torch.cat([picture.float(), self.deconvolution(picture)], dim=1))

    def mended(self, seen: Tensor) -> Tensor:
        """The picture and its candidates, mixed pixel by pixel, and what the U-Net adds."""
        result = self.unet.result(seen).float()
        shares = result[:, 3:].softmax(1).repeat_interleave(3, dim=1)
        return (seen[:, : shares.shape[1]] * shares).unflatten(1, (-1, 3)).sum(1) + result[:, :3]

    def training_forward(self, degraded: Tensor, target: Tensor) -> dict[str, Tensor | Callable[[], Tensor]]:
        """`blurs`: how wrong the estimated blur of a random window is; `restored`: what the U-Net makes of a part
        of the pictures, of PART pixels where there are as many; `target`: that of the target.

        The U-Net works with the blurs that there are and does not teach them.
        """
        part = random_place(degraded, PART, 4)

        def blurs() -> Tensor:
            place = random_place(degraded, self.deconvolution.window, 1)
            return reblur_error(self.deconvolution.estimated(degraded, [place]), target[place], degraded[place])

        def restored() -> Tensor:
            with torch.no_grad():
                seen = torch.cat([degraded, self.deconvolution(degraded)], dim=1)[part]
            return self.mended(seen.contiguous(memory_format=torch.channels_last))

        return {"blurs": blurs, "target": target[part], "restored": restored}
