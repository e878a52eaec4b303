"""Seeded hostile picture files, and what becomes of them: `python -m tests.io.fuzz SEED COUNT`.

Each file is a valid one that was spoiled. It has to be refused with a PictureError, or be read into a valid picture
that can be written and read back. Anything else ends the program: another exception, a crash, a hang (TIME_LIMIT),
or more memory than MEMORY_LIMIT. Prints the counts as JSON.
"""

from __future__ import annotations

import faulthandler
import functools
import io
import json
import os
import struct
import sys
import time
import warnings
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import tifffile
from PIL import Image, ImageCms

from tests.zoo.samples import encoded
from zoo.errors import MaskError, OutputError, PictureError
from zoo.io import images, masks
from zoo.io.images import Picture

TIME_LIMIT = 20
"""Seconds for a single file."""
MAX_PIXELS = 1_000_000
MEMORY_LIMIT = 500
"""Megabytes by which the process may grow over what it takes to read the valid files."""
Files = dict[str, bytes]
Mutation = Callable[[np.random.Generator, bytes, Files], bytes]


@functools.cache
def valid_files() -> Files:
    """Small pictures in every format, depth and number of channels that is read, with and without metadata."""
    rng = np.random.default_rng(0)
    rough = rng.integers(0, 65536, (30, 41, 4)).astype(np.uint16)
    smooth = cv2.GaussianBlur(rough, (0, 0), 2)
    eight = (smooth >> 8).astype(np.uint8)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x010F], exif[0x0112], exif[0x011A] = "Maker", 6, 72.0
    exif[0x8769] = {0x829A: 0.5, 0x927C: rng.bytes(300), 0x9286: b"ASCII\0\0\0comment"}
    exif[0x8825] = {1: "N", 2: (1.0, 2.0, 3.5)}
    carried = {"exif": exif.tobytes(), "icc_profile": profile}
    shapes = {"grey": (..., 0), "rgb": (..., slice(3)), "rgba": (...,)}
    files: Files = {}
    for name, part in shapes.items():
        for depth, array in ((8, eight), (16, smooth)):
            picture = Picture(
                np.ascontiguousarray(array[part] if name != "rgba" else array[..., :3]),
                alpha=np.ascontiguousarray(array[..., 3]) if name == "rgba" else None,
                exif=exif.tobytes() if name != "grey" else None,
                icc=profile if name == "rgb" else None,
            )
            for suffix in (".png", ".tif"):
                files[f"{name}-{depth}{suffix}"] = images.encode(picture, suffix)
        if name != "rgba":
            for key, options in {"base": {}, "progressive": {"progressive": True}, "carried": carried}.items():
                files[f"{name}-{key}.jpg"] = encoded(eight[part], "JPEG", quality=80, **options)
        files[f"{name}-lossy.webp"] = encoded(eight[part], "WEBP", **carried)
        files[f"{name}-lossless.webp"] = encoded(eight[part], "WEBP", lossless=True)
        for compression in ("raw", "tiff_lzw", "packbits", *(("jpeg",) if name != "rgba" else ())):
            data = encoded(eight[part], "TIFF", compression=compression, icc_profile=profile)
            files[f"{name}-{compression}.tif"] = data
    files["cmyk.jpg"] = encoded(Image.fromarray(eight[..., :3]).convert("CMYK"), "JPEG")
    files["cmyk.tif"] = encoded(Image.fromarray(eight[..., :3]).convert("CMYK"), "TIFF")
    palette = Image.fromarray(eight[..., :3]).quantize(16)
    files["palette.png"] = encoded(palette, "PNG", transparency=3)
    files["palette.tif"] = encoded(palette, "TIFF")
    files["bits.png"] = encoded(Image.fromarray(eight[..., 0]).convert("1"), "PNG")
    files["bits.tif"] = encoded(Image.fromarray(eight[..., 0]).convert("1"), "TIFF", compression="group4")
    files["key.png"] = encoded(eight[..., :3], "PNG", transparency=(1, 2, 3))
    files["rgb.bmp"] = encoded(eight[..., :3], "BMP")
    for name, options in {
        "tiles": {"tile": (16, 16)}, "big": {"bigtiff": True}, "motorola": {"byteorder": ">"},
    }.items():  # fmt: skip
        stream = io.BytesIO()
        tifffile.imwrite(stream, smooth[..., :3], photometric="rgb", **options)
        files[f"{name}-16.tif"] = stream.getvalue()
    return files


