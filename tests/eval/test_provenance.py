from __future__ import annotations

import subprocess

import pytest

from eval.__main__ import parser
from eval.provenance import code, code_in, command_line
from tests.eval.helpers import ROOT, evaluate, result_of


def git(folder, *arguments):
    identity = ("-c", "user.name=Nobody", "-c", "user.email=nobody@example.org")
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path):
    """A repository with the two packages and one commit."""
    for package in ("zoo", "eval"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("")
    (tmp_path / "README.md").write_text("before")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    return tmp_path


def test_a_checkout_has_a_commit_and_a_state(checkout):
    first = code_in(checkout)
    assert (len(first.commit), first.clean) == (40, True)
    (checkout / "README.md").write_text("after")
    assert code_in(checkout) == first  # it makes no result
    (checkout / "zoo" / "__init__.py").write_text("changed = 1")
    assert (code_in(checkout).commit, code_in(checkout).clean) == (first.commit, False)
    assert str(code_in(checkout)).endswith(f"+{first.commit[:7]} with changes")
    git(checkout, "commit", "-q", "-a", "-m", "second")
    assert code_in(checkout).clean and code_in(checkout).commit != first.commit
    (checkout / "eval" / "new.py").write_text("")
    assert code_in(checkout).clean is False


def test_an_installed_copy_has_a_version_alone(checkout):
    """Also inside a repository that does not track it, as in a virtual environment of another project."""
    inside = checkout / "venv" / "site-packages"
    (inside / "zoo").mkdir(parents=True)
    (inside / "zoo" / "__init__.py").write_text("")
    for root in (inside, checkout.parent):
        found = code_in(root)
        assert (found.commit, found.clean) == (None, None)
        assert str(found) == found.version


def test_this_project_is_under_git_or_says_so():
    assert (code().commit is not None) == (ROOT / ".git").exists()


def test_the_command_repeats_the_run_and_tells_no_place(tmp_path, photographs):
    out = tmp_path / "out"
    assert evaluate("--model", "all", "--dataset", f"folder:{photographs}", "--scenario", "jpeg", "--limit", 1,
                    "--workers", 1, "--out", out, "--data-root", tmp_path) == 0  # fmt: skip
    command = result_of(out, "no-op")["command"]
    assert command == (
        "python -m eval --model no-op --dataset folder:photographs --scenario jpeg --limit 1 --data-root DATA "
        "--workers 1"
    )
    text = next(out.rglob("no-op/result.json")).read_text()
    assert str(tmp_path) not in text and str(ROOT) not in text
    args = parser().parse_args(["--model", "a b", "--dataset", "sample", "--weights", "/there/x.pth"])
    assert command_line(args) == "python -m eval --model 'a b' --dataset sample --weights x.pth"
