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
INPUT_TOLERANCE = 3.0
"""Difference of smoothed inputs along the motion, in levels of 255, at which trust has fallen to 1/e without noise."""
RESULT_TOLERANCE = 8.0
"""The same of smoothed results."""
REACH = 2.0
"""Standard deviation in pixels over which differences are smoothed."""


def strength_of(text: str | float | None) -> float:
    """The share that "auto", "off" or a number from 0 to 0.95 means. Raises ZooError."""
    if text in (None, "auto"):
        return AUTO
    if text == "off":
        return 0.0
    try:
        value = float(text)  # type: ignore[arg-type]
    except ValueError:
        value = -1.0
    if not 0 <= value <= 0.95:
        raise ZooError(f"temporal consistency is auto, off, or a strength from 0 to 0.95, not '{text}'.")
    return value


class Steady:
    """Keeps results steady from frame to frame; give it the frames in order."""

    def __init__(self, strength: float):
        """strength: the share of the last result where it is wholly trusted, 0 to 0.95."""
        self.strength = strength
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
        there, trust = _trusted_motion(given, before)
        height, width = result.shape[:2]
        if trust.shape != (height, width):
            there, trust = resized_flow(there, height, width), cv2.resize(trust, (width, height))
        top = np.iinfo(result.dtype).max
        moved = warp(last, there, cv2.INTER_CUBIC).astype(np.float32)
        difference = moved - result
        apart = cv2.GaussianBlur(difference, (0, 0), REACH * width / given.shape[1])
        trust = trust * _falling(np.abs(apart).max(2) * (255 / top), RESULT_TOLERANCE)
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


def _trusted_motion(given: np.ndarray, before: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The motion from a frame to the one before it, at the frame's size, and the trust in it: H x W float32."""
    height, width = given.shape[:2]
    here, there = (cv2.GaussianBlur(grey_of(image), (0, 0), 0.8) for image in (given, before))
    onward, back = flow(here, there), flow(there, here)
    seen = consistent(onward, back).astype(np.float32)
    # A rim of doubt around what is hidden, so that no edge shows.
    seen = cv2.GaussianBlur(cv2.erode(seen, np.ones((3, 3), np.uint8)), (0, 0), 1.0)
    onward, seen = resized_flow(onward, height, width), cv2.resize(seen, (width, height))
    difference = warp(before, onward).astype(np.float32) - given
    noise = float(np.median(np.abs(difference))) / 0.6745
    apart = np.abs(cv2.GaussianBlur(difference, (0, 0), REACH)).max(2)
    # Smoothing over about 4 pi REACH**2 pixels leaves so much of independent noise.
    left = noise / np.sqrt(4 * np.pi * REACH**2)
    return onward, seen * _falling(apart, INPUT_TOLERANCE + 3 * left)


def _falling(difference: np.ndarray, tolerance: float) -> np.ndarray:
    return np.exp(-((difference / tolerance) ** 2))
