"""Lets a function on one NumPy picture serve as a backend."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch


def per_image(
    function: Callable[[np.ndarray, Any], np.ndarray],
) -> Callable[[torch.Tensor, torch.Tensor | None], torch.Tensor]:
    """Turn `function(image, mask) -> image` on HxWx3 float32 in [0, 1] and HxW bool (or None) into a backend.

    The pictures of a batch go through one by one; what comes out is clipped to [0, 1].
    """
    import torch

    def run(image: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        outputs = []
        for index in range(len(image)):
            picture = np.ascontiguousarray(image[index].permute(1, 2, 0).numpy())
            hole = None if mask is None else mask[index, 0].numpy() > 0.5
            result = np.clip(function(picture, hole), 0, 1).astype(np.float32)
            outputs.append(torch.from_numpy(result).permute(2, 0, 1))
        return torch.stack(outputs)

    return run
