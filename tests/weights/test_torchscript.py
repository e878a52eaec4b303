"""TorchScript archives give their tensors, and their program is never run."""

from __future__ import annotations

import os
import pickle
import zipfile
from pathlib import Path

import pytest
import torch

from zoo.errors import WeightsError
from zoo.weights.reading import read_checkpoint

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's own word on torch.jit


class Inner(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(2, 3, 3)
        self.register_buffer("counts", torch.arange(5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x)


class Program(torch.nn.Module):
    """It fails when it runs."""

    def __init__(self):
        super().__init__()
        self.generator = torch.nn.Sequential(Inner(), torch.nn.BatchNorm2d(3))
        self.turned = torch.nn.Parameter(torch.randn(4, 4).half().t())
        self.sizes = [1, 2, 3]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        assert x.sum() > 1e30, "it was run"
        return self.generator(x)


@pytest.fixture
def saved(tmp_path) -> tuple[Path, torch.nn.Module]:
    torch.manual_seed(0)
    network = Program().eval()
    path = tmp_path / "big.pt"
    torch.jit.script(network).save(str(path))
    return path, network


def test_tensors_are_those_of_the_state_dict(saved):
    path, network = saved
    tensors, expected = read_checkpoint(path), network.state_dict()
    assert set(tensors) == set(expected)
    for name, tensor in tensors.items():
        assert tensor.dtype == expected[name].dtype and torch.equal(tensor, expected[name]), name


def rewritten(path: Path, target: Path, name: str, data: bytes) -> Path:
    """The archive with another file in one place."""
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as out:
        for member in archive.namelist():
            out.writestr(member, data if member.endswith(f"/{name}") else archive.read(member))
    return target


def test_nothing_else_is_built(saved, tmp_path):
    class Attack:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "trap"),)

    attacked = rewritten(saved[0], tmp_path / "x.pt", "data.pkl", pickle.dumps({"w": Attack()}, protocol=2))
    with pytest.raises(WeightsError, match="could run code"):
        read_checkpoint(attacked)
    assert not (tmp_path / "trap").exists()


def test_damage_is_told(saved, tmp_path):
    with pytest.raises(WeightsError, match="numbers, not"):
        read_checkpoint(rewritten(saved[0], tmp_path / "x.pt", "data/0", bytes(4)))
    with pytest.raises(WeightsError, match="damaged"):
        read_checkpoint(rewritten(saved[0], tmp_path / "y.pt", "data.pkl", b"\x80\x02"))
    (tmp_path / "z.pt").write_bytes(saved[0].read_bytes()[:-200])
    with pytest.raises(WeightsError):
        read_checkpoint(tmp_path / "z.pt")
