"""`python -m leaderboard verify`: is a submitted result file what it says? By its form, its checksums and a re-run."""

from __future__ import annotations

import argparse
import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.errors import ZooError

if TYPE_CHECKING:
    from eval.datasets import Item
    from eval.results import ImageRow, Result
    from zoo.restorer import Restorer

PICTURES = 3
"""So many are restored and measured again."""
SHARE = 0.1
"""Of the smallest difference that matters (`eval.relevance`): so far may a value be off on another machine."""


@dataclass
class Report:
    """What was found out about one result file."""

    path: Path
    confirmed: list[str] = field(default_factory=list)
    """What holds, a phrase each."""
    problems: list[str] = field(default_factory=list)
    """What does not hold, a sentence each."""
    open: list[str] = field(default_factory=list)
    """What could not be checked here, a sentence each."""

    @property
    def verified(self) -> bool:
        """Whether everything was checked and holds."""
        return not self.problems and not self.open


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("results", nargs="+", type=Path, metavar="RESULT", help="result files, or folders that hold "
                        "them")  # fmt: skip
    parser.add_argument("--data-root", type=Path, metavar="DIR", help="folder of the named sets (default: ZOO_DATA)")
    parser.add_argument("--pictures", type=int, default=PICTURES, metavar="N", help="so many, drawn at random, are "
                        f"restored and measured again (default {PICTURES}; 0: none)")  # fmt: skip
    parser.add_argument("--seed", type=int, metavar="N", help="draw the same pictures again")


def run(args: argparse.Namespace) -> int:
    """Print a report on each file; 0 when all are verified, else 1. Raises ZooError."""
    if args.pictures < 0:
        raise ZooError(f"a number of pictures is 0 or more, not {args.pictures}.")
    seed = random.SystemRandom().randrange(2**31) if args.seed is None else args.seed
    reports = [verify(path, args.data_root, args.pictures, seed) for path in _files(args.results)]
    for report in reports:
        state = "verified" if report.verified else "NOT verified" if report.problems else "not fully checked"
        print(f"{report.path}: {state}")
        for mark, lines in (("+", report.confirmed), ("-", report.problems), ("?", report.open)):
            print("".join(f"  {mark} {line}\n" for line in lines), end="")
    print(f"(pictures drawn with --seed {seed})")
    return 0 if all(report.verified for report in reports) else 1


def _files(places: Sequence[Path]) -> list[Path]:
    found = []
    for place in places:
        if not place.exists():
            raise ZooError(f"there is no result file or folder {place}.")
        inside = sorted(place.rglob("result.json")) or sorted(place.rglob("*.json"))
        found += inside if place.is_dir() else [place]
    if not found:
        raise ZooError(f"there are no result files in {' and '.join(map(str, places))}.")
    return found


def verify(path: Path, data_root: Path | None = None, pictures: int = PICTURES, seed: int = 0) -> Report:
    """Check one result file; a file that is no result is a problem, not an error."""
    from eval.results import read_result

    from .bounds import check_bounds

    report = Report(path)
    try:
        result = read_result(path)
        check_bounds([result])
    except ZooError as error:
        report.problems.append(str(error))
        return report
    report.confirmed.append(f"a result of schema version {result.schema_version}, all values within bounds")
    _check_sums(result, report)
    _check_origin(result, report)
    if pictures:
        try:
            _check_again(result, report, data_root, pictures, seed)
        except ZooError as error:
            report.open.append(f"no picture could be restored again: {error}")
    return report


def _check_sums(result: Result, report: Report) -> None:
    """The means are those of the rows, and every row that counts is there."""
    wrong = []
    for name, value in result.metrics.items():
        values = [row.metrics.get(name) for row in result.images]
        known = [each for each in values if each is not None]
        # Pictures that do not count have no value; a metric of the whole set has none for any picture.
        if (
            value.mean is not None
            and known
            and value.n in (len(known), len(values))
            and abs(statistics.fmean(known) - value.mean) > 2e-6
        ):
            mean = statistics.fmean(known)
            wrong.append(f"the mean of {name} is {mean:.6f} by its rows, and {value.mean:.6f} in the file.")
    report.problems += wrong
    if not wrong:
        report.confirmed.append(f"means that follow from {result.n_scored} rows")


