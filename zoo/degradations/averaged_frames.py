"""Motion blur as GoPro's data set has it: a few sharp frames of a fast camera, averaged.

Nah et al., "Deep Multi-scale Convolutional Neural Network for Dynamic Scene Deblurring", CVPR 2017, section 3.
"""

from __future__ import annotations

import numpy as np

from . import GAMMA, soft_shape


def averaged_frames(
    image: np.ndarray,
    rng: np.random.Generator,
    lengths: tuple[float, ...],
    gamma: float = GAMMA,
    highlights: float = 1.0,
) -> np.ndarray:
    """HxWx3 float32 RGB in [0, 1]: the mean of 7 to 13 frames of a scene in which everything moves.

    The camera moves along a bent path of about `lengths[0]` pixels at a changing speed, turns and comes nearer. Each
    further length is that of a random part of the picture, 10 to 50 % of it, which moves by itself before the rest.
    The frame in the middle is the picture. Half of the pictures have two or three interpolated frames for one where
    steps would be long. Frames are averaged as powers of `gamma`; what is white has `highlights` times that light, and
    the mean is clipped. Edges are mirrored.
    """
    import cv2

    height, width = image.shape[:2]
    light = np.power(np.clip(image, 0, 1), gamma)
    if highlights > 1:
        white = np.clip((light.min(axis=2, keepdims=True) - 0.95) / 0.05, 0, 1)
        light = light * (1 + np.float32(highlights - 1) * white)
    frames = int(rng.integers(7, 14))
    if rng.random() < 0.5:
        frames *= int(np.clip(np.ceil(max(lengths) / frames), 1, 3))
    times = np.linspace(-0.5, 0.5, frames)
    parts = [light]
    for _ in lengths[1:]:
        shape = soft_shape(rng, height, width, low=0.5)[..., None]
        parts.append(np.concatenate([light * shape, shape], axis=2))
    paths = [_path(rng, height, width, length, times) for length in lengths]
    total = np.zeros_like(light)
    for moment in range(frames):
        layers = [
            cv2.warpAffine(part, path[moment], (width, height), borderMode=cv2.BORDER_REFLECT_101)
            for part, path in zip(parts, paths, strict=True)
        ]
        frame = layers[0]
        for layer in layers[1:]:
            frame = frame * (1 - layer[..., 3:]) + layer[..., :3]
        total += frame
    return np.power(np.clip(total / frames, 0, 1), 1 / gamma).astype(np.float32)


def _path(rng: np.random.Generator, height: int, width: int, length: float, times: np.ndarray) -> list[np.ndarray]:
    """2 x 3 matrices, one for each of the times from -0.5 to 0.5; that of time 0 is the identity."""
    import cv2

    angle, bend, rush = rng.uniform(0, 2 * np.pi), rng.normal(0, 0.25), rng.uniform(-0.5, 0.5)
    share = length / max(height, width)
    turn, zoom = rng.normal(0, 0.5) * share, rng.normal(0, 0.3) * share
    center = (width * rng.uniform(0, 1), height * rng.uniform(0, 1))
    along, aside = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    matrices = []
    for time in times:
        matrix = cv2.getRotationMatrix2D(center, float(np.degrees(turn * time)), 1 + zoom * time)
        matrix[:, 2] += length * (time + rush * time * abs(time)) * along + length * bend * 2 * time**2 * aside
        matrices.append(matrix)
    return matrices
