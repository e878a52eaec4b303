"""Pictures to test with, and a way to run commands as a user does."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[2]
SHAPES = [(21, 33), (21, 33, 2), (21, 33, 3), (21, 33, 4)]
"""Grey, grey with alpha, RGB, RGB with alpha; no side is a multiple of anything."""


def photo(name: str, height: int | None = None, width: int | None = None, top: int = 0, left: int = 0) -> np.ndarray:
    """A photograph that scikit-image ships (astronaut, chelsea, coffee, rocket), or a crop of it."""
    from skimage import data

    picture = getattr(data, name)()[..., :3]
    return np.ascontiguousarray(picture[top:, left:][:height, :width])


def random_picture(shape: tuple[int, ...], dtype: type = np.uint8, seed: int = 0) -> np.ndarray:
    """Every value of the type may occur."""
    return np.random.default_rng(seed).integers(0, int(np.iinfo(dtype).max) + 1, shape).astype(dtype)


def encoded(picture: np.ndarray | Image.Image, form: str, **options) -> bytes:
    """A file's bytes as Pillow writes them."""
    stream = io.BytesIO()
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    image.save(stream, form, **options)
    return stream.getvalue()


def decoded(path: Path) -> np.ndarray:
    """The array that Pillow, and nothing of the zoo, reads."""
    with Image.open(path) as image:
        return np.asarray(image)


def run_python(*args: object, check: bool = False, **options) -> subprocess.CompletedProcess:
    """`python ARGS` in another process that finds the project."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    return subprocess.run(
        [sys.executable, *map(str, args)],
        capture_output=True, text=True, timeout=600, check=check, env={**os.environ, "PYTHONPATH": path}, **options,
    )  # fmt: skip


def run_zoo(*args: object, **options) -> subprocess.CompletedProcess:
    """`python -m zoo ARGS` in another process."""
    return run_python("-m", "zoo", *args, **options)


def files_below(folder: Path) -> list[str]:
    """Every file, hidden ones too, with its path below the folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