def flip_bits(rng: np.random.Generator, data: bytes, files: Files) -> bytes:
    """One to eight bits, anywhere."""
    spoiled = bytearray(data)
    for position in rng.integers(0, len(data), rng.integers(1, 9)):
        spoiled[position] ^= 1 << rng.integers(8)
    return bytes(spoiled)


def change_head(rng: np.random.Generator, data: bytes, files: Files) -> bytes:
    """Some bytes of the first few hundred, where formats keep what everything else depends on."""
    spoiled = bytearray(data)
    for position in rng.integers(0, min(len(data), 400), rng.integers(1, 6)):
        spoiled[position] = rng.choice([0, 1, 127, 128, 255, rng.integers(256)])
    return bytes(spoiled)


def truncate(rng: np.random.Generator, data: bytes, files: Files) -> bytes:
    """The beginning of a file, or all but its last bytes."""
    return data[: rng.integers(0, len(data))] if rng.random() < 0.7 else data[: -rng.integers(1, min(len(data), 20))]


def zero_run(rng: np.random.Generator, data: bytes, files: Files) -> bytes:
    """Zeros in the middle, or to the end, as after a broken copy."""
    start = rng.integers(0, len(data))
    stop = len(data) if rng.random() < 0.5 else min(len(data), start + rng.integers(1, 400))
    return data[:start] + bytes(stop - start) + data[stop:]


def splice(rng: np.random.Generator, data: bytes, files: Files) -> bytes:
    """The beginning of one file and the end of another, of any format."""
    other = list(files.values())[rng.integers(len(files))]
    return data[: rng.integers(1, len(data))] + other[rng.integers(0, len(other)) :]


def repeat_part(rng: np.random.Generator, data: bytes, files: Files) -> bytes:
    """A part of the file twice or many times."""
    start, stop = sorted(rng.integers(0, len(data), 2))
    return data[:stop] + data[start:stop] * int(rng.integers(1, 20)) + data[stop:]


