"""Ways in which pictures go bad, each drawn from a seeded generator: blur, noise, low light, JPEG, fading.

Every function takes and returns an HxWx3 float32 RGB picture in [0, 1]; `chains` puts several together. A picture has
to come out the same on every processor. So sums and powers, whose last bit differs from one to another, are computed
in float64 and rounded to float32, which hides that bit; and how many numbers are drawn never depends on the pixels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from ..seeding import rng_for as rng_for  # the harness asks for it here

GAMMA = 2.2
"""Light adds up in the sensor, before the tone curve: blur is applied to values raised to this power."""


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


def to_linear(image: np.ndarray, gamma: float = GAMMA) -> np.ndarray:
    """Stored values to light: float64, clipped to [0, 1]."""
    return np.power(np.clip(image.astype(np.float64), 0, 1), gamma)


def to_stored(light: np.ndarray, gamma: float = GAMMA) -> np.ndarray:
    """Light to stored values: float32, clipped to [0, 1]."""
    return np.power(np.clip(light.astype(np.float64), 0, 1), 1 / gamma).astype(np.float32)


def blur(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Convolve with a kernel in linear light; the picture is mirrored at its edges."""
    import cv2

    # filter2D correlates; a convolution turns the kernel round.
    turned = kernel[::-1, ::-1].astype(np.float64)
    return to_stored(cv2.filter2D(to_linear(image), -1, turned, borderType=cv2.BORDER_REFLECT_101))


def motion_blur(image: np.ndarray, rng: np.random.Generator, low: float = 5, high: float = 25) -> np.ndarray:
    """Camera shake along a random path of `low` to `high` pixels."""
    return blur(image, motion_kernel(rng, rng.uniform(low, high)))


