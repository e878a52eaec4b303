from __future__ import annotations

import pandas as pd
import pytest

from leaderboard.__main__ import main
from tests.leaderboard.helpers import result


@pytest.fixture
def results(tmp_path):
    for model, mean in [("a", 20), ("b", 30)]:
        folder = tmp_path / "runs" / model
        folder.mkdir(parents=True)
        (folder / "result.json").write_text(result(model, mean).model_dump_json())
    return tmp_path / "runs"


def build(*arguments) -> int:
    return main(["build", *map(str, arguments)])


def test_build_prints_and_writes(results, capsys):
    assert build(results) == 0
    out = capsys.readouterr().out
    assert out.index(" 1 b ") < out.index(" 2 a ")
    assert f"all runs and metrics: {results / 'leaderboard.md'}, {results / 'leaderboard.csv'}" in out
    assert "| 1 | b | 30.00 [29.00, 31.00] |" in (results / "leaderboard.md").read_text()
    table = pd.read_csv(results / "leaderboard.csv")
    assert table[table["metric"] == "psnr_rgb"][["rank", "model"]].to_numpy().tolist() == [[1, "b"], [2, "a"]]
    files = ["a", "b", "leaderboard.csv", "leaderboard.md", "use_cases.md"]
    assert sorted(path.name for path in results.iterdir() if path.name != "site") == files
    assert "## noisy-photo: a photograph with visible noise" in (results / "use_cases.md").read_text()


def test_building_again_gives_the_same_files(results, tmp_path):
    build(results, "--out", tmp_path / "one")
    build(results / "b" / "result.json", results / "a", "--out", tmp_path / "two")
    for name in ("leaderboard.md", "leaderboard.csv", "use_cases.md"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is no JSON file"),
        ('{"schema_version": 1}', "schema version 2 (it says 1)"),
        ('{"schema_version": 2}', "is no result file: command"),
    ],
)
def test_garbage_is_one_sentence(content, message, results, capsys):
    (results / "a" / "result.json").write_text(content)
    assert build(results) == 2
    shown = capsys.readouterr()
    (line,) = shown.err.splitlines()
    assert line.startswith(f"error: {results / 'a' / 'result.json'}")
    assert message in line
    assert not (results / "leaderboard.md").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"metrics": {"psnr_rgb": 81}}, "psnr_rgb of 3.png is 81, which is not between 0 and 80"),
        ({"metrics": {"ssim_rgb": -1.5}}, "ssim_rgb of 3.png is -1.5, which is not between -1 and 1"),
        ({"seconds": -1}, "the time of 3.png is -1"),
    ],
)
def test_a_value_that_no_metric_can_have_stops_the_build(change, message, results, capsys):
    made = result("a", 20)
    for index, row in enumerate(made.images):
        others = {"metrics": dict.fromkeys(change.get("metrics", ()), 0.5)}
        made.images[index] = row.model_copy(update=change if index == 3 else others)
    (results / "a" / "result.json").write_text(made.model_dump_json())
    assert build(results) == 2
    assert message in capsys.readouterr().err
    assert not (results / "leaderboard.md").exists()


def test_a_mean_that_no_metric_can_have_stops_the_build(results, capsys):
    (results / "a" / "result.json").write_text(result("a", 500).model_dump_json())
    assert build(results) == 2
    assert "a on kodak, noise: the mean of psnr_rgb is 500" in capsys.readouterr().err


def test_what_is_missing_is_one_sentence(tmp_path, capsys):
    assert build(tmp_path / "nowhere") == 2
    assert capsys.readouterr().err == f"error: there is no result file or folder {tmp_path / 'nowhere'}.\n"
    assert build(tmp_path) == 2
    assert "there are no result files in" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written(results, tmp_path, capsys):
    (tmp_path / "file").touch()
    assert build(results, "--out", tmp_path / "file" / "below") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "a part of the path is a file" in line
