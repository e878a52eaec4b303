"""`python -m zoo calibrate`: what int8 needs to know of a model, measured on pictures."""

from __future__ import annotations

import argparse
from pathlib import Path

from .common import model_names


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument("-m", "--model", required=True, metavar="ID[,ID...]", help="model ids or families")
    parser.add_argument("--data", required=True, type=Path, metavar="DIR", help="folder with natural/train and "
                        "faces/train")  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Write the files; 0. Raises ZooError."""
    from ..runtimes.calibrate import calibrate

    for model in model_names(args.model):
        print(calibrate(model, args.data, lambda line: print(line, flush=True)))
    return 0
