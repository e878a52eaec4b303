"""A small folder of photographs, laid out as the recipes expect it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

TRAINING = ("astronaut", "coffee", "rocket")
"""scikit-image's photographs that the tests train on; chelsea is for measuring."""


def photograph(name: str) -> np.ndarray:
    """One of scikit-image's embedded photographs, HxWx3 uint8."""
    import skimage.data

    return np.ascontiguousarray(getattr(skimage.data, name)()[..., :3])


def training_folder(root: Path, side: int = 256) -> Path:
    """root/natural/train and root/faces/train with a crop of each training photograph; returns root."""
    for kind in ("natural", "faces"):
        folder = root / kind / "train"
        folder.mkdir(parents=True)
        for name in TRAINING:
            picture = photograph(name)
            top, left = ((length - side) // 2 for length in picture.shape[:2])
            Image.fromarray(picture[top : top + side, left : left + side]).save(folder / f"{name}.png")
    return root
