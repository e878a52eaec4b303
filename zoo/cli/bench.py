"""`python -m zoo bench`: how fast the networks are on this machine, beside their plain form.

The plain form is the straightforward one: modulated weights for every sample, FIR kernels as convolutions of their
own, attention by convolution with every patch. Both forms run in turns in this process, with the same random weights
and input, so no weights are needed; and beside them stands the convolution rate that the machine reached meanwhile.

With --runtimes it compares runtimes and precisions with PyTorch in float32 instead (`zoo.runtimes.measure`).
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ZooError
from .common import model_names

if TYPE_CHECKING:
    import torch

    from ..card import ModelCard
    from ..registry import Builder, Example

DEFAULT = ("gpen.bfr-512", "deblurgan.v2-mobilenet", "contextual-attention.places2")


@dataclass(frozen=True)
class Row:
    """One network's figures; seconds are the best of several runs."""

    model: str
    pixels: str
    """Size of the input, "height x width"."""
    plain: float
    fast: float
    gflop: float
    """Billions of multiplications and additions of the plain form's convolutions and matrix products."""
    difference: float
    """Largest difference between the two outputs, in standard deviations of the output."""

    @property
    def ratio(self) -> float:
        """Time of the fast form over that of the plain form."""
        return self.fast / self.plain


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument(
        "-m", "--model", default=",".join(DEFAULT), metavar="ID[,ID...]", help="networks to time (default: three)"
    )
    parser.add_argument("--repeats", type=int, default=3, metavar="N", help="runs of each form; the best counts (3)")
    parser.add_argument("--threads", type=int, default=2, metavar="N", help="threads of the CPU (2)")
    group = parser.add_argument_group("with --runtimes, other runtimes and precisions beside PyTorch in float32")
    add = group.add_argument
    add("--runtimes", nargs="?", const="torch,onnx,openvino", metavar="R[,R...]", help="which (torch,onnx,openvino; "
        "compile takes a minute for each model)")  # fmt: skip
    add("--data", type=Path, metavar="DIR", help="folder with natural/val and faces/val, to measure what is lost; "
        "nothing is verified without it")  # fmt: skip
    add("--json", type=Path, metavar="FILE", help="put the rows of these models into this table; that of the project "
        "is zoo/runtimes/verified.json")  # fmt: skip
    add("--readme", type=Path, metavar="FILE", help="make the table between its runtimes markers anew, from --json")
    add("--side", type=int, default=512, metavar="N", help="side in pixels of the input that is timed (512)")
    add("--clock", default="wall", choices=["wall", "cpu"], help="cpu: time that the process computes, for a machine "
        "with other work; with --threads 1")  # fmt: skip
    add("--no-memory", action="store_true", help="do not start a process for each row to measure its memory")


def run(args: argparse.Namespace) -> int:
    """Time the networks and print the table; 0 when all went well. Raises ZooError."""
    if args.repeats < 1 or args.threads < 1 or args.side < 1:
        raise ZooError("--repeats, --threads and --side are numbers from 1 on.")
    models = model_names(args.model)
    if args.runtimes is not None:
        return _compare_runtimes(args, models)
    for model in models:  # a wrong name should not cost a minute first
        _with_plain_form(model)

    import torch

    torch.set_num_threads(args.threads)
    rates = [convolution_rate()]
    rows = []
    for model in models:
        rows.append(measure(model, args.repeats))
        rates.append(convolution_rate())
        line = format_row(rows[-1], max(rates[-2:]))
        print(line if len(rows) > 1 else f"{HEADER}\n{line}", flush=True)
    print(
        f"convolution rate: {max(rates):.0f} GFLOP/s at best, {min(rates):.0f} at worst "
        f"({args.threads} threads, float32, torch {torch.__version__})"
    )
    return 0


