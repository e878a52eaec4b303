"""Metrics of clips: how near the frames are to the truth, and how steady they are in time.

A clip is a T x H x W x 3 uint8 array. What is steady is judged along the motion of the truth, not of what is measured:
a result cannot gain by standing still.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np

from . import fidelity, perceptual
from .metric import Compute, Metric, NotComputable

BLOCK = 16
"""Side in pixels of the blocks whose brightness `clip_flicker` follows."""


def _need_clip(clip: np.ndarray) -> None:
    if clip.ndim != 4 or len(clip) < 2:
        raise NotComputable("needs a clip of two frames or more")


def _mean(function: Callable[[np.ndarray, np.ndarray, None], float]) -> Compute:
    """The mean of a metric of pictures over the frames."""

    def compute(restored: np.ndarray, truth: np.ndarray, mask: np.ndarray | None) -> float:
        _need_clip(truth)
        return float(np.mean([function(one, other, None) for one, other in zip(restored, truth, strict=True)]))

    return compute


def psnr(restored: np.ndarray, truth: np.ndarray, mask: np.ndarray | None = None) -> float:
    """PSNR of the mean square error over all frames, as the averages of video tools; it punishes single bad frames."""
    _need_clip(truth)
    return fidelity.psnr(restored, truth)


def motion_of(truth: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """For every frame after the first: its motion to the one before, H x W x 2, and where that one shows it, H x W."""
    import cv2

    from zoo.video.motion import consistent, flow

    found = []
    greys = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in truth]
    for before, here in pairwise(greys):
        there, back = flow(here, before), flow(before, here)
        found.append((there, consistent(there, back)))
    return found


def warping_error(restored: np.ndarray, truth: np.ndarray, mask: np.ndarray | None = None) -> float:
    """1000 times the mean square difference (of values in [0, 1]) of each frame from the one before, moved onto it.

    Lai et al., "Learning Blind Video Temporal Consistency" (ECCV 2018), equation 11, with the motion of the truth; what
    is hidden in the frame before does not count. Raises NotComputable for a single frame, and where all is hidden.
    """
    from zoo.video.motion import warp

    _need_clip(truth)
    total, count = 0.0, 0
    for (before, here), (motion, seen) in zip(pairwise(restored), motion_of(truth), strict=True):
        moved = warp(before, motion).astype(np.float32)
        difference = ((here - moved) / 255)[seen].astype(np.float64)
        total, count = total + float((difference**2).sum()), count + difference.size
    if not count:
        raise NotComputable("needs frames that have something in common")
    return 1000 * total / count


def flicker(restored: np.ndarray, truth: np.ndarray, mask: np.ndarray | None = None) -> float:
    """The mean change from frame to frame of how much brighter blocks of 16 x 16 pixels are than the truth's, of 255.

    Zero for a result that is as bright as the truth, or wrong by the same amount in every frame. Raises NotComputable
    for a single frame.
    """
    _need_clip(truth)
    brighter = [_blocks(one) - _blocks(other) for one, other in zip(restored, truth, strict=True)]
    return float(np.mean([np.abs(here - before).mean() for before, here in pairwise(brighter)]))


def _blocks(frame: np.ndarray) -> np.ndarray:
    grey = fidelity.luma(frame)
    height, width = (max(BLOCK, side // BLOCK * BLOCK) for side in grey.shape)
    grey = grey[:height, :width]
    side = [min(BLOCK, length) for length in grey.shape]
    rows, columns = (length // part for length, part in zip(grey.shape, side, strict=True))
    return grey.reshape(rows, side[0], columns, side[1]).mean((1, 3))


def temporal_distance(restored: np.ndarray, truth: np.ndarray, mask: np.ndarray | None = None) -> float:
    """How differently a restored clip changes from frame to frame than the truth, in VGG-19's features of conv3_1.

    The mean difference of the distances between neighboring frames, as tLP of Chu et al., "Learning Temporal Coherence
    via Self-Supervision for GAN-based Video Generation" (SIGGRAPH 2020), with another distance. Raises NotComputable.
    """
    _need_clip(truth)
    distance = perceptual.vgg_distance("normalized")
    made, expected = (
        np.array([distance(here, before, None) for before, here in pairwise(clip)]) for clip in (restored, truth)
    )
    return float(np.mean(np.abs(made - expected)))


CLIP_METRICS = (
    Metric("clip_psnr_rgb", "PSNR over R, G, B and all frames of a clip", True, 0, 80, "dB", psnr),
    Metric("clip_ssim_y", "mean over a clip's frames of SSIM of luma", True, -1, 1, "",
           _mean(fidelity.of_luma(fidelity.ssim))),
    Metric("clip_warping_error", "1000 x mean square change along the motion of the truth", False, 0, 1000, "",
           warping_error),
    Metric("clip_flicker", "change of brightness against the truth, blocks of 16 x 16, of 255", False, 0, 255, "",
           flicker),
    Metric("clip_temporal_vgg", "change from frame to frame against the truth's, squared difference of VGG-19's "
           "features of conv3_1", False, 0, math.inf, "", temporal_distance,
           functools.partial(perceptual.vgg_missing, "normalized"), license="Apache-2.0 (VGG-19's weights)",
           libraries=("torch",)),
)  # fmt: skip
