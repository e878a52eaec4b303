"""The functions below a backend that runtimes carry out in PyTorch's place (`zoo.card.ModelCard.portable`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from torch import nn

from ..errors import RuntimeUnavailableError

if TYPE_CHECKING:
    from ..card import ModelCard


Wrap = Callable[[str, Callable[..., Any]], Any]


def replace_functions(card: ModelCard, backend: Any, names: Sequence[str], wrap: Wrap) -> list[Any]:
    """Put `wrap(name, function)` in the place of each of these functions of a PyTorch backend; what was put there.

    Raises RuntimeUnavailableError for what has no network, or of which nothing is named.
    """
    if not hasattr(backend, "network"):
        raise RuntimeUnavailableError(f"{card.id} is a classical method: without a network, it needs no runtime.")
    if not names:
        raise RuntimeUnavailableError(f"{card.id} runs in PyTorch alone: nothing of it can be exported.")
    wrapped = []
    for name in names:
        *owners, last = name.split(".")
        owner: Any = backend
        for each in owners:
            owner = owner[int(each)] if each.isdigit() else getattr(owner, each)
        function = getattr(owner, last)
        if isinstance(function, nn.Module):
            owner, last, function = function, "forward", function.forward
        wrapped.append(wrap(name, function))
        setattr(owner, last, wrapped[-1])
    return wrapped
