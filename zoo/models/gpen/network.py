"""GPEN (2021): portraits restored by a StyleGAN2 decoder inside a U-shaped network (arXiv:2105.06070).

Everything is in [-1, 1], RGB; the portraits are aligned and square. Equalized learning rates, modulation and
demodulation are StyleGAN2's (arXiv:1912.04958, section 2.2, equations 1 to 3).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...card import ModelCard
from ...nn.layers import TwoForms, luma
from ...runtimes.torch import TorchBackend

GAIN = math.sqrt(2)
SLOPE = 0.2


def fir_kernel(gain: float = 1.0) -> Tensor:
    """The binomial low-pass kernel [1, 3, 3, 1] x [1, 3, 3, 1] that sums to `gain`."""
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
    return torch.outer(taps, taps) * (gain / 64)


class FIR(nn.Module):
    """Holds the FIR kernel that published files store as `kernel`."""

    def __init__(self, gain: float = 1.0):
        super().__init__()
        self.register_buffer("kernel", fir_kernel(gain))

    def filter(self, x: Tensor, padding: int, scale: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        """Each channel of x convolved with the kernel; times `scale` and plus `bias`, C each, where given."""
        channels = x.shape[1]
        kernel = self.kernel.flip(0, 1).expand(channels, 1, 4, 4)
        if scale is not None:
            kernel = kernel * scale.view(-1, 1, 1, 1)
        return F.conv2d(x, kernel, bias, padding=padding, groups=channels)

    def up(self, x: Tensor) -> Tensor:
        """x at twice its size: zeros between the pixels, then the filter."""
        return F.conv_transpose2d(x, self.kernel.expand(x.shape[1], 1, 4, 4), stride=2, padding=1, groups=x.shape[1])

    def up_plain(self, x: Tensor) -> Tensor:
        """The same step by step."""
        n, c, h, w = x.shape
        spread = x.new_zeros(n, c, 2 * h, 2 * w)
        spread[..., ::2, ::2] = x
        return self.filter(F.pad(spread, (2, 1, 2, 1)), 0)


class EqualLinear(nn.Module):
    """A linear layer with an equalized learning rate, with a leaky ReLU when `activation`."""

    def __init__(self, inputs: int, outputs: int, *, rate: float = 1.0, activation: bool = False):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / rate)
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.rate, self.activation = rate, activation

    def forward(self, x: Tensor) -> Tensor:
        y = F.linear(x * (self.rate / math.sqrt(self.weight.shape[1])), self.weight, self.bias * self.rate)
        return F.leaky_relu(y, SLOPE) * GAIN if self.activation else y


class EqualConv2d(nn.Module):
    """A convolution with an equalized learning rate and without a bias."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.stride = stride

    @property
    def scale(self) -> float:
        """What the stored weights are multiplied with."""
        return 1 / math.sqrt(self.weight[0].numel())

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight * self.scale, stride=self.stride)


class BiasedLeakyReLU(nn.Module):
    """A bias per channel, a leaky ReLU of slope 0.2 and a gain of sqrt(2)."""

    def __init__(self, channels: int):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(x + self.bias.view(1, -1, 1, 1), SLOPE) * GAIN


class EncoderLayer(nn.Sequential, TwoForms):
    """A convolution of the encoder and its activation; one that halves the size filters first."""

    exports_fast = True

    def __init__(self, inputs: int, outputs: int, *, down: bool):
        conv = EqualConv2d(inputs, outputs, 3, 2) if down else EqualConv2d(inputs, outputs, 1)
        super().__init__(*([FIR()] if down else []), conv, BiasedLeakyReLU(outputs))

    def forward(self, x: Tensor) -> Tensor:
        *fir, conv, activate = self
        if not self.is_fast(x):
            return activate(conv(fir[0].filter(x, 2) if fir else x))
        # The gain passes through the leaky ReLU, and it and the scale through the convolution, into the small kernel.
        gain, bias = GAIN * conv.scale, activate.bias * GAIN
        if fir:
            x = fir[0].filter(x, 2, gain * torch.ones_like(x[0, :, 0, 0]))
            y = F.conv2d(x, conv.weight, bias, stride=2)
        else:
            y = F.conv2d(x, conv.weight * gain, bias)
        return F.leaky_relu_(y, SLOPE)


