"""Names that are no text, and settings that make other pictures: nothing ends, nothing is mixed."""

from __future__ import annotations

import json
import os
import shutil
import sys

import pytest

from tests.eval.helpers import evaluate, photograph, run, save_photographs
from zoo import images
from zoo.files import printable

BAD = os.fsdecode(b"bl\xff\xe9.png")
NAMES_ARE_BYTES = pytest.mark.skipif(sys.platform != "linux", reason="names of files are text on this system")


def test_printable():
    assert printable("plain Ü") == "plain Ü"
    assert printable(BAD) == "bl\\udcff\\udce9.png"
    printable(BAD).encode()


@NAMES_ARE_BYTES
def test_names_that_are_no_text_are_measured(tmp_path):
    folder = save_photographs(tmp_path / os.fsdecode(b"set\xff"), 1)
    shutil.copy(next(folder.iterdir()), folder / BAD)
    (folder / os.fsdecode(b"cut\xff.png")).write_bytes(b"damaged")
    out = tmp_path / "out"
    done = run(
        "eval", "--model", "identity", "--dataset", f"folder:{folder}", "--scenario", "motion-blur", "--out", out
    )
    assert "Traceback" not in done.stderr
    assert done.returncode == 1  # for the damaged one
    assert "failed: cut\\udcff.png: " in done.stderr
    (path,) = out.rglob("result.json")
    result = json.loads(path.read_text("utf-8"))
    assert result["dataset"]["id"] == "folder:set\\udcff"
    assert "bl\\udcff\\udce9.png" in [row["name"] for row in result["images"]]
    assert "bl\\udcff\\udce9.png" in (path.parent / "metrics.csv").read_text("utf-8")


@NAMES_ARE_BYTES
def test_faces_and_restore_take_names_that_are_no_text(tmp_path):
    picture = images.read(photograph("astronaut")[:60, :60])
    for name in (BAD, "b.png"):
        images.write(tmp_path / "in" / name, picture)
    (tmp_path / "in" / os.fsdecode(b"c\xff.png")).write_bytes(b"damaged")
    for command, model in (("faces", "gpen.mini"), ("restore", "identity")):
        out = tmp_path / command
        report = ("--report", tmp_path / "faces.json", "--embedding", "none") if command == "faces" else ()
        done = run("zoo", command, tmp_path / "in", "-m", model, "-o", out, *report)
        assert "Traceback" not in done.stderr
        assert done.returncode == 1  # for the damaged one
        assert "c\\udcff.png" in done.stderr
        assert {BAD, "b.png"} <= {path.name for path in out.iterdir()}
    pictures = json.loads((tmp_path / "faces.json").read_text("utf-8"))["pictures"]
    assert str(tmp_path / "in" / BAD) in [entry["input"] for entry in pictures]
    logged = (tmp_path / "faces" / "faces.jsonl").read_text("utf-8").splitlines()
    assert str(tmp_path / "in" / BAD) in [json.loads(line)["input"] for line in logged]


def test_runs_with_other_tiles_have_folders_of_their_own(tmp_path):
    folder = save_photographs(tmp_path / "set", 1)
    fixed = ("--model", "nl-means", "--dataset", f"folder:{folder}", "--scenario", "noise", "--out", tmp_path / "out")
    for tile in ("auto", "100", "none"):
        assert evaluate(*fixed, "--tile", tile) == 0
    results = {path.parent.name: json.loads(path.read_text()) for path in (tmp_path / "out").rglob("result.json")}
    assert {name: result["cost"]["tile"] for name, result in results.items()} == {
        "nl-means": "auto", "nl-means-tile-100": "100", "nl-means-tile-none": "none",
    }  # fmt: skip
