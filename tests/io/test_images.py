"""Pictures come back from files as they went in, with all that they carry."""

from __future__ import annotations

import io
import sys

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms, ImageOps

from tests.platforms import posix
from tests.zoo.samples import SHAPES, encoded, files_below, photo, random_picture, run_python
from zoo.errors import OutputError, PictureError
from zoo.io import images
from zoo.io.images import Picture

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
MAKE, ORIENTATION, EXIF, GPS, EXPOSURE = 0x010F, 0x0112, 0x8769, 0x8825, 0x829A


def camera_exif(orientation: int | None = None) -> bytes:
    """What a phone writes: a maker, an exposure time and a position, each in a directory of its own."""
    exif = Image.Exif()
    exif[MAKE] = "Maker"
    exif[EXIF] = {EXPOSURE: 0.5}
    exif[GPS] = {2: (1.0, 2.0, 3.5)}
    if orientation is not None:
        exif[ORIENTATION] = orientation
    return exif.tobytes()


def facts(exif_bytes: bytes) -> tuple:
    exif = Image.Exif()
    exif.load(exif_bytes)
    return exif.get(MAKE), exif.get_ifd(EXIF).get(EXPOSURE), exif.get_ifd(GPS).get(2), exif.get(ORIENTATION)


# --- round trips


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("suffix", [".png", ".tif", ".tiff"])
def test_lossless_formats_keep_every_value(tmp_path, suffix, dtype, shape):
    if suffix != ".png" and dtype == np.uint16 and len(shape) == 3 and shape[2] == 2:
        pytest.skip("16-bit grey with alpha is written to TIFF as RGB with alpha, tested below")
    array = random_picture(shape, dtype)
    path = tmp_path / f"picture{suffix}"
    images.write(path, images.read(array))
    result = images.read(path)
    np.testing.assert_array_equal(result.array(), array)
    assert result.array().dtype == dtype
    assert result.notes == ()


@pytest.mark.parametrize("shape", SHAPES)
def test_tiff_is_what_another_reader_reads(shape):
    for dtype in (np.uint8, np.uint16):
        array = random_picture(shape, dtype)
        if array.ndim == 3 and array.shape[2] == 2 and dtype == np.uint16:
            expected = array[..., [0, 0, 0, 1]]
        else:
            expected = array
        read = tifffile.imread(io.BytesIO(images.encode(images.read(array), ".tif")))
        np.testing.assert_array_equal(read, expected)


@pytest.mark.parametrize("shape", SHAPES)
def test_16_bit_png_is_what_another_reader_reads(shape):
    array = random_picture(shape, np.uint16)
    read = cv2.imdecode(np.frombuffer(images.encode(images.read(array), ".png"), np.uint8), cv2.IMREAD_UNCHANGED)
    expected = array if array.ndim == 2 else array[..., {2: [0, 0, 0, 1], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[shape[2]]]
    np.testing.assert_array_equal(read, expected)


def test_webp_is_lossless_and_has_no_grey():
    for shape in ((21, 33, 3), (21, 33, 4)):
        array = random_picture(shape)
        np.testing.assert_array_equal(images.read(images.encode(images.read(array), ".webp")).array(), array)
    grey = random_picture((21, 33))
    read = images.read(images.encode(images.read(grey), ".webp")).array()
    np.testing.assert_array_equal(read, np.repeat(grey[..., None], 3, axis=2))


@pytest.mark.parametrize("name", ["astronaut", "coffee"])
def test_jpeg_is_close(name):
    for picture in (photo(name, 200, 200, 80, 120), photo(name, 200, 200, 80, 120)[..., 0]):
        read = images.read(images.encode(images.read(picture), ".jpg")).array()
        assert read.shape == picture.shape
        assert np.abs(read.astype(int) - picture).mean() < 2.5


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "TIFF", "BMP"])
def test_path_bytes_pil_and_array_are_the_same_picture(tmp_path, form):
    data = encoded(photo("chelsea", 60, 80), form)
    path = tmp_path / "picture"
    path.write_bytes(data)
    pil = Image.open(io.BytesIO(data))
    expected = np.asarray(Image.open(io.BytesIO(data)))
    for source in (path, str(path), data, pil, expected, images.read(data)):
        np.testing.assert_array_equal(images.read(source).array(), expected)


