"""Community checkpoints through spandrel: `spandrel:FILE` is a backend of whatever architecture the file holds.

spandrel is an optional extra. It tells the architecture and builds the network; the file itself is opened by this
project, which unpickles nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..card import ModelCard, SizeRule, Tiling, Weights
from ..errors import WeightsError
from ..registry import register_scheme
from ..weights import load_tensors, resolve

if TYPE_CHECKING:
    import torch

TASKS = {"SR": "super-resolution", "FaceSR": "face", "Inpainting": "inpaint", "Restoration": "restore"}
"""spandrel's purpose -> task."""
MARGIN = 32
"""Context of a tile in pixels; spandrel says whether a model may be tiled, not how far it looks."""
LICENSE = "not stated (the checkpoint's author decides)"


@register_scheme("spandrel")
def open_checkpoint(argument: str) -> tuple[ModelCard, object]:
    """The card and the builder of a checkpoint file.

    Raises WeightsError when there is no such file, it is damaged or unsafe, spandrel does not know its architecture,
    or spandrel is not installed.
    """
    path = Path(argument).expanduser().resolve()
    stub = ModelCard(
        id=f"spandrel.{_slug(path.stem)}",
        title=path.stem,
        tasks=("restore",),
        license=LICENSE,
        weights=Weights(str(path), LICENSE),
    )
    descriptor = _descriptor(load_tensors(resolve(stub, path)), path)
    return _card(descriptor, path), build


def build(card: ModelCard, state: Mapping[str, torch.Tensor]) -> torch.nn.Module:
    """The backend of a checkpoint's tensors. Raises WeightsError."""
    assert card.weights is not None, "`open_checkpoint` made the card"
    return _adapter(_descriptor(state, Path(card.weights.filename)))


def _descriptor(state: Mapping[str, torch.Tensor], path: Path):
    from ..torchvision_compat import ensure_torchvision

    try:
        ensure_torchvision()
        import spandrel
    except ImportError:
        raise WeightsError(f"spandrel is needed to open {path}: pip install spandrel.") from None
    try:
        descriptor = spandrel.ModelLoader().load_from_state_dict(spandrel.canonicalize_state_dict(dict(state)))
    except spandrel.UnsupportedModelError:
        raise WeightsError(_unknown(state, path)) from None
    except Exception as error:  # its detection goes by few names; what follows fails in any way
        raise WeightsError(f"{path} is not quite of the architecture it looks like: {error}") from error
    channels = (descriptor.input_channels, descriptor.output_channels)
    if channels != (3, 3) and not (channels == (4, 3) and descriptor.purpose == "Inpainting"):
        raise WeightsError(f"{path} turns {channels[0]} channels into {channels[1]}; only color pictures are taken.")
    return descriptor


def _unknown(state: Mapping[str, torch.Tensor], path: Path) -> str:
    from ..weights.recognize import looks_like

    like = looks_like(state)
    return f"spandrel does not know the architecture of {path}" + (f"; it looks like {like}." if like else ".")


def _card(descriptor, path: Path) -> ModelCard:
    import spandrel

    needs = descriptor.size_requirements
    side = max(needs.minimum, needs.multiple_of)
    license = _license(path)
    tags = f" ({', '.join(descriptor.tags)})" if descriptor.tags else ""
    tiled = descriptor.tiling is spandrel.ModelTiling.SUPPORTED and not needs.square
    return ModelCard(
        id=f"spandrel.{_slug(path.stem)}",
        title=f"{path.stem}: {descriptor.architecture.name}{tags}",
        tasks=(TASKS[descriptor.purpose],),
        license=license,
        summary=f"A community checkpoint of the {descriptor.architecture.name} architecture, run by spandrel.",
        scale=descriptor.scale,
        size=SizeRule(square=side) if needs.square else SizeRule(needs.multiple_of, max(1, needs.minimum)),
        tiling=Tiling(MARGIN, exact=False) if tiled else None,
        weights=Weights(str(path), license),
        notes=() if descriptor.supports_half else ("It does not run in half precision (fp16).",),
    )


def _license(path: Path) -> str:
    """The license that a safetensors file's header names; spandrel's descriptors know none."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
    except (SafetensorError, OSError):
        return LICENSE
    return metadata.get("license") or metadata.get("modelspec.license") or LICENSE


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "model"


def _adapter(descriptor) -> torch.nn.Module:
    import torch

    class Spandrel(torch.nn.Module):
        """A descriptor as a backend; it takes single pictures, so a batch goes through one by one."""

        def __init__(self):
            super().__init__()
            self.network = descriptor.model  # what moves and casts this module moves and casts the descriptor's too

        def forward(self, image: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
            if mask is not None and descriptor.purpose == "Inpainting":
                pairs = zip(image.split(1), mask.split(1), strict=True)
                return torch.cat([descriptor(one, hole) for one, hole in pairs])
            return torch.cat([descriptor(one) for one in image.split(1)])

    return Spandrel()
