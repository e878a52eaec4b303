"""`python -m zoo bench`: how fast the networks are on this machine, beside their plain form.

The plain form is the straightforward one: modulated weights for every sample, FIR kernels as convolutions of their
own, attention by convolution with every patch. Both forms run in turns in this process, with the same random weights
and input, so no weights are needed; and beside them stands the convolution rate that the machine reached meanwhile.
"""

from __future__ import annotations

import argparse
import importlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import ZooError

if TYPE_CHECKING:
    import torch

FAMILIES = ("contextual-attention", "deblurgan", "edgeconnect", "gpen")
"""Those whose published networks have a plain form."""
DEFAULT = ("gpen.bfr-512", "deblurgan.v2-mobilenet", "contextual-attention.places2")


@dataclass(frozen=True)
class Row:
    """One network's figures; seconds are the best of several runs."""

    model: str
    pixels: str
    """Size of the input, "height x width"."""
    plain: float
    fast: float
    difference: float
    """Largest difference between the two outputs, in standard deviations of the output."""

    @property
    def ratio(self) -> float:
        """Time of the fast form over that of the plain form."""
        return self.fast / self.plain


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("--model", nargs="+", default=DEFAULT, metavar="ID", help="networks to time (default: three)")
    parser.add_argument("--repeats", type=int, default=3, metavar="N", help="runs of each form; the best counts (3)")
    parser.add_argument("--threads", type=int, default=2, metavar="N", help="threads of the CPU (2)")


def run(args: argparse.Namespace) -> int:
    """Time the networks and print the table; 0 when all went well. Raises ZooError."""
    if args.repeats < 1 or args.threads < 1:
        raise ZooError("--repeats and --threads are numbers from 1 on.")
    from .registry import get_card

    for model in args.model:  # a wrong name should not cost a minute first
        _check_family(get_card(model))

    import torch

    torch.set_num_threads(args.threads)
    rates = [convolution_rate()]
    rows = []
    for model in args.model:
        rows.append(measure(model, args.repeats))
        rates.append(convolution_rate())
        print(format_row(rows[-1]) if len(rows) > 1 else f"{HEADER}\n{format_row(rows[-1])}", flush=True)
    print(
        f"convolution rate: {max(rates):.0f} GFLOP/s at best, {min(rates):.0f} at worst "
        f"({args.threads} threads, float32, torch {torch.__version__})"
    )
    return 0


HEADER = f"{'model':32} {'input':>12} {'plain':>8} {'fast':>8} {'ratio':>6} {'difference':>11}"


def format_row(row: Row) -> str:
    """A line of the table."""
    return (
        f"{row.model:32} {row.pixels:>12} {row.plain:6.2f} s {row.fast:6.2f} s {row.ratio:6.2f} "
        f"{row.difference:7.0e} std"
    )


def measure(model: str, repeats: int = 3) -> Row:
    """Time both forms of a network on the CPU, by turns. Raises ZooError for a model without a plain form."""
    import torch

    from . import registry
    from .layers import plain_form

    card = registry.get_card(model)
    _check_family(card)
    name = f".models.{card.family.replace('-', '_')}"
    family, network = (importlib.import_module(module, __package__) for module in (name, f"{name}.network"))
    torch.manual_seed(0)
    plain = network.make(card).eval().requires_grad_(False)
    for tensor in plain.parameters():
        if tensor.dim() < 2:  # no bias and no gain at its neutral value, so that each of them counts
            tensor.add_(torch.randn_like(tensor), alpha=0.1)
    state = {name: tensor.clone() for name, tensor in plain.state_dict().items()}
    fast = family.build(card, state).network
    inputs = _inputs(card)
    packed = [x.contiguous(memory_format=torch.channels_last) for x in inputs]

    best = {"plain": float("inf"), "fast": float("inf")}
    outputs = {}
    with torch.inference_mode():
        for _ in range(repeats + 1):  # the first turn warms up
            with plain_form(plain):
                seconds, outputs["plain"] = _timed(lambda: plain(*inputs))
            best["plain"] = min(best["plain"], seconds)
            seconds, outputs["fast"] = _timed(lambda: fast(*packed))
            best["fast"] = min(best["fast"], seconds)
    first, second = (_picture(outputs[form]) for form in ("plain", "fast"))
    difference = float((first - second).abs().max() / first.std())
    return Row(card.id, f"{inputs[0].shape[2]} x {inputs[0].shape[3]}", best["plain"], best["fast"], difference)


def convolution_rate(repeats: int = 5) -> float:
    """GFLOP/s of a 3x3 convolution from 256 to 256 channels at 128 x 128 pixels, the best of some runs."""
    import torch
    import torch.nn.functional as F

    x = torch.randn(1, 256, 128, 128).to(memory_format=torch.channels_last)
    weight = torch.randn(256, 256, 3, 3).to(memory_format=torch.channels_last)
    with torch.inference_mode():
        seconds = min(_timed(lambda: F.conv2d(x, weight, padding=1))[0] for _ in range(repeats + 1))
    return 2 * weight.numel() * x.shape[2] * x.shape[3] / seconds / 1e9


def _check_family(card) -> None:
    """Raise ZooError when the card's network has no plain form to compare with."""
    if card.family not in FAMILIES or card.weights is None or card.id.endswith(".mini"):
        raise ZooError(f"{card.id} has no plain form to compare with; choose one of {', '.join(FAMILIES)}.")


def _inputs(card) -> list[torch.Tensor]:
    """Random inputs of a network in its own range: a picture of 1280 x 720, an aligned face or a holed square."""
    import torch

    if card.family == "gpen":
        return [torch.rand(1, 3, card.size.square, card.size.square) * 2 - 1]
    if card.family == "deblurgan":
        return [torch.rand(1, 3, 736, 1280) * 2 - 1]
    picture, mask = torch.rand(1, 3, 512, 512), torch.zeros(1, 1, 512, 512)
    mask[..., 128:320, 160:352] = 1
    if card.family == "edgeconnect":
        return [picture, picture.mean(1, keepdim=True), (picture[:, :1] > 0.9).float(), mask]
    return [torch.cat([(picture * 2 - 1) * (1 - mask), torch.ones_like(mask), mask], dim=1), mask]


def _timed(function: Callable) -> tuple[float, object]:
    started = time.perf_counter()
    result = function()
    return time.perf_counter() - started, result


def _picture(output) -> torch.Tensor:
    """The picture among a network's outputs: the refined one of two, not the empty latent code."""
    if not isinstance(output, tuple):
        return output
    return [part for part in output if part is not None][-1]