def wrong_number(rng: np.random.Generator, data: bytes, files: Files) -> bytes:
    """A number of two, four or eight bytes replaced: lengths, counts, offsets, types."""
    form = rng.choice(["<H", ">H", "<I", ">I", "<Q", ">Q"])
    size = struct.calcsize(form)
    limit = 256**size
    value = int(rng.choice([0, 1, 2, 3, 7, 255, 65535, limit // 2 - 1, limit // 2, limit - 1, len(data)])) % limit
    place = rng.integers(0, max(1, min(len(data), 600) - size))
    return data[:place] + struct.pack(form, value) + data[place + size :]


def wrong_tags(rng: np.random.Generator, data: bytes, files: Files) -> bytes:
    """Entries of a TIFF directory (a TIFF's own, or that of EXIF data) with another tag, type, count or value."""
    starts = [i for mark in (b"II*\0", b"MM\0*") if (i := data.find(mark)) >= 0]
    if not starts:
        return change_head(rng, data, files)
    start = min(starts)
    order = "<" if data[start : start + 2] == b"II" else ">"
    directory = start + struct.unpack_from(order + "I", data, start + 4)[0]
    if directory + 2 > len(data):
        return change_head(rng, data, files)
    spoiled = bytearray(data)
    count = struct.unpack_from(order + "H", data, directory)[0]
    for _ in range(rng.integers(1, 4)):
        entry = directory + 2 + 12 * int(rng.integers(0, max(1, count)))
        if entry + 12 > len(data):
            continue
        if rng.random() < 0.3:  # the last entry is mostly the color profile: another type, and as many values of it
            struct.pack_into(order + "H", spoiled, directory + 2 + 12 * (count - 1) + 2, int(rng.integers(1, 14)))
            continue
        field, form, values = [
            (0, "H", [254, 258, 259, 262, 273, 274, 277, 279, 284, 317, 320, 330, 338, 339, 347, 700, 34675, 34665]),
            (2, "H", range(20)),
            (4, "I", [0, 1, 2, 3, 5, 1000, 2**31, 2**32 - 1]),
            (8, "I", [0, 1, 2, 3, 8, 16, 32, 1000, 65536, 2**31, 2**32 - 1]),
        ][rng.integers(4)]
        struct.pack_into(order + form, spoiled, entry + field, int(rng.choice(list(values))))
    return bytes(spoiled)


def repaired_png(rng: np.random.Generator, data: bytes, files: Files) -> bytes:
    """A PNG spoiled inside its chunks, or with chunks left out, doubled or moved, whose checksums are right again."""
    if not data.startswith(b"\x89PNG"):
        data = files[rng.choice([name for name in files if name.endswith(".png")])]
    chunks, position = [], 8
    while position + 8 <= len(data):
        size = struct.unpack_from(">I", data, position)[0]
        chunks.append((data[position + 4 : position + 8], bytearray(data[position + 8 : position + 8 + size])))
        position += 12 + size
    for _ in range(rng.integers(1, 4)):
        kind = rng.integers(5)
        index = int(rng.integers(len(chunks)))
        body = chunks[index][1]
        if kind == 0 and body:
            body[rng.integers(len(body))] = rng.integers(256)
        elif kind == 1 and len(chunks) > 1:
            chunks.pop(index)
        elif kind == 2:
            chunks.insert(int(rng.integers(len(chunks))), (chunks[index][0], bytearray(body)))
        elif kind == 3 and body:
            del body[rng.integers(len(body)) :]
        else:
            name = [b"acTL", b"fcTL", b"tRNS", b"PLTE", b"eXIf", b"iCCP", b"zTXt", b"gAMA", b"zzZz"][rng.integers(9)]
            chunks.insert(int(rng.integers(len(chunks) + 1)), (name, bytearray(rng.bytes(int(rng.integers(0, 60))))))
    return data[:8] + b"".join(
        struct.pack(">I", len(body)) + kind + bytes(body) + struct.pack(">I", zlib.crc32(kind + bytes(body)))
        for kind, body in chunks
    )


def hostile_metadata(rng: np.random.Generator, data: bytes, files: Files) -> bytes:
    """A good picture that carries a spoiled EXIF block or a random color profile."""
    carrier = Image.open(io.BytesIO(files["rgb-8.png"]))
    block = carrier.info["exif"]
    spoil = (flip_bits, change_head, truncate, zero_run, wrong_number, wrong_tags)[rng.integers(6)]
    block = b"Exif\0\0" + spoil(rng, block.removeprefix(b"Exif\0\0"), files)
    profile = rng.bytes(int(rng.integers(1, 3000))) if rng.random() < 0.3 else carrier.info["icc_profile"]
    form = rng.choice(["PNG", "JPEG", "WEBP"])
    return encoded(Image.fromarray(np.asarray(carrier)), form, exif=block, icc_profile=profile)


MUTATIONS: dict[str, Mutation] = {
    function.__name__: function
    for function in (
        flip_bits, change_head, truncate, zero_run, splice, repeat_part, wrong_number, wrong_tags, repaired_png,
        hostile_metadata,
    )
}  # fmt: skip


CHECKED = {"flip_bits", "change_head", "truncate", "zero_run", "wrong_number"}
"""What a PNG's checksums always find."""


def hostile_file(seed: int, index: int) -> tuple[str, str, bytes, bool]:
    """(mutation, valid file, bytes, whether they must be refused); one in four is spoiled twice."""
    rng = np.random.default_rng([seed, index])
    files = valid_files()
    name = list(files)[rng.integers(len(files))]
    mutation = list(MUTATIONS)[index % len(MUTATIONS)]
    data = MUTATIONS[mutation](rng, files[name], files)
    twice = rng.random() < 0.25 and bool(data)
    if twice:
        data = list(MUTATIONS.values())[rng.integers(len(MUTATIONS) - 1)](rng, data, files)
    return mutation, name, data, not twice and name.endswith(".png") and mutation in CHECKED and data != files[name]


def outcome(data: bytes) -> str:
    """`refused`, or `read` for a valid picture that was written to every format that can hold it, and read back."""
    try:
        picture = images.read(data)
    except PictureError as error:
        assert str(error).strip(), "an error without a sentence"
        assert "\n" not in str(error), f"an error of several lines: {error}"
        return "refused"
    check(picture)
    try:
        masks.read(data, picture.height, picture.width, 128)
    except MaskError as error:
        assert str(error)
    for suffix in (".png", ".tif", ".webp", ".jpg"):
        try:
            images.check_writable(f"x{suffix}", picture)
        except OutputError:
            continue
        again = images.read(images.encode(picture, suffix))
        check(again)
        assert again.color.shape[:2] == picture.color.shape[:2]
        assert (again.icc, again.notes) == (picture.icc, ())
        if suffix in (".png", ".tif"):
            np.testing.assert_array_equal(again.rgb8(), picture.rgb8())
            assert (again.alpha is None) == (picture.alpha is None)
            if picture.alpha is not None:
                np.testing.assert_array_equal(again.alpha, picture.alpha)
    return "read"


def check(picture: Picture) -> None:
    """Whether it keeps what the class promises."""
    assert picture.color.dtype in (np.uint8, np.uint16)
    assert picture.color.ndim == 2 or (picture.color.ndim == 3 and picture.color.shape[2] == 3)
    assert picture.color.size > 0
    if picture.alpha is not None:
        assert (picture.alpha.dtype, picture.alpha.shape) == (picture.color.dtype, picture.color.shape[:2])
    for carried in (picture.exif, picture.icc):
        assert carried is None or (isinstance(carried, bytes) and carried)


def megabytes() -> float:
    """The most memory that this process has had. (On Linux getrusage would count its parent's, too.)"""
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text("ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1e3
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def main(seed: int, count: int) -> None:
    """Go through the files; prints the counts, or the file at which it ended."""
    os.environ["ZOO_MAX_PIXELS"] = str(MAX_PIXELS)
    warnings.simplefilter("ignore")
    for data in valid_files().values():
        assert outcome(data) == "read"
    base, slowest, counts = megabytes(), 0.0, Counter()
    for index in range(count):
        mutation, name, data, refuse = hostile_file(seed, index)
        faulthandler.dump_traceback_later(TIME_LIMIT, exit=True)  # also ends what hangs inside a decoder
        started = time.perf_counter()
        try:
            result = outcome(data)
            assert result == "refused" or not refuse, "a PNG with a wrong checksum was read"
        except BaseException:
            print(f"seed {seed}, file {index}: {mutation} of {name}", file=sys.stderr, flush=True)
            raise
        faulthandler.cancel_dump_traceback_later()
        slowest = max(slowest, time.perf_counter() - started)
        counts[f"{mutation} {result}"] += 1
        assert megabytes() - base < MEMORY_LIMIT, f"file {index} took {megabytes() - base:.0f} MB"
    growth = round(megabytes() - base, 1)
    print(json.dumps({"counts": dict(sorted(counts.items())), "slowest": round(slowest, 3), "megabytes": growth}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
