"""Deterministic weights and inputs behind the golden outputs in this folder.

Every tensor of a network is drawn from its own name, so anyone whose network has the published
checkpoint's parameter names and shapes rebuilds the same weights without any download:

    model.load_state_dict({k: fill(k, v, family) for k, v in model.state_dict().items()})

Then run the network on the input below and compare with the .npz beside this file.
"""

import hashlib
import math

import numpy as np
import torch
import torch.nn.functional as F


def _rng(text: str) -> np.random.Generator:
    digest = hashlib.sha256(text.encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "little"))


def fill(name: str, like: torch.Tensor, family: str = "conv") -> torch.Tensor:
    """The value of parameter or buffer `name`. `family` is "gpen" for the GPEN generators, else "conv"."""
    if not like.dtype.is_floating_point or name.endswith(".kernel"):  # counters, fixed FIR kernels
        return like
    rng, shape = _rng(name), tuple(like.shape)
    if family == "gpen":
        if name.startswith("generator.style.") and name.endswith("weight"):
            value = rng.standard_normal(shape) / 0.01
        elif name.endswith("modulation.bias"):
            value = 1 + 0.1 * rng.standard_normal(shape)
        elif len(shape) >= 2:
            value = rng.standard_normal(shape)
        else:
            value = 0.1 * rng.standard_normal(shape)
    elif name.endswith("running_var"):
        value = 0.5 + rng.random(shape)
    elif name.endswith("running_mean"):
        value = 0.1 * rng.standard_normal(shape)
    elif len(shape) >= 2:
        value = math.sqrt(2.0 / np.prod(shape[1:])) * rng.standard_normal(shape)
    else:
        value = 0.1 * rng.standard_normal(shape)
        if name.endswith(".weight"):
            value = 1.0 + value
    return torch.from_numpy(np.asarray(value, dtype=np.float32)).reshape(shape)


def image(name: str, shape: tuple[int, int, int, int], low: float = -1.0, high: float = 1.0) -> torch.Tensor:
    """A smooth random NCHW image in [low, high]; the golden case `name` uses image(name, shape)."""
    b, c, h, w = shape
    noise = _rng("input:" + name).random((b, c, max(2, h // 8), max(2, w // 8))).astype(np.float32)
    x = F.interpolate(torch.from_numpy(noise), size=(h, w), mode="bicubic", align_corners=False)
    x = (x - x.min()) / (x.max() - x.min())
    return x * (high - low) + low


def inpainting_input(name: str, h: int = 128, w: int = 160) -> tuple[torch.Tensor, torch.Tensor]:
    """Input and mask of the deepfill_v2 cases: x = [masked RGB in [-1, 1], ones, mask], mask 1 = hole."""
    mask = torch.zeros(1, 1, h, w)
    mask[:, :, h // 4 : h // 2 + 8, w // 4 : 3 * w // 4] = 1
    mask[:, :, h // 2 :, w // 8 : w // 8 + 6] = 1
    masked = image(name, (1, 3, h, w)) * (1 - mask)
    ones = torch.ones_like(masked)[:, :1]
    return torch.cat([masked, ones, ones * mask], 1), mask


def summary(y: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """What the .npz keeps of an output: its 4x4 average-pooled map and the crop [..., 16:48, 16:48]."""
    return F.avg_pool2d(y, 4).numpy(), y[..., 16:48, 16:48].numpy()
