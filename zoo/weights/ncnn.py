"""Reading the weights of ncnn models: layers in the order of NAME.param, their numbers in NAME.bin beside it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import WeightsError, describe_os_error
from ..io.files import opened, read_bytes
from .checksum import MAX_BYTES

if TYPE_CHECKING:
    import numpy as np
    import torch

MAGIC = "7767517"
"""The first line of a .param file."""
MAX_DESCRIPTION = 10_000_000
"""Bytes of a .param file."""
HALF, SINGLE = 0x01306B47, 0
"""What goes before a convolution's weights in float16, and in float32."""


def is_ncnn(path: Path) -> bool:
    """Whether a file is the .bin file of an ncnn model, with its .param file beside it."""
    return path.suffix == ".bin" and path.with_suffix(".param").is_file()


def read_ncnn(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of the .bin file of an ncnn model, as LAYER.weight and LAYER.bias.

    Convolutions (outputs x inputs x height x width) and PReLU slopes are read; float16 and float32 stay what they
    are. Raises WeightsError for a file that is damaged or has other layers with weights.
    """
    import numpy as np
    import torch

    try:
        lines = read_bytes(path.with_suffix(".param"), MAX_DESCRIPTION).decode("utf-8").split("\n")
        with opened(path, MAX_BYTES) as file:
            data = file.read()
    except (OSError, ValueError) as error:
        why = describe_os_error(error) if isinstance(error, OSError) else "it is no text"
        raise WeightsError(f"{path.with_suffix('.param')} cannot be read: {why}.") from None
    if not lines or lines[0].strip() != MAGIC:
        raise WeightsError(f"{path.with_suffix('.param')} is not the description of an ncnn model.")
    tensors: dict[str, torch.Tensor] = {}
    place = 0

    def take(count: int, dtype: type) -> np.ndarray:
        nonlocal place
        values = np.frombuffer(data, dtype, count, place).copy()
        place += -(-values.nbytes // 4) * 4  # float16 is padded to four bytes
        return values

    try:
        for line in lines[2:]:
            words = line.split()
            if not words:
                continue
            kind, name = words[:2]
            facts = _facts(words)
            if kind == "Convolution":
                tag = int(take(1, np.uint32)[0])
                if tag not in (HALF, SINGLE):
                    raise WeightsError(f"{path} has quantized weights in {name}, which are not read.")
                outputs, width = int(facts[0]), int(facts[1])
                weight = take(int(facts[6]), np.float16 if tag == HALF else np.float32)
                shape = (outputs, -1, int(facts.get(11, width)), width)
                tensors[f"{name}.weight"] = torch.from_numpy(weight.reshape(shape))
                if int(facts.get(5, 0)):
                    tensors[f"{name}.bias"] = torch.from_numpy(take(outputs, np.float32))
            elif kind == "PReLU":
                tensors[f"{name}.weight"] = torch.from_numpy(take(int(facts[0]), np.float32))
    except (ValueError, KeyError, IndexError) as error:
        raise WeightsError(f"{path} is damaged, cut short, or belongs to another .param file ({error}).") from None
    if place != len(data):
        raise WeightsError(f"{path} has {len(data) - place} bytes more than its convolutions and slopes take.")
    return tensors


def _facts(words: list[str]) -> dict[int, str]:
    """A layer's numbered parameters: what follows its type, name, counts, inputs and outputs."""
    start = 4 + int(words[2]) + int(words[3])
    return {int(key): value for key, _, value in (word.partition("=") for word in words[start:])}
