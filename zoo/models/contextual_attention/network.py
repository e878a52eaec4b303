"""DeepFill v2 (2019): inpainting with gated convolutions and contextual attention.

Papers: "Free-Form Image Inpainting with Gated Convolution" (arXiv:1806.03589) for the network, "Generative Image
Inpainting with Contextual Attention" (arXiv:1801.07892) for the attention. Pictures are RGB in [-1, 1]; masks are 1
inside the hole.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...card import ModelCard
from ...nn.layers import TwoForms, conv_of_upsampled
from ...runtimes.torch import TorchBackend

SOFTMAX_SCALE = 10.0
SMALLEST_NORM = 1e-4


class GatedConv2d(TwoForms):
    """phi(features) * sigmoid(gate), both from one convolution (arXiv:1806.03589, equation 2); keeps H x W / stride.

    phi is ELU, or ReLU where the attention compares features. `same` pads as TensorFlow does: what a stride leaves
    over goes behind the picture, not around it.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        *,
        stride: int = 1,
        dilation: int = 1,
        relu: bool = False,
        same: bool,
    ):
        super().__init__()
        reach = dilation * (kernel - 1)
        self.tail = (reach - stride + 1) // 2 if same else None
        self.after = reach - stride + 1 - (reach - stride + 1) // 2
        padding = reach // 2 if not same or stride == 1 else 0
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride=stride, dilation=dilation, padding=padding)
        self.relu = relu

    def forward(self, x: Tensor) -> Tensor:
        if self.conv.stride[0] > 1 and self.tail is not None:
            x = F.pad(x, (self.tail, self.after, self.tail, self.after))
        return self.gate(self.conv(x))

    def gate(self, y: Tensor) -> Tensor:
        """Features and gates, N x 2C x H x W, to N x C x H x W; y may be overwritten."""
        channels = y.shape[1] // 2
        if not self.is_fast(y):
            features, gate = y.chunk(2, dim=1)
            return (F.relu(features) if self.relu else F.elu(features)) * gate.sigmoid()
        # ELU is slow on a part of the channels of every pixel, so that part is copied out first.
        features = y[:, :channels].contiguous(memory_format=torch.channels_last)
        features = features.relu_() if self.relu else F.elu_(features)
        return features.mul_(y.sigmoid_()[:, channels:])


class GatedUpConv2d(TwoForms):
    """A gated convolution of the picture at twice its size (nearest neighbor)."""

    exports_fast = True

    def __init__(self, inputs: int, outputs: int, *, same: bool):
        super().__init__()
        self.conv = GatedConv2d(inputs, outputs, 3, same=same)

    def forward(self, x: Tensor) -> Tensor:
        if not self.is_fast(x):
            return self.conv(F.interpolate(x, scale_factor=2, mode="nearest"))
        inner = self.conv.conv
        return self.conv.gate(conv_of_upsampled(x, inner.weight, 2, inner.bias))


