"""Degradation chains by name and version: training, evaluation and the app draw from these same objects.

A chain takes an HxWx3 float32 RGB picture in [0, 1] and a generator, and returns a picture of the same size. All of
its parameters are drawn first, in one order, and what is drawn for single pixels comes last; how many numbers that are
depends on the picture's size alone. So pictures that differ in a last bit get the same parameters, and the same noise
everywhere else. Change what comes out, and the version goes up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .. import degradations as d
from ..registry import Registry
from . import capture

Apply = Callable[[np.ndarray, np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class Chain:
    """A named way in which pictures go bad."""

    id: str
    version: int
    title: str
    apply: Apply

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """HxWx3 float32 in [0, 1] to the same."""
        return self.apply(image, rng)

    def __str__(self) -> str:
        return f"{self.id} v{self.version}"


CHAINS: Registry[Chain] = Registry("degradation chain")


def _chain(id: str, version: int, title: str) -> Callable[[Apply], Apply]:
    def add(function: Apply) -> Apply:
        CHAINS.add([(id, Chain(id, version, title, function))])
        return function

    return add


def get_chain(name: str) -> Chain:
    """The chain of that name. Raises UnknownNameError."""
    return CHAINS.get(name)


@_chain("motion-blur", 2, "camera shake along a random path of 5 to 25 px, noise up to 2 %")
def motion_blur(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Camera shake along a random path of 5 to 25 px; Gaussian noise of 0 to 2 % of the full range."""
    kernel = d.motion_kernel(rng, rng.uniform(5, 25))
    sigma = rng.uniform(0, 0.02)
    return d.gaussian_noise(d.blur(image, kernel), rng, sigma)


