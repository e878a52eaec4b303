"""gpen.mini: GPEN's form (arXiv:2105.06070) in small, trained by this project.

An encoder, a latent code of its deepest features, and a decoder as StyleGAN2's (arXiv:1912.04958), whose convolutions
the code modulates and which has the encoder's features where StyleGAN2 has noise (GPEN, figure 2 and section 3.2).
Unlike GPEN's, the decoder was no generator before: there is no prior that knows more faces than those it restored.
So that it trains on a CPU, no convolution runs at more than a quarter of the portrait's size.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...layers import NetworkBackend

SIDE = 256
"""Side in pixels of the portraits that the network works on."""
SHUFFLE = 4
"""Cells of so many pixels squared become channels."""
WIDTHS = (96, 128, 128, 128, 128)
"""Channels at a quarter of the size, an eighth, and so on down to 4 x 4."""
STYLE = 192
"""Numbers in the latent code."""
SLOPE = 0.2


class ModulatedConv(nn.Module):
    """StyleGAN2's modulated convolution (section 2.2): weights w' = s_i w, then w'' = w' / sqrt(sum w'^2).

    x: N x inputs x H x W, style: N x STYLE; gives N x outputs x H x W. Both factors are constant over a channel, so
    they scale the channels that go in and come out instead of weights for every sample (equations 1 and 3).
    """

    def __init__(self, inputs: int, outputs: int, kernel: int = 3):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel) / math.sqrt(inputs * kernel**2))
        self.modulation = nn.Linear(STYLE, inputs)
        nn.init.normal_(self.modulation.weight, std=0.5 / math.sqrt(STYLE))
        nn.init.ones_(self.modulation.bias)

    def factors(self, style: Tensor) -> tuple[Tensor, Tensor]:
        """(of the channels going in, of those coming out): N x inputs and N x outputs, in float32."""
        incoming = linear_in_float32(self.modulation, style)
        if self.weight.dtype == torch.float16:  # whose range the styles pass; `outgoing` takes any common factor back
            incoming = incoming / incoming.abs().amax(1, keepdim=True).clamp(min=1e-8)
        energy = self.weight.float().square().sum((2, 3))
        # A product and a sum: as a matrix product, autocast would leave three digits of it.
        outgoing = (incoming.square()[:, None] * energy).sum(2).add(1e-8).rsqrt()
        return incoming, outgoing

    def forward(self, x: Tensor, style: Tensor, gain: float = 1.0, bias: Tensor | None = None) -> Tensor:
        """gain * convolution + bias."""
        incoming, outgoing = (factor[..., None, None].to(x.dtype) for factor in self.factors(style))
        y = F.conv2d(x * incoming, self.weight, padding=self.weight.shape[-1] // 2)
        if bias is None:
            return y * (gain * outgoing).to(y.dtype)
        return torch.addcmul(bias.view(1, -1, 1, 1).to(y.dtype), y, (gain * outgoing).to(y.dtype))


def linear_in_float32(layer: nn.Linear, x: Tensor) -> Tensor:
    """The layer's result in float32, whatever its weights are in: latent codes are large and short."""
    return F.linear(x.float(), layer.weight.float(), layer.bias.float())