def _check_origin(result: Result, report: Report) -> None:
    from .committed import why_not
    from .table import has_other_weights

    if (why := why_not(result)) is not None:
        report.problems.append(f"it cannot stand in the committed table: {why}.")
    else:
        report.confirmed.append(f"complete, of {' and '.join(map(str, result.codes))}")
    if has_other_weights(result):
        report.problems.append(f"its weights are not those bundled for {result.model.id} now.")


def _check_again(result: Result, report: Report, data_root: Path | None, pictures: int, seed: int) -> None:
    """Restore and measure some pictures. Raises ZooError when that cannot be done here."""
    import zoo
    from eval.datasets import open_dataset
    from eval.scenarios import get_scenario

    scenario = get_scenario(result.scenario.id)
    if scenario.version != result.scenario.version:
        raise ZooError(f"{scenario.id} has version {scenario.version} here, and {result.scenario.version} in the file.")
    dataset = open_dataset(result.dataset.id, data_root)
    if dataset.sha256 != result.dataset.sha256:
        report.problems.append(f"the pictures of {dataset.card.id} are others here ({dataset.sha256[:12]}) than in the "
                               f"file ({result.dataset.sha256[:12]}).")  # fmt: skip
        return
    report.confirmed.append(f"pictures of {dataset.card.id}, sha256 {dataset.sha256[:12]}")
    cost = result.cost
    tile = int(cost.tile) if cost.tile.isdigit() else None if cost.tile == "none" else cost.tile
    model = zoo.load(result.model.id, device="cpu", precision=cost.precision, tile=tile)
    if model.weights_sha256 != result.model.weights_sha256:
        report.problems.append(f"the weights of {result.model.id} are others here than in the file.")
        return
    items = {item.name: item for item in dataset.items}
    rows = sorted(result.images, key=lambda row: row.name)
    drawn = random.Random(seed).sample(rows, min(pictures, len(rows)))
    wrong = []
    for row in drawn:
        item = items.get(row.name)
        wrong += _differences(result, row, item, model) if item else [f"{row.name} is not in the data set."]
    report.problems += wrong
    if not wrong:
        report.confirmed.append(f"the same inputs and values for {', '.join(row.name for row in drawn)}")


def _differences(result: Result, row: ImageRow, item: Item, model: Restorer) -> list[str]:
    """What comes out otherwise for one picture, a sentence each."""
    from eval.metrics import METRICS
    from eval.scenarios import get_scenario
    from zoo.io.images import Picture

    sample = get_scenario(result.scenario.id).prepare(item, result.scenario.seed)
    if sample.digest != row.input:
        return [f"{row.name}: the input is another one here ({sample.digest}, not {row.input})."]
    restored = model.restore(Picture(sample.given), sample.mask).picture.rgb8()
    found = []
    for name, value in row.metrics.items():
        if name not in METRICS or value is None:
            continue
        metric = METRICS[name]
        if metric.unavailable_reason() is not None or result.metrics[name].version != metric.version:
            continue
        try:
            again = metric.compute(restored, sample.truth, sample.mask)
        except ZooError:  # not computable, or it does not count
            found.append(f"{row.name}: {name} cannot be computed here, and is {value:g} in the file.")
            continue
        if abs(again - value) > _tolerance(name, value):
            found.append(f"{row.name}: {name} is {again:.6g} here, and {value:.6g} in the file.")
    return found


def _tolerance(metric: str, value: float) -> float:
    from eval.relevance import SMALLEST

    return SHARE * SMALLEST[metric] if metric in SMALLEST else 0.005 * max(1.0, abs(value))
