"""Where weights come from: bundled with the project, or a local folder or file.

A file is verified by its sha256 before it is opened, and opened only in ways that cannot run code.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .card import ModelCard
from .errors import WeightsError

if TYPE_CHECKING:
    import torch

BUNDLED = Path(__file__).parent / "pretrained"


@dataclass(frozen=True)
class Found:
    """Verified weights on this machine."""

    path: Path
    sha256: str
    origin: str
    """"bundled", "file" or "folder"."""


def local_folder() -> Path | None:
    """The user's own folder of weights, named by the environment variable ZOO_WEIGHTS; None when unset."""
    value = os.environ.get("ZOO_WEIGHTS")
    return Path(value).expanduser() if value else None


def _candidates(card: ModelCard) -> list[tuple[Path, str]]:
    places = [(BUNDLED / card.weights.filename, "bundled")]
    if folder := local_folder():
        places.append((folder / card.weights.filename, "folder"))
    return places


def is_bundled(card: ModelCard) -> bool:
    """Whether the model's weights are shipped with the project."""
    return card.weights is not None and (BUNDLED / card.weights.filename).is_file()


def missing_reason(card: ModelCard) -> str | None:
    """One sentence on what is missing and where to get it, or None when the weights are here."""
    if any(path.is_file() for path, _ in _candidates(card)):
        return None
    where = " or ".join(str(source) for source in card.weights.sources) or "its authors"
    size = f", {card.weights.size / 1e6:.0f} MB" if card.weights.size else ""
    return (
        f"the weights of {card.id} are not on this machine: get {card.weights.filename} ({card.weights.license}{size}) "
        f"from {where} and put it into the folder that ZOO_WEIGHTS names, or pass it with --weights."
    )


def resolve(card: ModelCard, override: str | Path | None = None) -> Found:
    """Find and verify a model's weights: the given file, else bundled, else the local folder.

    Raises WeightsError when there are none or when their sha256 is not the card's.
    """
    if override is not None:
        path = Path(override)
        if not path.is_file():
            raise WeightsError(f"there is no weights file {path}.")
        return Found(path, sha256_of(path), "file")
    for path, origin in _candidates(card):
        if path.is_file():
            digest = sha256_of(path)
            if card.weights.sha256 not in (None, digest):
                raise WeightsError(
                    f"{path} is not the published file of {card.id}: its sha256 is {digest}, "
                    f"the card says {card.weights.sha256}."
                )
            return Found(path, digest, origin)
    raise WeightsError(missing_reason(card) or f"no weights for {card.id}.")


def sha256_of(path: Path) -> str:
    """Hex sha256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else _slow(file)


def _slow(file) -> str:  # Python 3.10 has no hashlib.file_digest
    digest = hashlib.sha256()
    while block := file.read(1 << 20):
        digest.update(block)
    return digest.hexdigest()


def load_tensors(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a safetensors file by name. Raises WeightsError for anything else."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path} is not a readable safetensors file: {error}.") from None
