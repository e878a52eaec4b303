"""Which network a checkpoint belongs to, told by a few of its tensors' names and shapes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..card import ModelCard

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


SIGNATURES = (
    Signature(
        "DeblurGAN v1 (ResNet generator)",
        "deblurgan",
        {"model.1.weight": (64, 3, 7, 7), "model.10.conv_block.1.weight": None},
    ),
    Signature(
        "DeblurGAN-v2 with the MobileNet encoder",
        "deblurgan",
        {"fpn.features.0.0.weight": (32, 3, 3, 3), "final.weight": None},
    ),
    Signature(
        "DeblurGAN-v2 with the Inception-ResNet-v2 encoder",
        "deblurgan",
        {"fpn.inception.conv2d_1a.conv.weight": (32, 3, 3, 3), "final.weight": None},
    ),
    Signature(
        "DeepFill v2 with PyTorch padding",
        "contextual-attention",
        {"stage1.conv1.conv.weight": None, "stage2.conv_to_rgb.conv.weight": None},
    ),
    Signature(
        "DeepFill v2 with TensorFlow padding",
        "contextual-attention",
        {"conv2_downsample.conv.weight": None, "allconv17.conv.weight": None},
    ),
    Signature("the edge generator of EdgeConnect", "edgeconnect", {"encoder.1.weight_orig": (64, 3, 7, 7)}),
    Signature(
        "the inpainting generator of EdgeConnect",
        "edgeconnect",
        {"encoder.1.weight": (64, 4, 7, 7), "decoder.7.weight": None},
    ),
    Signature(
        "GPEN",
        "gpen",
        {"generator.style.1.weight": None, "ecd0.0.0.weight": None, "final_linear.0.weight": None},
    ),
    Signature(
        "a discriminator of EdgeConnect, which restores nothing",
        None,
        {"conv1.0.weight_orig": None, "conv5.0.weight_orig": None},
    ),
    Signature("a StyleGAN2 generator", None, {"style.1.weight": None, "to_rgb1.bias": None}),
    Signature("Real-ESRGAN", "spandrel", {"conv_first.weight": None, "body.0.rdb1.conv1.weight": None}),
    Signature("ESRGAN", "spandrel", {"model.0.weight": None, "model.1.sub.0.RDB1.conv1.0.weight": None}),
    Signature("NAFNet", "spandrel", {"intro.weight": None, "middle_blks.0.beta": None}),
    Signature("GFPGAN", "spandrel", {"stylegan_decoder.style_mlp.1.weight": None, "toRGB.0.weight": None}),
    Signature(
        "SwinIR",
        "spandrel",
        {"layers.0.residual_group.blocks.0.attn.relative_position_index": None},
    ),
)


def recognize(tensors: Mapping[str, torch.Tensor]) -> Signature | None:
    """The signature that the tensors match, or None."""
    return next((s for s in SIGNATURES if _matches(s, tensors)), None)


def looks_like(tensors: Mapping[str, torch.Tensor]) -> str | None:
    """What the tensors look like, as "GPEN for 512 x 512 pixels (family gpen)", or None."""
    signature = recognize(tensors)
    if signature is None:
        return None
    size = ""
    if signature.family == "gpen":
        size = _gpen_size(tensors)
    if signature.family is None:
        where = ""
    elif signature.family == "spandrel":
        where = " (load it as spandrel:FILE)"
    else:
        where = f" (family {signature.family})"
    return signature.name + size + where


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


def _gpen_size(tensors: Mapping[str, torch.Tensor]) -> str:
    # The generator has two convolutions per doubling from 4 pixels, the encoder one level per halving down to 4.
    out = 4 << sum(f"generator.convs.{i}.conv.weight" in tensors for i in range(40)) // 2
    into = 4 << sum(f"ecd{i}.0.1.weight" in tensors for i in range(1, 20))
    return f" for {out} x {out} pixels" + (f" from {into} x {into}" if into != out else "")


def _first_fault(error: Exception) -> str:
    """The part of torch's many lines about a state dict that says most: the first after the heading."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    fault = lines[1] if len(lines) > 1 else "".join(lines[:1]) or type(error).__name__
    return fault if len(fault) <= 160 else fault[:157] + "..."
