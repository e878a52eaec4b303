"""Votes as tables for other programs: CSV, or Parquet by pyarrow."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from zoo.errors import ZooError, describe_os_error
from zoo.io.files import MAX_JSON_BYTES, read_bytes
from zoo.io.images import write_bytes

from .votes import COLUMNS, Vote, row_of, vote_of

FORMATS = (".csv", ".parquet")


def export_votes(votes: Iterable[Vote], path: Path) -> int:
    """Write votes to a .csv or .parquet file, a row each; how many. Raises ZooError."""
    kind = _format(path)
    table = pd.DataFrame([row_of(vote) for vote in votes], columns=list(COLUMNS), dtype="str")
    buffer = io.BytesIO()
    if kind == ".csv":
        table.to_csv(buffer, index=False, lineterminator="\n")
    else:
        table.to_parquet(buffer, index=False)
    write_bytes(path, buffer.getvalue())
    return len(table)


def import_votes(path: Path) -> list[Vote]:
    """The votes of a file that `export_votes` wrote. Raises ZooError for any row that is no vote."""
    kind = _format(path)
    try:
        data = io.BytesIO(read_bytes(path, MAX_JSON_BYTES))
        if kind == ".csv":
            table = pd.read_csv(data, dtype=str, keep_default_na=False, encoding="utf-8")
        else:
            table = pd.read_parquet(data)
    except OSError as error:
        raise ZooError(f"cannot read {path}: {describe_os_error(error)}.") from None
    except Exception as error:  # pandas and pyarrow raise much for what is no table
        raise ZooError(f"{path} is no table of votes: {' '.join(str(error).split())[:200]}.") from None
    if list(table.columns) != list(COLUMNS):
        raise ZooError(f"{path} is no table of votes: its columns have to be {', '.join(COLUMNS)}.")
    votes = []
    for number, row in enumerate(table.to_dict("records"), start=1):
        try:
            votes.append(vote_of(row))
        except ZooError as error:
            raise ZooError(f"{path}, vote {number}: {error}") from None
    return votes


def _format(path: Path) -> str:
    kind = path.suffix.lower()
    if kind not in FORMATS:
        raise ZooError(f"votes are exchanged as {' or '.join(FORMATS)}, not as '{path.name}'.")
    return kind
