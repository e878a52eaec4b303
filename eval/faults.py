"""What seems to be wrong with a picture, estimated from the picture and its file alone, without a truth.

Estimates are hints, not measurements: texture looks like noise, a shallow depth of field like blur, a night scene like
underexposure. The limits beyond which a fault is named were set by Kodak's pictures with and without each degradation
of the scenarios (tests/eval/test_faults.py repeats some of it).
"""

from __future__ import annotations

import functools
import io
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zoo.errors import WeightsError
from zoo.io import images

if TYPE_CHECKING:
    from PIL import Image

NOISY = 5.5
"""Standard deviation of the noise, of 255."""
BLURRED = 0.48
"""Crete's blur effect."""
COMPRESSED = 60
"""JPEG quality."""
BLOCKY = 1.4
"""Steps at the borders of blocks over other steps."""
DARK = 0.6
"""What the brightest parts (99th percentile of luma) reach, of 1."""
FLAT = 0.6
"""Range of luma from the 1st to the 99th percentile, of 1."""
SMALL = 0.35
"""Megapixels."""
MONOCHROME = 6 / 255
"""Largest color difference (99th percentile) that does not follow from a pixel's luma."""
SIDE = 1536
"""Noise, blur and blocks are looked for in the middle of a picture, in a part of at most this side in pixels."""
FAULTS = ("noise", "blur", "compression", "dark", "faded", "monochrome", "small", "faces")
"""What can be found; "faces" is no fault, but decides which backends come into question."""


@dataclass(frozen=True)
class Faults:
    """Estimates for one picture."""

    width: int
    height: int
    noise: float
    """Standard deviation of Gaussian noise, of 255: the median absolute deviation of the finest wavelet coefficients
    (Donoho and Johnstone 1994)."""
    blur: float
    """Crete et al. 2007: how little a picture loses when it is blurred again, from 0 (sharp) to 1."""
    jpeg_quality: int | None
    """The quality at which libjpeg has the nearest quantization table to the file's; None for other files."""
    blockiness: float
    """How much larger the steps at the borders of 8 x 8 blocks are than elsewhere; 1 without blocks."""
    darkest: float
    brightest: float
    """The 1st and the 99th percentile of luma, of 1."""
    monochrome: bool
    """Gray, or toned in one color as old prints are."""
    faces: int | None
    """None where there is no detector."""
    face_side: int | None
    """Longer side of the largest face in pixels."""

    @property
    def megapixels(self) -> float:
        """Width x height / 1,000,000."""
        return self.width * self.height / 1e6

    @property
    def contrast(self) -> float:
        """The range of luma, of 1."""
        return self.brightest - self.darkest

    def found(self) -> dict[str, str]:
        """Which of FAULTS seem to be there -> a phrase with the estimate."""
        found = {}
        if self.noise > NOISY:
            found["noise"] = f"noise of about {self.noise:.0f} of 255"
        if self.blur > BLURRED:
            found["blur"] = f"blurred ({self.blur:.2f}; sharp pictures have less than {BLURRED})"
        if self.jpeg_quality is not None and self.jpeg_quality < COMPRESSED:
            found["compression"] = f"JPEG of quality {self.jpeg_quality}"
        elif self.blockiness > BLOCKY:
            found["compression"] = f"blocks of strong compression (steps {self.blockiness:.2f} times as large)"
        if self.brightest < DARK:
            found["dark"] = f"dark (its brightest parts have {self.brightest:.0%} of white)"
        elif self.contrast < FLAT:
            found["faded"] = f"little contrast ({self.contrast:.0%} of the range)"
        if self.monochrome:
            found["monochrome"] = "gray, or toned in one color"
        if self.megapixels < SMALL:
            found["small"] = f"small ({self.width} x {self.height} pixels)"
        if self.faces:
            found["faces"] = f"{self.faces} face{'s' if self.faces > 1 else ''}, the largest {self.face_side} pixels"
        return found