class ModulatedConv2d(nn.Module):
    """StyleGAN2's convolution: the style scales the input channels of the weights, demodulation normalizes them."""

    constant = False
    """See `zoo.nn.layers.exported_form`."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, style: int, *, up: bool = False, demodulate: bool = True
    ):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(1, outputs, inputs, kernel, kernel))
        if up:
            self.blur = FIR(4)
        self.modulation = EqualLinear(style, inputs)
        self.up, self.demodulate = up, demodulate
        self.scale = 1 / math.sqrt(inputs * kernel * kernel)
        self._energy: Tensor | None = None

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """The plain form: weights of its own for every sample."""
        if self.constant:
            return self._with_constant_weights(x, style)
        n, inputs, h, w = x.shape
        _, outputs, _, k, _ = self.weight.shape
        weight = self.weight * self.scale * self.modulation(style).view(n, 1, inputs, 1, 1)
        if self.demodulate:
            weight = weight * (weight.square().sum((2, 3, 4), keepdim=True) + 1e-8).rsqrt()
        x = x.reshape(1, n * inputs, h, w)
        if self.up:
            weight = weight.transpose(1, 2).reshape(n * inputs, outputs, k, k)
            y = F.conv_transpose2d(x, weight, stride=2, groups=n)
            return self.blur.filter(y.view(n, outputs, 2 * h + 1, 2 * w + 1), 1)
        y = F.conv2d(x, weight.view(n * outputs, inputs, k, k), padding=k // 2, groups=n)
        return y.view(n, outputs, h, w)

    def _with_constant_weights(self, x: Tensor, style: Tensor) -> Tensor:
        """The same, with factors on the channels that go in and come out."""
        incoming = self.modulation(style) * self.scale
        weight = self.weight[0]
        x = x * incoming[..., None, None]
        if self.up:
            y = F.conv_transpose2d(x, weight.transpose(0, 1), stride=2)
        else:
            y = F.conv2d(x, weight, padding=weight.shape[-1] // 2)
        if self.demodulate:
            outgoing = (incoming.square() @ weight.square().sum((2, 3)).T + 1e-8).rsqrt()
            y = y * outgoing[..., None, None]
        return self.blur.filter(y, 1) if self.up else y

    def fast(self, x: Tensor, style: Tensor, gain: float, bias: Tensor) -> Tensor:
        """gain * self(x, style) + bias for one sample.

        Style and demodulation are factors per channel, so they go where they cost least: onto the activations, the
        weights or the FIR kernel.
        """
        incoming = self.modulation(style)[0] * self.scale
        outgoing = (self._squared_weights() @ incoming.square() + 1e-8).rsqrt() * gain
        weight = self.weight[0]
        if weight.numel() < x.numel():
            weight = weight * incoming.view(1, -1, 1, 1)
            if not self.up:
                return F.conv2d(x, weight * outgoing.view(-1, 1, 1, 1), bias, padding=1)
        else:
            x = x * incoming.view(1, -1, 1, 1)
            if not self.up:
                y = F.conv2d(x, weight, padding=1)
                return torch.addcmul(bias.view(1, -1, 1, 1), y, outgoing.view(1, -1, 1, 1), out=y)
        return self.blur.filter(F.conv_transpose2d(x, weight.transpose(0, 1), stride=2), 1, outgoing, bias)

    def pack(self) -> None:
        """Store the weights in the order in which `fast` needs them; their values and shapes stay."""
        weight = self.weight.data[0]
        if self.up:
            weight = weight.transpose(0, 1).contiguous().transpose(0, 1)
        else:
            weight = weight.contiguous(memory_format=torch.channels_last)
        self.weight.data = weight[None]

    def _squared_weights(self) -> Tensor:
        """Sum of the squares of every kernel, outputs x inputs; kept from call to call."""
        if self._energy is None:
            self._energy = self.weight[0].square().sum((2, 3))
        return self._energy

    def _apply(self, *args, **kwargs):  # another device or type
        self._energy = None
        return super()._apply(*args, **kwargs)

    def _load_from_state_dict(self, *args, **kwargs):  # other weights
        self._energy = None
        super()._load_from_state_dict(*args, **kwargs)


class NoiseInjection(nn.Module):
    """Puts the encoder's features, weighted, where StyleGAN2 has noise: as further channels (GPEN, section 3.2)."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))


