"""A finished run as it is stored: its result, and for each picture the input, the target and the restored one."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zoo.errors import ZooError
from zoo.io import images

from .datasets import Dataset, open_dataset
from .predict import read_intact
from .results import Result, read_result
from .scenarios import Sample, get_scenario
from .store import Store, read_json


@dataclass(frozen=True)
class Shown:
    """One picture of a run."""

    name: str
    sample: Sample
    restored: np.ndarray
    """HxWx3 uint8."""
    sha256: str
    """Of the stored restored picture."""


@dataclass(frozen=True)
class StoredRun:
    """A run whose result file and restored pictures are here."""

    result: Result
    store: Store
    dataset: Dataset

    def pictures(self, names: Iterable[str] | None = None) -> Iterator[Shown]:
        """The scored pictures in the order of the set, or those named, in their order.

        Raises ZooError when one is no longer what was scored.
        """
        items = {item.name: item for item in self.dataset.items}
        inputs = {row.name: row.input for row in self.result.images}
        scenario = get_scenario(self.result.scenario.id)
        for name in inputs if names is None else names:
            record = read_json(self.store.record(name)) or {}
            data = read_intact(self.store.picture(name), record.get("sha256"))
            if data is None or name not in items:
                what = "stored restored picture is missing or damaged" if name in items else "picture is not here"
                raise ZooError(f"{name}: its {what}: run the evaluation again.")
            sample = scenario.prepare(items[name], self.result.scenario.seed)
            if sample.digest != inputs[name]:
                raise ZooError(f"{name}: its input is not the one that the run had; its picture or scenario changed.")
            yield Shown(name, sample, images.read(data).rgb8(), record["sha256"])


def open_run(path: Path, dataset: str | None = None, root: Path | None = None) -> StoredRun:
    """The run of a folder or result file.

    dataset: as on the command line, needed for runs on a user's own folder, whose place no result tells. Raises
    ZooError for what is no run, and as `open_dataset` does.
    """
    file = path / "result.json" if path.is_dir() else path
    if not file.is_file():
        raise ZooError(f"there is no run in {path}: it has no result.json.")
    result = read_result(file)
    if not (file.parent / "restored").is_dir():
        raise ZooError(f"{file.parent} has no restored pictures beside its result.")
    spec = dataset or result.dataset.id
    kind, colon, _ = spec.partition(":")
    if dataset is None and colon:
        raise ZooError(f"{path} was measured on a folder of the user's: say where it is (--dataset {kind}:PATH).")
    opened = open_dataset(spec, root, result.dataset.limit)
    if opened.sha256 != result.dataset.sha256:
        raise ZooError(f"{spec} is not what {path} was measured on: its pictures have other checksums.")
    version = get_scenario(result.scenario.id).version
    if version != result.scenario.version:
        raise ZooError(f"{path} is of version {result.scenario.version} of {result.scenario.id}; today's is {version}.")
    return StoredRun(result, Store.at(file.parent), opened)


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that say where the pictures of a run are."""
    parser.add_argument("--dataset", metavar="KIND:PATH", help="where the pictures of a run on your own folder are")
    parser.add_argument("--data-root", type=Path, metavar="DIR", help="folder of the named sets (default: ZOO_DATA)")
