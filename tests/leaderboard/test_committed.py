"""What may stand in the project's own table, and that what stands there may."""

from __future__ import annotations

import subprocess

import pytest

from eval.find import find_results
from eval.provenance import Code
from leaderboard import __main__ as cli
from leaderboard import committed, table
from leaderboard.committed import check, is_checkout, other_inputs, place, why_not
from leaderboard.readme import filled
from leaderboard.table import COMMITTED, group, markdown, told_apart
from tests.eval.test_provenance import git
from tests.leaderboard.helpers import CODE, result, value
from zoo.errors import ZooError

UNCLEAN = CODE.model_copy(update={"clean": False})
OTHER = Code(version="0.1.0", commit="d" * 40, clean=True)


@pytest.fixture
def history(tmp_path):
    """A repository with two commits on its branch and one beside it: (folder, Code of each)."""
    git(tmp_path, "init", "-q", "-b", "main")
    codes = []
    for branch in ("main", "main", "side"):
        if branch == "side":
            git(tmp_path, "checkout", "-q", "-b", "side")
        git(tmp_path, "commit", "-q", "--allow-empty", "-m", branch)
        done = subprocess.run(["git", "-C", tmp_path, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
        codes.append(Code(version="0.1.0", commit=done.stdout.strip(), clean=True))
    git(tmp_path, "checkout", "-q", "main")
    return tmp_path, codes


@pytest.mark.skipif(not is_checkout(committed.ROOT), reason="there is no git history here")
def test_every_committed_result_is_of_a_clean_commit_of_this_history():
    paths = sorted(COMMITTED.rglob("*.json"))
    if not paths:
        pytest.skip("no results are committed: make results")
    results = find_results([COMMITTED])
    assert {str(r.dataset.id): why for r in results if (why := why_not(r))} == {}
    assert [path.relative_to(COMMITTED) for path in paths] == [place(r) for r in results]


def test_only_commits_of_this_history_stand(history):
    folder, (first, second, beside) = history
    for code in (first, second):
        assert why_not(result(code=code), folder) is None
    assert "is not in this history" in why_not(result(code=beside), folder)
    assert "is not in this history" in why_not(result(code=first, restored=CODE), folder)
    assert why_not(result(code=beside), folder / "..") is None  # without git there is nothing to look it up in


@pytest.mark.parametrize(
    ("run", "why"),
    [
        (result(code=UNCLEAN), r"unclean tree, 0.1.0\+ccccccc with changes"),
        (result(restored=UNCLEAN), "unclean tree"),
        (result(code=Code(version="0.1.0", commit=None, clean=None)), r"names no commit \(version 0.1.0\)"),
        (result(n=23), "only 23 of 24 pictures"),
        (result(state="own"), "card of kodak lists .own."),
        (result(state="different"), "different"),
    ],
)
def test_what_is_refused_is_a_sentence(run, why, tmp_path):
    with pytest.raises(ZooError, match=f"telea on kodak, noise, cannot stand in the committed table: .*{why}"):
        check([run], tmp_path)
    check([result()], tmp_path)


def test_build_refuses_the_committed_table_and_shows_others(tmp_path, monkeypatch, capsys):
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "a.json").write_text(result("a", code=UNCLEAN).model_dump_json())
    assert cli.main(["build", str(folder), "--out", str(tmp_path)]) == 0
    assert "not ranked: a, measured by 0.1.0+ccccccc with changes" in capsys.readouterr().out
    monkeypatch.setattr(table, "COMMITTED", folder)
    assert cli.main(["build"]) == 2
    assert "unclean tree" in capsys.readouterr().err
    assert not (tmp_path / "results" / "leaderboard.md").exists()


def test_other_code_is_told_apart_in_the_same_table():
    (made,) = group([result("a", 20), result("b", 30, code=OTHER), result("c", 10, restored=OTHER)])
    assert told_apart(made) == [
        "measured by 0.1.0+ccccccc: a",
        "measured by 0.1.0+ddddddd: b",
        "measured by 0.1.0+ccccccc, restored by 0.1.0+ddddddd: c",
    ]
    assert all(line in markdown([made]) for line in told_apart(made))
    assert told_apart(group([result("a"), result("b")])[0]) == []


def test_versions_of_metrics_do_not_meet():
    old, new = (
        {name: value(mean).model_copy(update={"version": version}) for name, mean in
         [("psnr_rgb", 20), ("ssim_rgb", 0.5)]} for version in (1, 2)
    )  # fmt: skip
    first, second = group([result("a", metrics=old), result("b", metrics=new)])
    assert first.name != second.name and "version" in first.name
    new["psnr_rgb"] = old["psnr_rgb"]
    (made,) = group([result("a", metrics=old), result("b", metrics=new)])
    cells = table.frame(made).set_index("model")["ssim_rgb"].to_dict()
    assert cells == {"a": "0.5000 (version 1)", "b": "0.5000"}


def test_other_inputs_are_another_ranking_and_are_told():
    changed = {"3.png": "f" * 16}
    first, second = group([result("a"), result("b", inputs=changed)])
    assert [r.model.id for made in (first, second) for r in made.ranked] == ["a", "b"]
    assert first.name != second.name
    assert len(group([result("a"), result("b", n=2)])) == 1  # what is missing contradicts nothing
    (line,) = other_inputs([second], [result("c")])
    assert "1 inputs, such as 3.png, are not those of the committed results" in line
    assert other_inputs([first], [result("c")]) == []


def test_ones_own_pictures_stand_apart():
    groups = group([result("a", state="own", id="folder:mine"), result("a"), result("a", state="different")])
    assert [made.own for made in groups] == [False, True, True]
    assert groups[2].name == "kodak (other pictures) / noise"
    document = markdown(groups)
    assert document.count("# Pictures of one's own") == 1
    assert (
        document.index("## kodak / noise") < document.index("# Pictures of one's own") < document.index("folder:mine")
    )


def test_tables_of_the_readme_are_made_from_results():
    groups = group([result("a", 20), result("b", 30)])
    text = "before\n<!-- leaderboard: kodak noise psnr_rgb ssim_rgb -->\nold\n<!-- /leaderboard -->\nafter\n"
    made = filled(text, groups, [])
    assert made == (
        "before\n<!-- leaderboard: kodak noise psnr_rgb ssim_rgb -->\n"
        "| rank | model | psnr_rgb (dB) | ssim_rgb |\n| --- | --- | --- | --- |\n"
        f"| {groups[0].ranks[0]} | `b` | 30.00 | 0.7500 |\n| {groups[0].ranks[1]} | `a` | 20.00 | 0.5000 |\n"
        "<!-- /leaderboard -->\nafter\n"
    )
    assert filled(made, groups, []) == made
    assert filled("nothing marked", groups, []) == "nothing marked"
    with pytest.raises(ZooError, match="'kodak jpeg psnr_rgb' names no ranking"):
        filled(text.replace("noise", "jpeg").replace(" ssim_rgb", ""), groups, [])
