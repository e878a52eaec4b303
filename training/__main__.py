"""`python -m training`: train a model from its recipe, and export it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from zoo.cli.common import guarded


def parser() -> argparse.ArgumentParser:
    """The command line of a training run; building it imports nothing heavy."""
    top = argparse.ArgumentParser(
        prog="python -m training",
        description="Train a model from its recipe. `python -m training export RUN ID` bundles the result, "
        "`python -m training sheet ID` shows what it does, `python -m training distill TEACHER STUDENT` trains a small "
        "model from a larger one.",
    )
    top.add_argument("recipe", metavar="RECIPE", help="id of the model, such as autoencoder.mini")
    _add_run_options(top)
    return top


def distill_parser() -> argparse.ArgumentParser:
    """The command line of `distill`."""
    command = argparse.ArgumentParser(
        prog="python -m training distill",
        description="Train a small model from a larger bundled one, by what it puts out and by its features.",
    )
    command.add_argument("teacher", metavar="TEACHER", help="id of the bundled model, such as autoencoder.mini")
    command.add_argument("recipe", metavar="STUDENT", help="id of the small one, such as autoencoder.nano")
    _add_run_options(command)
    return command


def distill(args: argparse.Namespace) -> int:
    """Train a student."""
    from .distillation import check_pair
    from .recipe import get_recipe

    check_pair(args.teacher, get_recipe(args.recipe))
    return train(args)


def _add_run_options(top: argparse.ArgumentParser) -> None:
    top.add_argument("--data", metavar="DIR", help="folder that holds the recipe's folders of clean pictures")
    top.add_argument("--out", type=Path, metavar="RUN", help="folder of the run (default runs/training/RECIPE)")
    top.add_argument("--minutes", type=float, metavar="M", help="length in minutes: the learning rate schedule "
                     "ends with them; with --resume, a new length (default: the recipe's number of steps)")  # fmt: skip
    top.add_argument("--steps", type=int, metavar="N", help="length in steps instead of the recipe's")
    top.add_argument("--resume", action="store_true", help="continue the run in its folder from its last checkpoint")
    top.add_argument("--from", dest="start_from", metavar="RUN", help="initial weights: those of another run, or of "
                     "the bundled model of this id, that match in name and shape (default: random ones)")  # fmt: skip
    top.add_argument("--seed", type=int, default=0, metavar="S", help="of initial weights and batches (default 0)")
    top.add_argument("--device", default="auto", help="auto (default), cpu, cuda, cuda:1, mps")
    top.add_argument("--precision", default="auto", help="fp32, bf16, or auto (default): bf16 on a GPU that has it. "
                     "CPUs with AVX512-BF16 are about twice as fast with bf16")  # fmt: skip
    top.add_argument("--workers", type=int, default=0, metavar="N", help="worker processes that make the batches "
                     "(default 0: the training process, which is best on a CPU)")  # fmt: skip
    top.add_argument("--checkpoint-every", type=int, default=200, metavar="N", help="steps (default 200)")


def train(args: argparse.Namespace) -> int:
    """Run the loop."""
    from zoo.errors import ZooError

    from . import loop
    from .recipe import get_recipe

    recipe = get_recipe(args.recipe)
    folder = args.out or Path("runs/training") / recipe.id
    if args.resume:
        run = loop.resume(folder, args.minutes)
        if run.recipe.id != recipe.id:
            raise ZooError(f"the run in {folder} is of {run.recipe.id}, not of {recipe.id}.")
    elif args.data is None:
        raise ZooError("--data is missing: the folder that holds the recipe's folders of clean pictures.")
    else:
        run = loop.start(folder, loop.Settings(
            recipe.id, args.data, args.seed, args.steps, args.minutes, args.device, args.precision, args.workers,
            args.checkpoint_every, args.start_from,
        ))  # fmt: skip
    run.train(lambda line: print(line, flush=True))
    return 0


def export_parser() -> argparse.ArgumentParser:
    """The command line of `export`."""
    command = argparse.ArgumentParser(
        prog="python -m training export",
        description="Write the averaged weights of a finished run to zoo/pretrained, with a card. `make results` "
        "measures them and puts the figures on the card.",
    )
    command.add_argument("run", type=Path, metavar="RUN", help="folder of the run")
    command.add_argument("id", metavar="ID", help="id of the model")
    return command


def export(args: argparse.Namespace) -> int:
    """Bundle a run."""
    from .export import export

    card = export(args.run, args.id)
    print(f"{card.id}: {card.parameters:,} parameters, {card.steps} steps, {card.sha256}")
    return 0


def sheet_parser() -> argparse.ArgumentParser:
    """The command line of `sheet`."""
    command = argparse.ArgumentParser(
        prog="python -m training sheet",
        description="Write a model's contact sheet (input, output, target) over scikit-image's photographs.",
    )
    command.add_argument("id", metavar="ID", help="id of the model")
    command.add_argument("--out", type=Path, default=Path("assets/samples"), metavar="DIR", help="default %(default)s")
    return command


def sheet(args: argparse.Namespace) -> int:
    """Write a contact sheet."""
    from .sheet import write_sheet

    print(write_sheet(args.id, args.out))
    return 0


def curve_parser() -> argparse.ArgumentParser:
    """The command line of `curve`."""
    command = argparse.ArgumentParser(
        prog="python -m training curve", description="Draw a run's learning curve as a small PNG."
    )
    command.add_argument("run", type=Path, metavar="RUN", help="folder of the run")
    command.add_argument("path", type=Path, metavar="PNG", help="such as assets/curves/deblurgan.mini.png")
    return command


def curve(args: argparse.Namespace) -> int:
    """Draw a learning curve."""
    from .curve import write_curve

    print(write_curve(args.run, args.path))
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line, run it, return the exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["export"]:
        args = export_parser().parse_args(arguments[1:])
        return guarded(lambda: export(args))
    if arguments[:1] == ["distill"]:
        args = distill_parser().parse_args(arguments[1:])
        return guarded(lambda: distill(args))
    if arguments[:1] == ["sheet"]:
        args = sheet_parser().parse_args(arguments[1:])
        return guarded(lambda: sheet(args))
    if arguments[:1] == ["curve"]:
        args = curve_parser().parse_args(arguments[1:])
        return guarded(lambda: curve(args))
    args = parser().parse_args(arguments)
    return guarded(lambda: train(args))


if __name__ == "__main__":
    sys.exit(main())
