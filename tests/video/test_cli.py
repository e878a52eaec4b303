"""The command line: exit statuses, sentences, recipes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.video import clips
from zoo import __main__ as command
from zoo.errors import UnknownNameError, ZooError
from zoo.video.recipe import names, read_recipe, recipe_of


@pytest.fixture
def zoo(monkeypatch):
    """Runs a command line in this process; its exit status."""

    def run(*arguments) -> int:
        monkeypatch.setattr(sys, "argv", ["zoo", *map(str, arguments)])
        return command.main()

    return run


@pytest.fixture
def clip(tmp_path) -> Path:
    return clips.write(tmp_path / "in.mp4", clips.pan(12))


def test_a_chain_of_models_with_a_log(zoo, clip, tmp_path, capsys):
    assert zoo("video", clip, "-o", tmp_path / "out.mkv", "-m", "bilateral,bicubic.x2", "--crf", "30") == 0
    out = capsys.readouterr()
    assert "restored 12 of 12 frames" in out.out and "frame 12 of 12" in out.err
    assert clips.read(tmp_path / "out.mkv")[0].shape == (128, 192, 3)
    lines = [json.loads(line) for line in (tmp_path / "out.mkv.jsonl").read_text().splitlines()]
    assert [line.get("frame") for line in lines[:-1]] == list(range(12)) and lines[0]["cut"]


def test_a_preview_writes_pictures(zoo, clip, tmp_path, capsys):
    assert zoo("video", clip, "-o", tmp_path / "p.mp4", "-m", "bilateral", "--preview", 2) == 0
    assert sorted(path.name for path in tmp_path.glob("p*")) == ["p-1.png", "p-2.png"]
    assert np.asarray(Image.open(tmp_path / "p-1.png")).shape == (64, 196, 3)
    assert zoo("video", clip, "-o", tmp_path / "p.mp4", "-m", "bilateral", "--preview", 2) == 2


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ((), "give -m, --faces or --recipe"),
        (("-m", "bilatral"), "did you mean bilateral"),
        (("-m", "telea"), "needs a mask"),
        (("-m", "bilateral", "--temporal", "2"), "auto, off"),
        (("-m", "bilateral", "--from", "x"), "a time is"),
        (("-m", "bilateral", "--from", "2", "--to", "1:00:00:00"), "a time is"),
        (("-m", "bilateral", "--from", "9"), "no frame in that part"),
        (("-m", "bilateral", "--preview", "0"), "1 to 64"),
        (("--recipe", "old-fil"), "did you mean old-film"),
        (("--recipe", "old-film", "-m", "bilateral"), "names its models itself"),
        (("--faces", "bilateral"), "does not restore faces"),
        (("-m", "bicubic.x2", "--mask", "no.png"), "no such file"),
    ],
)
def test_mistakes_are_a_sentence(zoo, clip, tmp_path, options, text, capsys):
    assert zoo("video", clip, "-o", tmp_path / "out.mp4", *options) == 2
    said = capsys.readouterr().err
    assert text in said and "Traceback" not in said
    assert not (tmp_path / "out.mp4").exists()


def test_existing_outputs_are_kept_unless_told_otherwise(zoo, clip, tmp_path, capsys):
    (tmp_path / "out.mp4").write_text("mine")
    assert zoo("video", clip, "-o", tmp_path / "out.mp4", "-m", "bilateral") == 2
    assert (tmp_path / "out.mp4").read_text() == "mine"
    assert zoo("video", clip, "-o", tmp_path / "out.mp4", "-m", "bilateral", "--existing", "overwrite") == 0
    assert len(clips.read(tmp_path / "out.mp4")) == 12


def test_damaged_input_makes_the_status_one(zoo, tmp_path, capsys):
    source = clips.write(tmp_path / "whole.mkv", clips.pan(100), options={"g": "10", "bf": "0"})
    (tmp_path / "cut.mkv").write_bytes(source.read_bytes()[: source.stat().st_size // 2])
    assert zoo("video", tmp_path / "cut.mkv", "-o", tmp_path / "out.mp4", "-m", "no-op") == 1
    assert "cut off or damaged" in capsys.readouterr().err


def test_every_recipe_can_be_read():
    assert "old-film" in names()
    for name in names():
        recipe = read_recipe(name)
        assert recipe.models and recipe.strength > 0


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ([], "needs a list"),
        ({"steps": [{"step": "magic"}]}, "step 1 is none of"),
        ({"steps": [{"step": "model"}]}, "takes exactly model"),
        ({"steps": [{"step": "dust", "model": "x"}]}, "takes nothing more"),
        ({"steps": [{"step": "model", "model": "x"}, {"step": "dust"}]}, "the step dust goes before model"),
        ({"steps": [{"step": "steady", "strength": "auto"}]}, "nothing is to be restored"),
        ({"steps": [], "crf": True}, "whole number"),
        ({"steps": [], "codec": "vp9"}, "unknown codec"),
        ({"steps": [], "colour": 1}, "but no colour"),
    ],
)
def test_wrong_recipes_are_told(data, text):
    with pytest.raises(ZooError, match=text):
        recipe_of(data, "mine.json")


def test_a_recipe_of_ones_own(zoo, clip, tmp_path):
    steps = [{"step": "deflicker"}, {"step": "model", "model": "bilateral"}, {"step": "steady", "strength": 0.3}]
    (tmp_path / "mine.json").write_text(json.dumps({"steps": steps, "codec": "h265"}))
    assert zoo("video", clip, "-o", tmp_path / "out.mp4", "--recipe", tmp_path / "mine.json") == 0
    import av

    with av.open(str(tmp_path / "out.mp4")) as made:
        assert made.streams.video[0].codec_context.name == "hevc"
    with pytest.raises(UnknownNameError):
        read_recipe("mine")


@pytest.mark.slow
def test_the_old_film_recipe_runs_whole(zoo, tmp_path):
    source = clips.write(tmp_path / "in.mkv", clips.pan(6, height=48, width=64), codec="ffv1")
    assert zoo("video", source, "-o", tmp_path / "out.mkv", "--recipe", "old-film") == 0
    assert clips.read(tmp_path / "out.mkv")[0].shape == (96, 128, 3)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_killed_process_leaves_nothing_and_the_next_one_goes_on(zoo, tmp_path):
    source = clips.write(tmp_path / "in.mp4", clips.pan(240, step=0.3), sound=True)
    options = ["video", str(source), "-m", "nl-means"]
    assert zoo(*options, "-o", tmp_path / "whole.mp4") == 0
    process = subprocess.Popen([sys.executable, "-m", "zoo", *options, "-o", str(tmp_path / "parts.mp4")])
    work = tmp_path / ".parts.mp4.work"
    while not (work / "000000.json").exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "parts.mp4").exists()
    assert zoo(*options, "-o", tmp_path / "parts.mp4") == 0
    assert not work.exists()
    assert clips.luma_hash(tmp_path / "parts.mp4") == clips.luma_hash(tmp_path / "whole.mp4")
