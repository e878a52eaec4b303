"""Which network a checkpoint belongs to, told by a few of its tensors' names and shapes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..card import ModelCard
from ..registry import PLUGINS, Registry

if TYPE_CHECKING:
    import torch

    from .resolve import Found


@dataclass(frozen=True)
class Signature:
    """Tensors that one kind of network has and the others have not."""

    name: str
    family: str | None
    """The family of the zoo that takes it, if any."""
    tensors: Mapping[str, tuple[int, ...] | None]
    """Name -> shape; None where the shape varies."""
    detail: Callable[[Mapping[str, torch.Tensor]], str] | None = None
    """Of matching tensors, what else to tell, such as the size; it goes behind the name."""


SIGNATURES: Registry[Signature] = Registry("signature", PLUGINS)


def register_signatures(*signatures: Signature) -> None:
    """Add what a family's published files are told by. Raises ValueError when a name is taken."""
    SIGNATURES.add((signature.name, signature) for signature in signatures)


def recognize(tensors: Mapping[str, torch.Tensor]) -> Signature | None:
    """The signature that the tensors match, or None."""
    return next((s for s in SIGNATURES.values() if _matches(s, tensors)), None)


def looks_like(tensors: Mapping[str, torch.Tensor]) -> str | None:
    """What the tensors look like, as "GPEN for 512 x 512 pixels (family gpen)", or None."""
    signature = recognize(tensors)
    if signature is None:
        return None
    detail = f" {signature.detail(tensors)}" if signature.detail else ""
    if signature.family is None:
        where = ""
    elif signature.family == "spandrel":
        where = " (load it as spandrel:FILE)"
    else:
        where = f" (family {signature.family})"
    return signature.name + detail + where


def mismatch(card: ModelCard, found: Found, tensors: Mapping[str, torch.Tensor], error: Exception) -> str:
    """The sentence for weights that the network of `card` did not take, with what each file looks like instead."""
    files = []
    for file in found.files:
        own = {name[len(file.prefix) :]: t for name, t in tensors.items() if name.startswith(file.prefix)}
        if like := looks_like(own):
            files.append(f"{file.path} looks like {like}")
        else:
            names = f"{len(own)} tensors, the first is {next(iter(own), 'none')}"
            files.append(f"{file.path} is of no family known here ({names})")
    return f"the weights do not fit {card.id}: {' and '.join(files)}. (torch: {_first_fault(error)})"


def _matches(signature: Signature, tensors: Mapping[str, torch.Tensor]) -> bool:
    return all(
        name in tensors and shape in (None, tuple(tensors[name].shape)) for name, shape in signature.tensors.items()
    )


def _first_fault(error: Exception) -> str:
    """The part of torch's many lines about a state dict that says most: the first after the heading."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    fault = lines[1] if len(lines) > 1 else "".join(lines[:1]) or type(error).__name__
    return fault if len(fault) <= 160 else fault[:157] + "..."
