"""Blind pairwise votes: which of two results of the same picture a person preferred, in a SQLite file.

A vote holds no picture and nothing about the voter: the use case, the two models in the order in which they were shown,
the answer, and a digest of the picture. Any number of threads and processes may write to one file.
"""

from __future__ import annotations

import json
import math
import random
import re
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, fields
from datetime import datetime, timezone
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

import zoo
from eval.metrics import METRICS
from eval.scenarios import SCENARIOS, Sample
from zoo.errors import UnknownNameError, ZooError
from zoo.registry import get_card

from .use_cases import read_use_cases

WINNERS = ("a", "b", "tie")
WAIT_SECONDS = 30.0
"""How long a writer waits for another one."""
_FORMS = {
    "id": r"[0-9a-f]{32}",
    "time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00",
    "use": r"[a-z0-9]+(-[a-z0-9]+)*",
    "a": r"[a-z0-9]+([-.][a-z0-9]+)*",
    "b": r"[a-z0-9]+([-.][a-z0-9]+)*",
    "winner": "|".join(WINNERS),
    "picture": r"[0-9a-f]{16}",
    "version": r"[0-9A-Za-z.+-]+",
}
_LONGEST = 80
_TABLE = "CREATE TABLE votes ({}, metrics TEXT NOT NULL)".format(
    ", ".join(f"{name} TEXT NOT NULL{' PRIMARY KEY' if name == 'id' else ''}" for name in _FORMS)
)
_SCHEMA_VERSION = 1


def picture_digest(given: np.ndarray, mask: np.ndarray | None = None) -> str:
    """What a vote keeps of a picture, 16 hexadecimal digits; the same as `input` in the rows of result files.

    given: H x W x 3 uint8, what the models got. mask: H x W bool, True in holes, or None.
    """
    return Sample(given, given, mask).digest


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


