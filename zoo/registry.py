"""The registry of backends: registered by a decorator, found by name, validated before they are added.

A backend is one file or folder in zoo/models: it decorates a builder with `register(card, ...)`. All are imported at
the first look-up, so that `import zoo` and every `--help` stay light; and as a builder itself imports what it builds
with (torch, OpenCV), so does every look-up of a card.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import weights as weights_module
from .card import TASKS, ModelCard
from .errors import UnknownNameError, WeightsError

if TYPE_CHECKING:
    from pathlib import Path

    import torch

    from .restorer import Restorer

    Backend = Callable[[torch.Tensor, "torch.Tensor | None"], torch.Tensor]
    # Tensors by name, or None: a builder knows which, as its own cards say whether there are weights.
    Builder = Callable[[ModelCard, Any], Backend]

_entries: dict[str, tuple[ModelCard, Builder]] = {}
_schemes: dict[str, Callable[[str], tuple[ModelCard, Builder]]] = {}
_discovered = False


def register(*cards: ModelCard) -> Callable[[Builder], Builder]:
    """Register a builder for one or more cards.

    The builder gets a card and its tensors by name (None where the card has no weights) and returns a backend: a
    callable `(image, mask) -> image` on float32 NCHW RGB in [0, 1] and N1HW masks with 1 = hole (None without a
    mask). A network returns a `torch.nn.Module` whose attribute `network` is the bare network with the published
    signature. The backend of a `stochastic` card has a method `sample` too (see ModelCard). Raises ValueError when an
    id is taken or a family gets a second default.
    """

    def add(builder: Builder) -> Builder:
        for card in cards:
            if card.id in _entries:
                raise ValueError(f"model '{card.id}' is registered twice")
            if card.family_default and _default_of(card.family):
                raise ValueError(f"family '{card.family}' has two defaults: {_default_of(card.family)}, {card.id}")
            _entries[card.id] = (card, builder)
        return builder

    return add


def register_scheme(scheme: str) -> Callable[[Callable], Callable]:
    """Register the opener of models that are named "scheme:argument", such as a user's own file.

    The opener gets the argument and returns a card and its builder; an absolute filename on the card's weights
    stands for the user's file. Such models are loaded by name like all others, but are in no list. Raises ValueError
    when the scheme is taken.
    """

    def add(opener: Callable[[str], tuple[ModelCard, Builder]]) -> Callable[[str], tuple[ModelCard, Builder]]:
        if scheme in _schemes:
            raise ValueError(f"scheme '{scheme}' is registered twice")
        _schemes[scheme] = opener
        return opener

    return add


def _default_of(family: str) -> str | None:
    return next((c.id for c, _ in _entries.values() if c.family == family and c.family_default), None)


def _discover() -> None:
    global _discovered
    if _discovered:
        return
    from . import models

    for module in pkgutil.iter_modules(models.__path__, models.__name__ + "."):
        importlib.import_module(module.name)
    _discovered = True


def list_models(
    *, task: str | None = None, license: str | None = None, available: bool | None = None
) -> list[ModelCard]:
    """Cards sorted by id, filtered by task, by license (exact SPDX id) and by whether they can run here now.

    Raises UnknownNameError for an unknown task.
    """
    if task is not None and task not in TASKS:
        raise UnknownNameError("task", task, TASKS)
    _discover()
    return [
        card
        for _, (card, _) in sorted(_entries.items())
        if not card.internal
        and (task is None or task in card.tasks)
        and (license is None or license.casefold() == card.license.casefold())
        and (available is None or available == (unavailable_reason(card) is None))
    ]


def unavailable_reason(card: ModelCard) -> str | None:
    """Why the model cannot run on this machine now, or None when it can."""
    return None if card.weights is None else weights_module.missing_reason(card)


def resolve_id(name: str) -> str:
    """The exact id behind a name.

    An exact id stands for itself, and so does "scheme:argument". A bare family name stands for the family's
    published default if its weights are on this machine, else for the bundled variant, else for the default all the
    same (loading it then fetches it, or says what is missing). Raises UnknownNameError.
    """
    _discover()
    if name in _entries or _scheme_of(name):
        return name
    family = [card for card, _ in _entries.values() if card.family == name]
    if not family:
        public = [card for card, _ in _entries.values() if not card.internal]
        raise UnknownNameError("model", name, {n for card in public for n in (card.id, card.family)})
    default = [card for card in family if card.family_default]
    here = [card for card in family if unavailable_reason(card) is None]
    bundled = [card for card in here if card.weights is None or weights_module.is_bundled(card)]
    for choice in ([c for c in default if c in here], bundled, default):
        if choice:
            return choice[0].id
    raise UnknownNameError("model", name, (card.id for card in family))


def _scheme_of(name: str) -> str | None:
    """The scheme of "scheme:argument", None for other names. Raises UnknownNameError for an unknown scheme."""
    scheme, colon, _ = name.partition(":")
    if not colon:
        return None
    _discover()
    if scheme not in _schemes:
        raise UnknownNameError("kind of model", f"{scheme}:", (f"{known}:" for known in _schemes))
    return scheme


def _entry(name: str) -> tuple[ModelCard, Builder]:
    if scheme := _scheme_of(name):
        return _schemes[scheme](name.partition(":")[2])
    return _entries[resolve_id(name)]


def module_of(name: str) -> str:
    """The name of the module that builds this model. Raises as `get_card` does."""
    return _entry(name)[1].__module__


def get_card(name: str) -> ModelCard:
    """The card of a model id, a family name or a "scheme:argument".

    Raises UnknownNameError, and WeightsError for a "scheme:argument" that cannot be opened.
    """
    return _entry(name)[0]


def load(
    name: str,
    *,
    device: str = "auto",
    precision: str = "fp32",
    tile: int | str | None = "auto",
    weights: str | Path | None = None,
) -> Restorer:
    """Load a model for use.

    device: "auto", "cpu", "cuda", "cuda:1", "mps". precision: "fp32", "fp16" or "bf16". tile: "auto" (only large
    pictures), a tile's side in pixels, or None (never). weights: a checkpoint file to use instead of the resolved
    one (the folder that holds them for a model of several files). Weights that are not on this machine are
    downloaded where their card says from where. Raises UnknownNameError, and WeightsError when weights are missing,
    damaged or of another architecture.
    """
    from .restorer import Restorer

    card, builder = _entry(name)
    if card.weights is None or (weights is not None and _scheme_of(name)):
        if weights is not None:
            why = "has no weights" if card.weights is None else "names its file already"
            raise WeightsError(f"{name} {why}, so it cannot take the file {weights}.")
        return Restorer(card, builder(card, None), device=device, precision=precision, tile=tile)
    found = weights_module.resolve(card, weights)
    tensors = weights_module.load_tensors(found)
    try:
        backend = builder(card, tensors)
    except (RuntimeError, KeyError) as error:  # what load_state_dict and missing names raise
        raise WeightsError(weights_module.mismatch(card, found, tensors, error)) from error
    return Restorer(card, backend, device=device, precision=precision, tile=tile, weights_sha256=found.sha256)
