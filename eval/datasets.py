"""Data sets: the embedded sample, the user's folders and pairs, and well-known sets by name.

`sample` is embedded, `folder:PATH` is a folder of clean pictures, `pairs:PATH` holds degraded and clean pictures with
the same names in two folders side by side, and `masked:PATH` clean pictures and masks of holes. A named set is looked
for under --data-root or ZOO_DATA, in the folders that its card names. Where `eval/manifests` lists its pictures, they
are recognized by their pixels, whatever format and names they have there, and get the names of the list; other
pictures in their place are measured, but not as that set.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Literal

from zoo.errors import PictureError, ZooError, describe_os_error
from zoo.io.files import printable, read_bytes
from zoo.io.images import find_pictures, max_bytes, read
from zoo.registry import Registry
from zoo.seeding import rng_for

from .plugins import PLUGINS

State = Literal["verified", "unverified", "different", "own"]
"""How sure it is that pictures are those of a card; see DatasetFacts in results.py."""
MANIFESTS = Path(__file__).parent / "manifests"
"""One file per listed set; `python -m eval manifest SET` writes what belongs into it."""

PAIR_FOLDERS = (("blur", "sharp"), ("input", "target"), ("lq", "gt"))
"""(degraded, clean) folder names of a paired set; a folder `mask` beside them has the holes, if any, and makes it one
for inpainting."""


@dataclass(frozen=True)
class HubArchive:
    """A .tar.gz of pictures in a data set's repository on the Hub."""

    repo: str
    revision: str
    """The commit, all 40 digits."""
    file: str

    def __str__(self) -> str:
        return f"{self.repo} at {self.revision[:12]} on the Hub"


@dataclass(frozen=True)
class DatasetCard:
    """Everything known of a data set before it is opened."""

    id: str
    title: str
    tasks: tuple[str, ...]
    license: str
    source: str
    """Page where people get it."""
    expected: int | None = None
    """Number of pictures (or pairs) of the whole set."""
    size: str = ""
    """Size of the download, for people."""
    scenario: str | None = None
    """What is measured when no scenario is named; None: all that fit the models."""
    pairs: bool = False
    masked: bool = False
    """Clean pictures in a folder `target`, and masks of holes in a folder `mask` beside it."""
    layouts: tuple[str, ...] = ()
    """Folders below the data root that may hold it, the first that is there; always its id too."""
    part: str | None = None
    """Folder inside the published set that is measured on; a folder without it is taken as a whole."""
    notes: str = ""
    """What a reader of its figures should know."""
    split: str = ""
    """The part of the published set that this is."""
    archive: HubArchive | None = None
    """Where `python -m eval fetch` gets it; None: by hand."""

    @property
    def by_hand(self) -> str:
        """What a user does to get it."""
        layout = (
            f"put its pairs into the folders {' and '.join('/'.join((self.id, name)) for name in PAIR_FOLDERS[0])}, "
            "of equal names"
            if self.pairs
            else f"put its pictures into a folder named {self.id}"
        )
        return f"get {self.title} ({self.size}; license: {self.license}) from {self.source} and {layout}"

    @property
    def how_to_get(self) -> str:
        """The command, or what a user does by hand."""
        return f"`python -m eval fetch {self.id}` gets it, or {self.by_hand}" if self.archive else self.by_hand

    half_of: str | None = None
    """The set that this is a half of: every second picture by name, from the first (`-reporting`) or the second
    (`-choosing`) on."""

    @property
    def manifest(self) -> dict[str, str]:
        """Picture name -> sha256 of its pixels (see `pixels_hash`), in the order of the set; empty: not listed."""
        if self.half_of is None:
            return _manifest(self.id)
        whole = _manifest(self.half_of)
        return {name: whole[name] for name in list(whole)[self.id.endswith("-choosing") :: 2]}

    @property
    def sha256(self) -> str | None:
        """Of the whole set as it is listed, None where it is not."""
        return _names_hash(self.manifest.items()) if self.manifest else None


@dataclass(frozen=True)
class Item:
    """One picture to measure on."""

    name: str
    """Unique in its set: the path below the set's folder."""
    clean: Path
    given: Path | None = None
    """The degraded picture, in a paired set."""
    mask: Path | None = None
    sha256: str = ""
    """Of the bytes of these files."""


