from __future__ import annotations

import json

import pytest

from eval.merge import merge
from eval.results import Result, read_result
from tests.eval.helpers import evaluate, result_of, save_photographs, tables
from zoo.errors import ZooError

ELSEWHERE = {"environment", "command", "cost"}
"""What the merging, or the clock, tells."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An undivided run in whole/, and its three shards in 1/ to 3/, over seven pictures of which one is damaged."""
    root = tmp_path_factory.mktemp("shards")
    pictures = save_photographs(root / "set", 6)
    (pictures / "photo02x.png").write_bytes(b"damaged")
    common = ("--model", "dummy", "--dataset", f"folder:{pictures}", "--scenario", "free-form-holes")
    assert evaluate(*common, "--out", root / "whole") == 1
    for index in (1, 2, 3):
        assert evaluate(*common, "--shard", f"{index}/3", "--out", root / str(index)) == (1 if index == 1 else 0)
    return root


def shard(folder, index: int) -> Result:
    (path,) = (folder / str(index)).rglob("result.json")
    return read_result(path)


def test_shards_merge_into_what_the_undivided_run_gives(folder, tmp_path):
    assert (
        evaluate("merge", *(folder / str(i) for i in (3, 1, 2)), "--out", tmp_path / "merged") == 1
    )  # the damaged one
    whole, merged = result_of(folder / "whole"), result_of(tmp_path / "merged")
    for row in (*whole["images"], *merged["images"]):
        del row["seconds"], row["shared"]
    assert {k: v for k, v in merged.items() if k not in ELSEWHERE} == {
        k: v for k, v in whole.items() if k not in ELSEWHERE
    }
    assert merged["command"] == whole["command"]
    assert list(tables(tmp_path / "merged").values()) == list(tables(folder / "whole").values())


def test_a_missing_shard_is_named_and_the_result_is_not_complete(folder, tmp_path, capsys):
    assert evaluate("merge", folder / "1", folder / "3", "--out", tmp_path / "merged") == 1
    assert "missing: 2/3" in capsys.readouterr().err
    merged = result_of(tmp_path / "merged")
    assert (merged["n_scored"], merged["n_expected"]) == (4, 7)


def test_what_does_not_belong_together_is_refused(folder, tmp_path, capsys):
    first, second = shard(folder, 1), shard(folder, 2)
    with pytest.raises(ZooError, match="shards of 3 and of 4"):
        merge([first, second.model_copy(update={"dataset": second.dataset.model_copy(update={"shard": "2/4"})})])
    with pytest.raises(ZooError, match="shard 1/3 is there twice, with different rows"):
        merge([first, first.model_copy(update={"images": first.images[:1]})])
    assert merge([first, first, second])[1] == ["3/3"]  # the same one twice is no harm
    with pytest.raises(ZooError, match="do not fit together"):
        contents = {"other.png": "0"}
        merge([first.model_copy(update={"dataset": first.dataset.model_copy(update={"contents": contents})})])
    assert evaluate("merge", folder / "whole", "--out", tmp_path / "x") == 2
    assert "none of these results is of a shard" in capsys.readouterr().err
    assert evaluate("merge", tmp_path / "nowhere", "--out", tmp_path / "x") == 2


def test_shards_of_other_code_are_another_run(folder, tmp_path, capsys):
    data = json.loads(next((folder / "2").rglob("result.json")).read_text())
    data["restoring"]["libraries"]["torch"] = "0.1"
    (tmp_path / "other.json").write_text(json.dumps(data))
    assert evaluate("merge", folder / "1", tmp_path / "other.json", folder / "3", "--out", tmp_path / "merged") == 1
    error = capsys.readouterr().err
    assert "missing: 2/3" in error and "missing: 1/3, 3/3" in error