class StyledConv(TwoForms):
    """A modulated convolution, concatenated with the encoder's features, and its activation.

    x is overwritten by the fast form where it has the output's size.
    """

    def __init__(self, inputs: int, outputs: int, style: int, *, up: bool = False):
        super().__init__()
        self.conv = ModulatedConv2d(inputs, outputs, 3, style, up=up)
        self.noise = NoiseInjection()
        self.activate = BiasedLeakyReLU(2 * outputs)

    def forward(self, x: Tensor, style: Tensor, features: Tensor) -> Tensor:
        if not self.is_fast(x):
            return self.activate(torch.cat([self.conv(x, style), self.noise.weight * features], dim=1))
        return _for_each(self._one, x, style, features)

    def _one(self, x: Tensor, style: Tensor, features: Tensor) -> Tensor:
        own, others = (self.activate.bias * GAIN).chunk(2)
        y = self.conv.fast(x, style, GAIN, own)
        _, c, h, w = y.shape
        # The convolution is done with x, whose memory is dear to get anew where the size is the same.
        both = x
        if x.shape != (1, 2 * c, h, w) or not x.is_contiguous(memory_format=torch.channels_last):
            both = torch.empty((1, 2 * c, h, w), memory_format=torch.channels_last)
        torch.ops.aten.leaky_relu.out(y, SLOPE, out=both[:, :c])
        right = both[:, c:]
        torch.addcmul(others.view(1, -1, 1, 1), features, self.noise.weight * GAIN, out=right)
        F.leaky_relu_(right, SLOPE)
        return both


