"""Motion between frames (OpenCV's DIS), where it can be trusted, and scene cuts.

Motion is a field of H x W x 2 float32: for every pixel of one frame, by how many pixels (x, y) away it lies in the
other. Kroeger et al., "Fast Optical Flow using Dense Inverse Search", ECCV 2016.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from threading import local
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from .source import Frame

LONGEST = 640
"""Motion is measured with frames reduced to at most this long side, in pixels."""
CUT = 0.55
"""A new scene begins where more than this is left of a frame's contrast after the motion is taken away. The sessions of
the clips in `tests/video` stay below 0.4 within a scene and are above 0.7 between scenes."""
_local = local()


def eight(image: np.ndarray) -> np.ndarray:
    """A frame of uint8 or uint16 as uint8."""
    return image if image.dtype == np.uint8 else (image >> 8).astype(np.uint8)


def grey_of(image: np.ndarray, longest: int = LONGEST) -> np.ndarray:
    """H x W x 3 RGB as grey uint8, reduced to a long side of `longest`."""
    grey = cv2.cvtColor(eight(image), cv2.COLOR_RGB2GRAY)
    shrink = longest / max(grey.shape)
    if shrink >= 1:
        return grey
    size = tuple(max(1, round(side * shrink)) for side in grey.shape[::-1])
    return cv2.resize(grey, size, interpolation=cv2.INTER_AREA)


def flow(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The motion from `one` to `other`, both H x W uint8. Frames below 16 pixels a side do not move."""
    if min(one.shape) < 16:
        return np.zeros((*one.shape, 2), np.float32)
    dis = getattr(_local, "dis", None)
    if dis is None:  # one for each thread: it keeps buffers
        dis = _local.dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    return dis.calc(one, other, None)  # type: ignore[call-overload]


def resized_flow(motion: np.ndarray, height: int, width: int) -> np.ndarray:
    """The same motion in frames of another size."""
    if motion.shape[:2] == (height, width):
        return motion
    scale = np.array([width / motion.shape[1], height / motion.shape[0]], np.float32)
    return cv2.resize(motion, (width, height), interpolation=cv2.INTER_LINEAR) * scale


def warp(image: np.ndarray, motion: np.ndarray, interpolation: int = cv2.INTER_LINEAR) -> np.ndarray:
    """What lies at the other end of the motion: `image` seen from the frame that the motion starts in."""
    grid = _grid(*motion.shape[:2]) + motion
    return cv2.remap(image, grid, None, interpolation, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]


@lru_cache(maxsize=4)
def _grid(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return np.dstack([x, y])


def consistent(there: np.ndarray, back: np.ndarray) -> np.ndarray:
    """Where going along the motion and back ends near the start, inside the frame: H x W bool.

    What is hidden in the other frame has no place there to go to. The bound is that of Sundaram et al., "Dense Point
    Trajectories by GPU-Accelerated Large Displacement Optical Flow", ECCV 2010.
    """
    height, width = there.shape[:2]
    returned = warp(back, there)
    gap = ((there + returned) ** 2).sum(2)
    near = gap <= 0.01 * ((there**2).sum(2) + (returned**2).sum(2)) + 0.5
    goal = _grid(height, width) + there
    inside = (goal[..., 0] >= 0) & (goal[..., 0] <= width - 1) & (goal[..., 1] >= 0) & (goal[..., 1] <= height - 1)
    return near & inside


def unlike(one: np.ndarray, other: np.ndarray) -> float:
    """How much of the contrast of frame `one` is not in `other`, motion and brightness apart: 0 to about 1."""
    here, there = (_small(image) for image in (one, other))
    if max(here.std(), there.std()) < 2:  # black, or a plain wall
        return 1.0 if abs(float(here.mean()) - float(there.mean())) > 60 else 0.0
    if min(here.std(), there.std()) < 2:
        return 1.0
    here, there = ((grey - grey.mean()) / grey.std() for grey in (here, there))
    levels = [np.clip(128 + 48 * grey, 0, 255).astype(np.uint8) for grey in (here, there)]
    moved = warp(there, flow(*levels))
    return float(np.mean(np.abs(here - moved)))


def _small(image: np.ndarray) -> np.ndarray:
    grey = cv2.cvtColor(eight(image), cv2.COLOR_RGB2GRAY)
    shrink = 96 / max(grey.shape)
    size = tuple(max(16, round(side * shrink)) for side in grey.shape[::-1])
    small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    return cv2.GaussianBlur(small, (0, 0), 1.0)


def mark_cuts(frames: Iterator[Frame]) -> Iterator[Frame]:
    """The frames with `cut` set where a new scene begins, as at the first one."""
    before = None
    for frame in frames:
        frame.cut = before is None or unlike(frame.image, before) > CUT
        before = frame.image
        yield frame