def test_arrays_of_other_kinds_are_refused():
    for array in (
        np.zeros((4, 4), np.float32), np.zeros((4, 4), np.int64), np.zeros((0, 4, 3), np.uint8), np.zeros(4, np.uint8),
        np.zeros((4, 4, 5), np.uint8), np.zeros((1, 4, 4, 3), np.uint8),
    ):  # fmt: skip
        with pytest.raises(PictureError, match="arrays must be"):
            images.read(array)
    assert images.read(np.zeros((4, 5, 1), np.uint8)).array().shape == (4, 5)


# --- orientation, EXIF, color profile


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_exif_orientation_is_applied(form, orientation):
    data = encoded(random_picture((20, 30, 3)), form, exif=camera_exif(orientation))
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
    picture = images.read(data)
    np.testing.assert_array_equal(picture.array(), expected)
    assert facts(picture.exif) == ("Maker", 0.5, (1.0, 2.0, 3.5), None)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_of_16_bits_and_alpha(orientation):
    for shape in SHAPES:
        array = random_picture(shape, np.uint16)
        expected = images.read(encoded((array >> 8).astype(np.uint8), "PNG", exif=camera_exif(orientation))).array()
        for suffix in (".png", ".tif"):
            picture = images.read(array)
            data = images.encode(Picture(picture.color, picture.alpha, exif=camera_exif(orientation)), suffix)
            read = images.read(data).array()
            if read.shape != expected.shape:  # TIFF of 16 bits, grey with alpha
                read = read[..., [0, 3]]
            np.testing.assert_array_equal(read >> 8, expected)


def test_a_pil_image_is_turned_every_time_it_is_read():
    image = Image.fromarray(random_picture((20, 30, 3)))
    image.getexif()[ORIENTATION] = 6
    assert images.read(image).array().shape == images.read(image).array().shape == (30, 20, 3)


@pytest.mark.parametrize("source", ["PNG", "JPEG", "WEBP", "TIFF"])
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
def test_exif_and_profile_go_from_format_to_format(source, suffix):
    data = encoded(random_picture((20, 30, 3)), source, exif=camera_exif(6), icc_profile=SRGB)
    result = images.read(images.encode(images.read(data), suffix))
    assert result.array().shape == (30, 20, 3)  # turned once, not twice
    assert result.icc == SRGB
    assert facts(result.exif) == ("Maker", 0.5, (1.0, 2.0, 3.5), None)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("shape", [(21, 33, 3), (21, 33, 4)])
def test_exif_and_profile_are_kept_with_16_bits(suffix, shape):
    picture = images.read(random_picture(shape, np.uint16))
    data = images.encode(Picture(picture.color, picture.alpha, exif=camera_exif(), icc=SRGB), suffix)
    result = images.read(data)
    assert (result.icc, facts(result.exif)) == (SRGB, ("Maker", 0.5, (1.0, 2.0, 3.5), None))
    assert Image.open(io.BytesIO(data)).info["icc_profile"] == SRGB  # another reader finds it too


def test_layout_of_a_tiff_is_not_kept_as_metadata():
    read = images.read(encoded(random_picture((20, 30, 3)), "TIFF", compression="tiff_lzw"))
    assert read.exif is None


@pytest.mark.parametrize("garbage", [b"Exif\0\0garbage", b"Exif\0\0II*\0\x08\0\0\0\xff\xffshort", b"Exif\0\0"])
@pytest.mark.filterwarnings("ignore")  # Pillow warns
def test_damaged_exif_is_no_reason_to_refuse_a_picture(garbage):
    picture = random_picture((20, 30, 3))
    data = encoded(picture, "JPEG", exif=garbage)
    assert images.read(data).array().shape == (20, 30, 3)
    images.encode(images.read(data), ".jpg")


def test_exif_too_long_for_jpeg_is_left_out():
    exif = Image.Exif()
    exif[0x010E] = "x" * 70_000
    data = encoded(random_picture((20, 30, 3)), "PNG", exif=exif)
    assert len(images.read(data).exif) > 70_000
    assert images.read(images.encode(images.read(data), ".jpg")).exif is None


# --- kinds of pictures that are converted


