from __future__ import annotations

import pytest

from eval import suite
from eval.datasets import CARDS
from eval.scenarios import SCENARIOS
from eval.suite import PARTS, Part
from tests.eval.helpers import evaluate, stamps
from zoo import get_card


def test_parts_name_what_there_is():
    for part in PARTS:
        assert CARDS[part.dataset].manifest  # nothing else can be published
        assert set(part.scenarios) <= set(SCENARIOS)
        assert [get_card(name).id for name in part.without] == list(part.without)


@pytest.fixture
def state(monkeypatch):
    """Sets what the suite takes for the state of the tree."""

    def set_state(clean: bool | None, commit: str | None = "c" * 40) -> None:
        made = suite.code().model_copy(update={"clean": clean, "commit": commit})
        monkeypatch.setattr(suite, "code", lambda: made)

    return set_state


def test_only_a_clean_tree_is_measured_unless_told(state, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(suite, "PARTS", (Part("sample", ("downscale-x4",), without=("lanczos.x4",)), Part("kodak24")))
    arguments = ("suite", "--out", tmp_path / "out", "--without", "identity.x4")
    state(False)
    assert evaluate(*arguments) == 2
    assert "the tree has changes" in capsys.readouterr().err
    state(None, None)
    assert evaluate(*arguments) == 2
    assert "not a git checkout" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert evaluate(*arguments, "--anyway") == 0
    shown = capsys.readouterr()
    assert "kodak24 is not on this machine: left out." in shown.err
    models = {path.parent.name for path in (tmp_path / "out").rglob("result.json")}
    assert "bicubic.x4" in models and not {"lanczos.x4", "identity.x4"} & models
    done = stamps(tmp_path / "out", "*.png")
    state(True)
    assert evaluate(*arguments, "--dataset", "sample", "--model", "bicubic.x4") == 0
    assert stamps(tmp_path / "out", "*.png") == done  # what is stored is not done again
