"""Functions as backends: they compute on the CPU in float32, whatever is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch


class FunctionBackend:
    """Backend of a function on tensors: (N x 3 x H x W RGB in [0, 1], N x 1 x H x W or None) to such pictures."""

    runtime = "torch"
    parameters = 0

    def __init__(self, function: Callable[[torch.Tensor, Any], torch.Tensor]):
        self._function = function

    @property
    def device(self) -> torch.device:
        """The CPU."""
        import torch

        return torch.device("cpu")

    @property
    def dtype(self) -> torch.dtype:
        """float32."""
        import torch

        return torch.float32

    def place(self, device: torch.device, dtype: torch.dtype) -> None:
        """Stays where it is."""

    def run(self, image: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """See `Backend.run`."""
        return self._function(image, mask)


class NumpyBackend(FunctionBackend):
    """Backend of a function on NumPy arrays: (H x W x 3 float32 RGB in [0, 1], H x W bool or None) to H x W x 3.

    The pictures of a batch go through one by one; what comes out is clipped to [0, 1].
    """

    runtime = "numpy"

    def __init__(self, function: Callable[[np.ndarray, Any], np.ndarray]):
        def run(image: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
            import torch

            outputs = []
            for index in range(len(image)):
                picture = np.ascontiguousarray(image[index].permute(1, 2, 0).numpy())
                hole = None if mask is None else mask[index, 0].numpy() > 0.5
                result = np.clip(function(picture, hole), 0, 1).astype(np.float32)
                outputs.append(torch.from_numpy(result).permute(2, 0, 1))
            return torch.stack(outputs)

        super().__init__(run)
