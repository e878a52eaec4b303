"""The arrows of ARCHITECTURE.md: which package may import which, read from the source without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAY_IMPORT = {
    "zoo": {"zoo"},
    "eval": {"eval", "zoo"},
    "leaderboard": {"leaderboard", "eval", "zoo"},
    "training": {"training", "eval", "zoo"},
    "ui": {"ui", "leaderboard", "eval", "zoo"},
    "app": {"ui", "zoo"},
}
"""Package of the project -> packages of the project that it may import."""
SHARED_CLI = {"zoo.cli", "zoo.cli.common"}
"""What commands share; other modules of zoo.cli are commands, which only the command line imports."""


WHEN_CALLED = {("zoo", "leaderboard.recommend"), ("zoo", "leaderboard.recommend.recommend")}
"""`zoo.recommend` hands its call on to the leaderboard, and imports it only then."""


def imported(source: str, module: str, *, is_package: bool = False) -> Iterator[str]:
    """Full names of the modules that a source imports, anywhere in it; for `from a import b` both a and a.b."""
    package = module if is_package else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*parents, *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def modules(package: str) -> Iterator[tuple[str, Path]]:
    """(module name, file) of a package of the project, or of a single module at its top."""
    files = [ROOT / f"{package}.py"] if package == "app" else sorted((ROOT / package).rglob("*.py"))
    for file in files:
        parts = file.relative_to(ROOT).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), file


def imports_of(package: str) -> Iterator[tuple[str, str]]:
    """(module, module that it imports) for every import of a package."""
    for module, file in modules(package):
        for name in imported(file.read_text(encoding="utf-8"), module, is_package=file.name == "__init__.py"):
            yield module, name


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_follow_the_arrows(package):
    found = {(module, name) for module, name in imports_of(package) if name.split(".")[0] in MAY_IMPORT}
    assert found  # an empty set would mean that nothing was read
    wrong = {(module, name) for module, name in found if name.split(".")[0] not in MAY_IMPORT[package]}
    assert wrong == {pair for pair in WHEN_CALLED if package == "zoo"}


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_only_the_command_line_imports_commands(package):
    commands = {name for name, _ in modules("zoo") if name.startswith("zoo.cli")} - SHARED_CLI
    assert "zoo.cli.restore" in commands
    wrong = {
        (module, name)
        for module, name in imports_of(package)
        if name in commands and module != "zoo.__main__" and not module.startswith("zoo.cli")
    }
    assert wrong == set()


def test_every_package_has_its_arrows():
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}
    assert packages == set(MAY_IMPORT) - {"app"}


def test_imports_are_read_in_every_form():
    source = (
        "import a.b\nfrom .c import d\nfrom ..e import f as g\nfrom . import h\ndef late():\n    from i.j import k\n"
    )
    found = set(imported(source, "top.sub.module"))
    assert {"a.b", "top.sub.c.d", "top.e.f", "top.sub.h", "i.j.k"} <= found
    assert "top.sub.x.y" in set(imported("from .x import y", "top.sub", is_package=True))