class StyledConv(nn.Module):
    """A modulated convolution, a bias and a leaky ReLU with a gain of sqrt(2), as in StyleGAN2 (appendix B)."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.conv = ModulatedConv(inputs, outputs)
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        # The gain may go before the leaky ReLU, where it costs nothing.
        return F.leaky_relu(self.conv(x, style, math.sqrt(2), self.bias), SLOPE, inplace=True)


class EncoderLevel(nn.Module):
    """A convolution, of stride 2 on all levels but the first, and one more with a way around it."""

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, 1)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)
        for conv, gain in ((self.first, 1.0), (self.second, 0.5)):
            nn.init.kaiming_normal_(conv.weight, SLOPE)
            conv.weight.data *= gain
            nn.init.zeros_(conv.bias)

    def forward(self, x: Tensor) -> Tensor:
        x = F.leaky_relu(self.first(x), SLOPE, inplace=True)
        return x + F.leaky_relu(self.second(x), SLOPE, inplace=True)


class DecoderLevel(nn.Module):
    """From one resolution to the next of twice its size, where the encoder's features come in as further channels.

    The way around the second convolution is StyleGAN2's residual form (its figure 7c).
    """

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.up = ModulatedConv(inputs, 4 * outputs, 1)
        self.first = StyledConv(2 * outputs, outputs)
        self.second = StyledConv(outputs, outputs)

    def forward(self, x: Tensor, style: Tensor, features: Tensor) -> Tensor:
        x = F.pixel_shuffle(self.up(x, style), 2)
        x = self.first(torch.cat([x, features.to(x.dtype)], dim=1), style)
        return x + self.second(x, style)


class Code(nn.Sequential):
    """The latent code of the deepest features (GPEN, section 3.2: a fully connected layer), and StyleGAN's mapping."""

    def __init__(self, inputs: int, layers: int = 2):
        super().__init__()
        widths = [inputs, STYLE, *[STYLE] * layers]
        for before, after in itertools.pairwise(widths):
            linear = nn.Linear(before, after)
            nn.init.kaiming_normal_(linear.weight, SLOPE)
            nn.init.zeros_(linear.bias)
            self.extend([linear, nn.LeakyReLU(SLOPE)])

    def forward(self, x: Tensor) -> Tensor:
        """N x inputs to N x STYLE, in float32."""
        for layer in self:
            x = linear_in_float32(layer, x) if isinstance(layer, nn.Linear) else layer(x)
        return x


class GPENMini(nn.Module):
    """N x 3 x 256 x 256 aligned portraits, RGB in [0, 1], to the same, restored and not clipped.

    What the decoder says is added to the input; of a new network it is zero.
    """

    def __init__(self, widths: Sequence[int] = WIDTHS):
        super().__init__()
        cell = 3 * SHUFFLE**2
        self.encoder = nn.ModuleList(
            EncoderLevel(before, after, 2 if level else 1)
            for level, (before, after) in enumerate(itertools.pairwise([cell, *widths]))
        )
        deepest, side = widths[-1], SIDE // SHUFFLE >> (len(widths) - 1)
        self.code = Code(deepest * side**2)
        self.constant = nn.Parameter(torch.randn(1, deepest, side, side))
        self.start = StyledConv(2 * deepest, deepest)
        self.decoder = nn.ModuleList(DecoderLevel(below, above) for above, below in itertools.pairwise(widths))
        self.tail = nn.Conv2d(widths[0], cell, 3, padding=1)
        nn.init.zeros_(self.tail.weight)
        nn.init.zeros_(self.tail.bias)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.result(x)

    def result(self, x: Tensor) -> Tensor:
        """What is to be added to the portraits, in float32 where they are."""
        y, features = F.pixel_unshuffle(2 * x - 1, SHUFFLE), []
        for level in self.encoder:
            y = level(y)
            features.append(y)
        style = self.code(y.flatten(1))
        # GPEN's decoder, like StyleGAN2's, starts at a learned constant of 4 x 4.
        constant = self.constant.expand(len(x), -1, -1, -1).to(y.dtype)
        y = self.start(torch.cat([constant, y], dim=1), style)
        for level, skipped in zip(reversed(self.decoder), features[-2::-1], strict=True):
            y = level(y, style, skipped)
        return F.pixel_shuffle(self.tail(y), SHUFFLE)


def resized(x: Tensor, side: int) -> Tensor:
    """N x C x H x W at side x side pixels: bicubic, and filtered first where that is smaller; float32, not clipped."""
    if x.shape[-2:] == (side, side):
        return x.float()
    return F.interpolate(x.float(), size=(side, side), mode="bicubic", align_corners=False, antialias=True)


class PortraitMini(NetworkBackend):
    """Backend: portraits of any size. What the network adds at 256 x 256 is enlarged and added to the portrait.

    So a portrait that is sharper than 256 x 256 pixels can hold keeps what it has.
    """

    def restore(self, image: Tensor, mask: Tensor | None) -> Tensor:
        height, width = image.shape[-2:]
        side = max(height, width)
        square = F.pad(image, (0, side - width, 0, side - height), mode="replicate")
        added = self.network.result(resized(square, SIDE).clamp(0, 1).to(image.dtype))
        return (image + resized(added, side)[..., :height, :width]).clamp(0, 1)
