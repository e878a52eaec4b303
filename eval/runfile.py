"""What stage 1 leaves for stage 2 beside the restored pictures, so that scoring needs no model."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from zoo.errors import ZooError
from zoo.weights.checksum import sha256_of

from .predict import Job
from .provenance import code
from .results import ModelFacts, Restoring, accelerator, library_versions
from .store import read_json, write_json

if TYPE_CHECKING:
    from zoo.restorer import Restorer


class RunFile(BaseModel):
    """The model of a run as it was loaded, and what restores its pictures."""

    model_config = ConfigDict(extra="forbid")

    model: ModelFacts
    own_weights: bool
    """Whether the weights are a file that the user named."""
    settings: str
    precision: str
    tile: str
    device: str
    restoring: Restoring


def begin(job: Job, model: Restorer, requested: str) -> RunFile:
    """Write the run file of a prepared job. Raises OutputError.

    requested: the model's name as it was typed.
    """
    made = RunFile(
        model=ModelFacts(
            id=model.card.id,
            requested=requested,
            title=model.card.title,
            license=model.card.license,
            weights_sha256=model.weights_sha256,
            parameters=model.parameters,
        ),
        own_weights=job.weights is not None,
        settings=job.settings,
        precision=job.precision,
        tile=str(job.tile).lower(),
        device=model.device,
        restoring=Restoring(
            code=code(), libraries=dict(library_versions()), accelerator=accelerator(model.device)
        ),
    )  # fmt: skip
    write_json(job.store.run, made.model_dump())
    return made


def restored(job: Job) -> tuple[Job, RunFile] | None:
    """The job of a run whose stage 1 has begun, with its settings, and its run file; None when there is none.

    Several runs of one model differ in their precision, tiles or weights; classical methods know no precision.
    """
    for path in sorted(job.store.folder.parent.glob("*/run.json")):
        try:
            found = RunFile.model_validate(read_json(path))
        except ValidationError:
            continue
        if job.device != "auto" and found.device.partition(":")[0] != job.device.partition(":")[0]:
            continue
        precise = found.precision == job.precision or not found.model.parameters
        same = (found.model.id, found.tile, found.own_weights) == (job.model, str(job.tile).lower(), bool(job.weights))
        if job.weights is not None and job.weights.is_file():
            same = same and sha256_of(job.weights) == found.model.weights_sha256
        if same and precise and path.parent.name.startswith(job.store.folder.name):
            variant = path.parent.name.removeprefix(job.store.folder.name)
            return replace(job, settings=found.settings, precision=found.precision, variant=variant), found
    return None


def not_restored(job: Job) -> ZooError:
    """Said when there is nothing to score."""
    return ZooError(f"nothing of {job.model} is restored in {job.store.folder.parent}: run --stage predict first.")
