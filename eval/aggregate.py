"""`python -m eval aggregate`: rows of many results as one Parquet file, and their means from it."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.cli.common import table
from zoo.errors import ZooError, describe_os_error
from zoo.io.files import written_whole

from .find import find_results
from .stats import t_half_width

if TYPE_CHECKING:
    import pandas as pd

    from .results import Result

RUN = ("dataset", "dataset_sha256", "scenario", "version", "seed", "model", "weights_sha256", "precision", "tile")
"""What makes rows those of one run."""
METRIC = "metric:"
"""Begins the names of the columns of metrics."""


def parser() -> argparse.ArgumentParser:
    """The command line of `python -m eval aggregate`."""
    text = (
        "Means and 95 % t intervals over the rows of results: from result files, folders that hold them, or Parquet "
        "files that --parquet has written."
    )
    aggregating = argparse.ArgumentParser(prog="python -m eval aggregate", description=text)
    aggregating.add_argument("places", nargs="+", type=Path, metavar="FILE|FOLDER")
    aggregating.add_argument("--parquet", type=Path, metavar="FILE", help="write all rows there, a row per picture")
    aggregating.add_argument("--csv", type=Path, metavar="FILE", help="write the means there instead of printing them")
    return aggregating


def aggregate_command(arguments: list[str]) -> int:
    """Carry out the command. Raises ZooError."""
    args = parser().parse_args(arguments)
    import pandas as pd

    stored = [place for place in args.places if place.suffix == ".parquet"]
    others = [place for place in args.places if place.suffix != ".parquet"]
    rows = [read_rows(place) for place in stored]
    if others:
        rows.append(rows_of(find_results(others)))
    joined = pd.concat(rows, ignore_index=True) if len(rows) > 1 else rows[0]
    if args.parquet is not None:
        write_rows(joined, args.parquet)
    means = aggregate(joined)
    if args.csv is not None:
        _write(args.csv, lambda path: means.to_csv(path, index=False))
        return 0
    header = ("dataset", "scenario", "model", "metric", "n", "mean", "95 % interval")
    print(table(header, [
        (row.dataset, f"{row.scenario} v{row.version} s{row.seed}", row.model, row.metric, f"{row.n:,}",
         f"{row.mean:.4f}", "-" if row.n < 2 else f"{row.low:.4f} to {row.high:.4f}")
        for row in means.itertuples()
    ]))  # fmt: skip
    return 0


def rows_of(results: Iterable[Result]) -> pd.DataFrame:
    """A row per scored picture: its run (the columns RUN), name, input, seconds, shared and metrics."""
    import pandas as pd

    rows = []
    for result in results:
        d, s, m, c = result.dataset, result.scenario, result.model, result.cost
        values = (d.id, d.sha256, s.id, s.version, s.seed, m.id, m.weights_sha256 or "", c.precision, c.tile)
        run = dict(zip(RUN, values, strict=True))
        rows += [
            {**run, "name": row.name, "input": row.input, "seconds": row.seconds, "shared": row.shared}
            | {METRIC + metric: value for metric, value in row.metrics.items()}
            for row in result.images
        ]
    if not rows:
        raise ZooError("these results have no rows: no picture was scored.")
    return pd.DataFrame(rows)


def aggregate(rows: pd.DataFrame) -> pd.DataFrame:
    """A row per run and metric: the columns RUN, metric, n, mean, low, high. Missing values do not count."""
    import pandas as pd

    metrics = [column for column in rows.columns if column.startswith(METRIC)]
    groups = rows.groupby(list(RUN), sort=True, observed=True)[metrics]
    counts, means, spreads = groups.count(), groups.mean(), groups.std()
    parts = []
    for column in metrics:
        part = pd.DataFrame({"n": counts[column], "mean": means[column], "std": spreads[column]})
        part = part[part["n"] > 0]
        half = t_half_width(part["std"], part["n"])  # NaN for a single value
        part = part.assign(low=part["mean"] - half, high=part["mean"] + half, metric=column.removeprefix(METRIC))
        parts.append(part.reset_index())
    joined = pd.concat(parts, ignore_index=True)
    return joined[[*RUN, "metric", "n", "mean", "low", "high"]]


def write_rows(rows: pd.DataFrame, path: Path) -> None:
    """Write rows as Parquet, whole or not at all. Raises ZooError without pyarrow, or when the disk refuses."""
    _need_pyarrow()
    _write(path, lambda part: rows.to_parquet(part, index=False))


def read_rows(path: Path) -> pd.DataFrame:
    """Rows that `write_rows` has written. Raises ZooError when the file is missing or has other columns."""
    _need_pyarrow()
    import pandas as pd
    import pyarrow

    try:
        path.stat()  # pyarrow's own errors have no number
        found = pd.read_parquet(path)
    except OSError as error:
        if error.errno:
            raise ZooError(f"cannot read {path}: {describe_os_error(error)}.") from None
        raise ZooError(f"{path} is no Parquet file, or is damaged.") from None
    except (pyarrow.ArrowException, ValueError):
        raise ZooError(f"{path} is no Parquet file, or is damaged.") from None
    missing = [column for column in RUN if column not in found.columns]
    if missing or not any(column.startswith(METRIC) for column in found.columns):
        raise ZooError(
            f"{path} has no rows of results (the column {(missing or [METRIC])[0]} is missing); "
            "`python -m eval aggregate RESULTS --parquet FILE` writes them."
        )
    return found


def _need_pyarrow() -> None:
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        raise ZooError("Parquet files need pyarrow: pip install 'restoration-zoo[parquet]'.") from None


def _write(path: Path, write) -> None:
    try:
        with written_whole(path) as part:
            write(part)
    except OSError as error:
        raise ZooError(f"cannot write {path}: {describe_os_error(error)}.") from None
