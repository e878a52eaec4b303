"""Votes: what is kept, by many writers at once, and what is refused."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from leaderboard.__main__ import main
from leaderboard.votes import Vote, VoteStore, picture_digest
from leaderboard.votes_files import export_votes, import_votes
from zoo.errors import UnknownNameError, ZooError

PICTURE = "0123456789abcdef"


def vote(a="telea", b="biharmonic", winner="a", picture=PICTURE, **more) -> Vote:
    return Vote(more.pop("use", "scratched-photo"), a, b, winner, picture, **more)


@pytest.fixture
def store(tmp_path) -> VoteStore:
    return VoteStore(tmp_path / "app" / "votes.sqlite")


def test_what_is_recorded_is_read_again(store):
    assert store.votes() == [] and not store.path.exists()
    given = [
        vote(metrics={"psnr_rgb": (31, 30.5)}, time="2026-01-02T00:00:00+00:00"),
        vote(winner="tie", use="object-removal", time="2026-01-03T00:00:00+00:00"),
        vote(b="no-op", winner="b", use="noise", time="2026-01-01T00:00:00+00:00"),
    ]
    for each in given:
        store.record(each)
    assert store.votes() == [given[2], given[0], given[1]]
    assert store.votes("object-removal") == [given[1]]
    assert store.votes()[1].metrics == {"psnr_rgb": (31.0, 30.5)}


def test_nothing_but_the_vote_is_kept(store):
    picture = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    store.record(vote(picture=picture_digest(picture)))
    assert picture.tobytes()[:16] not in store.path.read_bytes()
    with sqlite3.connect(store.path) as connection:
        (row,) = connection.execute("SELECT * FROM votes").fetchall()
    connection.close()
    assert all(isinstance(cell, str) and len(cell) <= 80 for cell in row)


def test_the_digest_is_that_of_result_files():
    from eval.scenarios import Sample

    picture, hole = np.zeros((8, 9, 3), np.uint8), np.ones((8, 9), bool)
    assert picture_digest(picture) == Sample(picture, picture + 1).digest
    assert picture_digest(picture, hole) == Sample(picture, picture, hole).digest != picture_digest(picture)


def test_a_vote_counts_once(store):
    store.record(first := vote())
    with pytest.raises(ZooError, match="counted before"):
        store.record(first)
    with pytest.raises(ZooError, match=f"another vote has the id {first.id}"):
        store.record(replace(first, winner="b"))
    assert store.votes() == [first]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"a": "telea'; DROP TABLE votes; --"}, "as its a"),
        ({"a": "x" * 1000}, "as its a"),
        ({"a": "../../etc/passwd"}, "as its a"),
        ({"a": "=1+1"}, "as its a"),
        ({"a": None}, "as its a"),
        ({"b": "telea"}, "not telea with itself"),
        ({"winner": "c"}, "as its winner"),
        ({"winner": 1}, "as its winner"),
        ({"picture": "0123456789ABCDEF"}, "as its picture"),
        ({"picture": PICTURE + "\n"}, "as its picture"),
        ({"picture": "０１２３４５６７８９ａｂｃｄｅｆ"}, "as its picture"),
        ({"use": "noise\n"}, "as its use"),
        ({"time": "yesterday"}, "as its time"),
        ({"time": "2026-13-41T00:00:00+00:00"}, "as its time"),
        ({"id": "1"}, "as its id"),
        ({"metrics": {"psnr_rgb": (float("nan"), 1)}}, "two values from 0 to 80"),
        ({"metrics": {"psnr_rgb": (1, 81)}}, "two values from 0 to 80"),
        ({"metrics": {"psnr_rgb": (1,)}}, "two values"),
        ({"metrics": {"psnr_rgb": "31"}}, "two values"),
        ({"metrics": {"psnr_rgb": (True, False)}}, "two values"),
        ({"metrics": {"beauty": (1, 2)}}, "unknown metric 'beauty'"),
        ({"metrics": [1]}, "are a mapping"),
    ],
)
def test_hostile_values_are_refused(change, message):
    with pytest.raises(ZooError, match=message):
        vote(**change)


@pytest.mark.parametrize("change", [{"a": "telea-2"}, {"b": "unknown.model"}, {"use": "nothing-known"}])
def test_what_is_not_known_here_is_not_recorded(store, change):
    with pytest.raises(UnknownNameError):
        store.record(vote(**change))
    assert store.votes() == []


def test_writers_in_threads_and_processes_lose_nothing(store):
    code = (
        "import sys; from pathlib import Path; from leaderboard.votes import Vote, VoteStore\n"
        f"for _ in range(20): VoteStore(Path(sys.argv[1])).add([Vote('noise', 'a', 'b', 'tie', '{PICTURE}')])"
    )
    processes = [subprocess.Popen([sys.executable, "-c", code, store.path]) for _ in range(2)]
    threads = [threading.Thread(target=lambda: [store.add([vote()]) for _ in range(20)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [process.wait() for process in processes] == [0, 0]
    assert Counter(each.a for each in store.votes()) == {"telea": 80, "a": 40}


def test_all_are_added_or_none(store):
    store.add([first := vote()])
    with pytest.raises(ZooError):
        store.add([vote(), replace(first, winner="tie")])
    assert store.votes() == [first]


@pytest.mark.parametrize("content", [b"no database" * 100, b"SQLite format 3\0" + b"\xff" * 200])
def test_a_file_that_is_no_database_is_one_sentence(tmp_path, content):
    (tmp_path / "votes").write_bytes(content)
    with pytest.raises(ZooError, match=r"cannot use .*votes as a file of votes"):
        VoteStore(tmp_path / "votes").record(vote())
    assert (tmp_path / "votes").read_bytes() == content


def test_other_databases_and_versions_are_left_alone(tmp_path):
    for name, statement in (("other", "CREATE TABLE songs (title)"), ("newer", "PRAGMA user_version = 7")):
        connection = sqlite3.connect(tmp_path / name)
        connection.execute(statement)
        connection.commit()
        connection.close()
    with pytest.raises(ZooError, match="another program's database"):
        VoteStore(tmp_path / "other").votes()
    with pytest.raises(ZooError, match="votes of version 7"):
        VoteStore(tmp_path / "newer").record(vote())
    (tmp_path / "file").touch()
    with pytest.raises(ZooError, match="cannot use"):
        VoteStore(tmp_path / "file" / "votes").record(vote())


def test_rows_that_another_hand_wrote_are_refused(store):
    store.add([vote()])
    with sqlite3.connect(store.path) as connection:
        connection.execute("UPDATE votes SET winner = '<script>'")
    connection.close()
    with pytest.raises(ZooError, match="as its winner"):
        store.votes()


def test_the_pair_with_the_fewest_votes_comes_next(store):
    models = ["telea", "biharmonic", "no-op"]
    store.add([vote(), vote("no-op", "telea"), vote(use="object-removal", b="no-op", a="biharmonic")])
    drawn = {store.draw_pair("scratched-photo", models, random.Random(seed).shuffle) for seed in range(20)}
    assert drawn == {("biharmonic", "no-op"), ("no-op", "biharmonic")}  # either comes first
    assert len({frozenset(store.draw_pair("noise", models, random.Random(s).shuffle)) for s in range(40)}) == 3
    with pytest.raises(ZooError, match="two different models"):
        store.draw_pair("noise", ["telea", "telea"])


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_exported_votes_are_imported_again(store, tmp_path, kind):
    given = [vote(metrics={"niqe": (3.25, 4), "psnr_rgb": (1 / 3, 2)}), vote(winner="tie"), vote(winner="b")]
    store.add(given)
    table = tmp_path / f"votes.{kind}"
    assert export_votes(store.votes(), table) == 3
    other = VoteStore(tmp_path / "other.sqlite")
    assert other.add(import_votes(table)) == 3
    assert other.votes() == store.votes()
    assert other.add(import_votes(table)) == 0
    empty = tmp_path / f"none.{kind}"
    assert export_votes([], empty) == 0 and import_votes(empty) == []


def test_tables_that_hold_no_votes_are_one_sentence(tmp_path):
    table = tmp_path / "votes.csv"
    export_votes([vote(), vote()], table)
    rows = pd.read_csv(table, dtype=str)
    rows.assign(winner=["a", "=cmd()"]).to_csv(table, index=False)
    with pytest.raises(ZooError, match=r"votes.csv, vote 2: a vote cannot have '=cmd\(\)' as its winner"):
        import_votes(table)
    rows.assign(metrics=["{}", "["]).to_csv(table, index=False)
    with pytest.raises(ZooError, match="vote 2: the metrics of a vote are a JSON object"):
        import_votes(table)
    rows.drop(columns="time").to_csv(table, index=False)
    with pytest.raises(ZooError, match="its columns have to be id, time"):
        import_votes(table)
    (tmp_path / "votes.parquet").write_bytes(b"PAR1 not")
    for name, message in (("votes.parquet", "no table of votes"), ("none.csv", "cannot read"), ("v.txt", "exchanged")):
        with pytest.raises(ZooError, match=message):
            import_votes(tmp_path / name)


def test_the_command_reports_exports_and_imports(store, tmp_path, capsys):
    store.add([vote(picture=f"{i:016x}", winner="a" if i % 3 else "b") for i in range(12)])
    assert main(["votes", str(store.path), "--export", str(tmp_path / "out.csv")]) == 0
    out = capsys.readouterr().out
    assert "12 votes written to" in out and "12 votes on 12 pictures; what was shown first won 67%" in out
    assert out.index("\ntelea ") < out.index("\nbiharmonic ")
    assert main(["votes", str(tmp_path / "new.sqlite"), "--import", str(tmp_path / "out.csv")]) == 0
    assert capsys.readouterr().out.startswith("12 of 12 votes were new")
    assert main(["votes", str(store.path), "--use", "noise"]) == 0
    assert capsys.readouterr().out == "no votes\n"
    assert main(["votes", str(tmp_path / "nothing.sqlite")]) == 2
    assert "there is no file" in capsys.readouterr().err
