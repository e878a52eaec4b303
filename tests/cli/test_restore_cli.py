"""`python -m zoo restore`: files and folders in, files out, nothing lost. Run in this process but where noted."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import zoo
from tests.platforms import linux
from tests.zoo.samples import decoded, encoded, files_below, photo, random_picture, run_zoo
from zoo import __main__ as command_line


class Ran:
    """What a command returned and said."""

    def __init__(self, status: int, out: str, err: str):
        self.status, self.out, self.err = status, out, err


@pytest.fixture
def run(monkeypatch, capsys):
    def run(*args: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["zoo", *map(str, args)])
        try:
            status = command_line.main()
        except SystemExit as stop:  # argparse
            status = stop.code
        return Ran(status, *capsys.readouterr())

    return run


@pytest.fixture
def folder(tmp_path) -> Path:
    """Three pictures in three formats, one of them in a subfolder, and a file that is none."""
    root = tmp_path / "in"
    (root / "sub").mkdir(parents=True)
    (root / "a.png").write_bytes(encoded(photo("astronaut", 60, 70), "PNG"))
    (root / "b.jpg").write_bytes(encoded(photo("coffee", 50, 40), "JPEG"))
    (root / "sub" / "a.tif").write_bytes(encoded(random_picture((30, 20)), "TIFF"))
    (root / "notes.txt").write_text("not a picture")
    return root


def mask_file(path: Path, height: int, width: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    mask = np.zeros((height, width), np.uint8)
    mask[5:12, 6:15] = 255
    Image.fromarray(mask).save(path)


# --- one file


def test_one_file_in_a_process_of_its_own(folder, tmp_path):
    done = run_zoo("restore", folder / "a.png", "-m", "unsharp-mask", "-o", tmp_path / "sharp.png")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("restored 1 of 1 with unsharp-mask on cpu in ")
    np.testing.assert_array_equal(
        decoded(tmp_path / "sharp.png"), zoo.load("unsharp-mask").restore(photo("astronaut", 60, 70)).image
    )
    assert files_below(tmp_path) == ["in/a.png", "in/b.jpg", "in/notes.txt", "in/sub/a.tif", "sharp.png"]


def test_output_as_file_as_folder_and_as_other_format(run, folder, tmp_path):
    assert run("restore", folder / "a.png", "-m", "no-op", "-o", tmp_path / "new" / "x.tif").status == 0
    np.testing.assert_array_equal(decoded(tmp_path / "new" / "x.tif"), decoded(folder / "a.png"))
    assert run("restore", folder / "a.png", "-m", "no-op", "-o", tmp_path / "out").status == 0
    assert run("restore", folder / "a.png", "-m", "no-op", "-o", tmp_path / "v1.2").status == 0
    assert run("restore", folder / "a.png", "-m", "no-op", "-o", tmp_path / "out", "--format", "webp").status == 0
    assert files_below(tmp_path / "out") == ["a.png", "a.webp"]
    assert files_below(tmp_path / "v1.2") == ["a.png"]


def test_16_bits_alpha_and_orientation_through_files(run, tmp_path):
    deep = random_picture((20, 30, 3), np.uint16)
    from zoo.io import images

    images.write(tmp_path / "deep.tif", images.read(deep))
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "turned.png").write_bytes(encoded(random_picture((20, 30, 4)), "PNG", exif=exif))
    done = run("restore", tmp_path / "deep.tif", tmp_path / "turned.png", "-m", "no-op", "-o", tmp_path / "out")
    assert done.status == 0, done.err
    np.testing.assert_array_equal(images.read(tmp_path / "out" / "deep.tif").array(), deep)
    assert decoded(tmp_path / "out" / "turned.png").shape == (30, 20, 4)


def test_scale_and_tile(run, folder, tmp_path):
    for tile in ("auto", "none", "48"):
        done = run("restore", folder / "a.png", "-m", "bicubic.x2", "-o", tmp_path / f"{tile}.png", "--tile", tile)
        assert done.status == 0, done.err
    whole = decoded(tmp_path / "none.png").astype(int)
    assert whole.shape == (120, 140, 3)
    for tile in ("auto", "48"):
        assert np.abs(decoded(tmp_path / f"{tile}.png") - whole).max() <= 1


def test_a_family_name_says_what_it_stands_for(run, folder, tmp_path):
    done = run("restore", folder / "a.png", "-m", "lanczos", "-o", tmp_path / "x.png")
    assert (done.status, done.err) == (0, "lanczos stands for lanczos.x4 here.\n")


def test_notes_name_their_picture(run, tmp_path):
    Image.fromarray(photo("coffee", 20, 30)).convert("CMYK").save(tmp_path / "print.jpg")
    done = run("restore", tmp_path / "print.jpg", "-m", "no-op", "-o", tmp_path / "x.jpg")
    assert done.err == f"{tmp_path / 'print.jpg'}: converted from CMYK to RGB (sRGB).\n"


# --- folders


def test_a_folder(run, folder, tmp_path):
    done = run("restore", folder, "-m", "no-op", "-o", tmp_path / "out")
    assert (done.status, done.err) == (0, "")
    assert files_below(tmp_path / "out") == ["a.png", "b.jpg"]
    assert "restored 2 of 2" in done.out


def test_subfolders_are_kept(run, folder, tmp_path):
    assert run("restore", folder, "-m", "no-op", "-o", tmp_path / "out", "--recursive").status == 0
    assert files_below(tmp_path / "out") == ["a.png", "b.jpg", "sub/a.tif"]


def test_other_formats_for_a_whole_folder(run, folder, tmp_path):
    assert run("restore", folder, "-m", "no-op", "-o", tmp_path / "o", "--recursive", "--format", "png").status == 0
    assert files_below(tmp_path / "o") == ["a.png", "b.png", "sub/a.png"]
    assert all(Image.open(path).format == "PNG" for path in (tmp_path / "o").rglob("*.png"))
    (folder / "c.jpeg").write_bytes((folder / "b.jpg").read_bytes())
    (folder / "d.bmp").write_bytes(encoded(random_picture((9, 9)), "BMP"))
    assert run("restore", folder, "-m", "no-op", "-o", tmp_path / "p").status == 0
    assert files_below(tmp_path / "p") == ["a.png", "b.jpg", "c.jpeg", "d.png"]
    assert run("restore", folder, "-m", "no-op", "-o", tmp_path / "q", "--format", "jpg").status == 0
    assert files_below(tmp_path / "q") == ["a.jpg", "b.jpg", "c.jpeg", "d.jpg"]


def test_a_folder_run_goes_on_past_bad_files(folder, tmp_path):
    (folder / "aa.png").write_bytes((folder / "a.png").read_bytes()[:900])
    (folder / "ab.png").write_bytes(b"")
    done = run_zoo("restore", folder, "-m", "no-op", "-o", tmp_path / "out")
    assert done.returncode == 1
    assert files_below(tmp_path / "out") == ["a.png", "b.jpg"]
    assert "restored 2 of 4" in done.stdout
    lines = done.stderr.splitlines()
    assert lines[0].startswith(f"failed: {folder}/aa.png is damaged or cut off: ")
    assert lines[1:] == [f"failed: {folder}/ab.png is empty (0 bytes)."]


def test_a_picture_that_the_format_cannot_hold_fails_alone(run, folder, tmp_path):
    (folder / "clear.png").write_bytes(encoded(random_picture((9, 9, 4)), "PNG"))
    done = run("restore", folder, "-m", "no-op", "-o", tmp_path / "out", "--format", "jpg")
    assert done.status == 1
    assert files_below(tmp_path / "out") == ["a.jpg", "b.jpg"]
    assert "cannot write transparency to" in done.err


def test_output_inside_the_input_is_not_restored_again(run, folder):
    for _ in range(2):
        done = run("restore", folder, "-m", "no-op", "-o", folder / "out", "--recursive", "--existing", "overwrite")
        assert (done.status, done.err) == (0, "")
    assert files_below(folder / "out") == ["a.png", "b.jpg", "sub/a.tif"]


def test_a_folder_without_pictures(run, tmp_path):
    (tmp_path / "in" / "sub").mkdir(parents=True)
    (tmp_path / "in" / "sub" / "a.png").write_bytes(encoded(random_picture((5, 5)), "PNG"))
    done = run("restore", tmp_path / "in", "-m", "no-op", "-o", tmp_path / "out")
    assert done.status == 2
    assert "there is no picture in" in done.err
    assert "--recursive looks into subfolders" in done.err
    assert not (tmp_path / "out").exists()


# --- nothing is lost


def test_the_input_is_never_overwritten(run, folder, tmp_path):
    before = (folder / "a.png").read_bytes()
    (tmp_path / "link.png").symlink_to(folder / "a.png")
    for existing in ("error", "skip", "overwrite"):
        for inputs, output in (
            ([folder / "a.png"], folder / "a.png"), ([folder / "a.png"], folder), ([folder], folder),
            ([tmp_path / "link.png"], folder / "a.png"), ([folder / "a.png"], tmp_path / "link.png"),
            ([folder / "sub" / ".." / "a.png"], folder),
        ):  # fmt: skip
            done = run("restore", *inputs, "-m", "unsharp-mask", "-o", output, "--existing", existing)
            assert done.status == 2
            assert "is the input itself" in done.err
    assert (folder / "a.png").read_bytes() == before
    assert files_below(folder) == ["a.png", "b.jpg", "notes.txt", "sub/a.tif"]


def test_nor_is_the_mask(run, folder, tmp_path):
    mask_file(tmp_path / "mask.png", 60, 70)
    done = run("restore", folder / "a.png", "-m", "telea", "--mask", tmp_path / "mask.png", "-o",
               tmp_path / "mask.png", "--existing", "overwrite")  # fmt: skip
    assert done.status == 2
    assert "is the input itself" in done.err


def test_existing_outputs(run, folder, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.png").write_bytes(b"old")
    done = run("restore", folder, "-m", "no-op", "-o", out)
    assert done.status == 2
    assert f"{out}/a.png exists; pass --existing overwrite or --existing skip." in done.err
    assert files_below(out) == ["a.png"]

    done = run("restore", folder, "-m", "no-op", "-o", out, "--existing", "skip")
    assert done.status == 0
    assert "restored 1 of 2" in done.out
    assert "1 already there" in done.out
    assert (out / "a.png").read_bytes() == b"old"

    assert run("restore", folder, "-m", "no-op", "-o", out, "--existing", "overwrite").status == 0
    np.testing.assert_array_equal(decoded(out / "a.png"), decoded(folder / "a.png"))


def test_two_inputs_for_one_output_are_refused(run, folder, tmp_path):
    (folder / "a.jpg").write_bytes((folder / "b.jpg").read_bytes())
    for args in (
        [folder, "--format", "png"], [folder / "a.png", folder / "sub" / ".." / "a.png"],
        [folder / "a.png", folder / "sub" / "a.tif", "--format", "png"],
    ):  # fmt: skip
        done = run("restore", *args, "-m", "no-op", "-o", tmp_path / "out")
        assert done.status == 2
        assert "would both be written to" in done.err
    assert not (tmp_path / "out").exists()


def test_several_models_write_into_folders_of_their_own(run, folder, tmp_path):
    out = folder / "out"  # inside the input folder: what the first writes is no input of the second
    done = run("restore", folder, "-m", "identity,no-op,bicubic.x2", "-o", out, "--recursive")
    assert done.status == 0 and "identity is now called no-op." in done.err
    below = ["a.png", "b.jpg", "sub/a.tif"]
    assert files_below(out) == [f"{model}/{name}" for model in ("bicubic.x2", "no-op") for name in below]
    assert decoded(out / "bicubic.x2" / "a.png").shape == (120, 140, 3)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["-m", "no-op,teleaa", "-o", "out"], "unknown model 'teleaa': did you mean telea"),
        (["-m", "no-op,dummy", "-o", "x.png"], "cannot write the results of several models to x.png: give a folder"),
        (["-m", "no-op,dummy", "-o", "out", "--weights", "w.pth"], "--weights goes with one model"),
        (["-m", ",", "-o", "out"], "',' names no model"),
    ],
)
def test_what_several_models_cannot_have(run, folder, tmp_path, monkeypatch, words, text):
    monkeypatch.chdir(tmp_path)
    done = run("restore", "in", *words)
    assert done.status == 2 and done.err.startswith(f"error: {text}")
    assert not (tmp_path / "out").exists() and not (tmp_path / "x.png").exists()


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (["IN/a.png", "-o", "x.heic"], "use .png, .jpg, .webp or .tif"),
        (["IN/a.png", "-o", "x.bmp"], "use .png, .jpg, .webp or .tif"),
        (["IN/a.png", "-o", "x.jpg", "--format", "png"], "x.jpg is no png file"),
        (["IN", "-o", "x.png"], "cannot write several pictures to x.png: give a folder"),
        (["IN/a.png", "IN/b.jpg", "-o", "x.png"], "cannot write several pictures to x.png: give a folder"),
        (["IN", "-o", "IN/notes.txt"], "it is a file"),
        (["IN/a.png", "-o", "IN/notes.txt/x.png"], "is a file|file of that name is in the way"),
        pytest.param(["IN/a.png", "-o", "/proc/nowhere"], "no such file or folder", marks=linux),
        (["IN/missing.png", "-o", "x.png"], "cannot read IN/missing.png: no such file or folder"),
        (["IN/a.png", "-o", "x.png", "--tile", "big"], "a tile is 'auto' or a number"),
        (["IN/a.png", "-o", "x.png", "--device", "cuda:99"], "'cuda:99' is not available here"),
        (["IN/a.png", "-o", "x.png", "--precision", "int4"], "unknown precision 'int4'"),
        (["IN/a.png", "-o", "x.png", "--weights", "w.pth"], "no-op has no weights"),
        (["IN/a.png", "-o", "x.png", "-m", "no-opp"], "did you mean no-op"),
    ],
)
def test_mistakes_are_told_in_a_sentence_before_any_work(run, folder, tmp_path, monkeypatch, args, reason):
    import re

    monkeypatch.chdir(tmp_path)
    done = run("restore", "-m", "no-op", *(arg.replace("IN", "in") for arg in args))
    assert done.status == 2
    assert done.err.startswith("error: ")
    assert done.err.count("\n") == 1
    assert re.search(reason.replace("IN", "in"), done.err)
    assert files_below(tmp_path) == ["in/a.png", "in/b.jpg", "in/notes.txt", "in/sub/a.tif"]


# --- masks


def test_one_mask_for_a_picture(run, folder, tmp_path):
    mask_file(tmp_path / "mask.png", 60, 70)
    done = run("restore", folder / "a.png", "-m", "telea", "--mask", tmp_path / "mask.png", "-o", tmp_path / "x.png")
    assert done.status == 0, done.err
    changed = (decoded(tmp_path / "x.png") != decoded(folder / "a.png")).any(axis=2)
    assert changed.any()
    assert not changed[decoded(tmp_path / "mask.png") == 0].any()


def test_a_folder_of_masks_by_name_and_subfolder(run, folder, tmp_path):
    mask_file(tmp_path / "masks" / "a.png", 60, 70)
    mask_file(tmp_path / "masks" / "b.png", 50, 40)
    mask_file(tmp_path / "masks" / "sub" / "a.png", 30, 20)
    args = ["restore", folder, "-m", "telea", "--mask", tmp_path / "masks", "-o", tmp_path / "out", "--recursive"]
    done = run(*args)
    assert (done.status, done.err) == (0, "")
    assert files_below(tmp_path / "out") == ["a.png", "b.jpg", "sub/a.tif"]

    (tmp_path / "masks" / "b.png").unlink()
    done = run(*args, "--existing", "overwrite")
    assert done.status == 2
    assert f"there is no mask named b in {tmp_path / 'masks'}." in done.err


def test_masks_that_do_not_fit_their_model(run, folder, tmp_path):
    mask_file(tmp_path / "mask.png", 60, 70)
    done = run("restore", folder, "-m", "telea", "-o", tmp_path / "out")
    assert (done.status, done.err) == (2, "error: telea fills holes, so it needs a mask (white = hole).\n")
    done = run("restore", folder, "-m", "bicubic.x2", "-o", tmp_path / "out", "--mask", tmp_path / "mask.png")
    assert (done.status, done.err) == (2, "error: bicubic.x2 does not use masks; leave the mask out.\n")
    done = run("restore", folder, "-m", "telea", "-o", tmp_path / "out", "--mask", tmp_path / "none.png")
    assert (done.status, done.err) == (
        2,
        f"error: cannot read the mask {tmp_path / 'none.png'}: no such file or folder.\n",
    )
    assert files_below(tmp_path / "out") == []


# --- the other commands


def test_list_and_info(run):
    done = run("list", "--task", "denoise", "--available")
    assert done.status == 0
    task, header, *rows = done.out.strip().splitlines()
    assert task.startswith("denoise: ") and header.split() == ["id", "license", "weights", "title"]
    assert {"nl-means", "bilateral"} <= {row.split()[0] for row in rows}
    assert run("list", "--license", "none").err == "no backend matches.\n"
    done = run("list", "--task", "denoising")
    assert (done.status, done.out) == (2, "")
    assert "did you mean denoise?" in done.err
    done = run("info", "unsharp-mask")
    assert done.status == 0
    assert "id: unsharp-mask" in done.out
    assert "equal to the whole picture (16 pixels of context)" in done.out
    assert run("info", "unsharp").status == 2
