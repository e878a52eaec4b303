"""The project as a package: what its wheel holds, and that it works from anywhere, installed normally or editable."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("zoo", "eval", "leaderboard", "training")
RESTORE = """
import pathlib, sys
import numpy as np, zoo
from zoo.weights import is_bundled
assert str(pathlib.Path(zoo.__file__)).startswith(sys.argv[1]), zoo.__file__
picture = np.full((40, 48, 3), 99, np.uint8)
result = zoo.load("autoencoder.mini", device="cpu").restore(picture)
assert result.image.shape == picture.shape
print(zoo.__version__, sum(is_bundled(card) for card in zoo.list_models()))
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    """A copy of what a build needs: building writes into the folder that it builds."""
    folder = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "requirements.txt", "README.md", "LICENSE", "NOTICE"):
        shutil.copyfile(ROOT / name, folder / name)
    for name in PACKAGES:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "results"))
    return folder


@pytest.fixture(scope="module")
def wheel(source, tmp_path_factory) -> Path:
    """The project's wheel, built without asking any server."""
    folder = tmp_path_factory.mktemp("wheel")
    pip(sys.executable, "wheel", str(source), "--no-deps", "--no-build-isolation", "--no-index", "-w", str(folder))
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture
def python(tmp_path) -> str:
    """The Python of a new virtual environment that sees the packages of this one, pip among them."""
    command = [sys.executable, "-m", "venv", "--system-site-packages", "--without-pip", str(tmp_path / "venv")]
    subprocess.run(command, check=True)
    inside = tmp_path / "venv" / ("Scripts" if sys.platform == "win32" else "bin") / Path(sys.executable).name
    asked = [str(inside), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    folder = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    Path(folder, "packages-of-the-tests.pth").write_text(sysconfig.get_path("purelib"))
    return str(inside)


def pip(python: str, *arguments: str) -> None:
    done = subprocess.run(
        [python, "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def bundled_models() -> int:
    import zoo
    from zoo.weights import is_bundled

    return sum(is_bundled(card) for card in zoo.list_models())


@pytest.mark.slow
def test_the_wheel_holds_all_that_works_without_the_repository(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    expected = {path.relative_to(ROOT).as_posix() for path in (ROOT / "zoo" / "pretrained").iterdir()}
    assert len(expected) > 20 and expected <= names
    assert "zoo/py.typed" in names
    assert {Path(name).name for name in names if ".dist-info/licenses/" in name} >= {"LICENSE", "NOTICE"}
    code = {path.relative_to(ROOT).as_posix() for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    assert code <= names
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == set(PACKAGES)


@pytest.mark.slow
def test_an_installed_copy_restores_from_anywhere(wheel, python, tmp_path):
    pip(python, "install", "--no-deps", "--no-index", str(wheel))
    check(python, tmp_path, tmp_path / "venv")


@pytest.mark.slow
def test_an_editable_install_restores_from_anywhere(source, python, tmp_path):
    pip(python, "install", "--no-deps", "--no-build-isolation", "--no-index", "-e", str(source))
    check(python, tmp_path, source)


def check(python: str, folder: Path, home: Path) -> None:
    """`import zoo` is of `home`, a bundled model restores, and the console command is there."""
    done = subprocess.run([python, "-c", RESTORE, str(home)], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[1]) == bundled_models()
    command = Path(python).with_name("restoration-zoo")
    done = subprocess.run([command, "list", "--task", "deblur"], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0 and "deblurgan.mini" in done.stdout, done.stderr
