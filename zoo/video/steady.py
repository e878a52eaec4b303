"""Temporal consistency for models that know one frame: the last result, moved along, is blended into the next.

Where the motion is trusted, a frame's result is drawn toward the last one by `strength`. It is trusted where going
forth and back ends near the start (nothing is hidden), where the inputs agree along the motion, beyond what noise
explains, and where the results do. Scene cuts begin anew. Lai et al., "Learning Blind Video Temporal Consistency",
ECCV 2018, set the problem; Bonneel et al., "Blind Video Temporal Consistency", SIGGRAPH Asia 2015, weigh by the inputs.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from ..errors import ZooError
from .motion import consistent, eight, flow, grey_of, resized_flow, warp

AUTO = 0.6
"""The strength of "auto"."""
AREA_TOLERANCE, CLEAN_AREA_TOLERANCE = 16.0, 3.0
"""Difference of inputs along the motion, averaged over an area, at which trust has fallen to 1/e: levels of 255."""
PIXEL_TOLERANCE, CLEAN_PIXEL_TOLERANCE = 30.0, 4.0
"""The same of single pixels, beyond what noise explains (root of the mean square over a few pixels)."""
CLEAN_SHARE = 2 / 3
"""Of the strength where inputs are clean."""
RESULT_TOLERANCE = 30.0
"""The same of results, averaged over an area: a model may flicker, but what changes more than that is another thing."""
REACH = 2.0
"""Standard deviation in pixels of an area."""
MOST_GAIN, MOST_SHIFT = 1.3, 0.1
"""A whole frame that is brighter or darker by at most this factor, and this share of white, flickers."""


def strength_of(text: str | float | None) -> float:
    """The share that "auto", "off" or a number from 0 to 0.95 means. Raises ZooError."""
    if text in (None, "auto"):
        return AUTO
    if text == "off":
        return 0.0
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 0.95:
        raise ZooError(f"temporal consistency is auto, off, or a strength from 0 to 0.95, not '{text}'.")
    return value


class Steady:
    """Keeps results steady from frame to frame; give it the frames in order."""

    def __init__(self, strength: float, *, clean: bool = False):
        """strength: the share of the last result where it is wholly trusted, 0 to 0.95.

        clean: inputs have no fault but their size. Then what differs from frame to frame is mostly detail, which
        motion that is a fraction of a pixel off would blur: less is trusted, and by a smaller share.
        """
        self.strength = strength * CLEAN_SHARE if clean else strength
        self._tolerance = (CLEAN_AREA_TOLERANCE, CLEAN_PIXEL_TOLERANCE) if clean else (AREA_TOLERANCE, PIXEL_TOLERANCE)
        self._last: tuple[np.ndarray, np.ndarray] | None = None

    def __call__(self, given: np.ndarray, result: np.ndarray, cut: bool) -> tuple[np.ndarray, float]:
        """The steadied result, and the mean trust in the motion, 0 to 1.

        given: the frame as it was, H x W x 3 of uint8 or uint16; result: restored, larger by a whole number of times.
        cut: the last frame is of another scene.
        """
        if not self.strength:
            return result, 0.0
        given = eight(given)
        if cut or self._last is None or self._last[0].shape != given.shape or self._last[1].shape != result.shape:
            self._last = given, result
            return result, 0.0
        before, last = self._last
        there, trust = _trusted_motion(given, before, result, last, self._tolerance)
        top = np.iinfo(result.dtype).max
        moved = warp(last, there, cv2.INTER_CUBIC).astype(np.float32)
        difference = moved - result
        area = cv2.GaussianBlur(difference, (0, 0), REACH * result.shape[1] / given.shape[1])
        trust = trust * _falling(np.abs(area).max(2) * (255 / top), RESULT_TOLERANCE)
        steadied = result + (self.strength * trust)[..., None] * difference
        steadied = np.clip(np.rint(steadied), 0, top).astype(result.dtype)
        self._last = given, steadied
        return steadied, float(trust.mean())

    def state(self) -> dict[str, np.ndarray]:
        """All that the next frame depends on."""
        return {} if self._last is None else {"given": self._last[0], "result": self._last[1]}

    def resume(self, state: dict[str, Any]) -> None:
        """Go on from a `state()`."""
        self._last = (state["given"], state["result"]) if "given" in state else None


def _trusted_motion(
    given: np.ndarray, before: np.ndarray, result: np.ndarray, last: np.ndarray, tolerance: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """The motion from a frame to the one before it, at the result's size, and the trust in it: H x W float32.

    The motion is that of the results, which are larger and have less noise; whether it is right, the inputs tell.
    """
    here = cv2.GaussianBlur(grey_of(result), (0, 0), 0.8)
    there = _as_bright(cv2.GaussianBlur(grey_of(last), (0, 0), 0.8), here)
    onward, back = flow(here, there), flow(there, here)
    seen = consistent(onward, back).astype(np.float32)
    # A rim of doubt around what is hidden, so that no edge shows.
    seen = np.asarray(cv2.GaussianBlur(cv2.erode(seen, np.ones((3, 3), np.uint8)), (0, 0), 1.0))
    trust = seen * _agreement(_at_size(given, seen), _at_size(before, seen), onward, _noise(given, before), tolerance)
    height, width = result.shape[:2]
    return resized_flow(onward, height, width), _at_size(trust, result)


def _at_size(image: np.ndarray, like: np.ndarray) -> np.ndarray:
    height, width = like.shape[:2]
    if image.shape[:2] == (height, width):
        return image
    smaller = width < image.shape[1]
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)


def _agreement(
    given: np.ndarray, before: np.ndarray, motion: np.ndarray, noise: float, tolerance: tuple[float, float]
) -> np.ndarray:
    """How well two inputs agree along the motion: H x W, 1 where noise explains their difference, falling to 0."""
    of_area, of_pixels = tolerance
    moved = _as_bright(warp(before, motion), given)
    difference = moved.astype(np.float32) - given
    area = np.abs(cv2.GaussianBlur(difference, (0, 0), REACH)).max(2)
    pixels = cv2.GaussianBlur((difference**2).mean(2), (0, 0), REACH / 2)
    # Of independent noise in two frames, smoothing over about 4 pi REACH**2 pixels leaves this.
    left = 2 * noise / np.sqrt(4 * np.pi * REACH**2)
    beyond = np.sqrt(np.maximum(pixels - 3 * noise**2, 0))
    return _falling(area, of_area + 2 * left) * _falling(beyond, of_pixels + noise)


def _noise(image: np.ndarray, before: np.ndarray) -> float:
    """The standard deviation of noise in an H x W x 3 uint8 frame, estimated in space and, for still parts, in time.

    In space it is the median of the finest diagonal differences (Donoho and Johnstone, "Ideal Spatial Adaptation by
    Wavelet Shrinkage", Biometrika 1994, with the Haar wavelet), which fine texture raises; in time that of the change
    from frame to frame, which motion raises. The smaller of both is the better one.
    """
    green = image[..., 1].astype(np.float32)
    even = green[: green.shape[0] // 2 * 2, : green.shape[1] // 2 * 2]
    fine = (even[::2, ::2] - even[1::2, ::2] - even[::2, 1::2] + even[1::2, 1::2]) / 2
    change = (green - before[..., 1]) / np.sqrt(2)
    estimates = [float(np.median(np.abs(each))) / 0.6745 for each in (fine, change - np.median(change)) if each.size]
    return min(estimates, default=0.0)


def _as_bright(image: np.ndarray, other: np.ndarray) -> np.ndarray:
    """A uint8 frame with its brightness and contrast made those of another one, where the difference is flicker."""
    (mean, spread), (wanted, wanted_spread) = ((float(each.mean()), float(each.std())) for each in (image, other))
    gain = wanted_spread / spread if spread > 1 else 1.0
    if not 1 / MOST_GAIN < gain < MOST_GAIN or abs(wanted - mean) > 255 * MOST_SHIFT:
        return image
    return cv2.convertScaleAbs(image, alpha=gain, beta=wanted - gain * mean)


def _falling(difference: np.ndarray, tolerance: float) -> np.ndarray:
    return np.exp(-((difference / tolerance) ** 2))
