"""Exemplar-based hole filling: the hole is made of patches from the rest of the picture.

Coarse to fine, with a vote of overlapping patches after each search for their nearest known patches: the energy of
Wexler, Shechtman, Irani, "Space-Time Completion of Video" (TPAMI 2007), the search of Barnes et al., "PatchMatch"
(SIGGRAPH 2009), written for whole arrays at a time.
"""

from __future__ import annotations

import numpy as np

from ..card import ModelCard
from ..per_image import per_image
from ..registry import register
from .classical_inpaint import diffuse

CARD = ModelCard(
    id="patch-fill",
    title="Patch-based fill",
    tasks=("inpaint",),
    license="MIT",
    summary="Composes the hole of 7 x 7 patches found elsewhere in the picture, coarse to fine; keeps texture.",
    paper="Wexler et al., TPAMI 2007, https://doi.org/10.1109/TPAMI.2007.60; Barnes et al., SIGGRAPH 2009, "
    "https://doi.org/10.1145/1531326.1531330",
    commercial_use=True,
    notes=("Works at up to 1024 pixels on the long side; larger holes are filled at that size and enlarged.",),
)
PATCH = 7
LONG_SIDE = 1024
_HALF = PATCH // 2


@register(CARD)
def build(card: ModelCard, state: None):
    """Deterministic: the random search starts from a fixed seed."""
    return per_image(fill)


