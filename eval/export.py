"""Results in the form that the Hub's community evaluations read.

https://huggingface.co/docs/hub/eval-results: a benchmark is a data set repository with an `eval.yaml` that names its
tasks, and a model repository has one YAML file of values in `.eval_results/`. The Hub takes one value a task, so each
scenario is a task, and its value is the metric that ranks.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

from zoo.errors import OutputError, ZooError, describe_os_error
from zoo.io.images import write_bytes

from .find import find_results
from .metrics import get_metric
from .results import Result

FRAMEWORK = "restoration-zoo"


def task_of(result: Result) -> str:
    """The id of a result's task: data set, scenario with its version, and the metric that ranks."""
    scenario = result.scenario
    return f"{result.dataset.id}-{scenario.id}-v{scenario.version}-{scenario.primary}".replace(":", "-")


def benchmark(results: Sequence[Result], name: str) -> dict:
    """The `eval.yaml` of a benchmark with the tasks of these results."""
    tasks = {task_of(result): result for result in results}
    words = []
    for id, result in sorted(tasks.items()):
        metric = get_metric(result.scenario.primary)
        better = "higher" if metric.higher_is_better else "lower"
        words.append(f"{id}: {metric.title}, {better} is better, of {result.scenario.title}")
    return {
        "name": name,
        "description": "Image restoration, measured by restoration-zoo. " + "; ".join(words) + ".",
        "evaluation_framework": FRAMEWORK,
        "tasks": [{"id": id, "config": "default", "split": "test"} for id in sorted(tasks)],
    }


def entries(results: Sequence[Result], dataset: str, revision: str | None = None) -> list[dict]:
    """What stands in `.eval_results/restoration-zoo.yaml` of one model. Raises ZooError for a result that cannot stand.

    dataset: the benchmark's id on the Hub. Incomplete runs and metrics without a value are no results.
    """
    from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

    made = []
    for result in sorted(results, key=task_of):
        value = result.metrics[result.scenario.primary]
        if not result.complete or value.mean is None:
            why = value.unavailable or f"only {result.n_scored} of {result.n_expected} pictures are scored"
            raise ZooError(f"{result.model.id} on {task_of(result)} cannot be exported: {why}.")
        interval = "" if value.low is None else f", 95 % interval {value.low:g} to {value.high:g}"
        notes = f"{result.scenario.primary} v{value.version}, {value.n} pictures{interval}; code {result.code}"
        made.append(
            EvalResultEntry(
                dataset_id=dataset, task_id=task_of(result), value=value.mean, dataset_revision=revision,
                date=result.environment.finished[:10], notes=notes,
            )
        )  # fmt: skip
    return eval_result_entries_to_yaml(made)


def main(arguments: list[str]) -> int:
    """The command `python -m eval export`. Raises ZooError."""
    text = "Write results as the Hub's community evaluations read them: eval.yaml, and .eval_results for each model."
    parser = argparse.ArgumentParser(prog="python -m eval export", description=text)
    parser.add_argument("results", nargs="+", type=Path, metavar="RESULT", help="result files or folders of them")
    parser.add_argument("--benchmark", required=True, metavar="OWNER/NAME", help="the benchmark's data set on the Hub")
    parser.add_argument("--revision", metavar="HASH", help="commit of that data set")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the files")
    args = parser.parse_args(arguments)
    import yaml

    if not re.fullmatch(r"[\w.-]+/[\w.-]+", args.benchmark):
        raise ZooError(f"a data set on the Hub is named OWNER/NAME, not {args.benchmark}.")
    results = find_results(args.results)
    seen: dict[tuple[str, str], Result] = {}
    for result in results:
        key = (result.model.id, task_of(result))
        if key in seen:
            raise ZooError(f"there are two results of {key[0]} on {key[1]}: name the one that counts.")
        seen[key] = result
    models: dict[str, list[Result]] = {}
    for result in results:
        models.setdefault(result.model.id, []).append(result)
    files = {Path("eval.yaml"): benchmark(results, args.benchmark.partition("/")[2])}
    for model, own in sorted(models.items()):
        files[Path(model, ".eval_results", "restoration-zoo.yaml")] = entries(own, args.benchmark, args.revision)  # type: ignore[assignment]
    for path, data in files.items():
        place = args.out / path
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"cannot make {place.parent}: {describe_os_error(error)}.") from None
        write_bytes(place, yaml.safe_dump(data, sort_keys=False, allow_unicode=True).encode())
        print(place)
    return 0
