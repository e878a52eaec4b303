"""Community checkpoints through spandrel: `spandrel:FILE` is a backend of whatever architecture the file holds.

spandrel is an optional extra. It tells the architecture and builds the network; the file itself is opened by this
project, which unpickles nothing.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..card import ModelCard, SizeRule, Tiling, Weights
from ..errors import WeightsError
from ..registry import register_scheme
from ..weights import load_tensors, resolve
from ..weights.recognize import Signature, looks_like, register_signatures

if TYPE_CHECKING:
    import torch

    from ..runtimes import Backend

TASKS = {"SR": "super-resolution", "FaceSR": "face", "Inpainting": "inpaint", "Restoration": "restore"}
"""spandrel's purpose -> task."""
MARGIN = 32
"""Context of a tile in pixels; spandrel says whether a model may be tiled, not how far it looks."""
COLORIZER = (1, 3)
"""Channels in and out of what gives grey pictures colors."""
LICENSE = "not stated (the checkpoint's author decides)"


register_signatures(
    Signature("Real-ESRGAN", "spandrel", {"conv_first.weight": None, "body.0.rdb1.conv1.weight": None}),
    Signature("ESRGAN", "spandrel", {"model.0.weight": None, "model.1.sub.0.RDB1.conv1.0.weight": None}),
    Signature("NAFNet", "spandrel", {"intro.weight": None, "middle_blks.0.beta": None}),
    Signature("GFPGAN", "spandrel", {"stylegan_decoder.style_mlp.1.weight": None, "toRGB.0.weight": None}),
    Signature("SwinIR", "spandrel", {"layers.0.residual_group.blocks.0.attn.relative_position_index": None}),
)


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


def build(card: ModelCard, state: Mapping[str, torch.Tensor]) -> Backend:
    """The backend of a checkpoint's tensors. Raises WeightsError."""
    assert card.weights is not None, "`open_checkpoint` made the card"
    return _adapter(_descriptor(state, Path(card.weights.filename)))


def backend(card: ModelCard, state: Mapping[str, torch.Tensor], architecture: str | None = None) -> Backend:
    """The backend of the tensors that a card promises. architecture: spandrel's id of it, where the card says.

    Raises WeightsError when they are of another architecture or scale.
    """
    assert card.weights is not None, "only checkpoints come here"
    path = Path(card.weights.filename)
    descriptor = _descriptor(state, path)
    if architecture not in (None, descriptor.architecture.id):
        raise WeightsError(f"{path} is of the architecture {descriptor.architecture.id}, not of {architecture}.")
    if descriptor.scale != card.scale:
        raise WeightsError(f"{path} enlarges by {descriptor.scale}, not by {card.scale}.")
    return _adapter(descriptor)


def _descriptor(state: Mapping[str, torch.Tensor], path: Path):
    from ..nn.torchvision_compat import ensure_torchvision

    try:
        ensure_torchvision()
        import spandrel
    except ImportError:
        raise WeightsError(f"spandrel is needed to open {path}: pip install spandrel.") from None
    with contextlib.suppress(ImportError):  # architectures whose licenses are not permissive
        import spandrel_extra_arches

        spandrel_extra_arches.install(ignore_duplicates=True)
    try:
        descriptor = spandrel.ModelLoader().load_from_state_dict(spandrel.canonicalize_state_dict(dict(state)))
    except spandrel.UnsupportedModelError:
        raise WeightsError(_unknown(state, path)) from None
    except Exception as error:  # its detection goes by few names; what follows fails in any way
        raise WeightsError(f"{path} is not quite of the architecture it looks like: {error}") from error
    channels = (descriptor.input_channels, descriptor.output_channels)
    if channels not in ((3, 3), COLORIZER) and not (channels == (4, 3) and descriptor.purpose == "Inpainting"):
        raise WeightsError(f"{path} turns {channels[0]} channels into {channels[1]}; only color pictures are taken.")
    return descriptor


def _unknown(state: Mapping[str, torch.Tensor], path: Path) -> str:
    like = looks_like(state)
    return f"spandrel does not know the architecture of {path}" + (f"; it looks like {like}." if like else ".")


def _card(descriptor, path: Path) -> ModelCard:
    import spandrel

    needs = descriptor.size_requirements
    channels = (descriptor.input_channels, descriptor.output_channels)
    side = max(needs.minimum, needs.multiple_of)
    license = _license(path)
    tags = f" ({', '.join(descriptor.tags)})" if descriptor.tags else ""
    tiled = descriptor.tiling is spandrel.ModelTiling.SUPPORTED and not needs.square
    return ModelCard(
        id=f"spandrel.{_slug(path.stem)}",
        title=f"{path.stem}: {descriptor.architecture.name}{tags}",
        tasks=("colorize" if channels == COLORIZER else TASKS[descriptor.purpose],),
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


def _adapter(descriptor) -> Backend:

    import torch

    from ..nn.layers import luma
    from ..runtimes.torch import TorchBackend

    class Spandrel(TorchBackend):
        """Backend of a descriptor, whose network moves with the backend."""

        channels_last = False  # not every architecture's own code takes it

        def restore(self, image: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
            # Some networks add noise: it is the same for every picture, so that results repeat.
            with torch.random.fork_rng([image.device] if image.device.type == "cuda" else []):
                torch.manual_seed(0)
                if descriptor.purpose == "Inpainting":
                    return descriptor(image, mask)
                return descriptor(luma(image) if descriptor.input_channels == 1 else image)

    return Spandrel(descriptor.model)