def fill(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Fill the True pixels of an HxW mask in an HxWx3 float32 picture in [0, 1]."""
    import cv2

    height, width = mask.shape
    shrink = min(1.0, LONG_SIDE / max(height, width))
    if shrink < 1:
        size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
        small_mask = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0
        small = fill(_shrunk(image, mask, size), small_mask)
        return np.where(mask[..., None], cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), image)

    levels = [(image, mask)]
    while min(levels[-1][1].shape) >= 64 and _usable(_halved(levels[-1][1])):
        size = tuple(-(-side // 2) for side in levels[-1][1].shape[::-1])
        levels.append((_shrunk(*levels[-1], size), _halved(levels[-1][1])))

    rng = np.random.default_rng(0)
    current = _diffused(*levels[-1])
    sources = None
    for depth, (known, hole) in reversed(list(enumerate(levels))):
        reach = _dilated(hole)
        if reach.all():  # no whole patch is known anywhere: diffusion is all there is
            return _diffused(image, mask)
        if sources is not None:
            current = np.where(hole[..., None], cv2.resize(current, hole.shape[::-1]), known)
        sources = _start(reach, sources, rng)
        # Patches near the rim know most, so their votes count most (Wexler et al., section 3.2).
        trust = 1.3 ** -cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, 3)
        for _ in range(2 if depth == 0 else 4):
            costs = _search(current, reach, sources, rng)
            current = np.where(hole[..., None], _vote(current, reach, sources, costs, trust), known)
    return current


def _usable(hole: np.ndarray) -> bool:
    """Whether something is left to fill at this scale, and enough whole patches to fill it from."""
    return bool(hole.any()) and int(np.count_nonzero(~_dilated(hole))) > 200


def _halved(mask: np.ndarray) -> np.ndarray:
    import cv2

    size = tuple(-(-side // 2) for side in mask.shape[::-1])
    return cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.5


def _shrunk(image: np.ndarray, mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Area-average to (width, height), leaving the hole's pixels out of the means."""
    import cv2

    weight = (~mask).astype(np.float32)
    total = cv2.resize(image * weight[..., None], size, interpolation=cv2.INTER_AREA)
    share = cv2.resize(weight, size, interpolation=cv2.INTER_AREA)[..., None]
    return (total / np.maximum(share, 1e-6)).astype(np.float32)


def _diffused(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    if mask.all():  # made smaller, every pixel is a mean of known ones and of the hole's
        return image
    return np.where(mask[..., None], diffuse(image, mask), image)


def _dilated(hole: np.ndarray) -> np.ndarray:
    """The centers of all patches that touch the hole."""
    import cv2

    return cv2.dilate(hole.astype(np.uint8), np.ones((PATCH, PATCH), np.uint8)).astype(bool)


def _start(reach: np.ndarray, coarse: np.ndarray | None, rng: np.random.Generator) -> np.ndarray:
    """First sources (row, column) for every pixel, HxWx2: random known ones, or the coarser level's, scaled up."""
    height, width = reach.shape
    known = np.argwhere(~reach)
    sources = known[rng.integers(0, len(known), height * width)].reshape(height, width, 2)
    if coarse is not None:
        rows = np.minimum(np.arange(height) // 2, coarse.shape[0] - 1)
        columns = np.minimum(np.arange(width) // 2, coarse.shape[1] - 1)
        parity = np.stack(np.meshgrid(np.arange(height) % 2, np.arange(width) % 2, indexing="ij"), axis=2)
        scaled = np.minimum(2 * coarse[rows][:, columns] + parity, (height - 1, width - 1))
        usable = ~reach[scaled[..., 0], scaled[..., 1]]
        sources[usable] = scaled[usable]
    return sources


def _search(image: np.ndarray, reach: np.ndarray, sources: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Improve `sources` in place by propagation and random search; returns each center's squared patch distance."""
    height, width = reach.shape
    padded = np.pad(image, ((_HALF, _HALF), (_HALF, _HALF), (0, 0)), mode="reflect")
    patches = np.lib.stride_tricks.sliding_window_view(padded, (PATCH, PATCH), axis=(0, 1))
    rows, columns = np.nonzero(reach)
    targets = patches[rows, columns].reshape(len(rows), PATCH * PATCH * image.shape[2])
    best = sources[rows, columns]
    costs = np.full(len(rows), np.inf, np.float32)

    def consider(candidates: np.ndarray, which: np.ndarray) -> None:
        inside = ((candidates >= 0) & (candidates < (height, width))).all(axis=1)
        candidates, which = candidates[inside], which[inside]
        free = ~reach[candidates[:, 0], candidates[:, 1]]
        candidates, which = candidates[free], which[free]
        difference = patches[candidates[:, 0], candidates[:, 1]].reshape(len(which), targets.shape[1]) - targets[which]
        distance = np.einsum("ij,ij->i", difference, difference)
        better = distance < costs[which]
        costs[which[better]] = distance[better]
        best[which[better]] = candidates[better]

    everyone = np.arange(len(rows))
    consider(best.copy(), everyone)
    radius = max(height, width) // 2
    for step in (4, 2, 1):
        for dy, dx in ((-step, 0), (step, 0), (0, -step), (0, step)):
            y, x = rows + dy, columns + dx
            inside = np.flatnonzero((y >= 0) & (y < height) & (x >= 0) & (x < width))
            inside = inside[reach[y[inside], x[inside]]]
            sources[rows, columns] = best
            consider(sources[y[inside], x[inside]] - (dy, dx), inside)
        for _ in range(2):
            consider(best + rng.integers(-radius, radius + 1, best.shape), everyone)
            radius = max(1, radius // 3)
    sources[rows, columns] = best
    return costs


def _vote(
    image: np.ndarray, reach: np.ndarray, sources: np.ndarray, costs: np.ndarray, trust: np.ndarray
) -> np.ndarray:
    """Every pixel becomes the mean of what the patches over it propose; good matches and trusted centers count more."""
    height, width = reach.shape
    padded = np.pad(image, ((_HALF, _HALF), (_HALF, _HALF), (0, 0)), mode="reflect")
    total = np.zeros_like(padded)
    share = np.zeros(padded.shape[:2], np.float32)
    rows, columns = np.nonzero(reach)
    y, x = sources[rows, columns].T
    weight = np.exp(-costs / (2 * max(1e-6, float(np.quantile(costs, 0.75))))) * trust[rows, columns] + 1e-20
    for dy in range(PATCH):
        for dx in range(PATCH):
            # For one offset every target is another pixel, so plain indexed addition counts each vote.
            total[rows + dy, columns + dx] += weight[:, None] * padded[y + dy, x + dx]
            share[rows + dy, columns + dx] += weight
    inner = np.s_[_HALF : _HALF + height, _HALF : _HALF + width]
    return total[inner] / np.maximum(share[inner], 1e-30)[..., None]
