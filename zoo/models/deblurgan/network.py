"""DeblurGAN (2018) and DeblurGAN-v2 (2019): removal of motion blur by a generative network.

Both networks take RGB in [-1, 1], N x 3 x H x W, and predict a correction that is added to the input.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...card import ModelCard
from ...nn.layers import INFINITY, ImageNorm2d, TwoForms, conv_of_upsampled, image_statistics
from ...runtimes.torch import TorchBackend
from . import V1, V2_INCEPTION, V2_MOBILENET


class ResidualBlock(nn.Module):
    """x + two 3x3 convolutions with reflected borders, instance-normalized (DeblurGAN, section 3.2)."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            ImageNorm2d(channels, cap=INFINITY),
            nn.Identity(),
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            ImageNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv_block(x)


class ResNetGenerator(nn.Module):
    """DeblurGAN's generator: two strided convolutions, nine residual blocks, two transposed convolutions.

    N x 3 x H x W in [-1, 1], H and W multiples of 4, to the same. The sum of input and correction is clipped.
    """

    def __init__(self, width: int = 64, blocks: int = 9):
        super().__init__()
        layers: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(3, width, 7)]
        layers += [ImageNorm2d(width, cap=INFINITY), nn.Identity()]
        for c in (width, 2 * width):
            layers += [nn.Conv2d(c, 2 * c, 3, stride=2, padding=1), ImageNorm2d(2 * c, cap=INFINITY), nn.Identity()]
        layers += [ResidualBlock(4 * width) for _ in range(blocks)]
        for c in (4 * width, 2 * width):
            layers += [nn.ConvTranspose2d(c, c // 2, 3, stride=2, padding=1, output_padding=1)]
            layers += [ImageNorm2d(c // 2, cap=INFINITY), nn.Identity()]
        layers += [nn.ReflectionPad2d(3), nn.Conv2d(width, 3, 7), nn.Tanh()]
        self.model = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return (x + self.model(x)).clamp(-1, 1)


class InvertedResidual(TwoForms):
    """MobileNetV2's block: expand by 1x1, filter each channel by 3x3, project by 1x1 (arXiv:1801.04381, figure 3)."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int):
        super().__init__()
        wide = inputs * expansion
        layers: list[nn.Module] = []
        if expansion > 1:
            layers += [nn.Conv2d(inputs, wide, 1, bias=False), ImageNorm2d(wide, affine=True, cap=6.0), nn.Identity()]
        layers += [
            nn.Conv2d(wide, wide, 3, stride=stride, padding=1, groups=wide, bias=False),
            ImageNorm2d(wide, affine=True, cap=6.0),
            nn.Identity(),
            nn.Conv2d(wide, outputs, 1, bias=False),
            ImageNorm2d(outputs, affine=True),
        ]
        self.conv = nn.Sequential(*layers)
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        if self.is_fast(x):
            pictures = [self._one(image) for image in x.split(1)]
            return pictures[0] if len(pictures) == 1 else torch.cat(pictures)
        y = self.conv(x)
        return y + x if self.adds else y

    def _one(self, x: Tensor) -> Tensor:
        """The block with its normalizations moved into the 1x1 convolutions beside them."""
        *expand, filtering, norm, _, project, last = self.conv
        y = x if not expand else _expanded(x, expand[0], expand[1])
        y = filtering(y)
        # scale * clamp(y, low, high) + shift is the normalized y in [0, cap]. The scale goes into the projection; the
        # shift is a constant in every channel of what comes out, which the last normalization takes away.
        scale, shift = norm.scale_and_shift(*image_statistics(y))
        safe = torch.where(scale.abs() < 1e-12, torch.full_like(scale, 1e-12), scale)
        ends = torch.stack([-shift / safe, (norm.cap - shift) / safe])
        low, high = ends.amin(0).view(1, -1, 1, 1), ends.amax(0).view(1, -1, 1, 1)
        torch.clamp(y, low, high, out=y)
        y = last(F.conv2d(y, project.weight * safe.view(1, -1, 1, 1)))
        return y.add_(x) if self.adds else y


def _expanded(x: Tensor, conv: nn.Conv2d, norm: ImageNorm2d) -> Tensor:
    """norm(conv(x)) of one picture and a 1x1 convolution, by one convolution with other weights.

    Mean and covariance of the few channels of x say what mean and variance the many channels will have.
    """
    weight = conv.weight[:, :, 0, 0].double()
    pixels = x[0].permute(1, 2, 0).reshape(-1, x.shape[1]).double()
    mean = pixels.mean(0)
    pixels -= mean
    covariance = pixels.T @ pixels / len(pixels)
    variance = ((weight @ covariance) * weight).sum(1)
    scale, shift = norm.scale_and_shift((weight @ mean).float(), variance.float())
    return F.conv2d(x, conv.weight * scale.view(-1, 1, 1, 1), shift).clamp_(0.0, norm.cap)


def _conv_norm_relu6(inputs: int, outputs: int, kernel: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=False),
        ImageNorm2d(outputs, affine=True, cap=6.0),
        nn.Identity(),
    )


class MobileNetPyramid(nn.Module):
    """The encoder of v2-mobilenet with its feature pyramid: maps at 1/4, 1/8, 1/16 and 1/32 of the input.

    forward(x) returns them after the encoder's own map at 1/2, which the generator takes through `lateral0`.
    `features` is the whole of MobileNetV2, as in the published file; its last three layers are not used.
    """

    def __init__(self, width: int = 128):
        super().__init__()
        features: list[nn.Module] = [_conv_norm_relu6(3, 32, 3, 2)]
        inputs = 32
        plan = [
            (1, 16, 1, 1),
            (6, 24, 2, 2),
            (6, 32, 3, 2),
            (6, 64, 4, 2),
            (6, 96, 3, 1),
            (6, 160, 3, 2),
            (6, 320, 1, 1),
        ]
        for expansion, outputs, repeats, stride in plan:
            for index in range(repeats):
                features.append(InvertedResidual(inputs, outputs, stride if index == 0 else 1, expansion))
                inputs = outputs
        features.append(_conv_norm_relu6(inputs, 1280, 1, 1))
        self.features = nn.Sequential(*features)
        cuts = [(0, 2), (2, 4), (4, 7), (7, 11), (11, 16)]
        self.enc0, self.enc1, self.enc2, self.enc3, self.enc4 = (nn.Sequential(*features[a:b]) for a, b in cuts)
        self.td1, self.td2, self.td3 = (Merge(width, width) for _ in range(3))
        self.lateral4, self.lateral3, self.lateral2, self.lateral1 = (
            nn.Conv2d(c, width, 1, bias=False) for c in (160, 64, 32, 24)
        )
        self.lateral0 = nn.Conv2d(16, width // 2, 1, bias=False)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        encoded0 = self.enc0(x)
        encoded1 = self.enc1(encoded0)
        encoded2 = self.enc2(encoded1)
        encoded3 = self.enc3(encoded2)
        map4 = self.lateral4(self.enc4(encoded3))
        map3 = self.td1(map4, self.lateral3, encoded3)
        map2 = self.td2(map3, self.lateral2, encoded2)
        map1 = self.td3(map2, self.lateral1, encoded1)
        return encoded0, map1, map2, map3, map4


class InceptionPyramid(nn.Module):
    """The encoder of v2-inception with its feature pyramid, of the same scales.

    The stem's convolutions are unpadded, so its maps are smaller than the pyramid's: their borders are reflected.
    `inception` is the whole of Inception-ResNet-v2, as in the published file; its end is not used.
    """

    def __init__(self, width: int = 256):
        super().__init__()
        net = _inception_resnet_v2()
        self.inception = net
        self.enc0 = net.conv2d_1a
        self.enc1 = nn.Sequential(net.conv2d_2a, net.conv2d_2b, net.maxpool_3a)
        self.enc2 = nn.Sequential(net.conv2d_3b, net.conv2d_4a, net.maxpool_5a)
        self.enc3 = nn.Sequential(net.mixed_5b, net.repeat, net.mixed_6a)
        self.enc4 = nn.Sequential(net.repeat_1, net.mixed_7a)
        self.td1, self.td2, self.td3 = (Merge(width, width) for _ in range(3))
        self.lateral4, self.lateral3, self.lateral2, self.lateral1 = (
            nn.Conv2d(c, width, 1, bias=False) for c in (2080, 1088, 192, 64)
        )
        self.lateral0 = nn.Conv2d(32, width // 2, 1, bias=False)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        encoded0 = self.enc0(x)
        encoded1 = self.enc1(encoded0)
        encoded2 = self.enc2(encoded1)
        encoded3 = self.enc3(encoded2)
        map4 = self.lateral4(_reflected(self.enc4(encoded3), 1, 1))
        map3 = self.td1(map4, self.lateral3, _reflected(encoded3, 1, 1))
        map2 = self.td2(map3, self.lateral2, _reflected(encoded2, 1, 2))
        map1 = self.td3(map2, self.lateral1, _reflected(encoded1, 1, 1))
        return _reflected(encoded0, 0, 1), map1, map2, map3, map4


def _inception_resnet_v2() -> nn.Module:
    """timm's Inception-ResNet-v2 under the names of the published file, with per-image normalization."""
    from ...nn.torchvision_compat import ensure_torchvision

    ensure_torchvision()
    from timm.models.inception_resnet_v2 import InceptionResnetV2

    net = InceptionResnetV2()
    net.last_linear = net.classif
    del net.classif
    for module in list(net.modules()):
        if isinstance(getattr(module, "bn", None), nn.BatchNorm2d):
            module.bn = ImageNorm2d(module.bn.num_features, affine=True, eps=module.bn.eps, cap=INFINITY)
    return net


def _up(x: Tensor, factor: int) -> Tensor:
    return F.interpolate(x, scale_factor=factor, mode="nearest")


def _reflected(x: Tensor, before: int, after: int) -> Tensor:
    return F.pad(x, (before, after, before, after), mode="reflect")


class Merge(nn.Sequential, TwoForms):
    """A map joined with the one of half its size: ReLU(norm(conv(up(smaller) + lateral(encoded))))."""

    exports_fast = True

    def __init__(self, inputs: int, outputs: int):
        norm = ImageNorm2d(outputs, cap=INFINITY)
        super().__init__(nn.Conv2d(inputs, outputs, 3, padding=1), norm, nn.Identity())

    def forward(self, smaller: Tensor, lateral: nn.Conv2d, encoded: Tensor) -> Tensor:
        conv, norm, _ = self
        if not self.is_fast(smaller) or 2 * lateral.in_channels > conv.in_channels:
            return norm(conv(_up(smaller, 2) + lateral(encoded)))
        # The sum of two convolutions, the second one straight from the few channels of the encoder. The
        # normalization takes away any bias.
        both = torch.einsum("omhw,mi->oihw", conv.weight, lateral.weight[:, :, 0, 0])
        y = conv_of_upsampled(smaller, conv.weight, 2)
        return norm(y.add_(F.conv2d(encoded, both, padding=1)))


class Smooth(nn.Sequential, TwoForms):
    """The pyramid's maps, enlarged to the first one's size and joined: ReLU(norm(conv(all of them)))."""

    exports_fast = True

    def __init__(self, width: int):
        norm = ImageNorm2d(width, cap=INFINITY)
        super().__init__(nn.Conv2d(4 * width, width, 3, padding=1), norm, nn.Identity())

    def forward(self, *maps: Tensor) -> Tensor:
        conv, norm, _ = self
        if not self.is_fast(maps[0]):
            enlarged = [_up(x, factor) for x, factor in zip(maps, (1, 2, 4, 8), strict=True)]
            return norm(conv(torch.cat(enlarged[::-1], dim=1)))
        first, *others = reversed(conv.weight.chunk(4, dim=1))
        y = F.conv2d(maps[0], first, padding=1)
        for x, weight, factor in zip(maps[1:], others, (2, 4, 8), strict=True):
            y += conv_of_upsampled(x, weight, factor)
        return norm(y)


class PyramidHead(nn.Module):
    """Two 3x3 convolutions with ReLU on one map of the pyramid."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.block0 = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.block1 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu_(self.block1(F.relu_(self.block0(x))))


class PyramidGenerator(TwoForms):
    """DeblurGAN-v2's generator (arXiv:1908.03826, figure 3): a feature pyramid whose maps are merged at 1/4 size.

    N x 3 x H x W in [-1, 1], H and W multiples of 32, to the same. The sum of input and correction is clipped.
    """

    exports_fast = True

    def __init__(self, pyramid: nn.Module, pyramid_width: int, width: int):
        super().__init__()
        self.fpn = pyramid
        self.head1, self.head2, self.head3, self.head4 = (PyramidHead(pyramid_width, width) for _ in range(4))
        self.smooth, self.smooth2 = Smooth(width), Merge(width, width // 2)
        self.final = nn.Conv2d(width // 2, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        encoded, map1, map2, map3, map4 = self.fpn(x)
        merged = self.smooth(self.head1(map1), self.head2(map2), self.head3(map3), self.head4(map4))
        merged = self.smooth2(merged, self.fpn.lateral0, encoded)
        if self.is_fast(x):
            correction = conv_of_upsampled(merged, self.final.weight, 2, self.final.bias)
        else:
            correction = self.final(_up(merged, 2))
        return correction.tanh().add(x).clamp(-1, 1)


def _v2_mobilenet() -> PyramidGenerator:
    return PyramidGenerator(MobileNetPyramid(128), 128, 64)


def _v2_inception() -> PyramidGenerator:
    return PyramidGenerator(InceptionPyramid(256), 256, 128)


class Deblur(TorchBackend):
    """Backend: RGB in [0, 1] through a network that works in [-1, 1]."""

    def restore(self, image: Tensor, mask: Tensor | None) -> Tensor:
        return self.network(image * 2 - 1).add_(1).mul_(0.5)


_NETWORKS = {
    V1.id: ResNetGenerator,
    V2_MOBILENET.id: _v2_mobilenet,
    V2_INCEPTION.id: _v2_inception,
}


def make(card: ModelCard) -> nn.Module:
    """The network of a card, with random weights."""
    return _NETWORKS[card.id]()
