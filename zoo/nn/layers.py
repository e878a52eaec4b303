"""Layers that several families share. Each has a fast path and the plain one that it must equal."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

# On Linux torch then asks for huge pages, without which every new large tensor costs a page fault per 4 KiB: four
# fifths of the time of a memory-bound layer. It is read at torch's first allocation.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Network = TypeVar("Network", bound=nn.Module)
INFINITY = float("inf")
BLOCK = 1 << 18
"""Numbers in a piece of a tensor that several steps in a row should find in the CPU's cache."""


class TwoForms(nn.Module):
    """A layer with a fast form, for inference on the CPU in float32, and a plain one for everything else."""

    plain = False
    exports_fast = False
    """Whether the fast form is the one to export: it saves products and keeps its weights constant."""

    def is_fast(self, x: Tensor) -> bool:
        """Whether x takes the fast form."""
        if self.plain or x.device.type != "cpu" or x.dtype != torch.float32:
            return False
        return not (torch.is_grad_enabled() and (x.requires_grad or any(p.requires_grad for p in self.parameters())))


@contextmanager
def plain_form(network: nn.Module) -> Iterator[None]:
    """Run a network in its plain form: every layer as its paper writes it, without a shortcut.

    Slower, with the same outputs up to rounding. `python -m zoo bench` times it against the fast form.
    """
    with _attribute("plain", [layer for layer in network.modules() if hasattr(layer, "plain")]):
        yield


@contextmanager
def exported_form(network: nn.Module) -> Iterator[None]:
    """Run a network in the form that other runtimes and compilers do best with, with the same outputs up to rounding.

    Layers are in their plain form, but for those that export their fast one; and those with an attribute `constant`
    keep their weights as they are and change what goes in and comes out instead.
    """
    plain, constant = _changed_by_export(network)
    with _attribute("plain", plain), _attribute("constant", constant):
        yield


def use_exported_form(network: nn.Module) -> None:
    """Keep a network in its `exported_form`."""
    plain, constant = _changed_by_export(network)
    for name, layers in (("plain", plain), ("constant", constant)):
        for layer in layers:
            setattr(layer, name, True)


def _changed_by_export(network: nn.Module) -> tuple[list[nn.Module], list[nn.Module]]:
    """Layers that have another form when exported: the plain one, and that with constant weights."""
    layers = list(network.modules())
    plain = [layer for layer in layers if hasattr(layer, "plain") and not getattr(layer, "exports_fast", False)]
    return plain, [layer for layer in layers if isinstance(getattr(layer, "constant", None), bool)]


@contextmanager
def _attribute(name: str, layers: list[nn.Module]) -> Iterator[None]:
    """The layers' attribute is True inside, and as before afterwards."""
    before = [getattr(layer, name) for layer in layers]
    try:
        for layer in layers:
            setattr(layer, name, True)
        yield
    finally:
        for layer, value in zip(layers, before, strict=True):
            setattr(layer, name, value)


def build_with(make: Callable[[], Network], state: Mapping[str, Tensor]) -> Network:
    """`make()` with the tensors of `state` as its weights, in eval mode.

    The network is made without memory and takes the tensors as they are, so nothing is initialized in vain. Raises
    RuntimeError when names or shapes are not exactly the network's.
    """
    with torch.device("meta"):
        network = make()
    network.load_state_dict(state, strict=True, assign=True)
    return network.eval().requires_grad_(False)


def luma(picture: Tensor) -> Tensor:
    """BT.601 luma, N x 1 x H x W, of N x 3 x H x W RGB."""
    return (picture * picture.new_tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1, keepdim=True)


