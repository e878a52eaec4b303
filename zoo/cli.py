"""What the command lines of zoo, eval and leaderboard share: errors as sentences, exit statuses, tables."""

from __future__ import annotations

import io
import logging
import os
import sys
import warnings
from collections.abc import Callable, Sequence

from .errors import ZooError, describe_os_error


def guarded(main: Callable[[], int]) -> int:
    """Run a command; a user's error becomes one sentence on stderr and status 2, an interrupt status 130."""
    # What Pillow has to say of a damaged file is said in the error's sentence.
    warnings.filterwarnings("ignore", module="PIL")
    logging.getLogger("PIL").addHandler(logging.NullHandler())
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


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Text columns, as wide as their longest entry; the last is not padded."""
    widths = [max(len(str(row[i])) for row in [header, *rows]) for i in range(len(header) - 1)]
    lines = [[*(f"{c!s:<{w}}" for c, w in zip(row, widths, strict=False)), str(row[-1])] for row in [header, *rows]]
    return "\n".join("  ".join(line).rstrip() for line in lines)
