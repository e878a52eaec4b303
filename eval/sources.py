"""Digests of source files, to tell whether stored work was made by the same code.

A digest covers some modules and what they import of this project, however deep, by what the code does: comments,
docstrings and layout do not count.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

CARRIERS = ("zoo.card", "zoo.cli", "zoo.errors", "zoo.registry", "zoo.weights", "eval.store")
"""What finds, describes and reports but does not compute; weights have a checksum of their own."""


@cache
def source_digest(*modules: str) -> str:
    """The first 16 digits of the sha256 of these modules and all that they import of their own packages and of zoo.

    A module that has no file (it was made in memory) counts by its name alone.
    """
    digest = hashlib.sha256()
    for name, tree in sorted(_closure(modules).items()):
        digest.update(f"{name}\0{tree}\0".encode())
    return digest.hexdigest()[:16]


def _closure(modules: tuple[str, ...]) -> dict[str, str]:
    """Module name -> its code without docstrings."""
    packages = {"zoo", *(name.partition(".")[0] for name in modules)}
    found: dict[str, str] = {}
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name in found or any(name == other or name.startswith(other + ".") for other in CARRIERS):
            continue
        path = _file(name)
        if path is None:
            found[name] = ""
            continue
        tree = ast.parse(path.read_bytes())
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        waiting += [other for other in _imports(tree, package) if other.partition(".")[0] in packages]
        found[name] = ast.unparse(_without_docstrings(tree))
    return found


def _file(name: str) -> Path | None:
    """A module's source file, found without importing anything."""
    loaded = getattr(sys.modules.get(name), "__file__", None)
    if loaded and Path(loaded).suffix == ".py":
        return Path(loaded)
    top, *rest = name.split(".")
    spec = importlib.util.find_spec(top)
    if spec is None or not spec.submodule_search_locations:
        return None
    path = Path(next(iter(spec.submodule_search_locations))).joinpath(*rest)
    candidates = (path.with_suffix(".py"), path / "__init__.py") if rest else (path / "__init__.py",)
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def _imports(tree: ast.Module, package: str) -> Iterator[str]:
    """The modules that a module of this package imports, at its top or inside its functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parents, *([base] if base else [])])
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield inner if _file(inner) else base


def _without_docstrings(tree: ast.Module) -> ast.Module:
    """The tree without expressions that are nothing but a string: docstrings, and notes under fields."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            kept = [n for n in node.body if not (isinstance(n, ast.Expr) and _is_text(n.value))]
            node.body = kept or [ast.Pass()]
    return tree


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)
