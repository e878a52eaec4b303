"""Pictures and backends for the tests of faces; nothing here touches the caches of whoever runs them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest


def shared_folder() -> Path | None:
    """The folder of pictures and weights that is not part of the project: $ZOO_SHARED, else ../shared."""
    folder = Path(os.environ.get("ZOO_SHARED") or Path(__file__).parents[3] / "shared")
    return folder if folder.is_dir() else None


@pytest.fixture
def shared():
    """`shared("data/real/x.png")`: that file or folder, or the test is skipped."""

    def find(name: str) -> Path:
        folder = shared_folder()
        if folder is None or not (folder / name).exists():
            pytest.skip(f"{name} is not here (set ZOO_SHARED to the folder that holds it)")
        return folder / name

    return find


@pytest.fixture
def with_weights(shared, monkeypatch):
    """`with_weights("x.onnx")`: ZOO_WEIGHTS names a folder that has this file, or the test is skipped."""

    def use(name: str) -> None:
        monkeypatch.setenv("ZOO_WEIGHTS", str(shared(f"weights/{name}").parent))

    return use


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """Empty caches, no folder of weights, no network."""
    monkeypatch.delenv("ZOO_WEIGHTS", raising=False)
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hf" / "hub"))


@pytest.fixture
def nothing_bundled(tmp_path, monkeypatch):
    """A project without bundled weights."""
    from zoo.weights import places

    monkeypatch.setattr(places, "BUNDLED", tmp_path / "nothing")


@pytest.fixture(scope="session")
def astronaut() -> np.ndarray:
    """512x512x3 uint8: one face, about 90 x 110 pixels."""
    from skimage import data

    image = data.astronaut()
    image.setflags(write=False)
    return image


@pytest.fixture(scope="session")
def couple(astronaut) -> np.ndarray:
    """256x368x3 uint8: two faces side by side whose aligned crops overlap; the right one is mirrored."""
    left = astronaut[:256, 130:314]
    return np.concatenate([left, left[:, ::-1]], axis=1)


@pytest.fixture(scope="session")
def mtcnn():
    """The default detector."""
    from zoo.faces.detect import load_detector

    return load_detector("mtcnn")


@pytest.fixture(scope="session")
def astronaut_face(astronaut, mtcnn):
    """The face in `astronaut`."""
    (face,) = mtcnn.detect(astronaut)
    return face


def backend(function, **card):
    """A Restorer of task face around a function of an image NCHW in [0, 1]."""
    from zoo.card import ModelCard
    from zoo.restorer import Restorer
    from zoo.runtimes import FunctionBackend

    values = {"id": "stand-in", "title": "Stand-in", "tasks": ("face",), "license": "MIT", **card}
    return Restorer(ModelCard(**values), FunctionBackend(lambda image, mask: function(image)), device="cpu")
