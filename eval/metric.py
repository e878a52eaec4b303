"""What a metric is, and what metrics share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zoo.errors import ZooError

if TYPE_CHECKING:
    import torch

Compute = Callable[[np.ndarray, np.ndarray, "np.ndarray | None"], float]


class NotComputable(ZooError):
    """The metric is not defined for this picture, so it has no mean over a set that holds the picture."""


class DoesNotCount(ZooError):
    """The metric does not ask about this picture, such as one without a face: the mean is over the others."""


@dataclass(frozen=True)
class Metric:
    """One way to measure a restored picture."""

    id: str
    title: str
    higher_is_better: bool
    low: float
    high: float
    """Bounds of the values."""
    unit: str
    compute: Compute
    """(restored, target, mask) -> value; raises NotComputable and DoesNotCount."""
    needs: Callable[[], str | None] = lambda: None
    """Why it cannot be computed on this machine, or None."""
    version: int = 1
    """Goes up when values change; values of different versions do not compare."""
    license: str = "MIT"
    """Of what computes it, weights included; MIT is this project's own code."""
    libraries: tuple[str, ...] = ()
    """Packages, beside numpy and OpenCV, whose version its values can depend on."""
    color: str = "RGB"
    """The color space that it sees."""
    crop: str = "whole picture"
    """The part of the picture that it sees."""

    def unavailable_reason(self) -> str | None:
        """Why the metric cannot be computed here, or None."""
        return self.needs()


@dataclass(frozen=True)
class SetMetric:
    """One way to measure all restored pictures of a set together."""

    id: str
    title: str
    higher_is_better: bool
    low: float
    high: float
    unit: str
    features: Callable[[np.ndarray], np.ndarray]
    """A HxWx3 uint8 picture -> N x D features of it, float64; N is 0 or more."""
    compare: Callable[[np.ndarray, np.ndarray], float]
    """(N x D features of restored pictures, M x D of targets) -> value."""
    minimum: Callable[[int], int]
    """Of the features' length: how many rows each set needs at least for a value that means something."""
    needs: Callable[[], str | None] = lambda: None
    version: int = 1
    license: str = "MIT"
    libraries: tuple[str, ...] = ()
    color: str = "RGB"
    crop: str = "whole picture"
    pictures: int = 10
    """How many pictures it needs at least, however many rows they have: rows of one picture are much alike."""

    def unavailable_reason(self) -> str | None:
        """Why the metric cannot be computed here, or None."""
        return self.needs()

    def value(self, restored: Sequence[np.ndarray], targets: Sequence[np.ndarray]) -> float:
        """Of the features of the pictures of a set, one array a picture. Raises NotComputable for too few."""
        if len(restored) < self.pictures:
            raise NotComputable(f"needs at least {self.pictures} pictures; there are {len(restored)}")
        rows = [np.concatenate([np.atleast_2d(each) for each in side]) for side in (restored, targets)]
        needed = self.minimum(rows[0].shape[1])
        fewest = min(len(side) for side in rows)
        if fewest < needed:
            raise NotComputable(f"needs features of at least {needed} patches or faces; there are {fewest}")
        return self.compare(*rows)


def tensor_of(image: np.ndarray) -> torch.Tensor:
    """An HxWx3 uint8 picture as 1 x 3 x H x W float32 in [0, 1]."""
    import torch

    return torch.tensor(image).permute(2, 0, 1)[None].float() / 255


def need_mask(mask: np.ndarray | None) -> np.ndarray:
    """The mask. Raises NotComputable when there is none."""
    if mask is None:
        raise NotComputable("needs a mask")
    return mask
