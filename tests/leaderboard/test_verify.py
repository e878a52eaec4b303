"""A submitted result file: what is confirmed, and what is found out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eval.find import find_results
from eval.results import read_result
from leaderboard import committed
from leaderboard.__main__ import main
from leaderboard.table import COMMITTED
from leaderboard.verify import verify

SUBMITTED = next(iter(sorted((COMMITTED / "sample").glob("rectangle-holes-*/telea.json"))), None)
pytestmark = pytest.mark.skipif(SUBMITTED is None, reason="no result of telea on the sample is committed")


@pytest.fixture(autouse=True)
def history(monkeypatch):
    """Where there is no git history, commits are not looked up."""
    monkeypatch.setattr(committed, "is_checkout", lambda root: False)


def changed(folder: Path, change) -> Path:
    data = json.loads(SUBMITTED.read_text())
    change(data)
    path = folder / "result.json"
    path.write_text(json.dumps(data))
    return path


def shift(data: dict, by: float) -> None:
    """All values of psnr_hole, and their mean, so that they still add up."""
    for row in data["images"]:
        row["metrics"]["psnr_hole"] += by
    value = data["metrics"]["psnr_hole"]
    value.update({end: value[end] + by for end in ("mean", "low", "high")})


def test_a_committed_result_is_verified(capsys):
    report = verify(SUBMITTED, seed=1)
    assert (report.problems, report.open) == ([], []) and report.verified
    assert any("the same inputs and values for " in line and line.count(",") == 2 for line in report.confirmed)
    assert main(["verify", str(SUBMITTED), "--pictures", "1", "--seed", "5"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{SUBMITTED}: verified\n") and "(pictures drawn with --seed 5)" in out


def test_the_same_pictures_are_drawn_with_the_same_seed():
    def drawn(seed: int) -> str:
        return next(line for line in verify(SUBMITTED, pictures=1, seed=seed).confirmed if "values for" in line)

    assert drawn(3) == drawn(3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: shift(data, 0.5), "psnr_hole is "),
        (lambda data: data["metrics"]["psnr_hole"].update(mean=30.0), "by its rows, and 30.000000 in the file"),
        (lambda data: [row.update(input="0" * 16) for row in data["images"]], "the input is another one here"),
        (lambda data: data["dataset"].update(sha256="0" * 64), "the pictures of sample are others here"),
        (lambda data: data["model"].update(weights_sha256="0" * 64), "the weights of telea are others here"),
        (lambda data: data["code"].update(clean=False), "it is of an unclean tree"),
        (lambda data: data["images"][0]["metrics"].update(psnr_hole=99.0), "psnr_hole of "),
        (lambda data: data.update(n_expected=6), "only 5 of 6 pictures are scored"),
        (lambda data: data.update(n_scored=6), "6 of 5 pictures scored"),
        (lambda data: data.pop("images"), "images: Field required"),
    ],
)
def test_what_is_not_as_it_says_is_found(tmp_path, change, message):
    report = verify(changed(tmp_path, change), pictures=1, seed=1)
    assert not report.verified
    assert any(message in problem for problem in report.problems), report


def test_values_of_another_processor_are_the_same_values(tmp_path):
    assert verify(changed(tmp_path, lambda data: shift(data, 0.005)), pictures=1, seed=1).verified


def test_what_cannot_be_checked_here_is_not_verified(tmp_path, capsys):
    path = changed(tmp_path, lambda data: data["scenario"].update(version=99))
    report = verify(path)
    assert not report.problems and "and 99 in the file" in report.open[0] and not report.verified
    assert main(["verify", str(path)]) == 1
    assert "not fully checked" in capsys.readouterr().out
    assert verify(path, pictures=0).verified  # form and sums alone
    path = changed(tmp_path, lambda data: data["model"].update(id="no.such-model"))
    assert "unknown" in verify(path).open[0]


def test_wrong_arguments_are_one_sentence(tmp_path, capsys):
    assert main(["verify", str(tmp_path / "nowhere.json")]) == 2
    assert main(["verify", str(tmp_path)]) == 2
    assert main(["verify", str(SUBMITTED), "--pictures", "-1"]) == 2
    assert [line[:6] for line in capsys.readouterr().err.splitlines()] == ["error:"] * 3


def test_committed_means_follow_from_their_rows():
    """Every committed file; nothing is restored."""
    wrong = {}
    for path in sorted(COMMITTED.rglob("*.json")):
        report = verify(path, pictures=0)
        if report.problems:
            wrong[path.name] = report.problems
    assert wrong == {} and len(find_results([COMMITTED])) > 0
    assert read_result(SUBMITTED).complete
