"""Exported files go to a folder of the test run, and computing takes one thread."""

from __future__ import annotations

import pytest
import torch


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    """Of exported files, kept for all tests: exporting takes seconds."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def one_thread(cache, monkeypatch):
    monkeypatch.setenv("ZOO_CACHE", str(cache))
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