def random_place(picture: Tensor, side: int, grid: int) -> tuple:
    """A place of `side` pixels, or all there are, in N x C x H x W, that begins at multiples of `grid`."""
    starts = [int(torch.randint(max(0, length - side) // grid + 1, ())) * grid for length in picture.shape[2:]]
    return (..., *(slice(start, start + side) for start in starts))


def holed_picture() -> tuple[Tensor, Tensor]:
    """A random picture, 1 x 3 x 512 x 512 in [0, 1], and the mask of a hole in it, 1 x 1 x 512 x 512."""
    picture, mask = torch.rand(1, 3, 512, 512), torch.zeros(1, 1, 512, 512)
    mask[..., 128:320, 160:352] = 1
    return picture, mask


def image_statistics(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and (biased) variance of every channel of one picture, 1 x C x H x W.

    torch's fast kernel adds up a whole channel in one float, which loses four digits on a large picture. So each
    channel is dealt out to up to 64 groups, whose statistics are then joined: as fast, and exact to the last digits.
    """
    _, channels, height, width = x.shape
    pixels = height * width
    groups = math.gcd(pixels, 64)
    rows = x.permute(0, 2, 3, 1).reshape(1, pixels // groups, 1, groups * channels).permute(0, 3, 1, 2)
    means, variances = (v.view(groups, channels) for v in torch.batch_norm_update_stats(rows, None, None, 0.0))
    mean = means.mean(0)
    return mean, variances.mean(0) + (means - mean).square().mean(0)


class ImageNorm2d(TwoForms):
    """Normalization of every channel by its mean and variance over one image, the published layers' real behavior.

    Input and output: N x C x H x W; the input may be overwritten. The published networks run instance and batch
    normalization in training mode on one image at a time, so both are this layer. The running statistics are loaded
    where the file has them (`tracked`), and not used. `cap` fuses the activation that follows: min(max(y, 0), cap);
    infinity is ReLU, None is none.
    """

    def __init__(
        self,
        channels: int,
        *,
        affine: bool = False,
        tracked: bool = True,
        eps: float = 1e-5,
        cap: float | None = None,
    ):
        super().__init__()
        self.channels, self.eps, self.cap = channels, eps, cap
        self.weight = nn.Parameter(torch.ones(channels)) if affine else None
        self.bias = nn.Parameter(torch.zeros(channels)) if affine else None
        if tracked:
            self.register_buffer("running_mean", torch.zeros(channels))
            self.register_buffer("running_var", torch.ones(channels))
            self.register_buffer("num_batches_tracked", torch.tensor(0, dtype=torch.long))

    def forward(self, x: Tensor) -> Tensor:
        if self.is_fast(x):
            for image in x.split(1):
                self._overwrite(image)
            return x
        y = F.instance_norm(x, None, None, self.weight, self.bias, eps=self.eps)
        if self.cap is None:
            return y
        return F.relu(y) if self.cap == INFINITY else F.hardtanh(y, 0.0, self.cap)

    def _overwrite(self, x: Tensor) -> None:
        scale, shift = self.scale_and_shift(*image_statistics(x))
        if not x.is_contiguous(memory_format=torch.channels_last):
            x.mul_(scale.view(1, -1, 1, 1)).add_(shift.view(1, -1, 1, 1))
            if self.cap is not None:
                x.clamp_(0.0, self.cap)
            return
        for rows in x.permute(0, 2, 3, 1).view(-1, self.channels).split(max(1, BLOCK // self.channels)):
            torch.addcmul(shift, rows, scale, out=rows)
            if self.cap is not None:
                rows.clamp_(0.0, self.cap)

    def scale_and_shift(self, mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
        """Per channel, what makes x * scale + shift the normalized picture, of its statistics."""
        scale = (variance + self.eps).rsqrt()
        if self.weight is not None:
            scale = scale * self.weight
        shift = -mean * scale
        return scale, shift if self.bias is None else shift + self.bias

    def extra_repr(self) -> str:
        return f"{self.channels}, affine={self.weight is not None}, eps={self.eps}, cap={self.cap}"


def conv_of_upsampled(x: Tensor, weight: Tensor, factor: int, bias: Tensor | None = None) -> Tensor:
    """A 3x3 convolution, padded by 1, of x enlarged by nearest neighbor, without enlarging it.

    x: N x C x H x W, weight: C' x C x 3 x 3, to N x C' x factor * H x factor * W. Taps that see the same pixel of x
    are added up beforehand, which leaves (factor + 2)^2 / factor^2 products of 9.
    """
    outputs, inputs = weight.shape[:2]
    # Row by row, tap t of the three reaches the enlarged pixels 2 - t to 2 - t + factor of the kernel.
    reach = torch.zeros(3, factor + 2)
    for tap in range(3):
        reach[tap, 2 - tap : 2 - tap + factor] = 1
    spread = torch.einsum("iu,jv->ijuv", reach, reach).reshape(9, -1).to(weight)
    kernel = (weight.reshape(-1, 9) @ spread).view(outputs, inputs, factor + 2, factor + 2).transpose(0, 1)
    return F.conv_transpose2d(x, kernel, bias, stride=factor, padding=1)
