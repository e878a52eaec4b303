"""Blur that varies over the picture: a camera that turns or comes nearer, parts that move by themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from .light import GAMMA, to_linear, to_stored


def rotation_blur(image: np.ndarray, angle: float, center: tuple[float, float]) -> np.ndarray:
    """The camera turns by `angle` (radians) around `center` (x, y in pixels) while the shutter is open.

    The mean, in linear light, of copies that are turned by even steps, of at most about a pixel at the farthest
    corner; the middle of the path is the picture itself. Edges are mirrored.
    """
    import cv2

    height, width = image.shape[:2]
    farthest = max(np.hypot(x - center[0], y - center[1]) for x in (0, width) for y in (0, height))
    steps = max(3, int(np.ceil(abs(angle) * farthest)) + 1)
    linear = to_linear(image)
    turns = np.linspace(-angle / 2, angle / 2, steps)
    path = [cv2.getRotationMatrix2D(center, float(np.degrees(turn)), 1.0) for turn in turns]
    return to_stored(_mean(_moved(linear, path)))


def camera_motion(image: np.ndarray, rng: np.random.Generator, length: float, gamma: float = GAMMA) -> np.ndarray:
    """The camera moves along a bent path of about `length` pixels, turns and comes nearer: blur that varies.

    The mean of up to 13 copies, as averaged frames of a fast camera (Nah et al., "Deep Multi-scale Convolutional Neural
    Network for Dynamic Scene Deblurring", CVPR 2017, section 3); the middle of the path is the picture itself. Copies
    are averaged as powers of `gamma`: the sensor's light, or with 1 the stored values. Edges are mirrored.
    """
    frames = _moved(to_linear(image, gamma), _path(rng, image.shape, length))
    return to_stored(_mean(frames), gamma)


def scene_motion(
    image: np.ndarray, rng: np.random.Generator, lengths: tuple[float, float], gamma: float = GAMMA
) -> np.ndarray:
    """As `camera_motion` by the first length, and a part of the picture moves by itself, by the second.

    The part is a random shape of some 10 to 60 % of the picture; what it hides and shows as it moves is the picture
    itself, so that the middle of both paths is it too.
    """
    light = to_linear(image, gamma)
    shape = soft_shape(rng, *image.shape[:2], low=0.4)[..., None]
    paths = [_path(rng, image.shape, length) for length in lengths]
    frames = max(len(path) for path in paths)
    behind, before = (
        _moved(layer, [path[round(i * (len(path) - 1) / (frames - 1))] for i in range(frames)])
        for layer, path in zip((light, np.concatenate([light * shape, shape], axis=2)), paths, strict=True)
    )
    composed = (back * (1 - front[..., 3:]) + front[..., :3] for back, front in zip(behind, before, strict=True))
    return to_stored(_mean(composed), gamma)


def _path(rng: np.random.Generator, shape: tuple[int, ...], length: float) -> list[np.ndarray]:
    """2 x 3 matrices, one for each pixel of the path's length or so, 3 to 13, the middle one the identity."""
    import cv2

    height, width = shape[:2]
    angle, bend = rng.uniform(0, 2 * np.pi), rng.uniform(-0.5, 0.5)
    turn, zoom = rng.uniform(-1, 1) * length / max(height, width), rng.uniform(-0.5, 0.5) * length / max(height, width)
    center = (width * rng.uniform(0, 1), height * rng.uniform(0, 1))
    matrices = []
    for time in np.linspace(-0.5, 0.5, int(np.clip(np.ceil(length / 2), 1, 6)) * 2 + 1):
        matrix = cv2.getRotationMatrix2D(center, float(np.degrees(turn * time)), 1 + zoom * time)
        along, aside = length * time, length * bend * 2 * time**2
        matrix[:, 2] += along * np.array([np.cos(angle), np.sin(angle)]) + aside * np.array(
            [-np.sin(angle), np.cos(angle)]
        )
        matrices.append(matrix)
    return matrices


def _moved(layer: np.ndarray, path: list[np.ndarray]) -> Iterator[np.ndarray]:
    import cv2

    height, width = layer.shape[:2]
    return (cv2.warpAffine(layer, matrix, (width, height), borderMode=cv2.BORDER_REFLECT_101) for matrix in path)


def _mean(frames: Iterable[np.ndarray]) -> np.ndarray:
    total, count = np.zeros(()), 0
    for frame in frames:
        total, count = total + frame, count + 1
    return total / count


def soft_shape(rng: np.random.Generator, height: int, width: int, *, low: float) -> np.ndarray:
    """A random shape with a soft edge of a pixel or two: H x W float32 in [0, 1].

    It covers from 10 % of the picture to all but the share `low`.
    """
    import cv2

    coarse = rng.standard_normal(rng.integers(3, 7, 2)).astype(np.float32)
    smooth = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    level = np.quantile(smooth, rng.uniform(low, 0.9))
    slope = np.hypot(*np.gradient(smooth)).mean() + 1e-6
    return np.clip((smooth - level) / (2 * slope) + 0.5, 0, 1)
