"""What restoring costs: memory and arithmetic. (Seconds come with each Restoration.)"""

from __future__ import annotations

import threading
from types import TracebackType


class PeakMemory:
    """Measures peak memory while it is entered: of the GPU on CUDA, else the process's resident memory, sampled."""

    def __init__(self, device: str, interval: float = 0.01):
        self.megabytes = 0.0
        self._device = device
        self._interval = interval
        self._done = threading.Event()

    def __enter__(self) -> PeakMemory:
        if self._device.startswith("cuda"):
            import torch

            torch.cuda.reset_peak_memory_stats(self._device)
        else:
            self._thread = threading.Thread(target=self._sample, daemon=True)
            self._thread.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._device.startswith("cuda"):
            import torch

            self.megabytes = torch.cuda.max_memory_allocated(self._device) / 1e6
        else:
            self._done.set()
            self._thread.join()

    def _sample(self) -> None:
        import psutil

        process = psutil.Process()
        while True:
            self.megabytes = max(self.megabytes, process.memory_info().rss / 1e6)
            if self._done.wait(self._interval):
                return


def gflops(model, image, mask) -> float | None:
    """Billions of multiplications and additions that a network spends on one picture; None for classical methods."""
    if not model.parameters:
        return None
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        model.restore(image, mask)
    return counter.get_total_flops() / 1e9
