"""What is known of the bundled files: the JSON of the same name beside each, the one place where it stands."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ..card import Figure, ModelCard, Weights
from ..errors import WeightsError
from . import places


@dataclass(frozen=True)
class Published:
    """A file that others published and this project ships."""

    id: str
    file: str
    sha256: str
    license: str
    """SPDX id; its text is in NOTICE."""
    attribution: str
    source: str
    """The project that it comes from."""
    original: dict[str, str] | None
    """What it was made from: "file", "from" and "sha256"; None where that is not recorded."""
    changes: str
    """What was done to the original."""
    parameters: int | None = None


def read_published(filename: str) -> Published | None:
    """What is known of a bundled file by others; None for one of this project's own, or one that is not bundled."""
    facts = _facts(filename)
    return Published(**facts) if facts and "attribution" in facts else None


def published_files() -> list[Published]:
    """All bundled files by others, by id."""
    found = [read_published(path.name) for path in places.BUNDLED.iterdir() if path.suffix != ".json"]
    return sorted((file for file in found if file), key=lambda file: file.id)


def recorded_sha256(filename: str) -> str | None:
    """The sha256 that a bundled file must have, or None when nothing is recorded of it."""
    return (_facts(filename) or {}).get("sha256")


def trained_card(id: str, *, notes: tuple[str, ...] = (), **facts: Any) -> ModelCard:
    """The card of a model whose weights this project trained: license, limits, training and figures from its JSON.

    facts: the other fields of the card. notes: what is true of the method whatever it was trained on. A model that
    was not exported yet has no JSON: its card says so.
    """
    filename = f"{id}.safetensors"
    known = _facts(filename) or {}
    license = known.get("license", "none yet")
    limits = known.get("limits", ("It has not been trained yet.",))
    training = (
        (f"Trained by this project on {known['data']} for {known['minutes']:.0f} minutes ({known['device']}).",)
        if known
        else ()
    )
    figures = tuple(
        Figure(
            figure["metric"],
            figure["value"],
            figure["dataset"],
            f"{figure['scenario']}; {figure['no_op']} without restoration",
            f"measured by this project, zoo/pretrained/{id}.json",
        )
        for figure in known.get("figures", ())
    )
    return ModelCard(
        id=id,
        license=license,
        commercial_use=license == "MIT" or None,
        weights=Weights(filename, license),
        figures=figures,
        notes=(*limits, *training, *notes),
        **facts,
    )


def published_card(id: str, filename: str | None = None, **facts: Any) -> ModelCard:
    """The card of a model whose weights others published and this project ships: their license from their JSON.

    filename: where it is not ID.safetensors. facts: the other fields of the card.
    """
    filename = filename or f"{id}.safetensors"
    license = (_facts(filename) or {}).get("license", "not recorded")
    return ModelCard(id=id, license=license, weights=Weights(filename, license), **facts)


def _facts(filename: str) -> dict | None:
    path = (places.BUNDLED / filename).with_suffix(".json")
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path} cannot be read, so {filename} cannot be checked: {error}.") from None
    if not isinstance(facts, dict):
        raise WeightsError(f"{path} holds no facts by name, so {filename} cannot be checked.")
    return facts
