"""Distances of pictures by what VGG-19 sees in them at conv3_1."""

from __future__ import annotations

import functools
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .metric import Compute, NotComputable, need_mask, tensor_of
from .store import digest

if TYPE_CHECKING:
    import torch

    from zoo.nn.vgg.network import VGG19

TILE = 128
"""Features are computed in tiles of so many cells (4 x 4 pixels) a side, which bounds memory at some 450 MB."""
KEPT = 160_000_000
"""Bytes of features of targets that a process keeps: those of some 2.5 megapixels."""
CONTEXT = 3
"""Cells around a tile that are computed and dropped: one cell of conv3_1 sees 10 pixels to each side of its own 4."""


def vgg_missing(form: str) -> str | None:
    """Why distances by that form of VGG-19 cannot be computed on this machine, or None."""
    from zoo.nn import vgg

    return vgg.missing(form)


def vgg_distance(form: str, *, only_hole: bool = False) -> Compute:
    """Mean squared difference of VGG-19's features of conv3_1 (after its ReLU) over channels and cells.

    This is the feature reconstruction loss (equation 2) of Johnson et al., Perceptual Losses for Real-Time Style
    Transfer and Super-Resolution, ECCV 2016, https://arxiv.org/abs/1603.08155, who take it of VGG-16. only_hole: over
    the cells of 4 x 4 pixels that have a pixel of the hole. The function raises NotComputable.
    """

    def compute(restored: np.ndarray, target: np.ndarray, mask: np.ndarray | None) -> float:
        if min(target.shape[:2]) < 16:
            raise NotComputable("needs pictures of at least 16 x 16 pixels")
        cells = _cells(need_mask(mask)) if only_hole else None
        errors = _vgg_errors(form, restored, target)
        return float((errors if cells is None else errors[cells]).mean(dtype=np.float64))

    return compute


def _cells(mask: np.ndarray) -> np.ndarray:
    """Which cells a mask touches, with an incomplete last row and column, as the normalized form has them."""
    if not mask.any():
        raise NotComputable("needs a hole")
    height, width = (-(-side // 4) for side in mask.shape)
    padded = np.pad(mask, ((0, height * 4 - mask.shape[0]), (0, width * 4 - mask.shape[1])))
    return np.any(padded.reshape(height, 4, width, 4), axis=(1, 3))


_last: tuple[str, np.ndarray] | None = None  # one picture has several metrics in a row, and the network takes seconds


def _vgg_errors(form: str, restored: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The squared difference of each cell, averaged over the channels."""
    global _last
    from zoo.nn import vgg

    path = vgg.FILES[form].path()
    if path is None:
        raise NotComputable(f"needs VGG-19: {vgg.missing(form)}")
    changed = path.stat().st_mtime_ns
    key = digest(form, str(path), changed, restored, target)
    last = _last
    if last is None or last[0] != key:
        _last = last = (key, _in_tiles(_vgg(form, path, changed), restored, target))
    return last[1]


def vgg_features(form: str, image: np.ndarray) -> np.ndarray:
    """The features of conv3_1 of an HxWx3 uint8 picture: 256 x rows x columns of cells, float32.

    Raises NotComputable without the weights, and below 16 x 16 pixels.
    """
    import torch

    from zoo.nn import vgg

    path = vgg.FILES[form].path()
    if path is None:
        raise NotComputable(f"needs VGG-19: {vgg.missing(form)}")
    if min(image.shape[:2]) < 16:
        raise NotComputable("needs pictures of at least 16 x 16 pixels")
    network = _vgg(form, path, path.stat().st_mtime_ns)
    height, width = (network.cells(side) for side in image.shape[:2])
    with torch.inference_mode():
        rows = [
            torch.cat([_features(network, image, top, left)[0] for left in range(0, width, TILE)], dim=2)
            for top in range(0, height, TILE)
        ]
        return torch.cat(rows, dim=1).numpy()


@functools.cache
def _vgg(form: str, path: Path, changed: int) -> VGG19:
    from zoo.nn import vgg

    return vgg.load_vgg(form)


def _in_tiles(network: VGG19, restored: np.ndarray, target: np.ndarray) -> np.ndarray:
    import torch

    height, width = (network.cells(side) for side in target.shape[:2])
    errors = np.empty((height, width), np.float32)
    with torch.inference_mode():
        for top in range(0, height, TILE):
            for left in range(0, width, TILE):
                one, other = _features(network, restored, top, left), _target_features(network, target, top, left)
                errors[top : top + TILE, left : left + TILE] = (one - other).square().mean(dim=1)[0]
    return errors


_kept: OrderedDict[tuple[int, str, int, int], torch.Tensor] = OrderedDict()  # the least recently used first


def _target_features(network: VGG19, target: np.ndarray, top: int, left: int) -> torch.Tensor:
    """`_features` of a target, kept for the other models that are measured on it, up to KEPT bytes."""
    key = (id(network), digest(target), top, left)
    features = _kept.pop(key, None)
    if features is None:
        features = _features(network, target, top, left).clone()
    _kept[key] = features
    while sum(each.nbytes for each in _kept.values()) > KEPT:
        _kept.popitem(last=False)
    return features


def _features(network: VGG19, image: np.ndarray, top: int, left: int) -> torch.Tensor:
    """The features of the tile that begins at that cell, the same as those of the whole picture there."""
    up, before = max(top - CONTEXT, 0), max(left - CONTEXT, 0)
    part = image[up * 4 : (top + TILE + CONTEXT) * 4, before * 4 : (left + TILE + CONTEXT) * 4]
    features = network(tensor_of(part))
    # The context behind the tile goes with the slices' ends; the last tile has none.
    return features[..., top - up :, left - before :][..., :TILE, :TILE]
