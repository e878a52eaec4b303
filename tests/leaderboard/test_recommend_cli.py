from __future__ import annotations

import json
import shlex

import numpy as np
import pytest
from PIL import Image

from leaderboard.__main__ import main
from leaderboard.recommend_cli import WIDTH
from leaderboard.use_cases import read_use_cases
from tests.leaderboard.test_recommend import better, nothing


@pytest.fixture
def results(tmp_path):
    runs = [nothing(), better("bilateral", 2), better("nl-means", 3, wobble=-1)]
    for index, run in enumerate(runs):
        folder = tmp_path / "runs" / str(index)
        folder.mkdir(parents=True)
        (folder / "result.json").write_text(run.model_dump_json())
    return str(tmp_path / "runs")


def recommend(*arguments) -> int:
    return main(["recommend", *map(str, arguments)])


def test_the_answer_as_text(results, capsys):
    assert recommend("--use", "noisy-photo", "--results", results) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "pick:      nl-means (Non-local means; BSD-3-Clause)" in lines
    assert "runner-up: bilateral (Bilateral filter; Apache-2.0)" in lines
    assert "  python -m zoo restore photo.png -m nl-means -o photo-nl-means.png" in lines
    assert "nl-means is better than bilateral, and significantly so on 24 pictures. Of the 2 sets" in " ".join(lines)
    assert "note: cid22-val / noise: not measured" in lines
    assert max(map(len, lines)) <= WIDTH


def test_the_answer_as_json(results, capsys):
    constraints = ("--license", "apache-2.0", "--at", "1920x1080", "--max-ms", "1e5", "--max-memory", "1e5")
    assert recommend("--use", "noisy-photo", "--results", results, *constraints, "--format", "json") == 0
    data = json.loads(capsys.readouterr().out)
    assert (data["pick"], data["runner_up"], data["at"]) == ("bilateral", None, [1920, 1080])
    assert data["left_out"] == {"nl-means": "its license is BSD-3-Clause"}


def test_the_answer_with_a_picture(results, capsys, tmp_path):
    path = tmp_path / "grain.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 80, 3)).astype(np.uint8)).save(path)
    assert recommend("--use", "noisy-photo", "--results", results, "--picture", path) == 0
    out = capsys.readouterr().out
    files = [shlex.quote(each.as_posix()) for each in (path, tmp_path / "grain-nl-means.png")]
    assert f"python -m zoo restore {files[0]} -m nl-means -o {files[1]}" in out
    assert "your picture: 80 x 64 pixels; noise of about" in out
    assert "as it came: NIQE unavailable: needs pictures of at least 192 x 192 pixels" in out
    assert sorted(p.name for p in tmp_path.iterdir()) == ["grain.png", "runs"]  # nothing is written


def test_the_use_cases_are_listed(capsys):
    assert recommend("--list") == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(read_use_cases())
    assert recommend("--list", "--format", "json") == 0
    assert [use["id"] for use in json.loads(capsys.readouterr().out)] == list(read_use_cases())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "name a use case with --use, or a picture"),
        (["--use", "portrait"], "unknown use case 'portrait': did you mean"),
        (["--use", "noisy-photo", "--max-ms", "fast"], "--max-ms is a number, not 'fast'"),
        (["--use", "noisy-photo", "--max-ms", "-1"], "the longest time is a number above 0, not -1"),
        (["--use", "noisy-photo", "--max-memory", "nan"], "the most memory is a number above 0, not nan"),
        (["--use", "noisy-photo", "--max-memory", "2GB"], "--max-memory is a number, not '2GB'"),
        (["--use", "noisy-photo", "--at", "1920"], "--at is a width and a height in pixels"),
        (["--use", "noisy-photo", "--at", "0x9"], "--at is a width and a height in pixels"),
        (["--use", "noisy-photo", "--license", "free"], "unknown license 'free'"),
        (["--use", "noisy-photo", "--min-face-similarity", "2"], "goes from -1 to 1, not 2"),
        (["--use", "noisy-photo", "--min-face-similarity", "x"], "--min-face-similarity is a number, not 'x'"),
        (["--use", "noisy-photo", "--min-face-similarity", "0.5"], "no similarity of faces was measured"),
        (["--use", "noisy-photo", "--picture", "nowhere.png"], "cannot read nowhere.png"),
        (["--use", "noisy-photo", "--mask", "mask.png"], "a mask is for a picture"),
        (["--use", "noisy-photo", "--results", "nowhere"], "there is no result file or folder nowhere"),
    ],
)
def test_bad_options_are_one_sentence(options, message, results, capsys):
    given = options if "--results" in options else [*options, "--results", results]
    assert recommend(*given) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    (line,) = shown.err.splitlines()
    assert line.startswith("error: ") and message in line


def test_what_would_tell_is_said_where_nothing_was_measured(results, capsys):
    assert recommend("--use", "phone-portrait", "--results", results) == 0
    out = capsys.readouterr().out
    assert "Cannot tell: nothing was measured that this use case could be judged by." in out
    assert (
        "  python -m eval --model all --dataset faces-val --scenario portrait-dark,portrait-motion,portrait-compressed "
        "--data-root DIR --out runs\n"
    ) in out
    assert recommend("--use", "noisy-photo", "--results", results) == 0
    assert "these measurements would tell" not in capsys.readouterr().out
