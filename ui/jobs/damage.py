"""Damage a clean picture with a chosen strength, by the harness's own degradations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from zoo import degradations
from zoo.io import images
from zoo.io.images import Picture

from .files import opened, safe_name, shown

Damage = Callable[[np.ndarray, float, np.random.Generator], np.ndarray]


def _shaken(image: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    return degradations.blur(image, degradations.motion_kernel(rng, 3 + 27 * strength))


def _unsharp(image: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    return degradations.blur(image, degradations.disk_kernel(0.5 + 7.5 * strength))


def _noisy(image: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    return degradations.gaussian_noise(image, rng, (2 + 58 * strength) / 255)


def _compressed(image: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    return degradations.jpeg(image, round(60 - 55 * strength))


def _dark(image: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    return degradations.underexposed(image, rng, 2.0 ** -(1 + 3 * strength), 3000.0, 0.001)


def _grey(image: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    return degradations.grey(image)


HOW: dict[str, Damage] = {
    "shaken": _shaken,
    "out of focus": _unsharp,
    "noisy": _noisy,
    "compressed": _compressed,
    "dark": _dark,
    "grey": _grey,
}
"""As ui/damages.py names them."""


def run(
    tell: Callable[[float], None], *, picture: str, name: str, folder: str, damage: str, strength: float, seed: int,
    megapixels: float | None,
) -> dict[str, Any]:  # fmt: skip
    """{damaged, clean} as paths of PNG files, 8 bits. Raises PictureError."""
    clean = opened(picture, megapixels).rgb8()
    tell(0.3)
    rng = np.random.default_rng(seed)
    damaged = images.eight_bits(HOW[damage](clean.astype(np.float32) / 255, strength, rng))
    word = safe_name(name)
    paths = {}
    for kind, pixels in (("damaged", damaged), ("clean", clean)):
        paths[kind] = shown(Picture(pixels), folder, f"{word}-{kind}")["path"]
    return paths