def test_cmyk_is_converted_with_a_note():
    cmyk = Image.fromarray(photo("coffee", 40, 50)).convert("CMYK")
    for form in ("JPEG", "TIFF"):
        picture = images.read(encoded(cmyk, form))
        assert picture.array().shape == (40, 50, 3)
        assert "CMYK" in picture.notes[0]
        assert picture.icc is None
        assert np.abs(picture.array().astype(int) - photo("coffee", 40, 50)).mean() < 5


def test_palette_is_converted_with_a_note():
    palette = Image.fromarray(photo("rocket", 40, 50)).quantize(32)
    picture = images.read(encoded(palette, "PNG"))
    np.testing.assert_array_equal(picture.array(), np.asarray(palette.convert("RGB")))
    assert "palette" in picture.notes[0]
    clear = images.read(encoded(palette, "PNG", transparency=3))
    assert clear.array().shape == (40, 50, 4)
    np.testing.assert_array_equal(clear.alpha == 0, np.asarray(palette) == 3)
    assert "palette" in clear.notes[0]


@pytest.mark.parametrize("mode", ["1", "LAB", "YCbCr", "HSV", "RGBa", "La", "PA", "RGBX"])
def test_other_modes_are_converted(mode):
    rgb = Image.fromarray(photo("rocket", 40, 50))
    via = {"RGBa": "RGBA", "La": "LA", "PA": "P"}.get(mode)
    picture = images.read((rgb.convert(via) if via else rgb).convert(mode))
    assert picture.array().shape[:2] == (40, 50)
    assert picture.array().dtype == np.uint8
    assert (picture.alpha is not None) == (mode in ("RGBa", "La", "PA"))


def test_color_key_becomes_alpha():
    rgb = random_picture((20, 30, 3))
    data = encoded(rgb, "PNG", transparency=tuple(map(int, rgb[4, 5])))
    read = images.read(data)
    np.testing.assert_array_equal(read.color, rgb)
    np.testing.assert_array_equal(read.alpha == 0, (rgb == rgb[4, 5]).all(axis=2))


def test_mpo_of_a_phone_is_a_still_picture():
    first, second = (Image.fromarray(photo("coffee", 40, 50, top)) for top in (0, 90))
    data = encoded(first, "MPO", save_all=True, append_images=[second])
    assert Image.open(io.BytesIO(data)).n_frames == 2
    assert np.abs(images.read(data).array().astype(int) - np.asarray(first)).mean() < 5


@pytest.mark.parametrize("options", [{}, {"byteorder": ">"}, {"tile": (16, 16)}, {"bigtiff": True}])
def test_16_bit_tiff_of_other_programs(options):
    array = random_picture((21, 33, 3), np.uint16)
    stream = io.BytesIO()
    tifffile.imwrite(stream, array, photometric="rgb", **options)
    np.testing.assert_array_equal(images.read(stream.getvalue()).array(), array)


def test_16_bit_tiff_compressed_with_lzw():
    array = random_picture((21, 33, 3), np.uint16)
    data = cv2.imencode(".tif", array[..., ::-1], [cv2.IMWRITE_TIFF_COMPRESSION, 5])[1].tobytes()
    assert Image.open(io.BytesIO(data)).info["compression"] == "tiff_lzw"
    np.testing.assert_array_equal(images.read(data).array(), array)


def test_16_bit_tiff_with_white_as_zero_or_premultiplied_alpha():
    stream = io.BytesIO()
    tifffile.imwrite(stream, random_picture((21, 33), np.uint16), photometric="miniswhite")
    np.testing.assert_array_equal(images.read(stream.getvalue()).array(), 65535 - random_picture((21, 33), np.uint16))

    color, alpha = random_picture((21, 33, 3), np.uint16), random_picture((21, 33, 1), np.uint16, 1) | 0x8000
    multiplied = np.rint(color * (alpha / 65535)).astype(np.uint16)
    stream = io.BytesIO()
    tifffile.imwrite(stream, np.concatenate([multiplied, alpha], 2), photometric="rgb", extrasamples=["assocalpha"])
    read = images.read(stream.getvalue())
    assert np.abs(read.color.astype(int) - color).max() <= 1
    np.testing.assert_array_equal(read.alpha, alpha[..., 0])