@_chain("noise", 2, "Gaussian noise of 5 to 50 (of 255)")
def noise(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Gaussian noise of standard deviation 5 to 50 (of 255)."""
    sigma = rng.uniform(5, 50) / 255
    return d.gaussian_noise(image, rng, sigma)


@_chain("jpeg", 2, "JPEG of quality 10 to 40, 4:2:0")
def jpeg(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """JPEG of quality 10 to 40 with 4:2:0 chroma."""
    return d.jpeg(image, int(rng.integers(10, 41)))


@_chain("blind-face", 2, "blur, down-sampling by 1 to 8, noise and JPEG, as GFPGAN and GPEN describe it")
def blind_face(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Blur, down-sampling, noise and JPEG in this order, then back to the old size.

    Wang et al., "GFP-GAN" (CVPR 2021), section 4.1: Gaussian blur of sigma 0.2 to 10 (here of any direction and
    elongation), down-sampling by 1 to 8, noise of 0 to 15 of 255, JPEG of quality 60 to 100. GPEN's chain (CVPR 2021,
    equation 1) has the same steps. Sigmas are meant for faces of 512 pixels and scale with the shorter side.
    """
    import cv2

    height, width = image.shape[:2]
    unit = min(height, width) / 512
    kernel = d.gaussian_kernel(rng.uniform(0.2, 10, 2) * unit, rng.uniform(0, np.pi))
    factor, sigma, quality = rng.uniform(1, 8), rng.uniform(0, 15) / 255, int(rng.integers(60, 101))
    blurred = cv2.filter2D(image.astype(np.float64), -1, kernel.astype(np.float64), borderType=cv2.BORDER_REFLECT_101)
    stored = d.jpeg(d.gaussian_noise(d.reduced(blurred, factor), rng, sigma), quality)
    return d.resized(stored, height, width)


@_chain("mixed", 2, "blur, noise of 2 to 25 and JPEG of quality 30 to 95 together")
def mixed(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Blur, noise and JPEG together.

    One blur of: camera shake of 3 to 12 px, defocus of radius 0.5 to 2.5 px, Gaussian of sigma 0.4 to 2 px, each with
    probability 0.3, or none; Gaussian noise of 2 to 25 (of 255); JPEG of quality 30 to 95.
    """
    kind, kernel = rng.random(), None
    if kind < 0.3:
        kernel = d.motion_kernel(rng, rng.uniform(3, 12))
    elif kind < 0.6:
        kernel = d.disk_kernel(rng.uniform(0.5, 2.5))
    elif kind < 0.9:
        kernel = d.gaussian_kernel(rng.uniform(0.4, 2, 2), rng.uniform(0, np.pi))
    sigma, quality = rng.uniform(2, 25) / 255, int(rng.integers(30, 96))
    blurred = image if kernel is None else d.blur(image, kernel)
    return d.jpeg(d.gaussian_noise(blurred, rng, sigma), quality)


@_chain("phone-dark", 2, "a dim room: too few photons, too dark, smoothed, JPEG")
def phone_dark(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A phone held by hand in a dim room.

    Camera shake of 2 to 6 px (half of the pictures), 30 to 500 photons at white with read noise of 0.5 to 2 %, 50 to
    100 % of the brightness left, a denoiser's smoothing (Gaussian of sigma 0.3 to 1 px), JPEG of quality 60 to 95.
    """
    shake = d.motion_kernel(rng, rng.uniform(2, 6)) if rng.random() < 0.5 else None
    photons = float(np.exp(rng.uniform(np.log(30), np.log(500))))
    exposure, read = rng.uniform(0.5, 1), rng.uniform(0.005, 0.02)
    smoothing = d.gaussian_kernel(np.repeat(rng.uniform(0.3, 1), 2), 0)
    quality = int(rng.integers(60, 96))
    image = image if shake is None else d.blur(image, shake)
    return d.jpeg(d.blur(d.low_light(image, rng, exposure, photons, read), smoothing), quality)


@_chain("low-light", 2, "1 to 4 stops too little light, shot noise and read noise")
def low_light(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A picture taken with 1 to 4 stops too little light and not brightened.

    Exposure of -1 to -4 EV in linear light, shot noise of 1,000 to 10,000 photons at the sensor's white, read noise of
    0.05 to 0.2 % of it.
    """
    exposure = 2.0 ** -rng.uniform(1, 4)
    photons, read = float(np.exp(rng.uniform(np.log(1_000), np.log(10_000)))), rng.uniform(0.0005, 0.002)
    return d.underexposed(image, rng, exposure, photons, read)


@_chain("phone-motion", 2, "shake, steady motion or a turn of up to 25 px, noise up to 2 %, JPEG")
def phone_motion(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A phone, or the person before it, that moved.

    One of: camera shake of 5 to 25 px (probability 0.5), steady motion of 5 to 20 px (0.3), a turn that moves the
    farthest corner by 5 to 20 px around a point within the picture (0.2); Gaussian noise of 0 to 2 %; JPEG of quality
    60 to 95.
    """
    kind = rng.random()
    height, width = image.shape[:2]
    if kind < 0.5:
        kernel = d.motion_kernel(rng, rng.uniform(5, 25))
    elif kind < 0.8:
        kernel = d.linear_kernel(rng.uniform(5, 20), rng.uniform(0, np.pi))
    else:
        center = (width * rng.uniform(0, 1), height * rng.uniform(0, 1))
        angle = rng.uniform(5, 20) / np.hypot(height, width)
    sigma, quality = rng.uniform(0, 0.02), int(rng.integers(60, 96))
    blurred = d.blur(image, kernel) if kind < 0.8 else d.rotation_blur(image, angle, center)
    return d.jpeg(d.gaussian_noise(blurred, rng, sigma), quality)


@_chain("phone-compressed", 2, "made smaller by 1 to 3, JPEG of quality 15 to 60 once or twice, enlarged again")
def phone_compressed(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A picture that messengers passed on: smaller by 1 to 3, JPEG of quality 15 to 60, and enlarged again.

    Half of the pictures are sharpened before they are stored, as phones do (unsharp mask of sigma 1 px, 30 to 100 %),
    and half go through JPEG twice.
    """
    import cv2

    height, width = image.shape[:2]
    factor = rng.uniform(1, 3)
    amount = rng.uniform(0.3, 1) if rng.random() < 0.5 else 0.0
    qualities = rng.integers(15, 61, rng.integers(1, 3))
    small = d.reduced(image.astype(np.float64), factor)
    if amount:
        small = small + amount * (small - cv2.GaussianBlur(small, (0, 0), 1))
    for quality in qualities:
        small = d.jpeg(small, int(quality))
    return d.resized(small, height, width)


@_chain("old-photo", 2, "softened, faded, yellowed, grainy and scratched (without the scratches' mask)")
def old_photo(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A print of long ago, scanned.

    Softened (Gaussian of sigma 0.5 to 2 px), faded to 0 to 50 % of its color and 50 to 90 % of its contrast on
    yellowed paper, grain of 2 to 8 %, light scratches and specks (`masks.scratches`), JPEG of quality 60 to 95.
    """
    return old_photo_and_scratches(image, rng)[0]


def old_photo_and_scratches(image: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The chain `old-photo`, and where its scratches and specks are (HxW bool): nowhere under 16 pixels a side."""
    from ..io import masks

    softening = d.gaussian_kernel(np.repeat(rng.uniform(0.5, 2), 2), 0)
    red = rng.uniform(0.88, 1)
    green = red * rng.uniform(0.9, 0.99)
    paper = (red, green, green * rng.uniform(0.7, 0.95))
    color, contrast, grain = rng.uniform(0, 0.5), rng.uniform(0.5, 0.9), rng.uniform(0.02, 0.08)
    light, quality = rng.uniform(0.75, 1), int(rng.integers(60, 96))
    small = min(image.shape[:2]) < 16
    scratched = np.zeros(image.shape[:2], bool) if small else masks.scratches(rng, *image.shape[:2])
    image = d.gaussian_noise(d.fade(d.blur(image, softening), color, contrast, paper), rng, grain)
    image = np.where(scratched[..., None], np.float32(light) * np.array(paper, np.float32), image)
    return d.jpeg(image, quality), scratched


@_chain("grey", 1, "luma alone")
def grey(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The picture's luma (BT.601) as R, G and B; nothing is drawn."""
    return d.grey(image)


_chain("defocus", 1, "out of focus by a disk of radius 1 to 6 px, noise up to 1 %")(capture.defocus)
_chain("surveillance", 1, "moved, made smaller by 2 to 4, noisy, JPEG of quality 20 to 60")(capture.surveillance)
_chain("product-shot", 1, "soft, made smaller by 1.5 to 3, JPEG of quality 40 to 80, enlarged again")(capture.shop)
_chain("medical-detail", 1, "gray, soft, shot noise of 40 to 400 photons")(capture.low_dose)
