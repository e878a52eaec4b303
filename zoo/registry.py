"""Registries: what is added under a name, checked before, and found by it. And the registry of models.

A model is one file or folder in zoo/models, or in another installed package (see `PLUGINS`): it decorates a builder
with `register(card, ...)`. All are imported at the first look-up, so that `import zoo` and every `--help` stay light;
and as a builder itself imports what it builds with (torch, OpenCV), so does every look-up of a card.
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import pkgutil
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from .card import TASKS, ModelCard
from .errors import PluginWarning, UnknownNameError, WeightsError, ZooError

if TYPE_CHECKING:
    from pathlib import Path

    import torch

    from .restorer import Restorer
    from .runtimes import Backend

    # Tensors by name, or None: a builder knows which, as its own cards say whether there are weights.
    Builder = Callable[[ModelCard, Any], Backend]
    Example = Callable[[ModelCard], tuple[torch.nn.Module, list[torch.Tensor]]]

Entry = TypeVar("Entry")


class Plugins:
    """The files that fill registries: the modules of a package, and what other packages name as entry points.

    They are imported once, at the first look-up in one of the registries. A file that cannot be imported is left out,
    with all that it had added before it failed; a PluginWarning names it, and so do errors about unknown names.
    """

    def __init__(self, package: str | None = None, group: str | None = None):
        """package: the one whose modules are imported. group: of entry points, each of which names a module."""
        self.failures: dict[str, str] = {}
        """Module -> why it was not imported."""
        self._package, self._group = package, group
        self._registries: list[Registry] = []
        self._loaded = False
        self._lock = threading.RLock()

    def load(self) -> None:
        """Import what has not been imported yet."""
        with self._lock:
            if self._loaded:
                return
            self._loaded = True
            if self._package is not None:
                package = importlib.import_module(self._package)
                for module in pkgutil.iter_modules(package.__path__, self._package + "."):
                    self._import(module.name, functools.partial(importlib.import_module, module.name))
            for point in sorted(importlib.metadata.entry_points(group=self._group)) if self._group else ():
                self._import(f"{point.value} (entry point {point.name})", point.load)

    def _import(self, name: str, load: Callable[[], object]) -> None:
        before = {registry.kind: registry._entries for registry in self._registries}
        try:
            load()
        except (Exception, SystemExit) as error:
            for registry in self._registries:
                registry._entries = before.get(registry.kind, {})
            self.failures[name] = f"{type(error).__name__}: {error}"
            warnings.warn(f"{name} was left out, as it cannot be imported: {self.failures[name]}", PluginWarning, 2)


class Registry(Generic[Entry]):
    """Entries of one kind by name: each name is taken once, and unknown names get a suggestion."""

    def __init__(self, kind: str, plugins: Plugins | None = None):
        """kind: what an entry is, for error messages. plugins: what fills the registry at the first look-up."""
        self.kind = kind
        self._entries: dict[str, Entry] = {}
        self._plugins = plugins
        if plugins is not None:
            plugins._registries.append(self)

    def add(self, entries: Iterable[tuple[str, Entry]]) -> None:
        """Add all of these, or none of them and raise ValueError when a name is taken."""
        added: dict[str, Entry] = {}
        for name, entry in entries:
            if name in self._entries or name in added:
                raise ValueError(f"{self.kind} '{name}' is registered twice")
            added[name] = entry
        self._entries = {**self._entries, **added}

    def get(self, name: str) -> Entry:
        """The entry of that name. Raises UnknownNameError."""
        if name not in self:
            raise self.unknown(name, self)
        return self._entries[name]

    __getitem__ = get

    def unknown(self, name: str, known: Iterable[str]) -> UnknownNameError:
        """The error for a name that is none of `known`, which also tells the files that are missing."""
        failures = self._plugins.failures if self._plugins else {}
        return UnknownNameError(self.kind, name, known, [f"{file}: {why}" for file, why in failures.items()])

    def values(self) -> list[Entry]:
        """All entries, sorted by name."""
        return [self._entries[name] for name in self]

    def items(self) -> list[tuple[str, Entry]]:
        """All (name, entry), sorted by name."""
        return [(name, self._entries[name]) for name in self]

    def __contains__(self, name: str) -> bool:
        self._load()
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        """The names, sorted."""
        self._load()
        return iter(sorted(self._entries))

    def __len__(self) -> int:
        self._load()
        return len(self._entries)

    def _load(self) -> None:
        if self._plugins is not None:
            self._plugins.load()


@dataclass(frozen=True)
class Model:
    """A registered model."""

    card: ModelCard
    builder: Builder
    example: Example | None = None
    """See `register`."""


PLUGINS = Plugins("zoo.models", group="restoration_zoo.backends")
"""Another package adds models when it names a module in its pyproject.toml, which registers them when imported:

    [project.entry-points."restoration_zoo.backends"]
    any-name = "package.module"