def test_16_bit_tiff_that_would_be_read_wrongly_is_refused():
    array = random_picture((3, 21, 33), np.uint16)
    for options in ({"photometric": "rgb", "planarconfig": "separate"}, {"photometric": "separated"}):
        stream = io.BytesIO()
        tifffile.imwrite(
            stream, array if "planarconfig" in options else random_picture((21, 33, 4), np.uint16), **options
        )
        with pytest.raises(PictureError, match="layout"):
            images.read(stream.getvalue())


# --- writing


def test_formats_that_cannot_hold_a_picture_are_refused_before_work(tmp_path):
    deep = images.read(random_picture((5, 5, 3), np.uint16))
    clear = images.read(random_picture((5, 5, 4)))
    wide = images.read(np.zeros((1, 16_384), np.uint8))
    for name, picture, scale, reason in (
        ("x.jpg", deep, 1, "16 bits"), ("x.webp", deep, 1, "16 bits"), ("x.jpeg", clear, 1, "transparency"),
        ("x.webp", wide, 1, "at most 16383"), ("x.jpg", wide, 4, "at most 65500"), ("x.bmp", clear, 1, "use .png"),
        ("x.gif", clear, 1, "use .png"), ("x", clear, 1, "use .png"),
    ):  # fmt: skip
        with pytest.raises(OutputError, match=reason):
            images.check_writable(tmp_path / name, picture, scale)
        if scale == 1:
            with pytest.raises(OutputError, match=reason):
                images.write(tmp_path / name, picture)
    images.check_writable(tmp_path / "x.png", deep, 4)
    assert files_below(tmp_path) == []


def test_writing_makes_folders_and_replaces_files_whole(tmp_path):
    path = tmp_path / "new" / "folder" / "x.png"
    for seed in (0, 1):
        array = random_picture((20, 30, 3), seed=seed)
        images.write(path, images.read(array))
        np.testing.assert_array_equal(images.read(path).array(), array)
    assert files_below(tmp_path) == ["new/folder/x.png"]


def test_a_name_as_long_as_the_file_system_allows(tmp_path):
    path = tmp_path / ("x" * 251 + ".png")
    images.write(path, images.read(random_picture((5, 5))))
    assert path.exists()


def test_permissions_are_those_of_any_new_file(tmp_path):
    (tmp_path / "plain").touch()
    images.write(tmp_path / "x.png", images.read(random_picture((5, 5))))
    assert (tmp_path / "x.png").stat().st_mode == (tmp_path / "plain").stat().st_mode


FULL_DISK = """
import resource, sys
import numpy as np
from zoo.io import images
from zoo.errors import OutputError

resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    images.write(sys.argv[1], images.read(np.random.default_rng(0).integers(0, 256, (99, 99, 3)).astype(np.uint8)))
except OutputError as error:
    print(error)
"""


@posix
@pytest.mark.parametrize("existing", [False, True])
def test_a_write_that_fails_half_way_leaves_nothing_and_keeps_what_was_there(tmp_path, existing):
    if existing:
        (tmp_path / "x.png").write_bytes(b"precious")
    done = run_python("-c", FULL_DISK, tmp_path / "x.png")
    assert done.stdout == f"cannot write {tmp_path / 'x.png'}: the file would exceed the allowed file size.\n"
    assert files_below(tmp_path) == (["x.png"] if existing else [])
    if existing:
        assert (tmp_path / "x.png").read_bytes() == b"precious"


def test_places_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "folder.png").mkdir()
    picture = images.read(random_picture((5, 5)))
    for path, reason in (
        (tmp_path / "file" / "x.png", "a file"),
        (tmp_path / "folder.png", "it is a folder"),
        (tmp_path / ("x" * 300 + ".png"), "the name is too long"),
        *([("/proc/nowhere/x.png", "no such file or folder")] if sys.platform == "linux" else []),
    ):
        with pytest.raises(OutputError, match=reason):
            images.write(path, picture)
    assert files_below(tmp_path) == ["file"]


def test_find_pictures(tmp_path):
    for name in ("b.PNG", "a.jpg", "notes.txt", ".hidden.png", "sub/c.tif", ".cache/d.png", "e.webp/f.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()

    def found(recursive: bool) -> list[str]:
        return [str(path.relative_to(tmp_path)) for path in images.find_pictures(tmp_path, recursive)]

    assert found(False) == ["a.jpg", "b.PNG"]
    assert found(True) == ["a.jpg", "b.PNG", "e.webp/f.png", "sub/c.tif"]
