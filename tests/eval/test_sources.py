from __future__ import annotations

import sys

import pytest

from eval.sources import _closure, source_digest

FILES = {
    "__init__.py": "from .other import unused\n",
    "model.py": '"""A model."""\nfrom . import helper\nfrom .parts.block import relu\n\nX = 1\n',
    "helper.py": "def help():\n    import other_package\n    from .late import late\n    return late\n",
    "late.py": "late = 2\n",
    "other.py": "unused = 3\n",
    "parts/__init__.py": "",
    "parts/block.py": 'def relu(x):\n    """Not negative."""\n    return max(x, 0)  # the larger\n',
}


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A small package that is importable, with what digests it anew."""
    for name, text in FILES.items():
        path = tmp_path / "tinyzoo" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.syspath_prepend(tmp_path)

    def digest(**changes: str) -> str:
        for name, text in changes.items():
            (tmp_path / "tinyzoo" / f"{name.replace('__', '/')}.py").write_text(text)
        source_digest.cache_clear()
        return source_digest("tinyzoo.model")

    yield digest
    source_digest.cache_clear()


def test_what_a_module_imports_counts_however_deep(package):
    before = package()
    assert package() == before and len(before) == 16
    assert package(late="late = 3\n") != before
    assert package(late="late = 2\n") == before
    assert package(parts__block="def relu(x):\n    return x\n") != before
    assert "tinyzoo.model" not in sys.modules  # nothing is imported


def test_docstrings_comments_layout_and_strangers_do_not_count(package):
    before = package()
    assert package(parts__block='def relu(x):\n    """Other words."""\n\n    return max(x, 0)\n') == before
    assert (
        package(model='"""Another."""\nfrom . import helper  # here\nfrom .parts.block import relu\nX = 1\n') == before
    )
    assert package(other="unused = 4\n") == before
    assert package(model="from . import helper\nfrom .parts.block import relu\nX = 2\n") != before


def test_a_models_own_files_are_what_it_is_made_of():
    telea = _closure(("zoo.restorer", "zoo.models.classical_inpaint"))
    assert {"zoo.restorer", "zoo.tiling", "zoo.models.classical_inpaint"} <= set(telea)
    others = {name for name in telea if name.startswith("zoo.models.") and name != "zoo.models.classical_inpaint"}
    assert not others
    assert not {name for name in telea if name.startswith(("zoo.weights", "zoo.registry", "training", "eval"))}
    assert source_digest("zoo.models.deblurgan") != source_digest("zoo.models.gpen")
    assert source_digest("nowhere.to_be_found") != source_digest("nowhere.else")
