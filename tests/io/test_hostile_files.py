"""Files made to do harm: refused with a sentence, at once, or read without what harms."""

from __future__ import annotations

import os
import re
import socket
import struct
import threading
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

import zoo
from tests.zoo.samples import encoded, files_below, photo, random_picture, run_zoo
from zoo.errors import OutputError, PictureError
from zoo.io import files, images
from zoo.io.images import Picture

PHOTO = photo("chelsea", 90, 120, 60, 150)
NOT_REGULAR = r"cannot read .*: it is no regular file but a device, a pipe or a socket\."
POSIX = pytest.mark.skipif(os.name != "posix", reason="pipes and devices with names are of POSIX")


def in_time(function, seconds: float = 20) -> object:
    """What the function returns; what it raises is raised. Fails when it has not come back in time."""
    outcome: list = []

    def run() -> None:
        try:
            outcome.append((True, function()))
        except BaseException as error:
            outcome.append((False, error))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    assert outcome, f"it hangs: no answer in {seconds} s"
    fine, value = outcome[0]
    if not fine:
        raise value
    return value


# --- what is no regular file


@pytest.fixture
def odd_files(tmp_path):
    """A pipe, a socket and two devices, each with a picture's name where a name can be chosen."""
    os.mkfifo(tmp_path / "pipe.png")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(tmp_path / "socket.png"))  # absolute it may be too long
        yield [tmp_path / "pipe.png", tmp_path / "socket.png", Path("/dev/zero"), Path("/dev/tty")]


@POSIX
def test_pipes_sockets_and_devices_are_refused_at_once(odd_files):
    for path in odd_files:
        with pytest.raises(PictureError, match=NOT_REGULAR):
            in_time(lambda path=path: images.read(path))
        with pytest.raises(PictureError, match=NOT_REGULAR):
            in_time(lambda path=path: zoo.load("telea").restore(PHOTO, path))


@POSIX
def test_pipes_and_devices_on_the_command_line(tmp_path, odd_files):
    Image.fromarray(PHOTO).save(tmp_path / "a.png")
    out = tmp_path / "out"
    for path in odd_files[:3]:
        done = run_zoo("restore", path, "-m", "no-op", "-o", out / "x.png")
        assert (done.returncode, done.stdout) == (2, "")
        assert re.fullmatch(f"error: {NOT_REGULAR}\n", done.stderr)
        done = run_zoo("restore", tmp_path / "a.png", "--mask", path, "-m", "telea", "-o", out / "x.png")
        assert (done.returncode, done.stdout) == (2, "")
        assert re.fullmatch(f"error: {NOT_REGULAR}\n", done.stderr)
    assert files_below(out) == []
    # A folder's pictures are its regular files.
    assert run_zoo("restore", tmp_path, "-m", "no-op", "-o", out).returncode == 0
    assert files_below(out) == ["a.png"]


@POSIX
def test_a_pipe_is_not_replaced_by_an_output(tmp_path):
    os.mkfifo(tmp_path / "x.png")
    with pytest.raises(OutputError, match="a device, a pipe or a socket is in the way"):
        images.write(tmp_path / "x.png", images.read(PHOTO))
    assert (tmp_path / "x.png").is_fifo()


def test_reading_has_a_limit_in_bytes(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_MAX_PIXELS", "1000")
    path = tmp_path / "sparse.png"
    with path.open("wb") as file:
        file.truncate(images.max_bytes() + 1)
    with pytest.raises(PictureError, match="it is larger than the limit of 67 MB"):
        images.read(path)
    path.write_bytes(b"12345")
    assert files.read_bytes(path, 5) == b"12345"
    with pytest.raises(OSError, match="larger than the limit"):
        files.read_bytes(path, 4)


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="no /proc here")
def test_a_file_that_tells_no_size_is_read_up_to_the_limit():
    assert Path("/proc/self/maps").stat().st_size == 0
    with pytest.raises(OSError, match="larger than the limit"):
        files.read_bytes("/proc/self/maps", 100)


def test_a_name_with_a_null_character_is_a_sentence():
    with pytest.raises(PictureError, match=r"there can be no file named 'a\\x00b.png'"):
        images.read("a\0b.png")


# --- files that are not whole

WHOLE = {
    "8.png": encoded(PHOTO, "PNG"),
    "16.png": images.encode(images.read(random_picture((40, 50, 3), np.uint16)), ".png"),
    "grey16.png": images.encode(images.read(random_picture((40, 50), np.uint16)), ".png"),
    "flat.png": encoded(np.zeros((300, 300, 3), np.uint8), "PNG", compress_level=0),
    "base.jpg": encoded(PHOTO, "JPEG", quality=90),
    "progressive.jpg": encoded(PHOTO, "JPEG", quality=90, progressive=True),
    "restart.jpg": encoded(PHOTO, "JPEG", quality=90, restart_marker_rows=1),
    "lossless.webp": encoded(PHOTO, "WEBP", lossless=True),
    "lossy.webp": encoded(PHOTO, "WEBP"),
    "deflate.tif": encoded(PHOTO, "TIFF", compression="tiff_deflate"),
    "16.tif": images.encode(images.read(random_picture((40, 50, 3), np.uint16)), ".tif"),
}


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.filterwarnings("ignore")
def test_no_file_is_read_whose_end_is_missing(name):
    data = WHOLE[name]
    images.read(data)
    for share in (0.5, 0.9, 0.99):
        with pytest.raises(PictureError):
            images.read(data[: int(len(data) * share)])
    with pytest.raises(PictureError):
        images.read(data[:-2])


