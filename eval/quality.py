"""Quality without a reference, as trained networks of pyiqa see it: MUSIQ, TOPIQ, CLIP-IQA; and BRISQUE.

pyiqa's license (PolyForm-Noncommercial-1.0.0) does not allow commercial use; it is imported only when one of these is
computed. Their weights are downloads, whose checksum is compared before they are opened.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from zoo.nn.torchvision_compat import ensure_torchvision
from zoo.weights.known import KnownFile

from .metric import Compute, NotComputable, tensor_of


def _file(metric: str, name: str, what: str, digits: str, folder: str = "pyiqa") -> KnownFile:
    return KnownFile(name, what, digits, folder, f"python -c \"import pyiqa; pyiqa.create_metric('{metric}')\"")


@dataclass(frozen=True)
class Quality:
    """One of pyiqa's networks."""

    file: KnownFile
    build: Callable[[Path], Any]
    """From the file's path, the network in eval mode: 1 x 3 x H x W in [0, 1] -> 1 x 1."""


def _musiq(path: Path):
    from pyiqa.archs.musiq_arch import MUSIQ

    return MUSIQ(pretrained=False, pretrained_model_path=str(path))


def _topiq(path: Path):
    from pyiqa.archs.topiq_arch import CFANet

    # The file has the backbone's weights too, so the backbone need not be downloaded.
    return CFANet(
        semantic_model_name="resnet50", model_name="cfanet_nr_koniq_res50", backbone_pretrain=False, use_ref=False,
        pretrained=False, pretrained_model_path=str(path),
    )  # fmt: skip


def _clipiqa(path: Path):
    from pyiqa.archs.clipiqa_arch import CLIPIQA

    return CLIPIQA(backbone=str(path))  # a name would be downloaded; a path is opened


def _brisque(path: Path):
    import torch
    from pyiqa.archs.brisque_arch import brisque

    coefficients, vectors = torch.load(path, map_location="cpu", weights_only=True)
    return functools.partial(brisque, sv_coef=coefficients, sv=vectors)


NETWORKS = {
    "musiq": Quality(_file("musiq", "musiq_koniq_ckpt-e95806b9.pth", "MUSIQ trained on KonIQ-10k", "e95806b9"), _musiq),
    "topiq": Quality(
        _file("topiq_nr", "cfanet_nr_koniq_res50-9a73138b.pth", "TOPIQ trained on KonIQ-10k", "9a73138b"), _topiq
    ),
    "clipiqa": Quality(_file("clipiqa", "RN50.pt", "OpenAI's CLIP, ResNet-50", "afeb0e10", "clip"), _clipiqa),
    # Nothing that is published tells the checksum of this one, so it is opened as tensors only.
    "brisque": Quality(_file("brisque", "brisque_svm_weights.pth", "BRISQUE's support vectors", ""), _brisque),
}


def missing(name: str) -> str | None:
    """Why that network cannot be used on this machine, or None."""
    if reason := NETWORKS[name].file.missing():
        return reason
    if name == "clipiqa" and not importlib.util.find_spec("pkg_resources"):
        return "the package openai-clip imports pkg_resources, which new setuptools lack: pip install 'setuptools<81'"
    return None


def quality(name: str) -> Compute:
    """The score of the restored picture alone. The function raises NotComputable."""

    def compute(restored: np.ndarray, target: np.ndarray, mask: np.ndarray | None) -> float:
        import torch

        if min(restored.shape[:2]) < 64:
            raise NotComputable("needs pictures of at least 64 x 64 pixels")
        path = NETWORKS[name].file.path()
        if path is None:
            raise NotComputable(f"needs a file: {missing(name)}")
        with torch.inference_mode():
            return float(_network(name, path, path.stat().st_mtime_ns)(tensor_of(restored)).squeeze())

    return compute


@functools.cache
def _network(name: str, path: Path, changed: int):
    ensure_torchvision()
    with contextlib.redirect_stdout(io.StringIO()):  # pyiqa tells what it loads
        network = NETWORKS[name].build(path)
    return network.eval() if hasattr(network, "eval") else network
