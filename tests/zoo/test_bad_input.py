"""Bad pictures and masks, and a disk that refuses: one sentence, status 2, nothing half-written, no traceback.

Every case goes through the Python API; then all through `python -m zoo restore` in a process of its own.
"""

from __future__ import annotations

import os
import re
import shutil
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import zoo
from tests.platforms import linux, posix
from tests.zoo.samples import ROOT, encoded, files_below, photo, random_picture, run_python, run_zoo
from zoo import images
from zoo.errors import MaskError, PictureError, ZooError


def png_of_size(width: int, height: int) -> bytes:
    """A file of some bytes that says it is a picture of this size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


def flipped(data: bytes) -> bytes:
    """The file with its middle overwritten."""
    middle = len(data) // 2
    return data[:middle] + bytes(64) + data[middle + 64 :]


PHOTO = photo("chelsea", 90, 120, 60, 150)
DEEP = images.read(random_picture((40, 50, 3), np.uint16))
WHOLE = {
    "a.png": encoded(PHOTO, "PNG"),
    "b.jpg": encoded(PHOTO, "JPEG", quality=90),
    "c.webp": encoded(PHOTO, "WEBP", lossless=True),
    "d.tif": encoded(PHOTO, "TIFF", compression="tiff_lzw"),
    "e.bmp": encoded(PHOTO, "BMP"),
    "16.png": images.encode(DEEP, ".png"),
    "16.tif": images.encode(DEEP, ".tif"),
}
FRAMES = [Image.fromarray(photo("coffee", 20, 30, top)) for top in (0, 40, 80)]
ANIMATED = {
    form: encoded(FRAMES[0], form, save_all=True, append_images=FRAMES[1:]) for form in ("GIF", "WEBP", "PNG", "TIFF")
}
FLOAT = encoded(Image.fromarray(np.random.default_rng(0).random((9, 9), np.float32)), "TIFF")

BAD_FILES = {
    **{f"cut-{name}": (data[: len(data) * 2 // 3], "damaged") for name, data in WHOLE.items()},
    **{f"head-{name}": (data[:30], "damaged|is not a picture") for name, data in WHOLE.items()},
    "corrupt.png": (flipped(WHOLE["a.png"]), "damaged or cut off"),
    "corrupt.16.png": (flipped(WHOLE["16.png"]), "damaged or cut off"),
    "empty.png": (b"", r"is empty \(0 bytes\)"),
    "text.png": (b"this is no picture", "is not a picture"),
    "zeros.jpg": (bytes(5000), "is not a picture"),
    "page.png": (b"<html>404</html>", "is not a picture"),
    "phone.jpg": (b"\0\0\0\x18ftypheic" + bytes(50), "HEIC pictures"),
    "bomb.png": (
        png_of_size(50_000, 50_000),
        r"50000 x 50000 = 2,500,000,000 pixels, more than the limit of 150,000,000",
    ),
    "animated-1.gif": (ANIMATED["GIF"], "GIF pictures are not supported"),
    "animated-2.webp": (ANIMATED["WEBP"], "has 3 frames; only still pictures"),
    "animated-3.png": (ANIMATED["PNG"], "has 3 frames; only still pictures"),
    "pages.tif": (ANIMATED["TIFF"], "has 3 pages; only still pictures"),
    "float.tif": (FLOAT, "32 bits per channel; 8 and 16 bits are supported"),
}


def test_the_whole_files_are_fine():
    for name, data in WHOLE.items():
        assert images.read(data).array().dtype == (np.uint16 if name.startswith("16") else np.uint8)


@pytest.mark.parametrize("name", BAD_FILES)
@pytest.mark.filterwarnings("ignore")  # Pillow warns of what it stumbles over
def test_a_bad_file_is_a_sentence(name, tmp_path):
    data, reason = BAD_FILES[name]
    with pytest.raises(PictureError, match=f"^the image .*({reason})"):
        zoo.load("identity").restore(data)
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(PictureError, match=f"^{re.escape(str(path))} .*({reason})") as caught:
        zoo.load("identity").restore(path)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith((".", "first.", "more."))


def test_every_bad_file_on_the_command_line(tmp_path):
    """As inputs of one run, so that one process shows them all: each is named once, with its reason."""
    folder = tmp_path / "in"
    folder.mkdir()
    for name, (data, _) in BAD_FILES.items():
        (folder / name).write_bytes(data)
    done = run_zoo("restore", *sorted(folder.iterdir()), "-m", "identity", "-o", tmp_path / "out", "--existing", "skip")
    assert "Traceback" not in done.stderr
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert len(lines) == len(BAD_FILES)
    for line, name in zip(lines, sorted(BAD_FILES), strict=True):
        assert re.match(f"failed: {re.escape(str(folder / name))} .*({BAD_FILES[name][1]})", line)
    assert files_below(tmp_path / "out") == []


@pytest.mark.parametrize("name", ["cut-d.tif", "bomb.png"])
def test_a_single_bad_file_is_status_2(name, tmp_path):
    (tmp_path / name).write_bytes(BAD_FILES[name][0])
    done = run_zoo("restore", tmp_path / name, "-m", "identity", "-o", tmp_path / "out.png")
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(f"error: {re.escape(str(tmp_path / name))} .*({BAD_FILES[name][1]}).*\n", done.stderr)
    assert files_below(tmp_path) == [name]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.filterwarnings("ignore")
def test_random_damage_never_gets_past_the_sentence(seed):
    rng = np.random.default_rng(seed)
    for data in (*WHOLE.values(), *ANIMATED.values(), FLOAT):
        for _ in range(12):
            spoiled = bytearray(data)
            for position in rng.integers(0, min(len(data), 400), 6):
                spoiled[position] = rng.integers(256)
            try:
                assert images.read(bytes(spoiled)).array().size > 0
            except ZooError as error:
                assert str(error)


# --- limits


def test_the_limit_of_pixels_is_configurable(monkeypatch):
    picture = random_picture((40, 50, 3))
    for text in ("1999", "1.999e3"):
        monkeypatch.setenv("ZOO_MAX_PIXELS", text)
        for source in (picture, Image.fromarray(picture), encoded(picture, "PNG"), encoded(picture, "JPEG")):
            with pytest.raises(PictureError, match=r"50 x 40 = 2,000 pixels, more than the limit of 1,999;"):
                images.read(source)
    monkeypatch.setenv("ZOO_MAX_PIXELS", "2000")
    assert images.read(picture).width == 50
    for text in ("many", "0", "-5", "nan", "inf"):
        monkeypatch.setenv("ZOO_MAX_PIXELS", text)
        with pytest.raises(PictureError, match="ZOO_MAX_PIXELS must be a positive number"):
            images.read(picture)


@linux
def test_a_bomb_is_refused_before_it_is_decoded():
    code = """
