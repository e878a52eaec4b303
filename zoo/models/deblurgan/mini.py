"""DeblurGAN-v2's recipe in small (arXiv:1908.03826): a U-Net against a double-scale discriminator, trained here.

Its U-Net is not left alone with the blur: it is given what a blind deconvolution makes of the picture, and chooses
and mends. That takes the place of the large pretrained encoder of the published models, which a CPU could not train.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ...blind_deconvolution import BlindDeconvolution, reblur_error
from ...unet import GatedBlock, ShuffledUNet

PART = 128
"""Side in pixels of what the U-Net is trained on of each window."""
WINDOWS = 4
"""So many windows of each crop are trained on."""


class DeblurMini(nn.Module):
    """N x 3 x H x W blurred RGB in [0, 1] to the same, sharper. H and W are multiples of 8 and at least 64."""

    def __init__(self):
        super().__init__()
        self.deconvolution = BlindDeconvolution()
        choices = 1 + BlindDeconvolution.CANDIDATES
        inputs = 3 + BlindDeconvolution.CHANNELS
        self.unet = ShuffledUNet(2, (32, 64, 96), (1, 2, 4), GatedBlock, inputs=inputs, outputs=3 + choices)
        with torch.no_grad():  # at first, mostly the picture as it is
            self.unet.tail.bias.view(3 + choices, -1)[3] = 2

    def forward(self, picture: Tensor) -> Tensor:
        """See the class."""
        return self.mended(torch.cat([picture.float(), self.deconvolution(picture)], dim=1))

    def mended(self, seen: Tensor) -> Tensor:
        """The picture and its candidates, mixed pixel by pixel, and what the U-Net adds."""
        result = self.unet.result(seen).float()
        shares = result[:, 3:].softmax(1).repeat_interleave(3, dim=1)
        return (seen[:, : shares.shape[1]] * shares).unflatten(1, (-1, 3)).sum(1) + result[:, :3]

    def training_forward(self, given: Tensor, truth: Tensor) -> dict[str, Tensor | Callable[[], Tensor]]:
        """`blurs`: how wrong the estimated blurs are at WINDOWS windows; `restored`: what the U-Net makes of a part of
        each, of PART pixels where there are as many; `truth`: that of the truth.

        Blurs are estimated from more than the U-Net needs to see; it mends what they lead to and does not teach them.
        """
        side = self.deconvolution.window
        places = [random_place(given, side, 1) for _ in range(WINDOWS)]
        blurs = self.deconvolution.estimated(given, places)
        given, truth = (torch.cat([picture[place] for place in places]) for picture in (given, truth))
        part = random_place(given, PART, 8)

        def restored() -> Tensor:
            with torch.no_grad():
                seen = torch.cat([given, self.deconvolution.candidates(given, blurs)], dim=1)[part]
            return self.mended(seen.contiguous(memory_format=torch.channels_last))

        return {"blurs": reblur_error(blurs, truth, given), "truth": truth[part], "restored": restored}


def random_place(picture: Tensor, side: int, grid: int) -> tuple:
    """A place of `side` pixels, or all there are, in N x C x H x W, that begins at multiples of `grid`."""
    starts = [int(torch.randint(max(0, length - side) // grid + 1, ())) * grid for length in picture.shape[2:]]
    return (..., *(slice(start, start + side) for start in starts))