def estimate(source: str | os.PathLike | bytes | Image.Image | np.ndarray | images.Picture) -> Faults:
    """Estimate the faults of a picture: a path, encoded bytes, a PIL image, or an array as `zoo.io.images.read` takes.

    The quantization tables of JPEG are only known of a path, bytes or an opened file. Raises PictureError.
    """
    picture = images.read(source).rgb8()
    height, width = picture.shape[:2]
    step = max(1, min(height, width) // SIDE)
    sparse = picture[::step, ::step].astype(np.float32) / 255
    plane = images.luma(_middle(picture).astype(np.float32) / 255)
    low, high = np.percentile(images.luma(sparse), [1, 99])
    faces, face_side = _faces(picture)
    return Faults(
        width=width,
        height=height,
        noise=_noise(plane),
        blur=_blur(plane),
        jpeg_quality=_jpeg_quality(source),
        blockiness=_blockiness(plane),
        darkest=float(low),
        brightest=float(high),
        monochrome=_is_monochrome(sparse),
        faces=faces,
        face_side=face_side,
    )


def _middle(picture: np.ndarray) -> np.ndarray:
    """The middle SIDE x SIDE pixels, cut at multiples of 8, so that the blocks of JPEG stay where they are."""
    top, left = (max(0, side - SIDE) // 2 // 8 * 8 for side in picture.shape[:2])
    return picture[top : top + SIDE, left : left + SIDE]


def _noise(plane: np.ndarray) -> float:
    from skimage.restoration import estimate_sigma

    if min(plane.shape) < 4 or np.ptp(plane) == 0:
        return 0.0
    sigma = float(estimate_sigma(plane)) * 255
    return sigma if np.isfinite(sigma) else 0.0  # without any detail there is no coefficient to judge by


def _blur(plane: np.ndarray) -> float:
    from skimage.measure import blur_effect

    if min(plane.shape) < 16 or np.ptp(plane) == 0:
        return 0.0
    value = float(blur_effect(plane))
    return value if np.isfinite(value) else 0.0


def _blockiness(plane: np.ndarray) -> float:
    """Over the eight places where the grid of blocks may begin, the largest mean step over the median one."""
    ratios = []
    for steps in (np.abs(np.diff(plane, axis=1)), np.abs(np.diff(plane, axis=0)).T):
        if steps.shape[1] < 16:
            return 1.0
        means = [float(steps[:, phase::8].mean()) for phase in range(8)]
        middle = float(np.median(means))
        ratios.append(max(means) / middle if middle > 0 else 1.0)
    return float(np.mean(ratios))


def _is_monochrome(rgb: np.ndarray) -> bool:
    """Whether color follows from luma: a curve for red and blue explains all but small differences."""
    luma = images.luma(rgb).ravel()
    terms = np.stack([np.ones_like(luma), luma, luma**2], axis=1)
    for channel in (0, 2):
        difference = rgb[..., channel].ravel() - luma
        curve, *_ = np.linalg.lstsq(terms, difference, rcond=None)
        if np.percentile(np.abs(difference - terms @ curve), 99) > MONOCHROME:
            return False
    return True


def _jpeg_quality(source: object) -> int | None:
    from PIL import Image

    if isinstance(source, (str, os.PathLike, bytes)):
        try:
            with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=["JPEG"]) as opened:
                return _nearest_quality(getattr(opened, "quantization", {}))
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            return None
    return _nearest_quality(getattr(source, "quantization", {})) if isinstance(source, Image.Image) else None


def _nearest_quality(tables: dict[int, list[int]]) -> int | None:
    """Of the first table, that of luma."""
    if len(tables.get(0, ())) != 64:
        return None
    table = np.array(tables[0], float)
    return min(range(1, 101), key=lambda quality: float(np.abs(_libjpeg(quality) - table).sum()))


@functools.cache
def _libjpeg(quality: int) -> np.ndarray:
    """The quantization table of luma that Pillow's libjpeg writes at this quality."""
    from PIL import Image

    stream = io.BytesIO()
    Image.new("L", (8, 8)).save(stream, "JPEG", quality=quality)
    with Image.open(stream) as written:
        return np.array(written.quantization[0], float)  # type: ignore[attr-defined]  # of JPEG files


@functools.cache
def _detector():
    from zoo.faces.detect import load_detector

    return load_detector("yunet")


def _faces(picture: np.ndarray) -> tuple[int | None, int | None]:
    """How many there are, and the side of the largest."""
    try:
        found = _detector().detect(picture)
    except WeightsError:
        return None, None
    sides = [int(np.max(face.box[2:] - face.box[:2])) for face in found]
    return len(sides), max(sides, default=None)
