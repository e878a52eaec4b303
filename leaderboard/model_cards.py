"""Cards for the Hugging Face Hub, from the same results as the tables: of a model, and of the results themselves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from eval.datasets import CARDS
from eval.metrics import METRICS
from eval.results import Result
from zoo.card import ModelCard
from zoo.errors import ZooError
from zoo.licenses import PERMISSIVE
from zoo.registry import get_card
from zoo.weights.bundled import read_published

from .answers import ABOUT, how_to_run, summary_table
from .recommend import Recommendation
from .table import OWN, Group, evidence, group, has_other_weights, label, shown, unranked

LIBRARY = "restoration-zoo"


def model_card(model: str, results: Iterable[Result]) -> str:
    """The Markdown of a model's card with its model-index, from its ranked runs on data sets that cards describe.

    Raises UnknownNameError, and ZooError for the baseline, which is no model.
    """
    from huggingface_hub import ModelCardData

    card = get_card(model)
    if card.baseline:
        raise ZooError(f"{card.id} does nothing, so it has no card.")
    rankings = [made for made in group(results) if not made.own and any(_is_of(card, run) for run in made.ranked)]
    facts = ModelCardData(
        model_name=card.id,
        # The Hub's identifiers are those of SPDX in lower case; it takes others as a name.
        license=card.license.lower() if card.license in PERMISSIVE else "other",
        license_name=None if card.license in PERMISSIVE else card.license,
        library_name=LIBRARY,
        pipeline_tag="image-to-image",
        tags=["image-restoration", *card.tasks],
        eval_results=[each for made in rankings for each in _eval_results(card, made)] or None,
    )
    return f"---\n{facts.to_yaml()}\n---\n\n{_body(card, rankings)}"


def _is_of(card: ModelCard, run: Result) -> bool:
    return run.model.id == card.id and not has_other_weights(run)


def _eval_results(card: ModelCard, made: Group) -> list[Any]:
    """One entry for each metric of the model's runs in a ranking."""
    from huggingface_hub import EvalResult

    dataset = CARDS.get(made.dataset)
    found = []
    for run in made.ranked:
        if not _is_of(card, run) or run.dataset.state in OWN:
            continue
        for name, value in run.metrics.items():
            if value.mean is None or name not in METRICS:
                continue
            found.append(
                EvalResult(
                    task_type="image-to-image",
                    task_name=made.title,
                    dataset_type=made.dataset,
                    dataset_name=dataset.title if dataset else made.dataset,
                    dataset_config=f"{made.scenario}, version {made.version}, seed {made.seed}",
                    dataset_revision=made.sha256,
                    metric_type=name,
                    metric_name=METRICS[name].title,
                    metric_value=value.mean,
                    metric_args={
                        "version": value.version,
                        "low": _six(value.low),
                        "high": _six(value.high),
                        "n": value.n,
                    },
                )
            )
    return found


def _six(value: float | None) -> float | None:
    """With six decimals, as the means have."""
    return None if value is None else round(value, 6)


def _body(card: ModelCard, rankings: Sequence[Group]) -> str:
    lines = [f"# {card.id}", "", f"{card.title}. {card.summary}".strip(), ""]
    lines += ["## Use", "", "```bash", *how_to_run(card), "```", ""]
    lines += ["```python", "import zoo", "", f'result = zoo.load("{card.id}").restore("photo.png"'
              f'{", mask=" + chr(34) + "mask.png" + chr(34) if card.needs_mask else ""})',
              'result.save("restored.png")', "```", ""]  # fmt: skip
    if card.notes:
        lines += ["## Limits and training", "", *(f"- {note}" for note in card.notes), ""]
    lines += ["## Measured", ""]
    if not rankings:
        lines += ["No result of it is published yet.", ""]
    else:
        lines += ["By the metric that ranks each scenario, with its 95 % interval; models that cannot be told apart "
                  "share their ranks.", ""]  # fmt: skip
        lines += ["| data set / scenario | rank | metric | value | pictures |", "| --- " * 5 + "|"]
        for made in rankings:
            for rank, run in zip(made.ranks, made.ranked, strict=True):
                if _is_of(card, run):
                    value = shown(made.primary, run.metrics[made.primary], with_interval=True)
                    named = f" ({label(run, made.ranked)})" if label(run, made.ranked) != card.id else ""
                    lines.append(f"| {made.name}{named} | {rank} of {len(made.ranked)} | {made.primary} | {value} | "
                                 f"{run.n_scored} |")  # fmt: skip
        lines.append("")
        lines += [f"- {made.name}: {text}" for made in rankings if (text := evidence(made))]
        lines.append("")
    lines += ["## Source and license", "", f"License: {card.license}."]
    if card.paper:
        lines.append(f"Method: {card.paper}.")
    for file in card.files:
        if (published := read_published(file.filename)) is not None:
            lines.append(f"Weights: {published.attribution}, from {published.source}; {published.changes}")
    return "\n".join(lines) + "\n"


def dataset_card(groups: Sequence[Group], answers: Sequence[Recommendation]) -> str:
    """The Markdown of the results' own card."""
    from huggingface_hub import DatasetCardData

    facts = DatasetCardData(
        pretty_name="Restoration Zoo results",
        license="mit",
        task_categories=["image-to-image"],
        tags=["image-restoration", "leaderboard", "evaluation-results"],
        configs=[{"config_name": "default", "data_files": "leaderboard.parquet"}],
    )
    runs = sum(len(made.ranked) for made in groups)
    lines = [
        f"---\n{facts.to_yaml()}\n---\n",
        "# Restoration Zoo results",
        "",
        f"{runs} ranked runs of image-restoration models in {len(groups)} rankings. `leaderboard.parquet` (and .csv) "
        "has a row for each run and metric; `results/` has the result files themselves, with a row for each picture, "
        "the command, the commit and the checksums that it takes to check them.",
        "",
        ABOUT,
        "",
        summary_table(answers),
    ]
    apart = [f"- {made.name}: {line}" for made in groups for line in unranked(made)]
    lines += ["Not ranked:", "", *apart, ""] if apart else []
    return "\n".join(lines)
