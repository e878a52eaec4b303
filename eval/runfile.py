"""What stage 1 leaves for stage 2 beside the restored pictures, so that scoring needs no model."""

from __future__ import annotations

from dataclasses import replace

from pydantic import BaseModel, ConfigDict

from zoo.errors import ZooError
from zoo.weights.checksum import sha256_of

from .predict import Job, Loaded
from .provenance import code
from .records import read_record, write_record
from .results import ModelFacts, Restoring, library_versions


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
    variant: str
    """See `Job.variant`."""
    restoring: Restoring


def begin(job: Job, loaded: Loaded, requested: str) -> RunFile:
    """Write the run file of a prepared job. Raises OutputError.

    requested: the model's name as it was typed.
    """
    made = RunFile(
        model=ModelFacts(
            id=loaded.id,
            requested=requested,
            title=loaded.title,
            license=loaded.license,
            weights_sha256=loaded.weights_sha256,
            parameters=loaded.parameters,
        ),
        own_weights=job.weights is not None,
        settings=job.settings,
        precision=job.precision,
        tile=str(job.tile).lower(),
        device=loaded.device,
        variant=job.variant,
        restoring=Restoring(code=code(), libraries=dict(library_versions()), accelerator=loaded.accelerator),
    )
    write_record(job.store.run, made)
    return made


def restored(job: Job) -> tuple[Job, RunFile] | None:
    """The job of a run whose stage 1 has begun, with its settings, and its run file; None when there is none.

    Several runs of one model differ in their precision, tiles or weights; classical methods know no precision.
    """
    for path in sorted(job.store.folder.parent.glob("*/run.json")):
        found = read_record(path, RunFile)
        if found is None:
            continue
        if job.device != "auto" and found.device.partition(":")[0] != job.device.partition(":")[0]:
            continue
        precise = found.precision == job.precision or not found.model.parameters
        same = job.model in (found.model.id, found.model.requested)  # "scheme:FILE" is requested, and no id
        same = same and (found.tile, found.own_weights) == (str(job.tile).lower(), bool(job.weights))
        if job.weights is not None and job.weights.is_file():
            same = same and sha256_of(job.weights) == found.model.weights_sha256
        begun = replace(job, settings=found.settings, precision=found.precision, variant=found.variant)
        if same and precise and begun.store.folder == path.parent:
            return begun, found
    return None


def not_restored(job: Job) -> ZooError:
    """Said when there is nothing to score."""
    return ZooError(f"nothing of {job.model} is restored in {job.store.folder.parent}: run --stage predict first.")