import resource, sys
from zoo import images
from zoo.errors import PictureError
limit = 3 * 2**30  # decoding would need 7.5 GB
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
try:
    images.read(sys.stdin.buffer.read())
except PictureError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], input=png_of_size(50_000, 50_000), capture_output=True, cwd=ROOT, timeout=600
    )
    assert b"more than the limit" in done.stdout, done.stderr


def test_pillows_own_limit_is_left_as_it_was():
    before = Image.MAX_IMAGE_PIXELS
    images.read(WHOLE["a.png"])
    with pytest.raises(PictureError):
        images.read(b"nothing")
    assert before == Image.MAX_IMAGE_PIXELS


# --- masks


def masks() -> dict[str, tuple[np.ndarray, list[str], str]]:
    """Name -> mask, further arguments, reason."""
    hole = np.zeros(PHOTO.shape[:2], np.uint8)
    hole[10:30, 10:30] = 255
    grey = hole // 2 + 20
    return {
        "size": (hole[:-1], [], "the mask has 120 x 89 pixels, the picture 120 x 90; they must be the same"),
        "grey": (grey, [], "the mask is not black and white: 10,800 pixels are grey; give a mask threshold"),
        "black": (np.zeros_like(hole), [], "the mask is all black"),
        "white": (np.full_like(hole, 255), [], "the mask is all white"),
        "threshold": (grey, ["--mask-threshold", "300"], "a mask threshold is a number from 1 to 255, not 300"),
        "high": (grey, ["--mask-threshold", "200"], "the mask is all black"),
    }


