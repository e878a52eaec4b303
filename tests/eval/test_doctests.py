"""The examples in docstrings of eval are run."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import numpy as np

import eval as package


def test_examples_run():
    attempted = 0
    for module in pkgutil.iter_modules(package.__path__, "eval."):
        if module.name != "eval.__main__":
            results = doctest.testmod(importlib.import_module(module.name), extraglobs={"np": np})
            assert results.failed == 0, module.name
            attempted += results.attempted
    assert attempted >= 7
