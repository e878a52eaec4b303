"""Ways in which pictures go bad, each drawn from a seeded generator: blur, noise, JPEG, down-sampling.

Every function takes and returns an HxWx3 float32 RGB picture in [0, 1].
"""

from __future__ import annotations

import hashlib

import numpy as np

GAMMA = 2.2
"""Light adds up in the sensor, before the tone curve: blur is applied to values raised to this power."""


def rng_for(*parts: object) -> np.random.Generator:
    """A generator that depends on its parts alone (a seed, a picture's name), not on what was drawn before."""
    digest = hashlib.sha256("\0".join(map(str, parts)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "little"))


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


def blur(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Convolve with a kernel in linear light; the picture is mirrored at its edges."""
    import cv2

    linear = np.power(np.clip(image, 0, 1), GAMMA)
    # filter2D correlates; a convolution turns the kernel round.
    blurred = cv2.filter2D(linear, -1, kernel[::-1, ::-1], borderType=cv2.BORDER_REFLECT_101)
    return np.power(np.clip(blurred, 0, 1), 1 / GAMMA).astype(np.float32)


def motion_blur(image: np.ndarray, rng: np.random.Generator, low: float = 5, high: float = 25) -> np.ndarray:
    """Camera shake along a random path of `low` to `high` pixels."""
    return blur(image, motion_kernel(rng, rng.uniform(low, high)))


def gaussian_noise(image: np.ndarray, rng: np.random.Generator, sigma: float) -> np.ndarray:
    """Additive noise of standard deviation `sigma` (in units of the full range), clipped to [0, 1]."""
    noise = rng.standard_normal(image.shape, dtype=np.float32) * np.float32(sigma)
    return np.clip(image + noise, 0, 1)


def jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    """Through a JPEG file of this quality (1 to 100) with 4:2:0 chroma, and back."""
    import io

    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(to_8_bit(image)).save(stream, "JPEG", quality=int(quality), subsampling=2)
    return np.asarray(Image.open(stream), dtype=np.float32) / 255


def downscale(image: np.ndarray, factor: int) -> np.ndarray:
    """Smaller by an integer factor, bicubic with anti-aliasing; height and width must be multiples of it."""
    from PIL import Image

    height, width = image.shape[:2]
    if height % factor or width % factor:
        raise ValueError(f"{width} x {height} is no multiple of {factor}")
    size = (width // factor, height // factor)
    channels = [
        np.asarray(Image.fromarray(np.ascontiguousarray(image[..., c])).resize(size, Image.Resampling.BICUBIC))
        for c in range(3)
    ]
    return np.clip(np.stack(channels, axis=2), 0, 1)


def to_8_bit(image: np.ndarray) -> np.ndarray:
    """Float in [0, 1] -> rounded uint8, as any stored picture is."""
    return np.round(np.clip(image, 0, 1) * 255).astype(np.uint8)


def blind_face(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Blur, down-sampling, noise and JPEG in this order, then back to the old size.

    Wang et al., "GFP-GAN" (CVPR 2021), section 4.1: Gaussian blur of sigma 0.2 to 10 (here of any direction and
    elongation), down-sampling by 1 to 8, noise of 0 to 15 of 255, JPEG of quality 60 to 100. GPEN's chain (CVPR 2021,
    equation 1) has the same steps. Sigmas are meant for faces of 512 pixels and scale with the shorter side.
    """
    import cv2

    height, width = image.shape[:2]
    unit = min(height, width) / 512
    kernel = _gaussian_kernel(rng.uniform(0.2, 10, 2) * unit, rng.uniform(0, np.pi))
    blurred = cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_REFLECT_101)
    factor = rng.uniform(1, 8)
    size = (max(1, round(width / factor)), max(1, round(height / factor)))
    small = cv2.resize(blurred, size, interpolation=cv2.INTER_AREA)
    noisy = gaussian_noise(small, rng, rng.uniform(0, 15) / 255)
    stored = jpeg(noisy, int(rng.integers(60, 101)))
    return np.clip(cv2.resize(stored, (width, height), interpolation=cv2.INTER_LINEAR), 0, 1)


def _gaussian_kernel(sigmas: np.ndarray, angle: float) -> np.ndarray:
    """A Gaussian with these two standard deviations along axes turned by `angle`, cut at 3 sigma; sums to one."""
    radius = max(1, int(np.ceil(3 * sigmas.max())))
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    u = x * np.cos(angle) + y * np.sin(angle)
    v = y * np.cos(angle) - x * np.sin(angle)
    kernel = np.exp(-0.5 * ((u / sigmas[0]) ** 2 + (v / sigmas[1]) ** 2))
    return (kernel / kernel.sum()).astype(np.float32)
