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
        description="Train a model from its recipe. `python -m training all` trains several, `distill TEACHER "
        "STUDENT` a small model from a larger one, `export RUN ID` bundles the result, `sheet ID` shows what it does.",
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


def card_parser() -> argparse.ArgumentParser:
    """The command line of `card`."""
    command = argparse.ArgumentParser(
        prog="python -m training card",
        description="Put the limits that a recipe names onto the card of bundled weights, which stay as they are.",
    )
    command.add_argument("id", metavar="ID", help="id of the model")
    return command


def card(args: argparse.Namespace) -> int:
    """Bring a card up to date."""
    from .export import update_card

    print(f"{args.id}: {' '.join(update_card(args.id).limits)}")
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


def all_parser() -> argparse.ArgumentParser:
    """The command line of `all`."""
    command = argparse.ArgumentParser(
        prog="python -m training all",
        description="Carry out a plan: several runs, each with its share of the time. Given again with the same --out "
        "and --minutes, it goes on where it was stopped.",
    )
    command.add_argument("--minutes", type=float, required=True, metavar="M", help="training time of the whole plan")
    command.add_argument("--data", required=True, metavar="DIR", help="folder that holds the recipes' folders")
    command.add_argument("--out", type=Path, default=Path("runs/training"), metavar="DIR", help="default %(default)s")
    command.add_argument("--plan", type=Path, metavar="FILE", help="a JSON list of entries with recipe, share of the "
                         "time and, if wanted, from (default: training/plan.json)")  # fmt: skip
    command.add_argument("--stop-after", type=float, metavar="M", help="end this call after so many minutes, with a "
                         "checkpoint: for machines that are lent for a while")  # fmt: skip
    command.add_argument("--seed", type=int, default=0, metavar="S", help="default 0")
    command.add_argument("--device", default="auto", help="auto (default), cpu, cuda, cuda:1, mps")
    command.add_argument("--precision", default="bf16", help="bf16 (default), fp32 or auto")
    command.add_argument("--workers", type=int, default=0, metavar="N", help="worker processes that make the batches")
    return command


def train_all(args: argparse.Namespace) -> int:
    """Carry out a plan; status 3 when it was stopped before its end."""
    from .loop import Settings
    from .plan import CHECKPOINT_MINUTES, DEFAULT, read_plan, train_all

    settings = Settings(
        "", args.data, args.seed, minutes=args.minutes, device=args.device, precision=args.precision,
        workers=args.workers, checkpoint_minutes=CHECKPOINT_MINUTES,
    )  # fmt: skip
    done = train_all(
        read_plan(args.plan or DEFAULT), args.out, settings, args.stop_after, lambda line: print(line, flush=True)
    )
    if not done:
        print("stopped before the end of the plan; the same command goes on with it.")
    return 0 if done else 3


def pack_parser() -> argparse.ArgumentParser:
    """The command line of `pack`."""
    command = argparse.ArgumentParser(
        prog="python -m training pack",
        description="Copy the pictures that a plan trains on to a new folder of at most 60 MB, for machines that get "
        "only what is sent to them.",
    )
    command.add_argument("target", type=Path, metavar="FOLDER", help="is made; give it to `all` as --data")
    command.add_argument(
        "--data", type=Path, required=True, metavar="DIR", help="folder that holds the recipes' folders"
    )
    command.add_argument("--plan", type=Path, metavar="FILE", help="default: training/plan.json")
    return command


def pack(args: argparse.Namespace) -> int:
    """Copy a plan's pictures."""
    from .plan import DEFAULT, pack, read_plan

    print(f"{args.target}: {pack(read_plan(args.plan or DEFAULT), args.data, args.target) / 1e6:.1f} MB")
    return 0


COMMANDS = {
    "all": (all_parser, train_all),
    "card": (card_parser, card),
    "distill": (distill_parser, distill),
    "export": (export_parser, export),
    "sheet": (sheet_parser, sheet),
    "curve": (curve_parser, curve),
    "pack": (pack_parser, pack),
}
"""Name -> its command line, and what it does; everything else is the id of a recipe."""


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line, run it, return the exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments and arguments[0] in COMMANDS:
        (make, run), arguments = COMMANDS[arguments[0]], arguments[1:]
    else:
        make, run = parser, train
    args = make().parse_args(arguments)
    return guarded(lambda: run(args))


if __name__ == "__main__":
    sys.exit(main())