@dataclass(frozen=True)
class Vote:
    """One answer. Raises ZooError for a value that no vote can have."""

    use: str
    """Use case or scenario."""
    a: str
    """The model whose result was shown first (left)."""
    b: str
    """The model whose result was shown second."""
    winner: str
    """"a", "b" or "tie"."""
    picture: str
    """`picture_digest` of what both models got."""
    metrics: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Metric -> values of a's and b's result, where some were computed when the results were made."""
    id: str = field(default_factory=lambda: secrets.token_hex(16))
    """32 hexadecimal digits; a vote with the same id counts once."""
    time: str = field(default_factory=_now)
    """UTC, ISO 8601, whole seconds."""
    version: str = zoo.__version__
    """Of the project that made the results."""

    def __post_init__(self) -> None:
        for name, form in _FORMS.items():
            value = getattr(self, name)
            if not isinstance(value, str) or len(value) > _LONGEST or not re.fullmatch(form, value, re.ASCII):
                raise ZooError(f"a vote cannot have {str(value)[:_LONGEST]!r} as its {name}.")
        try:
            datetime.fromisoformat(self.time)
        except ValueError:
            raise ZooError(f"a vote cannot have {self.time!r} as its time.") from None
        if self.a == self.b:
            raise ZooError(f"a vote compares two models, not {self.a} with itself.")
        if not isinstance(self.metrics, Mapping):
            raise ZooError("the metrics of a vote are a mapping from a metric to two values.")
        for metric, pair in self.metrics.items():
            if metric not in METRICS:
                raise UnknownNameError("metric", str(metric)[:_LONGEST], METRICS)
            low, high = METRICS[metric].low, METRICS[metric].high
            if not (isinstance(pair, Sequence) and len(pair) == 2 and all(_is_within(v, low, high) for v in pair)):
                raise ZooError(f"{metric} of a vote has two values from {low:g} to {high:g}.")
        # Its own copy, of plain numbers: equal votes are equal wherever they come from.
        object.__setattr__(self, "metrics", {m: (float(v[0]), float(v[1])) for m, v in sorted(self.metrics.items())})


def _is_within(value: object, low: float, high: float) -> bool:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and math.isfinite(value) and low <= value <= high  # type: ignore[arg-type, operator]


class VoteStore:
    """The votes of one SQLite file, which is made when the first vote is recorded."""

    def __init__(self, path: Path):
        self.path = path

    def record(self, vote: Vote) -> None:
        """Keep a vote.

        Raises UnknownNameError for a model or use case that is not known here, ZooError when a vote with this id is
        there already or the file cannot be written.
        """
        for model in (vote.a, vote.b):
            get_card(model)
        known = {*read_use_cases(), *SCENARIOS}
        if vote.use not in known:
            raise UnknownNameError("use case or scenario", vote.use, known)
        if self.add([vote]) == 0:
            raise ZooError("this vote was counted before.")

    def add(self, votes: Iterable[Vote]) -> int:
        """Keep all of these votes but those that are there already, or none; how many were new.

        Models and use cases need not be known here. Raises ZooError when another vote has one of the ids, or the file
        cannot be written.
        """
        new = 0
        with self._open() as connection:
            connection.execute("BEGIN IMMEDIATE")
            for vote in votes:
                row = row_of(vote)
                known = connection.execute(f"SELECT {', '.join(COLUMNS)} FROM votes WHERE id = ?", (vote.id,))
                if (before := known.fetchone()) is None:
                    places = ", ".join("?" * len(COLUMNS))
                    connection.execute(f"INSERT INTO votes ({', '.join(COLUMNS)}) VALUES ({places})", row)
                    new += 1
                elif before != row:
                    raise ZooError(f"another vote has the id {vote.id} already.")
            connection.execute("COMMIT")
        return new

    def votes(self, use: str | None = None) -> list[Vote]:
        """All votes or those of one use case, the oldest first; none when the file does not exist yet."""
        if not self.path.exists():
            return []
        where, values = ("", ()) if use is None else (" WHERE use = ?", (use,))
        with self._open() as connection:
            rows = connection.execute(f"SELECT {', '.join(COLUMNS)} FROM votes{where} ORDER BY time, id", values)
            return [vote_of(dict(zip(COLUMNS, row, strict=True))) for row in rows]

    def draw_pair(
        self, use: str, models: Sequence[str], shuffle: Callable[[list], None] = random.shuffle
    ) -> tuple[str, str]:
        """Two of these models to show next: a pair with the fewest votes on this use case so far, in random order.

        shuffle: as `random.Random(seed).shuffle`. Raises ZooError for fewer than two different models.
        """
        pairs = [list(pair) for pair in combinations(dict.fromkeys(models), 2)]
        if not pairs:
            raise ZooError("a comparison needs two different models.")
        seen: dict[frozenset[str], int] = {}
        for vote in self.votes(use):
            pair = frozenset((vote.a, vote.b))
            seen[pair] = seen.get(pair, 0) + 1
        shuffle(pairs)
        rarest = min(pairs, key=lambda pair: seen.get(frozenset(pair), 0))
        shuffle(rarest)
        return rarest[0], rarest[1]

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """A connection for one task: shared ones would need locks of their own. Closing it undoes what is unfinished.

        Raises ZooError.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.path, timeout=WAIT_SECONDS, isolation_level=None)) as connection:
                self._prepare(connection)
                yield connection
        except (sqlite3.Error, OSError) as error:
            raise ZooError(f"cannot use {self.path} as a file of votes: {error}.") from None

    def _prepare(self, connection: sqlite3.Connection) -> None:
        found = connection.execute("PRAGMA user_version").fetchone()[0]
        if found == 0:
            connection.execute("BEGIN IMMEDIATE")
            found = connection.execute("PRAGMA user_version").fetchone()[0]  # another writer may have been first
            if found == 0:
                if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                    raise ZooError(f"{self.path} is another program's database.")
                connection.execute(_TABLE)
                connection.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")
                found = _SCHEMA_VERSION
            connection.execute("COMMIT")
        if found != _SCHEMA_VERSION:
            raise ZooError(f"{self.path} has votes of version {found}, and this project reads {_SCHEMA_VERSION}.")


COLUMNS = (*_FORMS, "metrics")
assert set(COLUMNS) == {each.name for each in fields(Vote)}


def row_of(vote: Vote) -> tuple[str, ...]:
    return (*(getattr(vote, name) for name in _FORMS), json.dumps(vote.metrics))


def vote_of(row: Mapping[str, Any]) -> Vote:
    """The vote of a row of text. Raises ZooError."""
    try:
        metrics = json.loads(row["metrics"])
    except (TypeError, ValueError, RecursionError):
        raise ZooError("the metrics of a vote are a JSON object.") from None
    return Vote(**{name: row[name] for name in _FORMS}, metrics=metrics)
