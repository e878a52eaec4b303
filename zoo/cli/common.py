"""What the command lines of zoo, eval and leaderboard share: errors as sentences, exit statuses, tables."""

from __future__ import annotations

import io
import logging
import os
import sys
import warnings
from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ..errors import OutputError, ZooError, describe_os_error

if TYPE_CHECKING:
    from ..card import ModelCard

T = TypeVar("T")


def guarded(main: Callable[[], int]) -> int:
    """Run a command; a user's error becomes one sentence on stderr and status 2, an interrupt status 130."""
    # What Pillow has to say of a damaged file is said in the error's sentence.
    warnings.filterwarnings("ignore", module="PIL")
    logging.getLogger("PIL").addHandler(logging.NullHandler())
    warnings.showwarning = _show_warning
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names of files need not be text
    try:
        status = main()
        sys.stdout.flush()
        return status
    except ZooError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader (head, less) has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"error: {where}{describe_os_error(error)}.", file=sys.stderr)
        return 2
    except MemoryError:
        print("error: there is not enough memory for this.", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; what was finished is kept.", file=sys.stderr)
        return 130


def _show_warning(message, category, filename, lineno, file=None, line=None) -> None:
    print(f"warning: {message}", file=file or sys.stderr)


def model_names(text: str) -> list[str]:
    """The names in "a,b", each once. Raises ZooError when there is none."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise ZooError(f"'{text}' names no model.")
    return list(dict.fromkeys(names))


def each_model(
    args: Namespace, run: Callable[[Namespace, Path | None], int], alone: Sequence[str] = ("weights",)
) -> int:
    """Run a command for each model of `-m a,b`; the highest of their statuses.

    With several, each one's results go into the folder of its id in OUT, and the options `alone` are refused. run:
    gets the arguments of one model, and OUT where it is not the output itself. Raises ZooError.
    """
    names = model_names(args.model)
    if len(names) == 1:
        return run(Namespace(**{**vars(args), "model": names[0]}), None)
    from ..io.plan import LIKE_A_PICTURE
    from ..registry import get_card

    for option in alone:
        if getattr(args, option) is not None:
            raise ZooError(f"--{option.replace('_', '-')} goes with one model.")
    chosen: dict[str, str] = {}  # id -> name; a misspelled one is told before any work
    for name in names:
        chosen.setdefault(get_card(name).id, name)
    if args.output.suffix.lower() in LIKE_A_PICTURE and not args.output.is_dir():
        raise OutputError(f"cannot write the results of several models to {args.output}: give a folder.")
    statuses = [
        run(Namespace(**{**vars(args), "model": name, "output": args.output / id}), args.output)
        for id, name in chosen.items()
    ]
    return max(statuses)


class Attempts:
    """Work on one picture after another: a failure does not end the run but is told at its end.

    alone: there is but one picture, so its failure is raised.
    """

    def __init__(self, alone: bool):
        self.alone = alone
        self.failed: list[tuple[Path, str]] = []

    def __call__(self, source: Path, work: Callable[[], T]) -> T | None:
        """What `work` returns, or None when it failed. Raises ZooError."""
        try:
            return work()
        except ZooError as error:
            if self.alone:
                raise
            self.failed.append((source, str(error)))
            return None

    def print_failed(self) -> None:
        """Name each failed picture with its reason, on stderr."""
        for source, reason in self.failed:
            print(f"failed: {reason if str(source) in reason else f'{source}: {reason}'}", file=sys.stderr)


def add_runtime_options(add: Callable[..., object]) -> None:
    """Declare --runtime and --precision, by a parser's (or a group's) `add_argument`."""
    add("--runtime", default="torch", help="torch (default), onnx, openvino, compile (torch.compile), or auto: the "
        "fastest that is installed and was verified for the model")  # fmt: skip
    add("--precision", default="fp32", help="fp32 (default), fp16, bf16, int8 (onnx and openvino), or auto: the "
        "fastest that was verified")  # fmt: skip


def explain_id(asked: str, card: ModelCard) -> None:
    """Tell on stderr which model a name stands for, where that is not the name itself."""
    if asked in card.aliases:
        print(f"{asked} is now called {card.id}.", file=sys.stderr)
    elif asked != card.id:
        print(f"{asked} stands for {card.id} here.", file=sys.stderr)


def explain_runtime(note: str | None) -> None:
    """Tell on stderr what is to be known of the runtime that was chosen (`zoo.restorer.Restorer.note`)."""
    if note:
        print(note, file=sys.stderr)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Text columns, as wide as their longest entry; the last is not padded."""
    widths = [max(len(str(row[i])) for row in [header, *rows]) for i in range(len(header) - 1)]
    lines = [[*(f"{c!s:<{w}}" for c, w in zip(row, widths, strict=False)), str(row[-1])] for row in [header, *rows]]
    return "\n".join("  ".join(line).rstrip() for line in lines)
