"""The result file: what one run of one model on one scenario found, with all that is needed to check it."""

from __future__ import annotations

import json
import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from zoo.errors import ZooError, describe_os_error
from zoo.io.files import MAX_JSON_BYTES, read_bytes

from .datasets import State
from .pool import cores
from .provenance import Code

SCHEMA_VERSION: Literal[3] = 3
"""Of what is written. Version 2 is read too: it tells less of the cost (see there)."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class ModelFacts(_Strict):
    id: str
    requested: str = Field(description="the name as typed: a family name stands for one of its variants")
    title: str
    license: str
    weights_sha256: str | None = Field(description="of the weights file; null for classical methods")
    parameters: int


class DatasetFacts(_Strict):
    id: str
    title: str
    license: str
    source: str
    sha256: str = Field(description="of the pictures of this run: their names, and their pixels where the card lists "
                        "them, else their bytes")  # fmt: skip
    state: State = Field(
        description="verified: the pictures are those that the card lists; unverified: the card lists none; different: "
        "they are not those of the card; own: a folder of the user's"
    )
    limit: int | None = Field(description="only the first N pictures by name were asked for")
    shard: str | None = Field(default=None, description='"i/n": only every n-th picture from the i-th on was asked for')
    contents: dict[str, str] | None = Field(
        default=None,
        description="of a shard, which is to be merged: picture -> what it adds to sha256, in the data set's order",
    )


class ScenarioFacts(_Strict):
    id: str
    version: int
    title: str
    seed: int
    primary: str = Field(description="the metric that ranks")
    chain: str | None = Field(description="name and version of the degradation chain that made the inputs")


class MetricValue(_Strict):
    """A mean with its 95 % interval (Student's t), or the reason why there is none. One picture has no interval."""

    mean: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0
    version: int = Field(description="of the metric; values of different versions do not compare")
    unavailable: str | None = None


class Cost(_Strict):
    """What stage 1 took, one picture at a time unless `workers` says otherwise."""

    device: str
    machine: str = Field(description="processor, cores and accelerator that restored the pictures; all, if several")
    precision: str = Field(description="that was computed in")
    tile: str = Field(description="the setting: auto, none or a side in pixels")
    workers: int = Field(description="pictures restored at once; latency is only comparable for the same number")
    load: float | None = Field(
        default=None, description="only in version 2: processes per core in the last minute, median over the pictures"
    )
    others: float | None = Field(
        default=None,
        description="share of the processor's cores that other processes used while the pictures were restored; null "
        "in version 2 and where not watched",
    )
    shared: bool | None = Field(
        default=None,
        description="whether other work, or other pictures at the same time, made the latencies longer; null in "
        "version 2 and where it was not watched. No latency is given unless this is false (version 2: always)",
    )
    seconds_median: float | None
    megapixels_per_second: float | None = Field(description="input pixels, over all pictures")
    peak_memory_mb: float | None = Field(
        description="most of all pictures; on CUDA GPU memory with the model, else the rise of resident memory over "
        "that of a process that has loaded nothing (version 2: over that of the loaded model)"
    )
    gflops: float | None = Field(description="billions of floating-point operations for one picture, two for each "
                                 "multiply-accumulate (MAC); networks only")  # fmt: skip
    gflops_at: str | None = Field(description="that picture's size")


class ImageRow(_Strict):
    name: str
    input: str = Field(description="first 16 digits of the sha256 of what the model was given: pixels and mask")
    seconds: float
    shared: bool | None = Field(
        default=None, description="whether other work was in the way of this latency, as far as is known"
    )
    retried: str | None = Field(default=None, description="why it was restored a second time, and how")
    metrics: dict[str, float | None]


class Restoring(_Strict):
    """What restored the pictures; scoring may be done elsewhere and later."""

    code: Code
    libraries: dict[str, str]
    accelerator: str | None


class Environment(_Strict):
    """Where the result was put together."""

    python: str
    platform: str
    processor: str
    cores: int
    libraries: dict[str, str]
    finished: str = Field(description="UTC, ISO 8601")


class Result(_Strict):
    schema_version: Literal[2, 3] = SCHEMA_VERSION
    command: str = Field(description="that repeats the run; DATA stands for a folder of data sets")
    code: Code = Field(description="that measured")
    restoring: Restoring
    model: ModelFacts
    dataset: DatasetFacts
    scenario: ScenarioFacts
    n_expected: int = Field(description="pictures of the whole data set, also under --limit")
    n_scored: int
    failures: dict[str, str] = Field(description="picture -> why it has no score")
    notes: dict[str, int] = Field(description="what the model remarked -> on how many pictures")
    metrics: dict[str, MetricValue]
    cost: Cost
    environment: Environment
    images: list[ImageRow]

    @model_validator(mode="after")
    def _adds_up(self) -> Result:
        names = {row.name for row in self.images}
        if len(names) != self.n_scored or len(self.images) != self.n_scored or self.n_scored > self.n_expected:
            raise ValueError(f"{self.n_scored} of {self.n_expected} pictures scored, but {len(names)} listed")
        if self.scenario.primary not in self.metrics:
            raise ValueError(f"it is ranked by {self.scenario.primary}, which it does not have")
        for name, value in self.metrics.items():
            if (value.mean is None) != (value.unavailable is not None):
                raise ValueError(f"{name} has neither, or both, of a mean and a reason why there is none")
            left_out = sum(name in row.metrics and row.metrics[name] is None for row in self.images)
            if value.mean is not None and value.n != self.n_scored - left_out:
                raise ValueError(f"the mean of {name} is over {value.n} of {self.n_scored - left_out} pictures")
        return self

    @property
    def complete(self) -> bool:
        """Whether every picture of the data set was scored; only complete runs rank."""
        return self.n_scored == self.n_expected and not self.failures

    @property
    def codes(self) -> tuple[Code, ...]:
        """The code that measured and, where it was another, the code that restored."""
        return tuple(dict.fromkeys((self.code, self.restoring.code)))


def read_result(path: Path) -> Result:
    """Read a result file. Raises ZooError when it is not one, or of another schema version."""
    try:
        data = json.loads(read_bytes(path, MAX_JSON_BYTES))
        found = data.get("schema_version") if isinstance(data, dict) else None
        if found not in (2, SCHEMA_VERSION):
            raise ZooError(f"{path} is no result file of schema version 2 or {SCHEMA_VERSION} (it says {found}).")
        return Result.model_validate(data)
    except OSError as error:
        raise ZooError(f"cannot read {path}: {describe_os_error(error)}.") from None
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ZooError(f"{path} is no JSON file: {error}.") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise ZooError(
            f"{path} is no result file: {'.'.join(map(str, first['loc'])) or 'all'}: {first['msg']}."
        ) from None


LIBRARIES = (
    "torch", "torchvision", "timm", "pyiqa", "lpips", "numpy", "scipy", "opencv-python", "scikit-image", "PyWavelets",
    "Pillow",
)  # fmt: skip


@cache
def library_versions(names: tuple[str, ...] = LIBRARIES) -> dict[str, str]:
    """The versions of those of these libraries that are installed."""
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


@cache
def machine(device: str) -> str:
    """The hardware behind a latency, in words."""
    words = [_processor(), f"{cores()} cores"]
    if (name := accelerator(device)) is not None:
        words.insert(0, name)
    return ", ".join(words)


def accelerator(device: str) -> str | None:
    """The name of the GPU behind a device, None for the processor."""
    if not device.startswith("cuda"):
        return None
    import torch

    return torch.cuda.get_device_name(device)


def environment() -> Environment:
    """This machine and its libraries."""
    from datetime import datetime, timezone

    return Environment(
        python=platform.python_version(),
        platform=platform.platform(),
        processor=_processor(),
        cores=cores(),
        libraries=dict(library_versions()),
        finished=datetime.now(timezone.utc).isoformat(timespec="seconds"),
    )


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