def gaussian_noise(image: np.ndarray, rng: np.random.Generator, sigma: float) -> np.ndarray:
    """Additive noise of standard deviation `sigma` (in units of the full range), clipped to [0, 1]."""
    noise = rng.standard_normal(image.shape) * sigma
    return np.clip(image + noise, 0, 1).astype(np.float32)


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
    return _by_pillow(image, (width // factor, height // factor), Image.Resampling.BICUBIC)


def _by_pillow(image: np.ndarray, size: tuple[int, int], filter: int) -> np.ndarray:
    from PIL import Image

    channels = [np.asarray(Image.fromarray(np.ascontiguousarray(image[..., c])).resize(size, filter)) for c in range(3)]
    return np.clip(np.stack(channels, axis=2), 0, 1)


def resized(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """To another size, bilinear, as viewers enlarge a picture."""
    from PIL import Image

    # OpenCV's bilinear resizing differs by 1e-6 from one processor to another.
    return _by_pillow(image, (width, height), Image.Resampling.BILINEAR)


def to_8_bit(image: np.ndarray) -> np.ndarray:
    """Float in [0, 1] -> rounded uint8, as any stored picture is."""
    return np.round(np.clip(image, 0, 1) * 255).astype(np.uint8)


def gaussian_kernel(sigmas: np.ndarray, angle: float) -> np.ndarray:
    """A Gaussian with these two standard deviations along axes turned by `angle`, cut at 3 sigma; sums to one."""
    radius = max(1, int(np.ceil(3 * sigmas.max())))
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    u = x * np.cos(angle) + y * np.sin(angle)
    v = y * np.cos(angle) - x * np.sin(angle)
    kernel = np.exp(-0.5 * ((u / sigmas[0]) ** 2 + (v / sigmas[1]) ** 2))
    return (kernel / kernel.sum()).astype(np.float32)


def linear_kernel(length: float, angle: float, size: int = 41) -> np.ndarray:
    """The point spread of a steady motion over `length` pixels at `angle` (radians); size x size, sums to one.

    Raises ValueError when it does not fit into the kernel.
    """
    if length / 2 > size // 2 - 1:
        raise ValueError(f"a path of {length} pixels does not fit into a kernel of {size} pixels")
    along = np.linspace(-length / 2, length / 2, 200)
    return _rasterize(along[:, None] * [np.cos(angle), np.sin(angle)] + size // 2, size)


def disk_kernel(radius: float) -> np.ndarray:
    """The point spread of a lens out of focus: an evenly filled disk, smooth at its edge; sums to one."""
    reach = int(np.ceil(radius)) + 1
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    kernel = np.clip(radius + 0.5 - np.hypot(x, y), 0, 1)
    return (kernel / kernel.sum()).astype(np.float32)


def defocus(image: np.ndarray, radius: float) -> np.ndarray:
    """Out of focus by a disk of this radius in pixels."""
    return blur(image, disk_kernel(radius))


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


def poisson_noise(image: np.ndarray, rng: np.random.Generator, photons: float) -> np.ndarray:
    """Shot noise: white is `photons` counted photons, in linear light; what exceeds white is clipped."""
    return to_stored(poisson_counts(to_linear(image) * photons, rng) / photons)


def poisson_counts(rates: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Poisson counts of these rates, float64 of the same shape, from one uniform number for each.

    A generator's own Poisson draws take more or fewer numbers from its stream as a rate's last bit has it, and so
    move every draw after them; here a count depends on its own rate and number alone. Up to a rate of 20 it is the
    inverse of the distribution function; beyond, its Cornish-Fisher expansion to the third order, which in fewer than
    1 of 100 draws is one count off.
    """
    from scipy.special import ndtri

    uniform = rng.random(rates.shape)
    z = ndtri(np.maximum(uniform, 2.0**-54))  # random() may be 0, never 1
    root = np.sqrt(np.maximum(rates, 1e-9))
    counts = np.ceil(rates + root * z + (z**2 - 1) / 6 + (z - z**3) / (72 * root) - 0.5)
    few = rates <= 20
    rate, level = rates[few], uniform[few]
    term = np.exp(-rate)
    below, exact = term.copy(), np.zeros_like(rate)
    for count in range(1, 100):  # the chance of more than 99 is less than random() can tell from 0
        more = level > below
        if not more.any():
            break
        exact += more
        term *= rate / count
        below += term
    counts[few] = exact
    return np.maximum(counts, 0)


def low_light(image: np.ndarray, rng: np.random.Generator, exposure: float, photons: float, read: float) -> np.ndarray:
    """A picture taken with too little light and made brighter by the camera, but not quite.

    exposure: what is left of the brightness after the camera's gain (linear light, 0 to 1). photons: counted at
    white; shot noise follows. read: standard deviation of the sensor's own noise, as a share of white in linear light.
    """
    counted = poisson_counts(to_linear(image) * photons, rng) / photons + rng.normal(0, read, image.shape)
    return to_stored(counted * exposure)


def underexposed(
    image: np.ndarray, rng: np.random.Generator, exposure: float, photons: float, read: float
) -> np.ndarray:
    """A picture taken with too little light and left dark.

    exposure: what reaches the sensor, as a share of what would have been right (linear light, 0 to 1). photons:
    counted at the sensor's white; shot noise follows. read: as in `low_light`.
    """
    light = to_linear(image) * exposure
    return to_stored(poisson_counts(light * photons, rng) / photons + rng.normal(0, read, image.shape))


def fade(image: np.ndarray, color: float, contrast: float, paper: tuple[float, float, float]) -> np.ndarray:
    """An old print: `color` (0 to 1) of the saturation and `contrast` (0 to 1) are left, on paper of that RGB color.

    Colors go toward the picture's luma (BT.601), which is then mapped from black and white onto a lighter black and
    the paper's white.
    """
    image = image.astype(np.float64)
    luma = 0.299 * image[..., 0] + 0.587 * image[..., 1] + 0.114 * image[..., 2]
    muted = luma[..., None] + color * (image - luma[..., None])
    white = np.array(paper)
    black = white * (0.6 * (1 - contrast))
    return np.clip(black + muted * (white - black), 0, 1).astype(np.float32)


def grey(image: np.ndarray) -> np.ndarray:
    """The picture's luma (BT.601) as R, G and B."""
    luma = image @ np.array([0.299, 0.587, 0.114], np.float32)
    return np.repeat(luma[..., None], 3, axis=2)
