"""Random choices: each is drawn from a generator of its own, so that none depends on what was drawn before."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from .errors import ZooError

if TYPE_CHECKING:
    import numpy as np
    import torch

    from .card import ModelCard

LARGEST = 64
"""So many samples can be asked for at once."""


def rng_for(*parts: object) -> np.random.Generator:
    """A generator that depends on its parts alone (a seed, a picture's name), not on what was drawn before."""
    import numpy as np

    digest = hashlib.sha256("\0".join(map(str, parts)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "little"))


def check_model(card: ModelCard) -> None:
    """Raise ZooError for a model that has one result only."""
    if not card.stochastic:
        raise ZooError(f"{card.id} gives one result for a picture, so there are no samples of it.")


def checked_count(count: int | str) -> int:
    """The number of samples. Raises ZooError for what is no number from 1 to 64."""
    number = _whole(count)
    if number is None or not 1 <= number <= LARGEST:
        raise ZooError(f"the number of samples is from 1 to {LARGEST}, not '{count}'.")
    return number


def checked_seed(seed: int | str) -> int:
    """The seed. Raises ZooError for what is no whole number."""
    number = _whole(seed)
    if number is None:
        raise ZooError(f"a seed is a whole number, not '{seed}'.")
    return number


def _whole(value: int | str) -> int | None:
    if isinstance(value, bool) or not re.fullmatch(r"[+-]?[0-9]{1,18}", str(value)):
        return None
    return int(value)


def generator_for(seed: int, index: int) -> torch.Generator:
    """What sample `index` (from 0) is drawn with: it depends on these two alone, not on how many samples there are."""
    import torch

    return torch.Generator().manual_seed(int(rng_for("sample", seed, index).integers(1 << 32)))
