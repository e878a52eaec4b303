"""Copies that were made in every way that people copy pictures are found; different pictures are not."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from eval import leaks
from eval.leaks import print_of, same
from tests.eval.helpers import evaluate, photograph

SHARED = Path(os.environ.get("ZOO_SHARED") or Path(__file__).parents[3] / "shared")
NAMES = ["astronaut", "chelsea", "coffee", "rocket"]


def stored(image: Image.Image, quality: int) -> Image.Image:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return Image.open(stream)


def cropped(image: Image.Image, share: float) -> Image.Image:
    width, height = image.size
    left, top = round(width * (1 - share) * 0.4), round(height * (1 - share) * 0.7)
    return image.crop((left, top, left + round(width * share), top + round(height * share)))


COPIES = {
    "re-encoded": lambda image: stored(image, 30),
    "smaller": lambda image: image.resize((image.width // 2, image.height // 2)),
    "stretched": lambda image: image.resize((image.width, round(image.height * 1.2))),
    "mirrored": lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "grey": lambda image: image.convert("L").convert("RGB"),
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.3),
    "recolored": lambda image: Image.fromarray(np.asarray(image)[..., [2, 0, 1]]),
    "cropped a little": lambda image: cropped(image, 0.9),
    "cropped to a half": lambda image: cropped(image, 0.6),
    "cropped, smaller, mirrored, stored": lambda image: stored(
        cropped(image, 0.7).resize((256, 256)).transpose(Image.Transpose.FLIP_LEFT_RIGHT), 60
    ),
}


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    """A folder with the photographs."""
    folder = tmp_path_factory.mktemp("train")
    for name in NAMES:
        Image.fromarray(photograph(name)).save(folder / f"{name}.png")
    return folder


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee"])
def test_copies_are_found(name, how, originals, tmp_path):
    COPIES[how](Image.fromarray(photograph(name))).save(tmp_path / "copy.png")
    copy = print_of(tmp_path / "copy.png")
    found = {other for other in NAMES if same(print_of(originals / f"{other}.png"), copy)}
    assert found == {name}


def test_different_pictures_are_not(originals, tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    others = {
        "flat": np.full((300, 400, 3), 90, np.uint8),
        "noise": noise,
        "gradient": np.repeat(np.linspace(0, 255, 400).astype(np.uint8)[None, :, None], 300, 0).repeat(3, 2),
        "left half": photograph("coffee")[:, :280],
        "right half": photograph("coffee")[:, 320:],
    }
    made = []
    for name, array in others.items():
        Image.fromarray(np.ascontiguousarray(array)).save(tmp_path / f"{name}.png")
        made.append(print_of(tmp_path / f"{name}.png"))
    made += [print_of(originals / f"{name}.png") for name in NAMES if name != "coffee"]
    pairs = [(one.path.stem, other.path.stem) for i, one in enumerate(made) for other in made[:i] if same(one, other)]
    assert pairs == []


def test_aligned_portraits_of_others_are_not():
    """Their key points agree, as eyes and mouths lie in the same places."""
    faces = SHARED / "data" / "faces"
    pairs = [("canada/can_151m", "london/lon_130_03"), ("canada/can_020f", "london/lon_014_03")]
    if not faces.is_dir():
        pytest.skip("the portraits are not here (set ZOO_SHARED to the folder that holds them)")
    for train, val in pairs:
        one, other = (print_of(faces / part / f"{name}.jpg") for part, name in (("train", train), ("val", val)))
        agreeing, _ = leaks._agreeing(one.points, one.descriptors, other.points, other.descriptors)
        mirrored, _ = leaks._agreeing(one.points, one.descriptors, other.mirrored_points, other.mirrored)
        assert max(agreeing, mirrored) >= leaks.AGREEING
        assert same(one, other) is None


def test_the_command(originals, tmp_path, capsys):
    val = tmp_path / "val"
    val.mkdir()
    Image.fromarray(photograph("rocket")).save(val / "new.png")
    cropped(Image.fromarray(photograph("coffee")), 0.7).save(val / "old.jpg")
    (val / "broken.png").write_bytes(b"nothing")
    assert evaluate("leaks", originals, val) == 1
    shown = capsys.readouterr()
    (rocket,) = [line for line in shown.out.splitlines() if "new.png" in line]
    (coffee,) = [line for line in shown.out.splitlines() if "old.jpg" in line]
    assert "rocket.png" in rocket and "correlation 1.000" in rocket
    assert "coffee.png" in coffee and "key points agree" in coffee
    assert "broken.png" in shown.err
    (originals / "rocket.png").rename(tmp_path / "rocket.png")
    (originals / "coffee.png").rename(tmp_path / "coffee.png")
    assert evaluate("leaks", originals, val) == 0
    assert "none of 2 pictures" in capsys.readouterr().out
    for name in ("rocket", "coffee"):
        (tmp_path / f"{name}.png").rename(originals / f"{name}.png")
    assert evaluate("leaks", tmp_path / "nowhere", val) == 2
    assert "there is no folder" in capsys.readouterr().err