@pytest.mark.parametrize("name", masks())
def test_a_bad_mask_is_a_sentence(name, tmp_path, monkeypatch, capsys):
    from zoo import __main__ as command_line

    mask, args, reason = masks()[name]
    threshold = int(args[1]) if args else None
    with pytest.raises(MaskError, match=reason):
        zoo.load("telea").restore(PHOTO, mask, mask_threshold=threshold)
    Image.fromarray(PHOTO).save(tmp_path / "in.png")
    Image.fromarray(mask).save(tmp_path / "mask.png")
    words = ["restore", tmp_path / "in.png", "-m", "telea", "-o", tmp_path / "out.png", "--mask", tmp_path / "mask.png"]
    monkeypatch.setattr(sys, "argv", ["zoo", *map(str, words), *args])
    assert command_line.main() == 2
    assert re.fullmatch(f"error: {reason}.*\n", capsys.readouterr().err)
    assert files_below(tmp_path) == ["in.png", "mask.png"]


def test_a_damaged_mask_and_a_grey_mask_with_threshold(tmp_path, monkeypatch, capsys):
    from zoo import __main__ as command_line

    def run(mask: Path, *args: str) -> int:
        words = [
            "zoo",
            "restore",
            tmp_path / "in.png",
            "-m",
            "telea",
            "-o",
            tmp_path / "out.png",
            "--mask",
            mask,
            *args,
        ]
        monkeypatch.setattr(sys, "argv", [str(word) for word in words])
        return command_line.main()

    Image.fromarray(PHOTO).save(tmp_path / "in.png")
    (tmp_path / "bad.png").write_bytes(WHOLE["a.png"][:500])
    assert run(tmp_path / "bad.png") == 2
    assert capsys.readouterr().err.startswith(f"error: {tmp_path / 'bad.png'} is damaged or cut off")
    assert not (tmp_path / "out.png").exists()
    Image.fromarray(masks()["grey"][0]).save(tmp_path / "grey.png")
    assert run(tmp_path / "grey.png", "--mask-threshold", "128") == 0
    assert (tmp_path / "out.png").exists()


# --- disks


LIMITED = """
import resource, runpy, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
sys.argv[0] = "zoo"
runpy.run_module("zoo", run_name="__main__")
"""


@posix
def test_an_output_that_does_not_fit(tmp_path):
    Image.fromarray(photo("astronaut")).save(tmp_path / "in.png")
    (tmp_path / "out.png").write_bytes(b"precious")
    done = run_python("-c", LIMITED, "restore", tmp_path / "in.png", "-m", "identity", "-o", tmp_path / "out.png",
                      "--existing", "overwrite")  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"error: cannot write {tmp_path / 'out.png'}: the file would exceed the allowed file size.\n"
    assert files_below(tmp_path) == ["in.png", "out.png"]
    assert (tmp_path / "out.png").read_bytes() == b"precious"


def small_disk(folder: Path, kilobytes: int, command: list[str]) -> subprocess.CompletedProcess:
    """Run a command in a namespace of its own where `folder` is a disk of this size; prints what is left on it."""
    script = (
        f'mount -t tmpfs -o size={kilobytes}k none "$1" || exit 77; shift; "$@"; s=$?; find "$DISK" -type f; exit $s'
    )
    return subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh", str(folder), *command],
        capture_output=True, text=True, timeout=600, cwd=ROOT, env={**os.environ, "DISK": str(folder)},
    )  # fmt: skip


def test_a_full_disk_ends_a_folder_run(tmp_path):
    """A real one, of 300 kB: the first picture fits, the second does not, the third is not tried."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if shutil.which("unshare") is None or small_disk(disk, 300, ["true"]).returncode:
        pytest.skip("this system lets no user make a small disk (unshare, tmpfs)")
    (tmp_path / "in").mkdir()
    Image.fromarray(photo("astronaut", 100, 100)).save(tmp_path / "in" / "1.png")
    Image.fromarray(photo("astronaut")).save(tmp_path / "in" / "2.png")
    Image.fromarray(photo("astronaut", 50, 50)).save(tmp_path / "in" / "3.png")
    done = small_disk(
        disk, 300, [sys.executable, "-m", "zoo", "restore", str(tmp_path / "in"), "-m", "identity", "-o", str(disk)]
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr == f"error: cannot write {disk}/2.png: the disk is full.\n"
    assert done.stdout.splitlines()[0].startswith("restored 1 of 3 with identity")
    assert done.stdout.splitlines()[1:] == [f"{disk}/1.png"]


def test_standard_output_that_is_full_or_closed():
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "zoo", "info", "telea"], stdout=full, stderr=subprocess.PIPE, text=True, cwd=ROOT
        )
    assert "Traceback" not in done.stderr
    assert "the disk is full" in done.stderr
    assert done.returncode == 2