"""
MODELS: Registry[Model] = Registry("model", PLUGINS)
SCHEMES: Registry[Any] = Registry("kind of model", PLUGINS)


def register(*cards: ModelCard, example: Example | None = None) -> Callable[[Builder], Builder]:
    """Register a builder for one or more cards.

    The builder gets a card and its tensors by name (None where the card has no weights) and returns a
    `zoo.runtimes.Backend`; it raises RuntimeError or KeyError for tensors that are not the network's. example: of a
    card, the network with random weights and the inputs of an ordinary call of it, in its own range; for families
    whose network has a plain form to compare with (see `zoo.nn.layers.plain_form`). Raises ValueError, and adds no
    card at all, when an id is taken or a family gets a second default.
    """

    def add(builder: Builder) -> Builder:
        models = MODELS._entries
        taken = {alias: model.card.id for model in models.values() for alias in model.card.aliases}
        defaults = {model.card.family: model.card.id for model in models.values() if model.card.family_default}
        for card in cards:
            for name in (card.id, *card.aliases):
                if name in taken or (name in models and name != card.id):
                    raise ValueError(f"model '{name}' is registered twice")
            taken |= dict.fromkeys(card.aliases, card.id)
            if card.family_default and card.family in defaults:
                raise ValueError(f"family '{card.family}' has two defaults: {defaults[card.family]}, {card.id}")
            if card.family_default:
                defaults[card.family] = card.id
        MODELS.add((card.id, Model(card, builder, example)) for card in cards)
        return builder

    return add


def register_scheme(scheme: str) -> Callable[[Callable], Callable]:
    """Register the opener of models that are named "scheme:argument", such as a user's own file.

    The opener gets the argument and returns a card and its builder; an absolute filename on the card's weights
    stands for the user's file. Such models are loaded by name like all others, but are in no list. Raises ValueError
    when the scheme is taken.
    """

    def add(opener: Callable[[str], tuple[ModelCard, Builder]]) -> Callable[[str], tuple[ModelCard, Builder]]:
        SCHEMES.add([(f"{scheme}:", opener)])
        return opener

    return add


def list_models(
    *, task: str | None = None, license: str | None = None, available: bool | None = None
) -> list[ModelCard]:
    """Cards sorted by id, filtered by task, by license (SPDX id, or "permissive") and by whether they can run now.

    Raises UnknownNameError for an unknown task.
    """
    from .weights.licenses import is_licensed

    if task is not None and task not in TASKS:
        raise UnknownNameError("task", task, TASKS)
    return [
        card
        for card in (model.card for model in MODELS.values())
        if not card.internal
        and (task is None or task in card.tasks)
        and (license is None or is_licensed(card.license, license))
        and (available is None or available == (unavailable_reason(card) is None))
    ]


def unavailable_reason(card: ModelCard) -> str | None:
    """Why the model cannot run on this machine now, or None when it can."""
    from . import weights

    return None if card.weights is None else weights.missing_reason(card)


def resolve_id(name: str) -> str:
    """The exact id behind a name.

    An exact id stands for itself, and so does "scheme:argument"; an alias stands for its card's id. A bare family
    name stands for the family's published default if its weights are on this machine, else for the bundled variant,
    else for the default all the same (loading it then fetches it, or says what is missing). Raises UnknownNameError.
    """
    from . import weights

    if name in MODELS or _scheme_of(name):
        return name
    cards = [model.card for model in MODELS.values()]
    for card in cards:
        if name in card.aliases:
            return card.id
    family = [card for card in cards if card.family == name]
    if not family:
        raise MODELS.unknown(name, {n for card in cards if not card.internal for n in (card.id, card.family)})
    default = [card for card in family if card.family_default]
    here = [card for card in family if unavailable_reason(card) is None]
    bundled = [card for card in here if card.weights is None or weights.is_bundled(card)]
    for choice in ([c for c in default if c in here], bundled, default):
        if choice:
            return choice[0].id
    raise MODELS.unknown(name, (card.id for card in family))


def _scheme_of(name: str) -> str | None:
    """The scheme of "scheme:argument" with its colon, None for other names. Raises UnknownNameError."""
    scheme, colon, _ = name.partition(":")
    if not colon:
        return None
    SCHEMES.get(scheme + colon)
    return scheme + colon


def find(name: str) -> Model:
    """The model of an id, a family name or a "scheme:argument", not loaded yet. Raises as `get_card` does."""
    if scheme := _scheme_of(name):
        return Model(*SCHEMES.get(scheme)(name[len(scheme) :]))
    return MODELS.get(resolve_id(name))


def module_of(name: str) -> str:
    """The name of the module that builds this model. Raises as `get_card` does."""
    return find(name).builder.__module__


def get_card(name: str) -> ModelCard:
    """The card of a model id, a family name or a "scheme:argument".

    Raises UnknownNameError, and WeightsError for a "scheme:argument" that cannot be opened.
    """
    return find(name).card


def load(
    name: str,
    *,
    device: str = "auto",
    runtime: str = "torch",
    precision: str = "fp32",
    tile: int | str | None = "auto",
    weights: str | Path | None = None,
) -> Restorer:
    """Load a model for use.

    device: "auto", "cpu", "cuda", "cuda:1", "mps". runtime: "torch", "onnx" (ONNX Runtime), "openvino", "compile"
    (torch.compile), or "auto": the fastest that is installed and was verified for these weights. precision: "fp32",
    "fp16", "bf16", "int8" (not in PyTorch), or "auto": the fastest that was verified. tile: "auto" (only large
    pictures), a tile's side in pixels, or None (never). weights: a checkpoint file to use instead of the resolved
    one (the folder that holds them for a model of several files). Weights that are not on this machine are
    downloaded where their card says from where. Raises UnknownNameError, WeightsError when weights are missing,
    damaged or of another architecture, and RuntimeUnavailableError when the runtime cannot be used.
    """
    from . import weights as store
    from .restorer import Restorer, pick_device
    from .runtimes import Backend
    from .runtimes.choose import carried, choose

    model = find(name)
    card, sha256 = model.card, None
    if card.weights is None or (weights is not None and _scheme_of(name)):
        if weights is not None:
            why = "has no weights" if card.weights is None else "names its file already"
            raise WeightsError(f"{name} {why}, so it cannot take the file {weights}.")
        backend = model.builder(card, None)
    else:
        found = store.resolve(card, weights)
        tensors = store.load_tensors(found)
        try:
            backend = model.builder(card, tensors)
        except (RuntimeError, KeyError) as error:  # what load_state_dict and missing names raise
            raise WeightsError(store.mismatch(card, found, tensors, error)) from error
        sha256 = found.sha256
    if not isinstance(backend, Backend):
        raise ZooError(
            f"the builder of {card.id} returned a {type(backend).__name__}, which is no backend; zoo.runtimes has some."
        )
    choice = choose(card, runtime, precision, pick_device(device).type, sha256)
    if card.files:
        backend = carried(card, backend, choice.runtime, choice.precision, sha256)
        device = "cpu" if device == "auto" and choice.runtime in ("onnx", "openvino") else device
    return Restorer(
        card, backend, device=device, precision=choice.precision, tile=tile, weights_sha256=sha256, note=choice.note
    )
