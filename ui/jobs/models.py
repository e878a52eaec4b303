"""The loaded models of a worker: as many as fit into a fixed amount of memory, the last used stay."""

from __future__ import annotations

from collections import OrderedDict

import zoo
from zoo.restorer import Restorer

MOST_MEGABYTES = 1500
"""Of parameters at 32 bits."""

_loaded: OrderedDict[str, Restorer] = OrderedDict()


def loaded(id: str) -> Restorer:
    """The model, loaded if it is not. Raises what `zoo.load` raises."""
    if id not in _loaded:
        _loaded[id] = zoo.load(id)
    _loaded.move_to_end(id)
    while len(_loaded) > 1 and sum(_megabytes(model) for model in _loaded.values()) > MOST_MEGABYTES:
        _loaded.popitem(last=False)
    return _loaded[id]


def _megabytes(model: Restorer) -> float:
    return 1 + model.parameters * 4 / 1e6