def _compare_runtimes(args: argparse.Namespace, models: list[str]) -> int:
    """Print the table of runtimes, and store it after each model. Raises ZooError."""
    from ..io.files import written_whole
    from ..registry import get_card
    from ..runtimes.choose import RUNTIMES
    from ..runtimes.table import filled

    if args.readme and not args.json:
        raise ZooError("--readme shows the table of --json: name both.")
    runtimes = model_names(args.runtimes)
    for runtime in runtimes:
        if runtime not in RUNTIMES:
            raise ZooError(f"unknown runtime '{runtime}': use {', '.join(RUNTIMES)}.")
    for model in models:
        get_card(model)

    import torch

    from ..runtimes import measure as runtimes_measure

    torch.set_num_threads(args.threads)
    print(runtimes_measure.HEADER, flush=True)
    for model in models:
        rows = runtimes_measure.measure(
            model, args.data, runtimes=runtimes, repeats=args.repeats, clock=args.clock, side=args.side,
            memory=not args.no_memory, report=lambda line: print(line, flush=True),
        )  # fmt: skip
        if args.json:
            table = runtimes_measure.merged(args.json, rows)
            with written_whole(args.json) as path:
                path.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
            if args.readme:
                text = filled(args.readme.read_text(encoding="utf-8"), table["rows"])
                with written_whole(args.readme) as path:
                    path.write_text(text, encoding="utf-8")
    return 0


HEADER = f"{'model':32} {'input':>12} {'plain':>8} {'fast':>8} {'ratio':>6} {'at rate':>9} {'difference':>11}"


def format_row(row: Row, rate: float) -> str:
    """A line of the table. "at rate": what the plain form's arithmetic takes at `rate` GFLOP/s."""
    return (
        f"{row.model:32} {row.pixels:>12} {row.plain:6.2f} s {row.fast:6.2f} s {row.ratio:6.2f} "
        f"{row.gflop / rate:7.2f} s {row.difference:7.0e} std"
    )


def measure(model: str, repeats: int = 3) -> Row:
    """Time both forms of a network on the CPU, by turns. Raises ZooError for a model without a plain form."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from ..nn.layers import plain_form

    card, builder, example = _with_plain_form(model)
    torch.manual_seed(0)
    plain, inputs = example(card)
    plain.eval().requires_grad_(False)
    for tensor in plain.parameters():
        if tensor.dim() < 2:  # no bias and no gain at its neutral value, so that each of them counts
            tensor.add_(torch.randn_like(tensor), alpha=0.1)
    state = {name: tensor.clone() for name, tensor in plain.state_dict().items()}
    backend: Any = builder(card, state)
    fast = backend.network
    packed = [x.contiguous(memory_format=torch.channels_last) for x in inputs]

    best = {"plain": float("inf"), "fast": float("inf")}
    outputs = {}
    with torch.inference_mode():
        with plain_form(plain), FlopCounterMode(display=False) as counter:  # it warms up, too
            plain(*inputs)
        fast(*packed)
        for _ in range(repeats):
            with plain_form(plain):
                seconds, outputs["plain"] = _timed(lambda: plain(*inputs))
            best["plain"] = min(best["plain"], seconds)
            seconds, outputs["fast"] = _timed(lambda: fast(*packed))
            best["fast"] = min(best["fast"], seconds)
    first, second = (_picture(outputs[form]) for form in ("plain", "fast"))
    difference = float((first - second).abs().max() / first.std())
    pixels = f"{inputs[0].shape[2]} x {inputs[0].shape[3]}"
    return Row(card.id, pixels, best["plain"], best["fast"], counter.get_total_flops() / 1e9, difference)


def convolution_rate(repeats: int = 5) -> float:
    """GFLOP/s of a 3x3 convolution from 256 to 256 channels at 128 x 128 pixels, the best of some runs."""
    import torch
    import torch.nn.functional as F

    x = torch.randn(1, 256, 128, 128).to(memory_format=torch.channels_last)
    weight = torch.randn(256, 256, 3, 3).to(memory_format=torch.channels_last)
    with torch.inference_mode():
        seconds = min(_timed(lambda: F.conv2d(x, weight, padding=1))[0] for _ in range(repeats + 1))
    return 2 * weight.numel() * x.shape[2] * x.shape[3] / seconds / 1e9


def _with_plain_form(model: str) -> tuple[ModelCard, Builder, Example]:
    """The card, builder and example of a model. Raises ZooError when its network has no plain form."""
    from ..registry import MODELS, find

    found = find(model)
    if found.example is None:
        families = sorted({each.card.family for each in MODELS.values() if each.example})
        raise ZooError(f"{found.card.id} has no plain form to compare with; choose one of {', '.join(families)}.")
    return found.card, found.builder, found.example


def _timed(function: Callable) -> tuple[float, object]:
    started = time.perf_counter()
    result = function()
    return time.perf_counter() - started, result


def _picture(output) -> torch.Tensor:
    """The picture among a network's outputs: the refined one of two, not the empty latent code."""
    if not isinstance(output, tuple):
        return output
    return [part for part in output if part is not None][-1]
