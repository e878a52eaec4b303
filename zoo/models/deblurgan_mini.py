"""DeblurGAN-v2's recipe in small (arXiv:1908.03826): a U-Net against a double-scale discriminator, trained here.

Its U-Net is not left alone with the blur: it is given what a blind deconvolution makes of the picture, and chooses
and mends. That takes the place of the large pretrained encoder of the published models, which a CPU could not train.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from ..blind_deconvolution import BlindDeconvolution, fitted_blur
from ..card import ModelCard, SizeRule, Tiling, Weights
from ..layers import build_with
from ..registry import register
from ..unet import GatedBlock, ShuffledUNet, UNetBackend

PART = 128
"""Side in pixels of what the U-Net is trained on of each crop."""


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
        return self.mended(torch.cat([picture, self.deconvolution(picture)], dim=1))

    def mended(self, seen: Tensor) -> Tensor:
        """The picture and its candidates, mixed pixel by pixel, and what the U-Net adds."""
        result = self.unet.result(seen).float()
        shares = result[:, 3:].softmax(1).repeat_interleave(3, dim=1)
        return (seen[:, : shares.shape[1]] * shares).unflatten(1, (-1, 3)).sum(1) + result[:, :3]

    def training_forward(self, given: Tensor, truth: Tensor) -> dict[str, Tensor]:
        """A part of the restored picture, of PART pixels where there are as many, and that of the truth; `blurs`: the
        estimated blurs, then the true ones, 2N x 1 x 33 x 33.

        Blurs are estimated from more than the U-Net needs to see; it mends what they lead to and does not teach them.
        """
        blurs = self.deconvolution.estimated(given)
        with torch.no_grad():
            true = fitted_blur(truth, given)
            seen = torch.cat([given, self.deconvolution.candidates(given, blurs.detach())], dim=1)
            top, left = (int(torch.randint(max(0, side - PART) // 8 + 1, ())) * 8 for side in given.shape[2:])
            part = (..., slice(top, top + PART), slice(left, left + PART))
            seen = seen[part].contiguous(memory_format=torch.channels_last)
        return {"restored": self.mended(seen), "truth": truth[part], "blurs": torch.cat([blurs, true])}


MINI = ModelCard(
    id="deblurgan.mini",
    title="DeblurGAN, mini",
    tasks=("deblur",),
    license="MIT",
    commercial_use=True,
    summary="Takes camera shake back: a blind deconvolution, chosen from and mended by a small U-Net; trained here, "
    "bundled.",
    paper=(
        "Kupyn et al., DeblurGAN-v2: Deblurring (Orders-of-Magnitude) Faster and Better, ICCV 2019, "
        "https://arxiv.org/abs/1908.03826"
    ),
    size=SizeRule(multiple_of=8, minimum=64),
    tiling=Tiling(margin=128),
    weights=Weights("deblurgan.mini.safetensors", "MIT"),
    notes=(
        "Trained on a CPU; zoo/pretrained/deblurgan.mini.json says on what and how well it does.",
        "Made for blur of up to 25 pixels that changes slowly over the picture; a sharp object before a moving "
        "background, and blur by defocus, stay.",
    ),
)


@register(MINI)
def build(card: ModelCard, state: Mapping[str, Tensor]) -> UNetBackend:
    """The backend. Raises RuntimeError when the tensors are not exactly the network's."""
    return UNetBackend(build_with(DeblurMini, state))
