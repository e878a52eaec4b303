"""Use cases: what people bring, and which measurements say something about it.

They stand in use_cases.json, which is meant to be edited. A use case has an id and a title, the scenarios of each data
set that count for it, the metrics with their weights (shares of the sum; a metric that a scenario lacks does not count
there), the faults of `eval.faults` for which it is suggested (each list: all of these together), and a sentence each
on what was measured and what was not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from eval.datasets import CARDS
from eval.faults import FAULTS
from eval.metrics import get_metric
from eval.scenarios import get_scenario
from zoo.errors import UnknownNameError, ZooError, describe_os_error
from zoo.io.files import MAX_JSON_BYTES, read_bytes

FILE = Path(__file__).parent / "use_cases.json"
"""The project's own use cases."""

Sentence = Annotated[str, Field(min_length=1)]
Weight = Annotated[float, Field(gt=0, allow_inf_nan=False, strict=True)]


class UseCase(BaseModel):
    """One use case."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    title: Sentence
    measured_on: Annotated[dict[str, Annotated[list[str], Field(min_length=1)]], Field(min_length=1)]
    """Data set -> scenarios."""
    metrics: Annotated[dict[str, Weight], Field(min_length=1)]
    """Metric -> weight."""
    suggested_for: list[Annotated[list[str], Field(min_length=1)]]
    """Faults, any of these sets."""
    measured: Sentence
    not_measured: Sentence

    @property
    def cells(self) -> list[tuple[str, str]]:
        """(data set, scenario), in the file's order."""
        return [(dataset, scenario) for dataset, scenarios in self.measured_on.items() for scenario in scenarios]

    @property
    def needs_mask(self) -> bool:
        """Whether all its scenarios fill holes."""
        return all(get_scenario(scenario).tasks == ("inpaint",) for _, scenario in self.cells)

    @field_validator("id")
    @classmethod
    def _is_id(cls, value: str) -> str:
        if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", value):
            raise ValueError("an id has lower-case letters, digits and dashes")
        return value

    @field_validator("suggested_for")
    @classmethod
    def _are_faults(cls, value: list[list[str]]) -> list[list[str]]:
        for fault in (fault for together in value for fault in together):
            if fault not in FAULTS:
                raise ValueError(str(UnknownNameError("fault", fault, FAULTS)))
        return value

    @model_validator(mode="after")
    def _is_measurable(self) -> UseCase:
        """Names exist, nothing stands twice, and every metric is measured somewhere."""
        try:
            for dataset in self.measured_on:
                if dataset not in CARDS:
                    raise UnknownNameError("data set", dataset, CARDS)
            scenarios = [get_scenario(scenario) for _, scenario in self.cells]
            for metric in self.metrics:
                get_metric(metric)
        except ZooError as error:
            raise ValueError(str(error)) from None
        if len(set(self.cells)) < len(self.cells):
            raise ValueError("a scenario is named twice for one data set")
        for metric in self.metrics:
            if not any(metric in scenario.metrics for scenario in scenarios):
                raise ValueError(f"none of its scenarios measures {metric}")
        for scenario in scenarios:
            if not self.metrics.keys() & set(scenario.metrics):
                raise ValueError(f"none of its metrics is measured by the scenario {scenario.id}")
        return self


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    use_cases: Annotated[list[UseCase], Field(min_length=1)]


def read_use_cases(path: Path = FILE) -> dict[str, UseCase]:
    """The use cases of a file by id, in its order. Raises ZooError with a sentence on what is wrong with the file."""
    try:
        text = read_bytes(path, MAX_JSON_BYTES).decode("utf-8")
        data = json.loads(text, object_pairs_hook=_without_repetition)
        found = _File.model_validate(data).use_cases
    except OSError as error:
        raise ZooError(f"cannot read {path}: {describe_os_error(error)}.") from None
    except ValidationError as error:
        raise ZooError(f"{path} is no list of use cases: {_first(error, data)}.") from None
    except (ValueError, RecursionError) as error:
        raise ZooError(f"{path} is no JSON file: {error}.") from None
    ids = [use.id for use in found]
    if repeated := sorted({id for id in ids if ids.count(id) > 1}):
        raise ZooError(f"{path} has two use cases '{repeated[0]}'.")
    return dict(zip(ids, found, strict=True))


def get_use_case(name: str, path: Path = FILE) -> UseCase:
    """The use case of that id. Raises UnknownNameError, and ZooError as `read_use_cases` does."""
    known = read_use_cases(path)
    if name not in known:
        raise UnknownNameError("use case", name, known)
    return known[name]


def suggest(faults: Iterable[str], path: Path = FILE) -> list[str]:
    """The ids of the use cases that fit what `eval.faults.Faults.found` names: those that explain most come first."""
    found, explained = set(faults), {}
    for use in read_use_cases(path).values():
        sizes = [len(set(together)) for together in use.suggested_for if set(together) <= found]
        if sizes:
            explained[use.id] = max(sizes)
    return sorted(explained, key=lambda id: -explained[id])


def _without_repetition(pairs: list[tuple[str, object]]) -> dict[str, object]:
    names = [name for name, _ in pairs]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"'{repeated[0]}' stands twice in one object")
    return dict(pairs)


def _first(error: ValidationError, data: object) -> str:
    """Where the first mistake is, and what it is."""
    first = error.errors()[0]
    where = [str(part) for part in first["loc"]]
    if len(first["loc"]) > 1 and isinstance(index := first["loc"][1], int):
        entry = data["use_cases"][index]  # type: ignore[index]
        name = entry.get("id") if isinstance(entry, dict) else None
        where[:2] = [f"use case '{name}'" if isinstance(name, str) else f"use case number {index + 1}"]
    message = first["msg"].removeprefix("Value error, ").rstrip(".")
    return f"{', '.join(where)}: {message[:1].lower()}{message[1:]}" if where else message