@pytest.mark.parametrize("name", [n for n in WHOLE if n.endswith((".png", ".jpg"))])
@pytest.mark.filterwarnings("ignore")
def test_no_file_is_read_whose_tail_is_zeros(name):
    data = WHOLE[name]
    for count in (4, 16, 100, len(data) // 3):
        with pytest.raises(PictureError, match="damaged"):
            images.read(data[:-count] + bytes(count))


def test_every_bit_of_a_png_is_covered_by_a_checksum():
    data = bytearray(WHOLE["8.png"])
    for position in range(8, len(data), 97):
        data[position] ^= 1
        with pytest.raises(PictureError):
            images.read(bytes(data))
        data[position] ^= 1
    images.read(bytes(data))


def test_bytes_behind_the_end_are_no_damage():
    for name in ("8.png", "16.png", "base.jpg", "lossy.webp"):
        images.read(WHOLE[name] + b"\0trailer of some camera")


# --- formats


EPS = b"""%!PS-Adobe-3.0 EPSF-3.0
%%BoundingBox: 0 0 20 20
%%EndComments
0 0 20 20 rectfill
%%EOF
"""


def test_no_other_format_of_pillow_is_opened(monkeypatch):
    """Pillow would hand an EPS to Ghostscript, whatever the name says."""
    from PIL import EpsImagePlugin

    def run(*args, **options):
        raise AssertionError("Ghostscript was called")

    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", run)
    for data in (EPS, *(encoded(PHOTO, form) for form in ("GIF", "ICO", "PPM", "TGA", "PCX", "PDF", "JPEG2000"))):
        with pytest.raises(PictureError, match="is not a picture"):
            images.read(data)
    np.testing.assert_array_equal(images.read(encoded(PHOTO, "BMP")).color, PHOTO)


# --- metadata


def tiff_with_profile_of_type(kind: int) -> bytes:
    """A TIFF whose color profile is said to be of this type of TIFF value."""
    data = bytearray(encoded(PHOTO, "TIFF", icc_profile=bytes(range(64))))
    entry = data.index(struct.pack("<HH", 34675, 7))
    size = {2: 1, 3: 2, 4: 4, 5: 8, 12: 8}[kind]
    struct.pack_into("<HI", data, entry + 2, kind, 64 // size)
    return bytes(data)


@pytest.mark.parametrize("kind", [2, 3, 4, 5, 12])
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
def test_a_profile_of_a_wrong_type_is_left_out(kind, suffix):
    picture = images.read(tiff_with_profile_of_type(kind))
    np.testing.assert_array_equal(picture.color, PHOTO)
    assert picture.icc is None
    assert picture.notes == ("its color profile is left out: it is damaged or too large.",)
    assert images.read(images.encode(picture, suffix)).color.shape == PHOTO.shape


def test_a_folder_with_such_a_file_is_restored_to_the_end(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "1.tif").write_bytes(tiff_with_profile_of_type(2))
    Image.fromarray(PHOTO).save(tmp_path / "in" / "2.png")
    done = run_zoo("restore", tmp_path / "in", "-m", "no-op", "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert files_below(tmp_path / "out") == ["1.tif", "2.png"]


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_large_profile_comes_back(suffix, dtype):
    if dtype == np.uint16 and suffix in (".jpg", ".webp"):
        pytest.skip("this format has 8 bits")
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profile += np.random.default_rng(0).bytes(3_000_000)
    picture = Picture(random_picture((20, 30, 3), dtype), icc=profile)
    assert images.read(images.encode(picture, suffix)).icc == profile


def test_a_profile_that_unpacks_to_any_length_is_refused():
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    png = WHOLE["8.png"]
    bomb = chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(200_000_000), 9))
    with pytest.raises(PictureError, match="damaged"):
        images.read(png[:33] + bomb + png[33:])


LAYOUT = (254, 280, 281, 292, 301, 332, 333, 334, 336, 340, 341, 347, 32995, 32996, 32997, 32998, 40965)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("tag", LAYOUT)
@pytest.mark.parametrize("value", [1, (1, 2, 3), 0.5, "text", b"\1\2\3"])
def test_a_tiff_is_written_so_that_it_can_be_read_whatever_tags_a_picture_brings(tag, value):
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    exif[tag] = value
    try:
        data = encoded(PHOTO, "PNG", exif=exif.tobytes())
    except Exception:
        pytest.skip("Pillow cannot write such a value to this tag")
    picture = images.read(data)
    deep = Picture(picture.color.astype(np.uint16) * 257, exif=picture.exif)
    for each in (picture, deep):
        again = images.read(images.encode(each, ".tif"))
        np.testing.assert_array_equal(again.color, each.color)
        kept = Image.Exif()
        kept.load(again.exif)
        assert kept[0x010F] == "Maker"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", [1, 2, 4, 7, 9, 11])
def test_an_orientation_of_another_type_turns_nothing_or_as_it_says(kind):
    exif = Image.Exif()
    exif[0x0112] = 6
    entry = struct.pack(">HHI", 0x0112, 3, 1)
    assert entry in exif.tobytes()
    block = exif.tobytes().replace(entry, struct.pack(">HHI", 0x0112, kind, 1))
    shape = images.read(encoded(PHOTO, "JPEG", exif=block)).color.shape
    assert shape in (PHOTO.shape, PHOTO.swapaxes(0, 1).shape)
