"""Which faces are not restored unless they are forced: those strongly turned, and those more than about 30 % covered.

A network trained on frontal, uncovered portraits paints a second eye onto a profile and skin over a hand.

*Turned*: a generic head's five landmarks are fitted to the detected ones; more than MAX_YAW degrees to the side or
MAX_PITCH up or down is strongly turned. Roll does not count, since aligning takes it away. *Covered*: the part of the
face's oval that the network of visibility.py marks. The detector's confidence decides nothing here, but a face covered
so far that no detector sees it is neither restored nor reported.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MAX_YAW, MAX_PITCH = 40.0, 40.0
"""Degrees."""
MAX_COVERED = 0.3
"""Share of the face's oval."""
HEAD = np.array([[-0.5, 0, 0], [0.5, 0, 0], [0, 0.587, -0.5], [-0.444, 1.04, -0.1], [0.444, 1.04, -0.1]])
"""The five landmarks of a head seen from the front, in distances between the eyes: x right, y down, z away from the
viewer. x and y are the template's; the nose's tip lies half a distance before the eyes."""


@dataclass(frozen=True)
class Pose:
    """How a head is turned, in degrees."""

    yaw: float
    """To the side; positive when the face looks to the viewer's right."""
    pitch: float
    """Positive when it looks down."""
    roll: float
    """In the picture's plane; positive is clockwise."""


def pose(landmarks: np.ndarray) -> Pose:
    """The pose behind five landmarks (5x2), seen from far away (scaled orthographic projection).

    The projection is the least squares one from HEAD to the landmarks, made orthographic by its singular values.
    """
    head = HEAD - HEAD.mean(0)
    points = landmarks - landmarks.mean(0)
    projection = np.linalg.lstsq(head, points, rcond=None)[0].T  # 2x3
    left, _, right = np.linalg.svd(projection, full_matrices=False)
    x_axis, y_axis = left @ right
    z_axis = np.cross(x_axis, y_axis)
    # The rows are the picture's axes seen from the head; the face looks along -z of the head.
    looks = -np.array([x_axis[2], y_axis[2], z_axis[2]])
    roll = np.degrees(np.arctan2(y_axis[0], x_axis[0]))
    # Yaw and pitch are of the head put upright again.
    cos, sin = np.cos(np.radians(roll)), np.sin(np.radians(roll))
    looks = np.array([cos * looks[0] + sin * looks[1], -sin * looks[0] + cos * looks[1], looks[2]])
    yaw = np.degrees(np.arctan2(looks[0], -looks[2]))
    pitch = np.degrees(np.arcsin(np.clip(looks[1], -1, 1)))
    return Pose(float(yaw), float(pitch), float(roll))


def reason_to_skip(seen: Pose | None, covered: float | None) -> str | None:
    """Why a face is not restored, as a phrase, or None. An argument of None was not measured."""
    if seen is not None and abs(seen.yaw) > MAX_YAW:
        return f"strongly turned (about {abs(seen.yaw):.0f} degrees to the side)"
    if seen is not None and abs(seen.pitch) > MAX_PITCH:
        return f"strongly turned (about {abs(seen.pitch):.0f} degrees {'down' if seen.pitch > 0 else 'up'})"
    if covered is not None and covered > MAX_COVERED:
        return f"about {covered:.0%} covered"
    return None