@dataclass(frozen=True)
class Dataset:
    """An opened data set."""

    card: DatasetCard
    items: tuple[Item, ...]
    total: int
    """Pictures that a complete run has: those of the whole set, also under --limit."""
    sha256: str
    """Of the names of `items` with their pixels, where the card lists them, else with the bytes of their files."""
    key: str
    """Name of its folder among the stored work: the id, and for a user's folder something that tells it from others
    of the same name."""

    state: State
    """As in a result file: verified, unverified, different or own."""
    remark: str = ""
    """A sentence for people where the pictures are not those of the card."""

    @property
    def missing(self) -> int:
        """How many pictures of the whole set are not measured: beyond the limit, or not on this machine."""
        return self.total - len(self.items)


_NAMED = (
    DatasetCard(
        "celeba-hq", "CelebA-HQ", ("face",), "CelebA agreement: non-commercial research only",
        "https://github.com/tkarras/progressive_growing_of_gans", 30_000, "about 28 GB at 1024 px", "blind-face",
        notes="Any subset in a folder celeba-hq works; runs on less than all 30,000 pictures are not ranked.",
    ),
    DatasetCard(
        "ffhq", "FFHQ", ("face",), "CC BY-NC-SA 4.0 (single pictures: see its list)",
        "https://github.com/NVlabs/ffhq-dataset", 70_000, "89 GB at 1024 px", "blind-face",
    ),
    DatasetCard(
        "gopro", "GoPro test", ("deblur",), "CC BY 4.0", "https://seungjunnah.github.io/Datasets/gopro", 1_111,
        "about 9 GB with the training part", "given", pairs=True, part="test", split="test",
        notes="The folder gopro holds the published test/GOPR*/blur and sharp, or just blur and sharp.",
    ),
    DatasetCard(
        "places2", "Places365 validation", ("inpaint",), "research and education only (MIT Places)",
        "http://places2.csail.mit.edu/download.html", 36_500, "2 GB at 256 px", "free-form-holes", split="validation",
    ),
    DatasetCard(
        "kodak24", "Kodak Lossless True Color", ("restore",), "unrestricted", "https://r0k.us/graphics/kodak/", 24,
        "15 MB", layouts=("natural/val/kodak24",),
    ),
    DatasetCard(
        "cid22-val", "CID22 validation, 19 of its pictures", ("restore",), "CC BY-SA 4.0",
        "https://cloudinary.com/labs/cid22", 19, "5 MB", layouts=("natural/val/cid22_val",),
        notes="A subset: of the validation pictures that were at hand, one was left out because the training part has "
        "a copy of it.",
    ),
    DatasetCard(
        "faces-val", "Portraits for validation: London set, Presidential Innovation Fellows, CLIC 2025", ("face",),
        "CC BY 4.0 (London), CC0 (Fellows), Unsplash (CLIC)", "https://figshare.com/articles/dataset/5047666", 94,
        "7 MB at 512 px", "blind-face", layouts=("faces/val",),
        notes="50, 38 and 6 portraits, aligned as in FFHQ.",
    ),
    DatasetCard(
        "gopro-train-11", "GoPro, 11 frames of its training part", ("deblur",), "CC BY 4.0",
        "https://seungjunnah.github.io/Datasets/gopro", 11, "13 MB", "given", pairs=True,
        layouts=("motion_blur/val/gopro",),
        notes="A subset. Published networks were trained on these frames, so theirs are no test figures; the networks "
        "trained here were not.",
    ),
    DatasetCard(
        "gopro-test-3", "GoPro, 3 frames of its test part", ("deblur",), "CC BY 4.0",
        "https://seungjunnah.github.io/Datasets/gopro", 3, "4 MB", "given", pairs=True,
        layouts=("motion_blur/val/gopro_test",), notes="A subset of 1,111 frames: too few to tell networks apart.",
    ),
    DatasetCard(
        "set5", "Set5", ("super-resolution",), "not stated; research use",
        "https://people.rennes.inria.fr/Aline.Roumy/results/SR_BMVC12.html", 5, "1 MB", "sr-x4",
        layouts=("natural/val/set5",),
        archive=HubArchive("eugenesiow/Set5", "bcb97ac28c8a5f9113825f8d163564e16513f3ed", "data/Set5_HR.tar.gz"),
    ),
    DatasetCard(
        "set14", "Set14", ("super-resolution",), "not stated; research use",
        "https://sites.google.com/site/romanzeyde/research-interests", 14, "5 MB", "sr-x4",
        archive=HubArchive("eugenesiow/Set14", "32082290c102c791b1f797d5d7bef1436b01acb8", "data/Set14_HR.tar.gz"),
    ),
    DatasetCard(
        "bsd100", "BSD100: the test pictures of BSDS300", ("super-resolution",), "not stated; research use",
        "https://www2.eecs.berkeley.edu/Research/Projects/CS/vision/bsds", 100, "27 MB", "sr-x4", split="test",
        archive=HubArchive("eugenesiow/BSD100", "8fbc3a31603eba947ea6eba928d31fee0f0c31bb", "data/BSD100_HR.tar.gz"),
    ),
    DatasetCard(
        "urban100", "Urban100", ("super-resolution",), "not stated; research use",
        "https://github.com/jbhuang0604/SelfExSR", 100, "135 MB", "sr-x4",
        archive=HubArchive(
            "eugenesiow/Urban100", "d37e8442651987135e664a3bb7970054502baada", "data/Urban100_HR.tar.gz"
        ),
    ),
    DatasetCard(
        "div2k-val", "DIV2K validation, high resolution", ("super-resolution",), "academic research only",
        "https://data.vision.ee.ethz.ch/cvl/DIV2K", 100, "430 MB", "sr-x4", split="validation",
    ),
    DatasetCard(
        "cid22", "CID22 validation, original pictures", ("restore",), "CC BY-SA 4.0",
        "https://cloudinary.com/labs/cid22", 49, "15 MB", split="validation",
    ),
    DatasetCard(
        "hide", "HIDE test", ("deblur",), "not stated; research use", "https://github.com/joanshen0508/HA_deblur",
        2_025, "about 4 GB", "given", pairs=True, split="test",
    ),
    DatasetCard(
        "realblur-j", "RealBlur-J test", ("deblur",), "not stated; research use",
        "https://github.com/rimchang/RealBlur", 980, "about 12 GB with the other parts", "given", pairs=True,
        split="test", notes="JPEG pictures of a real camera, aligned to their sharp partners by their authors.",
    ),
    DatasetCard(
        "koehler", "Koehler et al., recorded camera shake", ("deblur",), "not stated; research use",
        "http://webdav.is.mpg.de/pixel/benchmark4camerashake", 48, "about 400 MB with all views", "given",
        pairs=True, notes="Four pictures, twelve paths each. The set has a target for every place of the path, and its "
        "own protocol takes the best; here one target is given a name and counts.",
    ),
    DatasetCard(
        "lfw", "Labeled Faces in the Wild", ("face",), "not stated; research use", "http://vis-www.cs.umass.edu/lfw",
        13_233, "173 MB at 250 px", "blind-face", notes="Of the size 250 px, so restored faces are small.",
    ),
)  # fmt: skip


