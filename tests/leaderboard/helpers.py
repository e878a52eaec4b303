"""Results made to measure."""

from __future__ import annotations

from eval.provenance import Code
from eval.results import (
    Cost,
    DatasetFacts,
    Environment,
    ImageRow,
    MetricValue,
    ModelFacts,
    Restoring,
    Result,
    ScenarioFacts,
)

CODE = Code(version="0.1.0", commit="c" * 40, clean=True)


def value(mean: float, n: int = 24) -> MetricValue:
    return MetricValue(mean=mean, low=mean - 1, high=mean + 1, n=n, version=1)


def missing(reason: str) -> MetricValue:
    return MetricValue(version=1, unavailable=f"unavailable: {reason}")


def result(model: str = "telea", mean: float = 20.0, *, n: int = 24, expected: int = 24, **changes) -> Result:
    """A result of `n` pictures. Changes: a field of its parts (the first that has it), metrics, failures."""
    metrics = changes.pop("metrics", {"psnr_rgb": value(mean, n), "ssim_rgb": value(mean / 40, n)})
    failures = changes.pop("failures", {})
    made = changes.pop("code", CODE)
    restored = changes.pop("restored", made)
    inputs = changes.pop("inputs", {})
    parts = {
        "model": ModelFacts(
            id=model, requested=model, title=model, license="MIT", weights_sha256=None, parameters=0
        ),
        "dataset": DatasetFacts(
            id="kodak", title="Kodak", license="free", source="https://r0k.us", sha256="a" * 64, limit=None,
            state="verified",
        ),
        "scenario": ScenarioFacts(
            id="noise", version=1, title="Gaussian noise", seed=0, primary="psnr_rgb", chain="noise v1"
        ),
        "cost": Cost(
            device="cpu", machine="AMD EPYC, 2 cores", precision="fp32", tile="auto", workers=1, seconds_median=0.25,
            megapixels_per_second=1.5, peak_memory_mb=30, gflops=None, gflops_at=None,
        ),
        "environment": Environment(
            python="3.12.1", platform="Linux", processor="AMD EPYC", cores=2, libraries={},
            finished="2026-01-01T00:00:00+00:00",
        ),
    }  # fmt: skip
    for name, new in changes.items():
        owner = next(part for part, facts in parts.items() if name in type(facts).model_fields)
        parts[owner] = parts[owner].model_copy(update={name: new})
    images = [
        ImageRow(name=f"{i}.png", input=inputs.get(f"{i}.png", "0" * 16), seconds=0.25, metrics={}) for i in range(n)
    ]
    return Result(
        n_expected=expected, n_scored=n, failures=failures, notes={}, metrics=metrics, images=images,
        command="python -m eval", code=made,
        restoring=Restoring(code=restored, libraries={}, accelerator=None), **parts,
    )  # fmt: skip
