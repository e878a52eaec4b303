"""`python -m zoo export`: a model as a file for ONNX Runtime or OpenVINO, checked by running it."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from ..errors import ZooError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument("id", metavar="ID", help="model id or family")
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="FILE", help="a name in .onnx, or in .xml "
                        "for OpenVINO, which writes a .bin beside it")  # fmt: skip
    parser.add_argument("--to", default="onnx", choices=["onnx", "openvino"], help="default: onnx")
    parser.add_argument("--precision", default="fp32", choices=["fp32", "fp16", "int8"], help="default: fp32")
    sizes = parser.add_mutually_exclusive_group()
    sizes.add_argument("--dynamic", action="store_true", help="pictures of all sizes, or none (default: where it can)")
    sizes.add_argument("--size", metavar="HxW", help="pictures of this size alone")
    parser.add_argument("--weights", type=Path, metavar="FILE", help="use this checkpoint file")


def run(args: argparse.Namespace) -> int:
    """Write the file and tell what it is; 0. Raises ZooError."""
    from ..registry import get_card
    from ..runtimes.export import export_model
    from .common import explain_id

    size = None
    if args.size is not None:
        found = re.fullmatch(r"([0-9]{1,5})[xX]([0-9]{1,5})", args.size)
        if not found or not min(int(side) for side in found.groups()):
            raise ZooError(f"a size is height x width in pixels, such as 512x768, not '{args.size}'.")
        size = (int(found[1]), int(found[2]))
    card = get_card(args.id)
    explain_id(args.id, card)
    done = export_model(
        args.id, args.output, to=args.to, precision=args.precision, size=size, any_size=args.dynamic,
        weights=args.weights,
    )  # fmt: skip
    size_text = done.about["size"] + (f" of {card.size.multiple_of}" if done.about["size"].startswith("H") else "")
    print(
        f"{done.path}: {card.id} in {done.about['precision']}, {done.megabytes:.1f} MB, {size_text}; it was run and "
        f"differs from PyTorch by {done.difference:.1g} standard deviations. License: {card.license}."
    )
    return 0
