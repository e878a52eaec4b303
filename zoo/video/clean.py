"""What only a sequence shows and single frames do not: flicker of the light, and dust that is there for one frame.

Each step looks at a window of frames of one scene, before anything else is done to them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import cv2
import numpy as np

from .motion import flow, grey_of, resized_flow, warp
from .source import Frame

Windowed = Callable[[Sequence[Frame], int], np.ndarray]
"""(frames of one scene in order, which of them is meant) -> its new image."""
FLICKER_RADIUS = 12
DUST_RADIUS = 1
DUST_LEVEL = 18.0
"""Least difference of dust from both neighbors, in levels of 255 beyond noise."""
FAR, MOST_PARTS = 24, 300
"""A small thing is looked for up to so many pixels away in the neighbors; so many specks are looked at in a frame."""
DUST_AREA = 0.005
"""The largest single speck, as a share of the frame: what is larger moves by itself."""


def windowed(frames: Iterator[Frame], radius: int, function: Windowed) -> Iterator[Frame]:
    """The frames with new images, each made of those up to `radius` frames away in the same scene."""
    waiting: deque[Frame] = deque()
    at = 0  # of the frame that is next, in `waiting`
    for frame in frames:
        waiting.append(frame)
        if len(waiting) - at > radius:
            yield _made(waiting, at, radius, function)
            at += 1
        while at > radius:
            waiting.popleft()
            at -= 1
    while at < len(waiting):
        yield _made(waiting, at, radius, function)
        at += 1


def _made(waiting: Sequence[Frame], at: int, radius: int, function: Windowed) -> Frame:
    first, last = at, at
    while first > 0 and at - first < radius and not waiting[first].cut:
        first -= 1
    while last + 1 < len(waiting) and last - at < radius and not waiting[last + 1].cut:
        last += 1
    scene = [waiting[index] for index in range(first, last + 1)]
    return replace(waiting[at], image=function(scene, at - first))


class Deflicker:
    """Takes away fast changes of the whole frame's brightness and contrast, as of a hand-cranked camera."""

    radius = FLICKER_RADIUS

    def __init__(self) -> None:
        self._levels: dict[int, tuple[float, float]] = {}

    def __call__(self, scene: Sequence[Frame], at: int) -> np.ndarray:
        """Mean and deviation of luma become their averages over the window, weighted toward its middle."""
        for gone in [index for index in self._levels if index < scene[0].index]:
            del self._levels[gone]
        levels = np.array([self._level(frame) for frame in scene])
        away = np.arange(len(scene)) - at
        reach = min(self.radius, at, len(scene) - 1 - at) if len(scene) > 1 else 0
        # At the ends of a scene the window is one-sided; there the whole of it counts alike.
        weights = np.exp(-0.5 * (away / (self.radius / 2)) ** 2) if reach >= 3 else np.ones(len(scene))
        mean, spread = np.average(levels, axis=0, weights=weights)
        own_mean, own_spread = levels[at]
        image = scene[at].image
        top = np.iinfo(image.dtype).max
        gain = float(np.clip(spread / max(own_spread, 1e-3), 0.6, 1.7))
        shift = (mean - own_mean * gain) * top
        return np.clip(np.rint(image * np.float32(gain) + np.float32(shift)), 0, top).astype(image.dtype)

    def _level(self, frame: Frame) -> tuple[float, float]:
        if frame.index not in self._levels:
            grey = grey_of(frame.image, 256).astype(np.float32) / 255
            self._levels[frame.index] = float(grey.mean()), float(grey.std())
        return self._levels[frame.index]


def remove_dust(scene: Sequence[Frame], at: int) -> np.ndarray:
    """Replaces specks that the frames before and after do not have, where those two agree along the motion.

    The spike detection of Kokaram, "Motion Picture Restoration", 1998: a speck differs from both neighbors, to the same
    side. The first and the last frame of a scene have one neighbor only and stay as they are.
    """
    image = scene[at].image
    if at == 0 or at + 1 == len(scene):
        return image
    top = np.iinfo(image.dtype).max
    moved = [_seen_from(image, scene[other].image) for other in (at - 1, at + 1)]
    before, after = ((each - image.astype(np.float32)) * (255 / top) for each in moved)
    noise = float(np.median(np.abs(before))) / 0.6745
    # A box of 3 x 3 takes most of the noise away and leaves specks.
    before, after = (cv2.blur(each.mean(2), (3, 3)) for each in (before, after))
    level = DUST_LEVEL + noise
    spike = np.where(before * after > 0, np.minimum(np.abs(before), np.abs(after)), 0)
    speck = ((spike > level) & (np.abs(before - after) < 0.5 * spike)).astype(np.uint8)
    greys = [grey_of(scene[other].image, 1 << 16) for other in (at - 1, at, at + 1)]
    speck = _small_parts(speck, greys)
    if not speck.any():
        return image
    share = cv2.GaussianBlur(cv2.dilate(speck, np.ones((5, 5), np.uint8)).astype(np.float32), (0, 0), 1.0)[..., None]
    mended = image + share * ((moved[0] + moved[1]) / 2 - image)
    return np.clip(np.rint(mended), 0, top).astype(image.dtype)


def _seen_from(image: np.ndarray, other: np.ndarray) -> np.ndarray:
    """A neighbor moved onto a frame; motion is measured without specks, which a median takes away."""
    height, width = image.shape[:2]
    here, there = (cv2.medianBlur(grey_of(each), 5) for each in (image, other))
    return warp(other, resized_flow(flow(here, there), height, width)).astype(np.float32)


def _small_parts(mask: np.ndarray, greys: Sequence[np.ndarray]) -> np.ndarray:
    """The mask without parts larger than DUST_AREA of the frame, and without small things that move fast.

    greys: the frame before, this one and the one after, H x W uint8.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    keep = stats[:, cv2.CC_STAT_AREA] <= max(9, DUST_AREA * mask.size)
    keep[0] = False
    for part in range(1, count):
        if keep[part] and part <= MOST_PARTS:
            keep[part] = not _moves(stats[part, :4], greys)
    return keep[labels].astype(np.uint8)


def _moves(box: np.ndarray, greys: Sequence[np.ndarray]) -> bool:
    """Whether what a box (x, y, width, height) holds is found in both neighbors too, as far on the one side of it as
    on the other: then it flies by."""
    height, width = greys[1].shape
    x0, y0 = np.maximum(box[:2] - 1, 0)
    x1, y1 = min(box[0] + box[2] + 1, width), min(box[1] + box[3] + 1, height)
    thing = greys[1][y0:y1, x0:x1]
    left, top = max(x0 - FAR, 0), max(y0 - FAR, 0)
    shifts = []
    for other in (greys[0], greys[2]):
        around = other[top : min(y1 + FAR, height), left : min(x1 + FAR, width)]
        apart = cv2.matchTemplate(around, thing, cv2.TM_SQDIFF)
        least, _, (x, y), _ = cv2.minMaxLoc(apart)
        if least / thing.size > DUST_LEVEL**2:
            return False
        shifts.append(np.array([x + left - x0, y + top - y0]))
    return bool(np.abs(shifts[0] + shifts[1]).max() <= 3)