class PlainConv2d(nn.Module):
    """The convolution that gives RGB, without a gate."""

    def __init__(self, inputs: int):
        super().__init__()
        self.conv = nn.Conv2d(inputs, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


def _nearest(x: Tensor, height: int, width: int, *, same: bool) -> Tensor:
    """x at another size by nearest neighbor; as TensorFlow with aligned corners where `same`."""
    if not same:
        return F.interpolate(x, size=(height, width), mode="nearest")

    def index(old: int, new: int) -> Tensor:
        step = (old - 1) / max(new - 1, 1)
        return (torch.arange(new, device=x.device) * step + 0.5).floor().long()

    return x[..., index(x.shape[2], height), :][..., index(x.shape[3], width)]


class ContextualAttention(nn.Module):
    """Rebuilds each place from the known patches that resemble it (arXiv:1801.07892, section 4.1).

    forward(x, mask): features N x C x H x W, H and W even, and N x 1 x H' x W' with 1 = hole; returns N x C x H x W.
    Places and patches are 3x3 neighborhoods of the features at half size, n = H/2 * W/2 of each. The score of a patch
    p at a place q is their product over the patch's norm; the softmax of the scores weighs 4x4 patches of x.
    """

    plain = False
    budget = 1 << 22
    """About so many scores (a place and a patch each) are held at a time: they should fit into the CPU's cache."""

    def __init__(self, *, same: bool):
        super().__init__()
        self.same = same
        if not same:
            self.fuse_weight = nn.Parameter(torch.eye(3).view(1, 1, 3, 3))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        plain = self.plain or x.requires_grad or not self._fuses_diagonals()
        attend = self._plain if plain else self._fast
        pictures = [attend(*pair) for pair in zip(x.float().split(1), mask.float().split(1), strict=True)]
        return torch.cat(pictures).to(x.dtype)

    def _fuses_diagonals(self) -> bool:
        """Whether fusing is the sum along diagonals, as in every published file (or is left out)."""
        return self.same or torch.equal(self.fuse_weight[0, 0].float().cpu(), torch.eye(3))

    def _half(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """The features at half size, and which of the n patches may be copied: those without a pixel of the hole."""
        h, w = x.shape[2] // 2, x.shape[3] // 2
        hole = F.max_pool2d(_nearest(mask, h, w, same=self.same), 3, stride=1, padding=1)
        return _nearest(x, h, w, same=self.same), (hole == 0).to(x.dtype).flatten()

    def _plain(self, x: Tensor, mask: Tensor) -> Tensor:
        small, known = self._half(x, mask)
        _, c, h, w = small.shape
        known = known.view(1, h * w, 1, 1)
        patches = F.unfold(small, 3, padding=1).view(c, 9, h * w).permute(2, 0, 1).reshape(h * w, c, 3, 3)
        norms = patches.square().sum((1, 2, 3), keepdim=True).sqrt().clamp_min(SMALLEST_NORM)
        scores = F.conv2d(small, patches / norms, padding=1)
        scores = self._fuse(scores, h, w) * known
        attention = (scores * SOFTMAX_SCALE).softmax(1) * known
        raw = F.unfold(x, 4, padding=1, stride=2).view(c, 16, h * w).permute(2, 0, 1).reshape(h * w, c, 4, 4)
        return F.conv_transpose2d(attention, raw, stride=2, padding=1) / 4

    def _fuse(self, scores: Tensor, h: int, w: int) -> Tensor:
        """Sums scores along the diagonals, first by rows and then by columns: neighbors copied from neighbors count.

        scores: 1 x patches x h x w. The TensorFlow form goes without this step.
        """
        if self.same:
            return scores
        n = h * w
        y = F.conv2d(scores.view(1, 1, n, n), self.fuse_weight.float(), padding=1)
        y = y.view(h, w, h, w).permute(1, 0, 3, 2).reshape(1, 1, n, n)
        y = F.conv2d(y, self.fuse_weight.float(), padding=1)
        return y.view(w, h, w, h).permute(1, 0, 3, 2).reshape(1, n, h, w)

    def _fast(self, x: Tensor, mask: Tensor) -> Tensor:
        """The same from products of single pixels: sums over neighborhoods are sums along diagonals of their matrix.

        A 3x3 neighborhood costs a ninth of the products in this way, and a 4x4 patch half of them. The places are
        handled some rows at a time.
        """
        small, known = self._half(x, mask)
        _, c, h, w = small.shape
        pixels = F.pad(small[0].permute(1, 2, 0), (0, 0, 0, 1, 1, 1))  # a zero column and two zero rows: see _Scorer
        energy = small.square().sum(1, keepdim=True)
        norms = (F.avg_pool2d(energy, 3, stride=1, padding=1) * 9).sqrt().clamp_min(SMALLEST_NORM)
        scorer = _Scorer(pixels, (1 / norms).flatten(), fused=not self.same)
        # The 4x4 patches by column, then by row: pixel k of patch p is x at 2p - 1 + k.
        padded = F.pad(x[0].permute(1, 2, 0), (0, 0, 1, 1, 1, 1))
        columns = torch.stack([padded[:, k : k + 2 * w : 2] for k in range(4)], dim=2)  # H+2 x w x 4 x C
        even, odd = (columns[k : k + 2 * h : 2].reshape(h * w, 4 * c).T.contiguous() for k in (1, 2))

        step = max(4, self.budget // (h * w * w))  # every step does six more rows, so few are a waste
        rows = []
        for first in range(0, h, step):
            last = min(first + step, h)
            start, stop = max(first - 1, 0), min(last + 1, h)  # each row of patches reaches into the next one
            attention = scorer.scores(start, stop).mul_(known * SOFTMAX_SCALE).softmax(-1).mul_(known)
            # Row 2q of the result is shared by the patches at q and q - 1, row 2q + 1 by those at q and q + 1.
            own = attention[(first - start) * w : (last - start) * w]
            shared = own.clone()
            head = w if first == 0 else 0
            shared[head:, w:] += attention[(first - start - 1) * w + head : (last - start - 1) * w, :-w]
            upper = _product(shared, even)
            count = len(own) - (w if last == h else 0)
            shared.copy_(own)[:count, :-w] += attention[(first - start + 1) * w :][:count, w:]
            rows.append(torch.stack([upper, _product(shared, odd)], dim=1))
        y = torch.cat([r.view(-1, w, 2, 4, c).transpose(1, 2) for r in rows]).reshape(2 * h, w, 4, c)
        # The same along the columns: pixel k of the patch at q lies at 2q - 1 + k.
        left, right = y[:, :, 1].clone(), y[:, :, 2].clone()
        left[:, 1:] += y[:, :-1, 3]
        right[:, :-1] += y[:, 1:, 0]
        return torch.stack([left, right], dim=2).view(1, 2 * h, 2 * w, c).permute(0, 3, 1, 2) / 4


class _Scorer:
    """Scores of all patches at some rows of places.

    pixels: (h + 2) x (w + 1) x C, with a row of zeros at either end and a column of zeros on the right, so that a step
    to the left or right of the flattened picture never ends in another row.
    """

    def __init__(self, pixels: Tensor, inverse_norms: Tensor, *, fused: bool):
        self.h, self.w, self.c = pixels.shape[0] - 2, pixels.shape[1] - 1, pixels.shape[2]
        self.pixels, self.inverse_norms, self.fused = pixels, inverse_norms, fused

    def scores(self, start: int, stop: int) -> Tensor:
        """Scores at rows [start, stop), (stop - start) * w x n."""
        return self._fused_by_columns(start, stop) if self.fused else self._compared(start, stop)

    def _compared(self, start: int, stop: int) -> Tensor:
        """Products of 3x3 neighborhoods over the norm of the patch."""
        h, w, c = self.h, self.w, self.c
        places = self.pixels[start : stop + 2].reshape(-1, c)
        products = _product(places, self.pixels[1:-1].reshape(-1, c))  # a row more of places at either end
        y = _along_diagonal(products)
        y = y.view(stop - start + 2, w + 1, h, w + 1)
        center = y[1:-1, :w, :, :w].clone()  # without the column of zeros
        center[:, :, 1:] += y[:-2, :w, :-1, :w]
        center[:, :, :-1] += y[2:, :w, 1:, :w]
        return center.view(-1, h * w).mul_(self.inverse_norms)

    def _fused_by_rows(self, start: int, stop: int) -> Tensor:
        """Scores summed along the diagonals of the picture flattened by rows."""
        first, last = max(start - 1, 0), min(stop + 1, self.h)
        y = _along_diagonal(self._compared(first, last))
        return y[(start - first) * self.w : (stop - first) * self.w]

    def _fused_by_columns(self, start: int, stop: int) -> Tensor:
        """Those summed along the diagonals of the picture flattened by columns.

        A step down from the last row ends in the first row, one column on, for places as for patches.
        """
        h, w = self.h, self.w
        first, last = max(start - 1, 0), min(stop + 1, h)
        inner = self._fused_by_rows(first, last).view(-1, w, h, w)
        y = inner.new_zeros(stop - start + 2, w, h + 2, w)
        y[first - start + 1 : last - start + 1, :, 1:-1] = inner
        if start == 0:
            y[0, 1:, 1:-1] = (inner[-1] if last == h else self._fused_by_rows(h - 1, h).view(w, h, w))[:-1]
        if stop == h:
            y[-1, :-1, 1:-1] = (inner[0] if first == 0 else self._fused_by_rows(0, 1).view(w, h, w))[1:]
        y[:, :, 0, 1:] = y[:, :, -2, :-1]
        y[:, :, -1, :-1] = y[:, :, 1, 1:]
        return (y[1:-1, :, 1:-1] + y[:-2, :, :-2]).add_(y[2:, :, 2:]).view(-1, h * w)


def _product(a: Tensor, b: Tensor) -> Tensor:
    """a @ b.T as a 1x1 convolution, which is twice as fast as a matrix product on processors that are not Intel's."""
    y = F.conv2d(a.T.reshape(1, a.shape[1], 1, -1).contiguous(memory_format=torch.channels_last), b[:, :, None, None])
    return y.permute(0, 2, 3, 1).reshape(len(a), -1)


def _along_diagonal(x: Tensor) -> Tensor:
    """x[i, j] + x[i - 1, j - 1] + x[i + 1, j + 1], with zeros beyond the borders."""
    y = x.clone()
    y[1:, 1:] += x[:-1, :-1]
    y[:-1, :-1] += x[1:, 1:]
    return y


# A branch is its layers in order: name in the TensorFlow form, name in the PyTorch form, channels out, dilation.
# "downsample" in a name is stride 2, "upsample" doubles the size first; channels in are half the channels before.
_Branch = list[tuple[str, str, int, int]]

_DILATED = [
    ("7_atrous", "bn2", 192, 2),
    ("8_atrous", "bn3", 192, 4),
    ("9_atrous", "bn4", 192, 8),
    ("10_atrous", "bn5", 192, 16),
]
_COARSE: _Branch = [
    ("conv1", "conv1", 48, 1),
    ("conv2_downsample", "down_block1.conv1_downsample", 96, 1),
    ("conv3", "down_block1.conv2", 96, 1),
    ("conv4_downsample", "down_block2.conv1_downsample", 192, 1),
    ("conv5", "down_block2.conv2", 192, 1),
    ("conv6", "conv_bn1", 192, 1),
    *((f"conv{tf}", f"conv_{pt}", outputs, dilation) for tf, pt, outputs, dilation in _DILATED),
]
_FINE: _Branch = [
    ("xconv1", "conv_conv1", 48, 1),
    ("xconv2_downsample", "conv_down_block1.conv1_downsample", 48, 1),
    ("xconv3", "conv_down_block1.conv2", 96, 1),
    ("xconv4_downsample", "conv_down_block2.conv1_downsample", 96, 1),
    ("xconv5", "conv_down_block2.conv2", 192, 1),
    ("xconv6", "conv_conv_bn1", 192, 1),
    *((f"xconv{tf}", f"conv_conv_{pt}", outputs, dilation) for tf, pt, outputs, dilation in _DILATED),
]
_COMPARED: _Branch = [
    ("pmconv1", "ca_conv1", 48, 1),
    ("pmconv2_downsample", "ca_down_block1.conv1_downsample", 48, 1),
    ("pmconv3", "ca_down_block1.conv2", 96, 1),
    ("pmconv4_downsample", "ca_down_block2.conv1_downsample", 192, 1),
    ("pmconv5", "ca_down_block2.conv2", 192, 1),
    ("pmconv6", "ca_conv_bn1", 192, 1),
]
_COPIED: _Branch = [("pmconv9", "ca_conv_bn4", 192, 1), ("pmconv10", "ca_conv_bn5", 192, 1)]
_DECODED: _Branch = [
    ("conv11", "conv_bn6", 192, 1),
    ("conv12", "conv_bn7", 192, 1),
    ("conv13_upsample", "up_block1.conv1_upsample", 96, 1),
    ("conv14", "up_block1.conv2", 96, 1),
    ("conv15_upsample", "up_block2.conv1_upsample", 48, 1),
    ("conv16", "up_block2.conv2", 24, 1),
    ("conv17", "conv_to_rgb", 3, 1),
]


class Generator(nn.Module):
    """DeepFill v2's two stages (arXiv:1806.03589, figure 3), in one of the two published forms.

    `same` is the original authors' form, with TensorFlow's padding and down-sampling; the other one pads evenly. They
    differ in the names of their layers as well. forward(x, mask): x is N x 5 x H x W, the masked picture, ones and
    ones * mask; mask is N x 1 x H x W; H and W multiples of 8. Returns the coarse and the refined picture, both
    N x 3 x H x W in [-1, 1].
    """

    def __init__(self, *, same: bool):
        super().__init__()
        self.same = same
        self._paths = {
            "coarse": self._branch(5, _COARSE + _DECODED, "stage1."),
            "fine": self._branch(3, _FINE, "stage2."),
            "compared": self._branch(3, _COMPARED, "stage2."),
            "copied": self._branch(96, _COPIED, "stage2."),
            "merged": self._branch(192, [(f"all{tf}", *rest) for tf, *rest in _DECODED], "stage2."),
        }
        attention = ContextualAttention(same=same)
        _place(self, "contextual_attention" if same else "stage2.contextual_attention", attention)
        self._attention = [attention]  # in a list, so that it has one name only

    def _branch(self, channels: int, layers: _Branch, stage: str) -> list[nn.Module]:
        branch: list[nn.Module] = []
        for tf_name, pt_name, outputs, dilation in layers:
            if outputs == 3:
                layer: nn.Module = PlainConv2d(channels)
            elif tf_name.endswith("upsample"):
                layer = GatedUpConv2d(channels, outputs, same=self.same)
            else:
                layer = GatedConv2d(
                    channels,
                    outputs,
                    5 if tf_name.endswith("conv1") else 3,
                    stride=2 if tf_name.endswith("downsample") else 1,
                    dilation=dilation,
                    relu=tf_name == "pmconv6",
                    same=self.same,
                )
            _place(self, tf_name if self.same else stage + pt_name, layer)
            branch.append(layer)
            channels = outputs // 2
        return branch

    def _run(self, path: str, x: Tensor) -> Tensor:
        for layer in self._paths[path]:
            x = layer(x)
        return x

    def coarse(self, x: Tensor) -> Tensor:
        """The coarse picture of N x 5 x H x W."""
        return self._run("coarse", x).tanh()

    def features(self, filled: Tensor) -> tuple[Tensor, Tensor]:
        """(of the convolutional branch, of what the attention compares), at a quarter of the size of N x 3 x H x W."""
        return self._run("fine", filled), self._run("compared", filled)

    def refined(self, fine: Tensor, attended: Tensor) -> Tensor:
        """The refined picture of both branches."""
        return self._run("merged", torch.cat([fine, self._run("copied", attended)], dim=1)).tanh()

    def forward(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        coarse = self.coarse(x)
        fine, compared = self.features(coarse * mask + x[:, :3] * (1 - mask))
        return coarse, self.refined(fine, self._attention[0](compared, mask))


def _place(root: nn.Module, path: str, module: nn.Module) -> None:
    """Register `module` under a dotted path, making the containers on the way."""
    *containers, name = path.split(".")
    for container in containers:
        if not hasattr(root, container):
            root.add_module(container, nn.Module())
        root = getattr(root, container)
    root.add_module(name, module)


class Inpainting(TorchBackend):
    """Backend: RGB in [0, 1] and a mask, 1 = hole, to RGB in [0, 1] with only the holes replaced."""

    def restore(self, image: Tensor, mask: Tensor) -> Tensor:
        mask = (mask > 0).to(image.dtype)
        masked = (image * 2 - 1) * (1 - mask)
        _, fine = self.network(torch.cat([masked, torch.ones_like(mask), mask], dim=1), mask)
        return torch.where(mask > 0, fine.add(1).mul(0.5), image)


def make(card: ModelCard) -> Generator:
    """The network of a card, with random weights."""
    return Generator(same=card.id.endswith("-tf"))