def _halves(card: DatasetCard) -> tuple[DatasetCard, ...]:
    """Two sets: pictures that settings were chosen by looking at, and pictures that figures may be told of."""
    pictures = card.expected or 0
    return tuple(
        replace(
            card, id=f"{card.id}-{use}", title=f"{card.title}; half of it", half_of=card.id, expected=count,
            layouts=(card.id, *card.layouts), notes=f"{card.notes} {note}",
        )
        for use, count, note in (
            ("reporting", (pictures + 1) // 2, "Nothing was chosen by looking at this half."),
            ("choosing", pictures // 2, "Settings of bundled models may have been chosen on this half."),
        )
    )  # fmt: skip


SAMPLE = DatasetCard(
    "sample", "Color photographs shipped with scikit-image", ("restore",), "public domain and CC0",
    "https://scikit-image.org/docs/stable/api/skimage.data.html", 5, "embedded",
)  # fmt: skip
_SAMPLE_FILES = ("astronaut.png", "chelsea.png", "coffee.png", "hubble_deep_field.jpg", "rocket.jpg")

CARDS: Registry[DatasetCard] = Registry("data set", PLUGINS)
CARDS.add((card.id, card) for card in (SAMPLE, *_NAMED))
CARDS.add((half.id, half) for name in ("cid22-val", "faces-val") for half in _halves(CARDS[name]))


def data_root(given: str | os.PathLike | None = None) -> Path | None:
    """The folder that holds named data sets: the one given, else ZOO_DATA; None when neither is set."""
    value = given or os.environ.get("ZOO_DATA")
    return Path(value).expanduser() if value else None


def locate(card: DatasetCard, root: Path | None) -> Path | None:
    """The folder of a named data set on this machine, or None."""
    folders = [root / place for place in (card.id, *card.layouts)] if root else []
    folder = next((folder for folder in folders if folder.is_dir()), None)
    if folder is None:
        return None
    return folder / card.part if card.part and (folder / card.part).is_dir() else folder


def open_dataset(spec: str, root: str | os.PathLike | None = None, limit: int | None = None) -> Dataset:
    """Open a data set by name, `folder:PATH` or `pairs:PATH`; the first `limit` pictures by name, or all.

    Raises UnknownNameError for an unknown name, and ZooError when the data are missing, empty or badly paired.
    """
    kind, colon, path = spec.partition(":")
    key = spec
    if colon and kind in ("folder", "pairs", "masked"):
        given = Path(path).expanduser()
        if not path or not given.is_dir():
            raise ZooError(f"there is no folder {path or '(no path given)'} for the data set '{spec}'.")
        name = printable(given.resolve().name)  # results are published: they do not tell where on a machine it was
        card = DatasetCard(
            f"{kind}:{name}", name, ("restore",), "not stated", "a local folder",
            scenario={"pairs": "given", "masked": "given-masks"}.get(kind), pairs=kind == "pairs",
            masked=kind == "masked",
        )  # fmt: skip
        key = f"{card.id}-{hashlib.sha256(os.fsencode(given.resolve())).hexdigest()[:8]}"
        folder: Path | None = given
    elif spec in CARDS:
        card = CARDS[spec]
        folder = None if card is SAMPLE else locate(card, data_root(root))
        if card is not SAMPLE and folder is None:
            where = data_root(root)
            place = f"there is no folder {card.id} in {where}" if where else "neither --data-root nor ZOO_DATA is set"
            raise ZooError(f"the data set {card.id} is not on this machine ({place}): {card.how_to_get}.")
    else:
        raise CARDS.unknown(spec, [*CARDS, "folder:PATH", "pairs:PATH", "masked:PATH"])

    items, own, remark = find_items(card, folder), card.id not in CARDS, ""
    state: State = "own" if own else "verified" if card.manifest else "unverified"
    if state == "verified":
        items, remark = _recognized(card, items)
        if remark:
            state, key = "different", f"{card.id}-different"
        elif card.half_of:
            items = [item for item in items if item.name in card.manifest]
    if card.pairs and any(item.mask for item in items):
        card = replace(card, scenario="given-holes")
    total = max(card.expected or 0, len(items))
    if limit is not None:
        if limit < 1:
            raise ZooError(f"a limit is a number of pictures from 1 up, not {limit}.")
        items = items[:limit]
    items = [replace(item, sha256=_bytes_hash(item)) for item in items]
    twice = [name for name, count in Counter(item.name for item in items).items() if count > 1]
    if twice:
        raise ZooError(f"two pictures are named {twice[0]} here: rename one of them.")
    listed = card.manifest if state == "verified" else {}
    sha256 = _names_hash((item.name, listed.get(item.name, item.sha256)) for item in items)
    return Dataset(card, tuple(items), total, sha256, key, state, remark)


def _recognized(card: DatasetCard, items: list[Item]) -> tuple[list[Item], str]:
    """The items under the names of the card's list, and ""; or as they are, and what is wrong with them.

    Of a half, the items of the whole set are looked at.
    """
    manifest = _manifest(card.half_of or card.id)
    names = {sha256: name for name, sha256 in manifest.items()}
    found = {names.get(pixels_hash(item), ""): item for item in items}
    if len(found) == len(items) and "" not in found:
        return [replace(found[name], name=name) for name in manifest if name in found], ""
    strange = next((item.name for item in items if pixels_hash(item) not in names), "a picture that is there twice")
    return items, (
        f"these are not the pictures of {card.id}, which its card lists ({strange} is not among them): they are "
        f"measured, but not ranked as {card.id}."
    )


def listed(name: str, root: str | os.PathLike | None = None) -> dict[str, str]:
    """The manifest of a named set as it is on this machine: name without extension -> pixels.

    Raises as `open_dataset` does, and ZooError for a picture that cannot be read or is there twice.
    """
    folder = None
    if name != SAMPLE.id:
        open_dataset(name, root, limit=1)  # says what is missing
        folder = locate(CARDS[name], data_root(root))
    made: dict[str, str] = {}
    for item in find_items(CARDS[name], folder):
        key = item.name if name == SAMPLE.id else str(PurePosixPath(item.name).with_suffix(""))
        made[key] = pixels_hash(item)
    if "" in made.values() or len(set(made.values())) < len(made):
        raise ZooError(f"{folder} holds a picture that cannot be read, or one that is there twice.")
    return made


def pixels_hash(item: Item) -> str:
    """The sha256 of a picture's (or pair's) sizes and 8-bit RGB pixels, whatever format it is stored in.

    The empty string when it cannot be decoded, which is no picture of any list.
    """
    digest = hashlib.sha256()
    for path in (item.clean, item.given, item.mask):
        if path is not None:
            try:
                pixels = read(path).rgb8()
            except PictureError:
                return ""
            digest.update(f"{pixels.shape[1]} x {pixels.shape[0]}\0".encode() + pixels.tobytes())
    return digest.hexdigest()


def _names_hash(pictures: Iterable[tuple[str, str]]) -> str:
    """The sha256 of names and checksums, in their order."""
    return hashlib.sha256("".join(f"{name}\0{sha256}\0" for name, sha256 in pictures).encode()).hexdigest()


@functools.cache
def _manifest(name: str) -> dict[str, str]:
    path = MANIFESTS / f"{name}.json"
    # The shell empties the file that a new manifest is written into before this program starts.
    return json.loads(path.read_text(encoding="utf-8") or "{}") if path.is_file() else {}


def find_items(card: DatasetCard, folder: Path | None) -> list[Item]:
    """The pictures of a data set by name, not read yet. Raises ZooError when there are none, or they pair badly."""
    if folder is None:  # only the embedded set has none
        return _sample_items()
    if card.masked:
        return _masked_items(folder)
    return _pair_items(folder) if card.pairs else _folder_items(folder)


def _sample_items() -> list[Item]:
    import skimage.data

    folder = Path(skimage.data.__file__).parent
    return [Item(name, folder / name) for name in _SAMPLE_FILES]


def _folder_items(folder: Path) -> list[Item]:
    items = [Item(_name(path.relative_to(folder)), path) for path in find_pictures(folder, recursive=True)]
    if not items:
        raise ZooError(f"there is no picture in {folder}.")
    return items


def _pair_items(folder: Path) -> list[Item]:
    """Pair by name, never by order. Raises ZooError for a picture without partner."""
    items = []
    for degraded_name, clean_name in PAIR_FOLDERS:
        for clean_folder in sorted(folder.glob(f"**/{clean_name}")):
            degraded_folder = clean_folder.parent / degraded_name
            if not clean_folder.is_dir() or not degraded_folder.is_dir():
                continue
            clean = _by_stem(clean_folder)
            degraded = _by_stem(degraded_folder)
            holes = _by_stem(clean_folder.parent / "mask")
            for partners in (degraded, holes) if holes else (degraded,):
                lonely = sorted(clean.keys() ^ partners.keys())
                if lonely:
                    raise ZooError(
                        f"{len(lonely)} of the pictures in {clean_folder} and {next(iter(partners.values())).parent} "
                        f"have no partner of the same name, such as {lonely[0]}."
                    )
            prefix = clean_folder.parent.relative_to(folder)
            items += [
                Item(_name(prefix / path.name), path, degraded[stem], holes.get(stem))
                for stem, path in sorted(clean.items())
            ]
    if not items:
        names = " or ".join(f"{a}/ and {b}/" for a, b in PAIR_FOLDERS)
        raise ZooError(f"there are no pairs in {folder}: it needs the folders {names}, with the same picture names.")
    return sorted(items, key=lambda item: item.name)


def _masked_items(folder: Path) -> list[Item]:
    """Pictures with masks: of their own names, or, where no mask has a picture's name, dealt out by these names.

    Raises ZooError when only some of the pictures have a mask of their name.
    """
    both = [folder / name for name in ("target", "mask")]
    pictures, holes = (_by_stem(each) if each.is_dir() else {} for each in both)
    if not pictures or not holes:
        raise ZooError(f"{folder} needs clean pictures in a folder target and masks in a folder mask.")
    lonely = sorted(pictures.keys() - holes.keys())
    if lonely and len(lonely) < len(pictures):
        raise ZooError(f"{len(lonely)} of the pictures in {folder / 'target'} have no mask of their name, such as "
                       f"{lonely[0]}, and others have.")  # fmt: skip
    names = sorted(holes)
    return [
        Item(
            _name(Path(path.name)),
            path,
            mask=holes[names[rng_for("mask", stem).integers(len(names))] if lonely else stem],
        )
        for stem, path in sorted(pictures.items())
    ]


def _name(below: Path) -> str:
    """A picture's name in results: text, also where the name of its file is none."""
    return printable(below.as_posix())


def _by_stem(folder: Path) -> dict[str, Path]:
    """The pictures of a folder by name without suffix. Raises ZooError when two share one."""
    found: dict[str, Path] = {}
    for path in find_pictures(folder):
        if path.stem in found:
            raise ZooError(f"{path} and {found[path.stem].name} have the same name, so their partners are not clear.")
        found[path.stem] = path
    return found


def _bytes_hash(item: Item) -> str:
    digest = hashlib.sha256()
    for path in (item.clean, item.given, item.mask):
        try:
            digest.update(hashlib.sha256(read_bytes(path, max_bytes())).digest() if path else b"-")
        except OSError as error:
            raise ZooError(f"cannot read {path}: {describe_os_error(error)}.") from None
    return digest.hexdigest()
