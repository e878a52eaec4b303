"""Cost of restoration: peak memory and arithmetic. (Run time comes with each Restoration.)"""

from __future__ import annotations

import contextlib
import ctypes
from pathlib import Path
from types import TracebackType


class PeakMemory:
    """Measures the peak of memory while it is entered; it can be entered again and again.

    On CUDA: the peak allocation on the GPU, model included. On the CPU: the rise of the process's peak resident memory
    above its value when this object was made; made before the model is loaded, in a process that has computed nothing
    but `warm_up`, it is what the model adds. Only Linux records that peak; on other systems `megabytes` stays None.
    """

    def __init__(self, device: str):
        self.megabytes: float | None = None
        self._device = device
        if not device.startswith("cuda"):
            with contextlib.suppress(OSError, AttributeError):  # only glibc has it, and only it needs it
                ctypes.CDLL(None).malloc_trim(0)  # memory that is free but kept would hide the rise
            self._base = _resident("VmRSS")

    def __enter__(self) -> PeakMemory:
        if self._device.startswith("cuda"):
            import torch

            torch.cuda.reset_peak_memory_stats(self._device)
            return self
        try:
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # proc(5): resets the peak
        except OSError:
            self._base = None
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._device.startswith("cuda"):
            import torch

            self.megabytes = torch.cuda.max_memory_allocated(self._device) / 1e6
        elif self._base is not None and (peak := _resident("VmHWM")) is not None:
            self.megabytes = max(0.0, peak - self._base)


def _resident(field: str) -> float | None:
    """This process's resident memory (VmRSS) or its peak (VmHWM) in megabytes; None where there is no such file."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith(field)), None)


def warm_up() -> None:
    """Let torch load what any network needs, so that it does not count as a model's memory."""
    import torch
    import torch.nn.functional as F

    with torch.inference_mode():
        x = torch.zeros(1, 16, 64, 64)
        x = F.conv2d(x, torch.zeros(16, 16, 3, 3), padding=1)
        F.interpolate(x, scale_factor=2, mode="bilinear").flatten(2) @ torch.zeros(128 * 128, 16)


def gflops(model, image, mask) -> float | None:
    """Billions of floating-point operations that a network spends on one picture; None for classical methods.

    A multiply-accumulate (MAC) is two of them, so this is twice the MACs.

    Restores the picture once in any case, which also warms the model up. Counted are convolutions and matrix
    products, as the literature does.
    """
    if not model.parameters:
        model.restore(image, mask)
        return None
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        model.restore(image, mask)
    return counter.get_total_flops() / 1e9
