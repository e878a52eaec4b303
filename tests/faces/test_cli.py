"""`python -m zoo faces`, in a process of its own and in this one."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from zoo.__main__ import parser
from zoo.cli.common import guarded
from zoo.io import images


@pytest.fixture
def portrait(tmp_path, astronaut):
    path = tmp_path / "in" / "ann.png"
    path.parent.mkdir()
    Image.fromarray(astronaut).save(path)
    return path


@pytest.fixture
def empty(tmp_path):
    """A JPEG of nobody."""
    path = tmp_path / "in" / "wall.jpg"
    path.parent.mkdir(exist_ok=True)
    gradient = np.linspace(0, 255, 200, dtype=np.uint8)
    Image.fromarray(np.repeat(np.repeat(gradient[None], 150, 0)[..., None], 3, 2)).save(path)
    return path


def faces(*args) -> int:
    """The exit status of `python -m zoo faces ARGS -m dummy`."""
    arguments = parser().parse_args(["faces", *map(str, args), *([] if "-m" in args else ["-m", "dummy"])])
    return guarded(lambda: arguments.run(arguments))


def test_one_picture(portrait, astronaut, tmp_path, capsys):
    out, report = tmp_path / "out.png", tmp_path / "report.json"
    assert (
        faces(portrait, "-o", out, "--report", report, "--save-faces", tmp_path / "crops", "--embedding", "none") == 0
    )
    assert "1 face: 1 restored." in capsys.readouterr().out
    color = images.read(out).color
    changed = (color != astronaut).any(2)
    assert 0.005 < changed.mean() < 0.1
    data = json.loads(report.read_text())
    assert (data["faces"], data["model"], data["detector"]) == (1, "dummy", "mtcnn")
    assert data["face_similarity"] == "unavailable: switched off"
    (picture,) = data["pictures"]
    assert picture["details"][0]["action"] == "restored" and picture["output"] == str(out)
    saved = sorted(path.name for path in (tmp_path / "crops").iterdir())
    assert saved == ["out-face01-after.png", "out-face01-before.png"]
    before, after = (images.read(tmp_path / "crops" / name).color for name in saved[::-1])
    assert before.shape == after.shape == (512, 512, 3)
    assert np.diff(after.astype(int), axis=1).std() < np.diff(before.astype(int), axis=1).std()  # dummy is a mean
    assert not list(tmp_path.glob("*.jsonl"))


def test_a_folder(portrait, empty, tmp_path, capsys):
    (tmp_path / "in" / "bad.png").write_bytes(b"no picture")
    out, report = tmp_path / "out", tmp_path / "report.json"
    status = faces(portrait.parent, "-o", out, "--report", report, "--embedding", "none")
    said = capsys.readouterr()
    assert status == 1  # one failed, the others are there
    assert sorted(path.name for path in out.iterdir()) == ["ann.png", "faces.jsonl", "wall.jpg"]
    assert (out / "wall.jpg").read_bytes() == empty.read_bytes()  # nobody in it: not even coded anew
    assert "no face found; the picture is unchanged." in said.out and "finished 2 of 3" in said.out
    assert said.err.count("bad.png") == 1
    lines = [json.loads(line) for line in (out / "faces.jsonl").read_text().splitlines()]
    assert [line.get("faces") for line in lines] == [1, None, 0]
    assert "bad.png" in lines[1]["input"] and "error" in lines[1]
    data = json.loads(report.read_text())
    assert data["faces"] == 1 and len(data["pictures"]) == 3

    # A second run finishes what is missing and appends to the log.
    (out / "wall.jpg").unlink()
    (tmp_path / "in" / "bad.png").unlink()
    assert faces(portrait.parent, "-o", out, "--existing", "skip", "--embedding", "none") == 0
    assert "1 already there" in capsys.readouterr().out
    assert len((out / "faces.jsonl").read_text().splitlines()) == 4


def test_no_face_in_the_report(empty, tmp_path):
    report = tmp_path / "r.json"
    assert faces(empty, "-o", tmp_path / "o.jpg", "--report", report) == 0
    data = json.loads(report.read_text())
    assert data["faces"] == 0 and data["pictures"][0]["faces"] == 0 and not data["pictures"][0]["changed"]
    # Into another format the pixels come unchanged.
    assert faces(empty, "-o", tmp_path / "o.png") == 0
    assert np.array_equal(images.read(tmp_path / "o.png").color, images.read(empty).color)


def test_exif_alpha_and_16_bit(tmp_path, astronaut):
    """A 16-bit RGBA picture, and a JPEG that lies on its side."""
    deep = images.Picture(astronaut.astype(np.uint16) * 257, np.full((512, 512), 40_000, np.uint16))
    images.write(tmp_path / "deep.png", deep)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    Image.fromarray(np.rot90(astronaut)).save(tmp_path / "side.jpg", exif=exif, quality=95)
    assert faces(tmp_path / "deep.png", tmp_path / "side.jpg", "-o", tmp_path / "out", "--embedding", "none") == 0
    result = images.read(tmp_path / "out" / "deep.png")
    assert result.maximum == 65535 and (result.alpha == 40_000).all()
    assert 0.005 < (result.color != deep.color).any(2).mean() < 0.1
    assert images.read(tmp_path / "out" / "side.jpg").color.shape == (512, 512, 3)
    entries = [json.loads(line) for line in (tmp_path / "out" / "faces.jsonl").read_text().splitlines()]
    assert [entry["restored"] for entry in entries] == [1, 1]


def test_settings_arrive(portrait, tmp_path):
    report = tmp_path / "r.json"
    assert faces(
        portrait, "-o", tmp_path / "o.png", "--report", report, "--style", "cinematic", "--alpha", 0.5, "--saturation",
        1.2, "--blend", "poisson", "--upscale", 2, "--only", "largest", "--force", "--embedding", "none",
    ) == 0  # fmt: skip
    assert images.read(tmp_path / "o.png").color.shape == (1024, 1024, 3)
    options = json.loads(report.read_text())["options"]
    assert options["look"] == {"strength": 0.5, "sharpening": 0.2, "contrast": 0.35, "saturation": 1.2}
    assert (options["blend"], options["upscale"], options["only"], options["force"]) == ("poisson", 2, "largest", True)


@pytest.mark.parametrize("word", ["--anonymize", "--anonymize"])
def test_anonymize_all(portrait, tmp_path, word, mtcnn):
    """No weights are asked for, no crop of an anonymous face is kept, and nobody is left to be found."""
    report = tmp_path / "r.json"
    status = faces(portrait, "-m", "gpen.bfr-512", "-o", tmp_path / "o.png", word, "all", "--save-faces",
                   tmp_path / "f", "--report", report)  # fmt: skip
    assert status == 0
    assert json.loads(report.read_text())["pictures"][0]["blurred"] == 1
    assert list((tmp_path / "f").iterdir()) == []
    assert mtcnn.detect(images.read(tmp_path / "o.png").color) == []


def test_no_crop_of_a_blurred_face_is_kept(portrait, tmp_path, with_weights):
    """A face is restored, found to be too unlike, and blurred instead: neither of its crops is written."""
    with_weights("mobilefacenet.onnx")
    args = ["--embedding", "mobilefacenet", "--min-similarity", "1", "--save-faces", tmp_path / "f"]
    report = tmp_path / "r.json"
    assert faces(portrait, "-o", tmp_path / "o.png", "--anonymize", "others", "--report", report, *args) == 0
    (face,) = json.loads(report.read_text())["pictures"][0]["details"]
    assert face["action"] == "blurred" and "no longer the same person" in face["reason"]
    assert list((tmp_path / "f").iterdir()) == []
    # The same face kept for everyone to see may be compared.
    assert faces(portrait, "-o", tmp_path / "p.png", *args) == 0
    assert len(list((tmp_path / "f").iterdir())) == 2


def test_anonymous_pictures_keep_no_thumbnail(tmp_path, astronaut):
    """A preview of the original in the EXIF data would undo it."""
    exif = Image.Exif()
    exif[0x010E] = "a description"
    Image.fromarray(astronaut).save(tmp_path / "a.jpg", exif=exif)
    assert faces(tmp_path / "a.jpg", "-o", tmp_path / "o.jpg", "--anonymize", "all") == 0
    data = (tmp_path / "o.jpg").read_bytes()
    assert data.count(b"\xff\xd8\xff") == 1  # one JPEG stream, not another inside


def test_same_stems_do_not_share_crops(tmp_path, astronaut):
    for name in ("a.png", "a.jpg"):
        Image.fromarray(astronaut).save(tmp_path / name)
    args = ["-o", tmp_path / "o", "--save-faces", tmp_path / "f", "--embedding", "none"]
    assert faces(tmp_path / "a.png", tmp_path / "a.jpg", *args) == 0
    assert sorted(path.name for path in (tmp_path / "f").iterdir()) == [
        f"a.{suffix}-face01-{when}.png" for suffix in ("jpg", "png") for when in ("after", "before")
    ]


@pytest.mark.parametrize(("args", "said"), [
    (["-m", "gpem"], "gpen"),
    (["-m", "telea"], "does not restore faces"),
    (["-m", "gpen.bfr-512"], "GPEN-BFR-512"),
    (["--strength", "2"], "strength goes from 0 to 1"),
    (["--only", "left"], "x,y"),
    (["--min-similarity", "0.4", "--embedding", "none"], "least similarity"),
    (["--detector", "retinaface"], "retinaface"),
    (["--upscaler", "lanczos"], "--upscale"),
    (["--upscale", "2", "--upscaler", "telea"], "does not enlarge"),
    (["--report", "r.txt"], ".json"),
    (["--min-face", "0"], "at least 1 pixel"),
    (["--aligned", "--anonymize", "all"], "aligned"),
])  # fmt: skip
def test_wrong_arguments(portrait, tmp_path, capsys, args, said):
    """Status 2, one sentence, nothing written."""
    out = tmp_path / "sub" / "o.png"
    assert faces(portrait, "-o", out, *args) == 2
    err = [line for line in capsys.readouterr().err.splitlines() if "downloading" not in line]
    assert len(err) == 1 and err[0].startswith("error: ") and said in err[0]
    assert not out.exists()


def test_wrong_input(tmp_path, capsys):
    (tmp_path / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    report = tmp_path / "r.json"
    assert faces(tmp_path / "bad.png", "-o", tmp_path / "o.png", "--report", report, "--embedding", "none") == 2
    assert not (tmp_path / "o.png").exists() and not report.exists()
    assert "damaged" in capsys.readouterr().err
    assert faces(tmp_path / "gone.png", "-o", tmp_path / "o.png") == 2
    assert faces(tmp_path / "bad.png", "-o", tmp_path / "bad.png") == 2


def test_transparency_into_jpeg_is_told_before_work(tmp_path, astronaut, capsys):
    images.write(tmp_path / "a.png", images.Picture(astronaut, np.full((512, 512), 99, np.uint8)))
    assert faces(tmp_path / "a.png", "-o", tmp_path / "a.jpg", "--embedding", "none") == 2
    assert "transparency" in capsys.readouterr().err and not (tmp_path / "a.jpg").exists()


def test_help_is_light():
    code = (
        "import sys, zoo, zoo.__main__ as m\n"
        "try: m.parser().parse_args(['faces', '--help'])\n"
        "except SystemExit: pass\n"
        "assert not {'torch', 'cv2', 'gradio'} & set(sys.modules), 'heavy'"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "cinematic" in done.stdout and "--anonymize" in done.stdout


@pytest.mark.slow
def test_a_process_of_its_own(portrait, tmp_path):
    command = [sys.executable, "-m", "zoo", "faces", str(portrait), "-m", "no-op", "-o", str(tmp_path / "o.png")]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "ZOO_CACHE": str(tmp_path / "c")})
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("1 face: 1 restored.")