def _for_each(function: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
    """`function` of every sample of the inputs, as a batch."""
    if len(inputs[0]) == 1:
        return function(*inputs)
    return torch.cat([function(*sample) for sample in zip(*(x.split(1) for x in inputs), strict=True)])


class ToRGB(TwoForms):
    """The picture at one scale, added to the one of half the size."""

    constant = False
    """See `zoo.nn.layers.exported_form`."""

    def __init__(self, inputs: int, style: int, *, up: bool = True):
        super().__init__()
        if up:
            self.upsample = FIR(4)
        self.conv = ModulatedConv2d(inputs, 3, 1, style, demodulate=False)
        self.bias = nn.Parameter(torch.zeros(1, 3, 1, 1))

    def forward(self, x: Tensor, style: Tensor, smaller: Tensor | None = None) -> Tensor:
        if not self.is_fast(x):
            y = self.conv(x, style) + self.bias
            if smaller is None:
                return y
            return y + (self.upsample.up(smaller) if self.constant else self.upsample.up_plain(smaller))
        y = _for_each(self._one, x, style)
        return y if smaller is None else self.upsample.up(smaller).add_(y)

    def _one(self, x: Tensor, style: Tensor) -> Tensor:
        incoming = self.conv.modulation(style) * self.conv.scale
        return F.conv2d(x, self.conv.weight[0] * incoming.view(1, -1, 1, 1), self.bias.flatten())


class ConstantInput(nn.Module):
    """The learned 4 x 4 map at which the decoder starts."""

    def __init__(self, channels: int):
        super().__init__()
        self.input = nn.Parameter(torch.randn(1, channels, 4, 4))


class PixelNorm(nn.Module):
    """Each vector scaled to a mean square of 1."""

    def forward(self, x: Tensor) -> Tensor:
        return x * (x.square().mean(1, keepdim=True) + 1e-8).rsqrt()


def fixed_noise(channels: int, side: int) -> Tensor:
    """Gaussian noise, 1 x channels x side x side, always the same."""
    return torch.randn(1, channels, side, side, generator=torch.Generator().manual_seed(side))


class Decoder(nn.Module):
    """StyleGAN2's generator with encoder features in place of noise."""

    def __init__(self, size: int, style: int, layers: int, channels: dict[int, int]):
        super().__init__()
        mapping = [EqualLinear(style, style, rate=0.01, activation=True) for _ in range(layers)]
        self.style = nn.Sequential(PixelNorm(), *mapping)
        self.input = ConstantInput(channels[4])
        self.conv1 = StyledConv(channels[4], channels[4], style)
        self.to_rgb1 = ToRGB(2 * channels[4], style, up=False)
        self.convs, self.to_rgbs = nn.ModuleList(), nn.ModuleList()
        inputs, side = channels[4], 8
        while side <= size:
            outputs = channels[side]
            self.convs.append(StyledConv(2 * inputs, outputs, style, up=True))
            self.convs.append(StyledConv(2 * outputs, outputs, style))
            self.to_rgbs.append(ToRGB(2 * outputs, style))
            inputs, side = outputs, 2 * side

    def forward(self, code: Tensor, features: list[Tensor]) -> Tensor:
        """code: N x style. features: the encoder's, from 4 x 4 up to its input's size.

        Beyond that size (the SR form) there is noise, as in StyleGAN2; here it is the same for every picture.
        """
        style = self.style(code)
        x = self.input.input.expand(code.shape[0], -1, -1, -1)
        x = self.conv1(x, style, features[0])
        picture = self.to_rgb1(x, style)
        for index, to_rgb in enumerate(self.to_rgbs):
            first, second = self.convs[2 * index], self.convs[2 * index + 1]
            if index + 1 < len(features):
                extra = features[index + 1]
            else:
                extra = fixed_noise(second.conv.weight.shape[1], 8 << index).to(x).expand(len(x), -1, -1, -1)
            x = second(first(x, style, extra), style, extra)
            picture = to_rgb(x, style, picture)
        return picture


class FullGenerator(nn.Module):
    """GPEN's network (figure 2). N x 3 x S x S in [-1, 1] to (N x 3 x T x T, None); T > S is the published SR form.

    `channel_multiplier` widens the layers from 64 x 64 on, `narrow` all of them.
    """

    def __init__(
        self,
        size: int,
        style_dim: int = 512,
        n_mlp: int = 8,
        channel_multiplier: int = 2,
        narrow: float = 1.0,
        out_size: int | None = None,
    ):
        super().__init__()
        self.size, self.out_size = size, out_size or size
        if self.out_size < size or any(s < 8 or s & (s - 1) for s in (size, self.out_size)):
            raise ValueError(
                f"sizes are powers of two from 8 on, the output's at least the input's: {size}, {out_size}"
            )
        widths = {
            side: 512 if side <= 32 else 16384 * channel_multiplier // side for side in (2**i for i in range(2, 12))
        }
        channels = {side: int(width * narrow) for side, width in widths.items()}
        self.generator = Decoder(self.out_size, style_dim, n_mlp, channels)
        self.ecd0 = nn.Sequential(EncoderLayer(3, channels[size], down=False))
        self.depth = size.bit_length() - 2
        for level in range(1, self.depth):
            side = size >> level
            layer = EncoderLayer(channels[2 * side], channels[side], down=True)
            setattr(self, f"ecd{level}", nn.Sequential(layer))
        self.final_linear = nn.Sequential(EqualLinear(channels[4] * 16, style_dim, activation=True))

    def forward(self, x: Tensor) -> tuple[Tensor, None]:
        features = []
        for level in range(self.depth):
            x = getattr(self, f"ecd{level}")(x)
            features.append(x)
        code = self.final_linear(x.flatten(1))
        return self.generator(code, features[::-1]), None


class Portrait(TorchBackend):
    """Backend: aligned portraits, RGB in [0, 1], through a network that works in [-1, 1].

    Colorization starts from the luma, whatever colors there are. Inpainting starts from a picture whose holes are
    painted white, as the network was trained.
    """

    def __init__(self, network: FullGenerator, *, grey: bool = False):
        super().__init__(network)
        self.grey = grey
        for layer in network.modules():
            if isinstance(layer, ModulatedConv2d):
                layer.pack()

    def restore(self, image: Tensor, mask: Tensor | None) -> Tensor:
        if self.grey:
            image = luma(image).expand(-1, 3, -1, -1)
        if mask is not None:
            image = torch.where(mask > 0, torch.ones_like(image), image)
        picture, _ = self.network(image * 2 - 1)
        return picture.add_(1).mul_(0.5).clamp_(0, 1)


def make(card: ModelCard) -> FullGenerator:
    """The network of a card, with random weights."""
    small = {"channel_multiplier": 1, "narrow": 0.5} if card.size.square == 256 else {}
    return FullGenerator(card.size.square, **small)
