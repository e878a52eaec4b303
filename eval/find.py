"""Find result files: by file, by folder, or by a run's id."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from zoo.errors import ZooError

from .results import Result, read_result


def find_results(places: Iterable[Path]) -> list[Result]:
    """All results in files and folders (`result.json` at any depth, or any .json in or below a folder named results).

    Raises ZooError for a missing place, a place without results, or a file that is none.
    """
    results = []
    for place in places:
        if place.is_file():
            results.append(read_result(place))
            continue
        if not place.is_dir():
            raise ZooError(f"there is no result file or folder {place}.")
        paths = sorted(place.rglob("result.json"))
        if not paths and "results" in place.absolute().parts:
            paths = sorted(place.rglob("*.json"))
        if not paths:
            raise ZooError(f"there are no result files in {place}; `python -m eval` makes them.")
        results += [read_result(path) for path in paths]
    return results


def places_of(name: str, runs: Path) -> list[Path]:
    """The file or folder of that name, else the runs of that id below `runs`.

    A run's id is its folder there, DATASET/SCENARIO/MODEL; the end of it will do, such as MODEL, for all runs that end
    so. Raises ZooError when there is neither.
    """
    place = Path(name)
    if place.exists():
        return [place]
    wanted = place.parts
    found = [path for path in sorted(runs.rglob("result.json")) if path.parts[-len(wanted) - 1 : -1] == wanted]
    if not found:
        raise ZooError(f"'{name}' is no file, no folder, and no run in {runs} (a run's id is DATASET/SCENARIO/MODEL).")
    return found
