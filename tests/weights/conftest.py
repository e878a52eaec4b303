"""Nothing here touches the caches or the network of whoever runs the tests."""

from __future__ import annotations

import pytest

from tests.weights.hub import running_hub


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """An empty home with empty caches; this process's own Hub client is offline."""
    from huggingface_hub import constants

    for name in ("ZOO_WEIGHTS", "XDG_CACHE_HOME", "HF_TOKEN", "HF_ENDPOINT", "HF_HUB_OFFLINE", "HF_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "home"
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("HF_HOME", str(folder / "hf"))
    monkeypatch.setenv("ZOO_CACHE", str(folder / "zoo"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder / "hf" / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return folder


@pytest.fixture
def hub():
    """A Hub on the loopback."""
    with running_hub() as hub:
        yield hub
