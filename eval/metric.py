"""What a metric is, and what metrics share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zoo.errors import ZooError

if TYPE_CHECKING:
    import torch

Compute = Callable[[np.ndarray, np.ndarray, "np.ndarray | None"], float]


class NotComputable(ZooError):
    """The metric is not defined for this picture."""


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
    """(restored, truth, mask) -> value; raises NotComputable."""
    needs: Callable[[], str | None] = lambda: None
    """Why it cannot be computed on this machine, or None."""
    version: int = 1
    """Goes up when values change; values of different versions do not compare."""
    license: str = "MIT"
    """Of what computes it, weights included; MIT is this project's own code."""
    libraries: tuple[str, ...] = ()
    """Packages, beside numpy and OpenCV, whose version its values can depend on."""

    def unavailable(self) -> str | None:
        """Why the metric cannot be computed here, or None."""
        return self.needs()


def tensor_of(image: np.ndarray) -> torch.Tensor:
    """An HxWx3 uint8 picture as 1 x 3 x H x W float32 in [0, 1]."""
    import torch

    return torch.tensor(image).permute(2, 0, 1)[None].float() / 255


def need_mask(mask: np.ndarray | None) -> np.ndarray:
    """The mask. Raises NotComputable when there is none."""
    if mask is None:
        raise NotComputable("needs a mask")
    return mask
