"""Synthetic checkpoints in the wrapping of the published files, with the names and shapes of the manifests."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

PARITY = Path(__file__).parents[1] / "data" / "parity"


def shapes(name: str) -> dict[str, list[int]]:
    """Tensor name -> shape of a published network."""
    return json.loads((PARITY / f"{name}.json").read_text())["tensors"]


def state(name: str) -> OrderedDict[str, torch.Tensor]:
    """Tensors of a published network's names and shapes; each holds a number of its own."""
    made = OrderedDict()
    for number, (key, shape) in enumerate(shapes(name).items()):
        dtype = torch.int64 if key.endswith("num_batches_tracked") else torch.float32
        made[key] = torch.full(shape, number, dtype=dtype)
    return made


def meta_state(name: str) -> dict[str, torch.Tensor]:
    """The same without memory, where only names and shapes matter."""
    return {key: torch.empty(shape, device="meta") for key, shape in shapes(name).items()}


WRAPPED: dict[str, Callable[[Any], Any]] = {
    "deblurgan_v1_resnet9": lambda s: s,
    "deblurgan_v2_mobilenet": lambda s: {"model": OrderedDict(("module." + k, v) for k, v in s.items())},
    "deepfill_v2": lambda s: {"G": s, "D": {"conv.weight": torch.ones(3)}, "G_optim": {"state": {0: torch.ones(1)}}},
    "deepfill_v2_tf": lambda s: {"G": s},
    "edgeconnect_edge": lambda s: {"iteration": 5, "generator": s},
    "edgeconnect_inpaint": lambda s: {"iteration": 5, "generator": s},
    "gpen_bfr_256": lambda s: s,
}
"""Manifest -> how the published file wraps it."""


def same(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> bool:
    """Whether two sets of tensors have the same names and values."""
    return left.keys() == right.keys() and all(torch.equal(left[k], right[k]) for k in left)
