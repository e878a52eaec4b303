"""Nothing here reads the caches or data sets of whoever runs the tests."""

from __future__ import annotations

import pytest

from tests.eval.helpers import save_photographs


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """An empty home, and no variables that point out of it."""
    for name in ("ZOO_DATA", "ZOO_WEIGHTS", "ZOO_MAX_PIXELS", "TORCH_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("ZOO_CACHE", str(folder / "zoo"))
    return folder


@pytest.fixture
def photographs(tmp_path):
    """A folder of four small photographs."""
    return save_photographs(tmp_path / "photographs", 4)
