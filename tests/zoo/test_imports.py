"""What is light stays light, and torchvision imports beside a CPU-only torch."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.zoo.samples import run_python, run_zoo

HEAVY = ["torch", "torchvision", "gradio", "cv2", "skimage", "scipy", "pandas", "PIL.ImageCms", "huggingface_hub"]

LOADED = """
import sys
sys.argv[:] = sys.argv[1:]
import runpy
try:
    if sys.argv == ["import"]:
        import zoo
        zoo.TASKS, zoo.ModelCard, zoo.ZooError, zoo.__version__
    else:
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=False)
except SystemExit as stop:
    assert not stop.code, stop.code
print("LOADED", *sorted(sys.modules))
"""


def modules_after(*args: str) -> set[str]:
    done = run_python("-c", LOADED, *args)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.rpartition("LOADED")[2].split())


@pytest.mark.parametrize(
    "command",
    [
        "import", "zoo --help", "zoo list --help", "zoo info --help", "zoo restore --help", "zoo faces --help",
        "zoo video --help", "eval clips --help",
        "zoo bench --help", "zoo weights --help", "zoo download --help", "zoo convert --help", "training --help",
        "eval --help", "eval datasets --help", "eval scenarios --help", "eval metrics --help", "leaderboard --help",
        "leaderboard build --help", "leaderboard recommend --help",
    ],
)  # fmt: skip
def test_help_and_import_are_light(command):
    assert not modules_after(*command.split()) & set(HEAVY)


@pytest.mark.parametrize(
    "command",
    [
        "zoo list", "zoo list --task deblur --available", "zoo info gpen", "zoo weights", "eval datasets",
        "eval scenarios", "eval metrics",
    ],
)  # fmt: skip
def test_what_is_known_beforehand_is_told_without_torch(command):
    assert not modules_after(*command.split()) & {"torch", "torchvision", "gradio"}


def test_the_public_interface_is_whole():
    import zoo

    assert sorted(zoo.__all__) == sorted(set(zoo.__all__)) and set(zoo.__all__) <= set(dir(zoo))
    for name in zoo.__all__:
        assert getattr(zoo, name) is not None, name
    with pytest.raises(AttributeError, match="module 'zoo' has no attribute 'nothing'"):
        _ = zoo.nothing


def test_only_the_command_line_imports_commands():
    root = Path(__file__).parents[2]
    commands = [path.stem for path in (root / "zoo" / "cli").glob("*.py") if path.stem not in ("__init__", "common")]
    assert {"bench", "listing", "faces", "restore", "weights"} <= set(commands)
    wanted = re.compile(rf"\bcli(\.| import .*\b)({'|'.join(commands)})\b")
    for package in ("zoo", "eval", "leaderboard", "training", "ui"):
        for path in (root / package).rglob("*.py"):
            if path != root / "zoo" / "__main__.py":
                assert not wanted.search(path.read_text(encoding="utf-8")), path
    for path in (root / "zoo" / "cli").glob("*.py"):
        assert not re.search(rf"from \.({'|'.join(commands)}) import", path.read_text(encoding="utf-8")), path


def test_the_check_sees_what_is_loaded():
    assert {"zoo.registry", "argparse"} <= modules_after("zoo", "--help")


def test_every_command_has_help():
    done = run_zoo("--help")
    assert done.returncode == 0
    assert done.stderr == ""
    for command in ("list", "info", "restore"):
        assert command in done.stdout
        assert run_zoo(command, "--help").stdout.startswith(f"usage: python -m zoo {command}")


def test_torchvision_and_those_who_need_it_import():
    code = """
import sys
from zoo.nn.torchvision_compat import ensure_torchvision
ensure_torchvision()
first = sys.modules["torchvision"]
ensure_torchvision()
assert sys.modules["torchvision"] is first
import torchvision, timm, lpips, pyiqa
from torchvision import models, transforms
assert models.alexnet(weights=None) is not None
print("fine")
"""
    done = run_python("-W", "ignore", "-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("fine\n")
