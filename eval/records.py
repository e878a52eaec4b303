"""What the stages store of a picture: checked when it is read, as a record may be older than this code, or edited."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .store import digest, read_json, write_json

Kind = TypeVar("Kind", bound=BaseModel)


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)


class Failure(_Record):
    """A picture that could not be restored, or not be measured. It is tried again."""

    failed: str


class Restored(_Record):
    """A restored picture beside this record."""

    key: str = Field(description="see eval.predict.key_of")
    recipe: str = Field(description="see eval.predict.recipe_of")
    content: str = Field(description="sha256 of the files of the data set that it was made from")
    settings: str
    input: str
    sha256: str = Field(description="of the restored picture's file")
    seconds: float = Field(ge=0)
    pixels: int = Field(ge=1)
    peak_memory_mb: float | None
    device: str
    machine: str
    workers: int = Field(ge=1)
    watched: float | None = Field(description="seconds that other work was watched for, this picture in them")
    others: float | None = Field(description="seconds that other processes computed in them, over all cores")
    retried: str | None
    notes: tuple[str, ...]
    gflops: float | None
    gflops_at: str | None


class Scored(_Record):
    """What was measured of a picture."""

    key: str = Field(description="see eval.score.key_of")
    metrics: dict[str, float | None]
    reasons: dict[str, str] = Field(description="why a metric has no value")


def write_record(path: Path, record: BaseModel) -> None:
    """Write a record with its checksum, whole or not at all. Raises OutputError."""
    fields = record.model_dump(mode="json")
    write_json(path, {**fields, "checksum": digest(fields)})


def read_record(path: Path, kind: type[Kind]) -> Kind | None:
    """A record of that kind as it was written; None where there is none, or another, or it was changed since."""
    data = read_json(path) or {}
    if data.pop("checksum", None) != digest(data):
        return None
    try:
        return kind.model_validate(data)
    except ValidationError:
        return None


def is_changed(path: Path) -> bool:
    """Whether there is a file that is not as `write_record` left it."""
    return path.exists() and (data := read_json(path) or {}).pop("checksum", None) != digest(data)
