"""Files that bring models: one that cannot be imported is told and left out; other packages bring theirs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

MODEL = """
from zoo.card import ModelCard
from zoo.registry import register
from zoo.runtimes import NumpyBackend


@register(ModelCard("{id}", "Negative", ("restore",), "MIT", "Inverts the picture."))
def build(card, state):
    return NumpyBackend(lambda image, mask: 1 - image)

{more}
"""
PACKAGE = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "negative-for-tests"
version = "1"

[project.entry-points."restoration_zoo.backends"]
negative = "negative_for_tests.backends"

[tool.setuptools]
packages = ["negative_for_tests"]
"""


def run(folder: Path, *arguments: str, path: Path | None = None) -> subprocess.CompletedProcess:
    """Run Python in a folder, where `zoo` is that folder's; `path` is one more place of installed packages."""
    environment = {**os.environ, **({"PYTHONPATH": f"{folder}{os.pathsep}{path}"} if path else {})}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Path:
    """A folder with a copy of the package, in which the files of a test can lie."""
    folder = tmp_path_factory.mktemp("copy")
    shutil.copytree(ROOT / "zoo", folder / "zoo")
    return folder


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ("import nowhere_to_be_found", "ModuleNotFoundError: No module named 'nowhere_to_be_found'"),
        ("def broken(:", "SyntaxError: "),
        ("raise SystemExit('bye')", "SystemExit: bye"),
        (
            "register(ModelCard('telea', 'T', ('restore',), 'MIT'))(build)",
            "ValueError: model 'telea' is registered twice",
        ),
    ],
)
def test_a_file_that_cannot_be_imported_takes_nothing_else_down(copy, more, reason):
    file = copy / "zoo" / "models" / "zz_negative.py"
    file.write_text(MODEL.format(id="negative", more=more))
    try:
        listed = run(copy, "-m", "zoo", "list")
        loaded = run(copy, "-m", "zoo", "info", "negative")
    finally:
        file.unlink()
    assert listed.returncode == 0 and "telea" in listed.stdout and "negative" not in listed.stdout
    assert f"warning: zoo.models.zz_negative was left out, as it cannot be imported: {reason}" in listed.stderr
    assert loaded.returncode == 2
    assert "error: unknown model 'negative'" in loaded.stderr and f"zoo.models.zz_negative: {reason}" in loaded.stderr


def test_another_package_adds_a_backend(copy, tmp_path):
    source, target = tmp_path / "source", tmp_path / "site"
    (source / "negative_for_tests").mkdir(parents=True)
    (source / "pyproject.toml").write_text(PACKAGE)
    (source / "negative_for_tests" / "__init__.py").write_text("")
    backends = source / "negative_for_tests" / "backends.py"
    backends.write_text(MODEL.format(id="negative", more=""))
    install = ("-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--target")
    done = run(tmp_path, *install, str(target), str(source))
    assert done.returncode == 0, done.stderr
    script = "import numpy as np, zoo; print(zoo.load('negative').restore(np.full((4, 4), 7, np.uint8)).image.max())"
    done = run(copy, "-c", script, path=target)
    assert done.stdout == "248\n", done.stderr
    assert "negative" in run(copy, "-m", "zoo", "list", "--task", "restore", path=target).stdout

    (target / "negative_for_tests" / "backends.py").write_text("import nowhere_to_be_found")
    done = run(copy, "-m", "zoo", "list", path=target)
    assert done.returncode == 0 and "telea" in done.stdout
    assert "negative_for_tests.backends (entry point negative) was left out" in done.stderr
