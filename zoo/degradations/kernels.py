"""Point spread functions (blur kernels): float32, summing to one."""

from __future__ import annotations

import numpy as np


def motion_kernel(rng: np.random.Generator, length: float, size: int = 41) -> np.ndarray:
    """The point spread of a hand-held camera; size x size float32, sums to one, centroid in the middle.

    The camera's path is a random walk with inertia and now and then a jerk, of `length` pixels from end to end along
    the path, in the manner of Boracchi and Foi, "Modeling the Performance of Image Restoration from Motion Blur"
    (IEEE TIP 2012), as used to train DeblurGAN. Raises ValueError when the path does not fit into the kernel.
    """
    steps = 400
    inertia, shake, jerk = 0.97, 0.06, 0.01
    angle = rng.uniform(0, 2 * np.pi)
    velocity = np.array([np.cos(angle), np.sin(angle)])
    position = np.zeros(2)
    path = np.empty((steps, 2))
    straight = rng.uniform(0, 1)  # some paths are nearly straight, some curl
    for step in range(steps):
        velocity = inertia * velocity + (1 - inertia) * rng.normal(0, 1, 2) + shake * straight * rng.normal(0, 1, 2)
        if rng.random() < jerk * straight:
            velocity = -velocity + rng.normal(0, 0.5, 2)
        velocity /= np.linalg.norm(velocity) + 1e-9
        position = position + velocity
        path[step] = position
    path *= length / steps
    path -= path.mean(axis=0)
    if np.abs(path).max() > size // 2 - 1:
        raise ValueError(f"a path of {length} pixels does not fit into a kernel of {size} pixels")
    return _rasterize(path + size // 2, size)


def linear_kernel(length: float, angle: float, size: int = 41) -> np.ndarray:
    """The point spread of a steady motion over `length` pixels at `angle` (radians); size x size, sums to one.

    Raises ValueError when it does not fit into the kernel.
    """
    if length / 2 > size // 2 - 1:
        raise ValueError(f"a path of {length} pixels does not fit into a kernel of {size} pixels")
    along = np.linspace(-length / 2, length / 2, 200)
    return _rasterize(along[:, None] * [np.cos(angle), np.sin(angle)] + size // 2, size)


def _rasterize(path: np.ndarray, size: int) -> np.ndarray:
    """Spread points (x, y) over the four pixels around each, by their distance."""
    kernel = np.zeros((size, size))
    base = np.floor(path).astype(int)
    fraction = path - base
    for dx in (0, 1):
        for dy in (0, 1):
            weight = np.abs(1 - dx - fraction[:, 0]) * np.abs(1 - dy - fraction[:, 1])
            np.add.at(kernel, (base[:, 1] + dy, base[:, 0] + dx), weight)
    return (kernel / kernel.sum()).astype(np.float32)


def gaussian_kernel(sigmas: np.ndarray, angle: float) -> np.ndarray:
    """A Gaussian with these two standard deviations along axes turned by `angle`, cut at 3 sigma; sums to one."""
    radius = max(1, int(np.ceil(3 * sigmas.max())))
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    u = x * np.cos(angle) + y * np.sin(angle)
    v = y * np.cos(angle) - x * np.sin(angle)
    kernel = np.exp(-0.5 * ((u / sigmas[0]) ** 2 + (v / sigmas[1]) ** 2))
    return (kernel / kernel.sum()).astype(np.float32)


def disk_kernel(radius: float) -> np.ndarray:
    """The point spread of a lens out of focus: an evenly filled disk, smooth at its edge; sums to one."""
    reach = int(np.ceil(radius)) + 1
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    kernel = np.clip(radius + 0.5 - np.hypot(x, y), 0, 1)
    return (kernel / kernel.sum()).astype(np.float32)
