"""Data sets: the embedded sample, the user's folders and pairs, and well-known sets by name.

`sample` is embedded, `folder:PATH` is a folder of clean pictures, `pairs:PATH` holds degraded and clean pictures with
the same names in two folders side by side. A named set is looked for as a folder of that name under --data-root or
ZOO_DATA.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from zoo.errors import UnknownNameError, ZooError, describe_os_error
from zoo.files import printable, read_bytes
from zoo.images import find_pictures, max_bytes

PAIR_FOLDERS = (("blur", "sharp"), ("input", "target"), ("lq", "gt"))
"""(degraded, clean) folder names of a paired set; a folder `mask` beside them has the holes, if any, and makes it one
for inpainting."""


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
    part: str | None = None
    """Folder inside the published set that is measured on; a folder without it is taken as a whole."""
    notes: str = ""


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
    """Of the names and bytes of all files of `items`."""
    key: str
    """Name of its folder among the stored work: the id, and for a user's folder something that tells it from others
    of the same name."""

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
        "about 9 GB with the training part", "given", pairs=True, part="test",
        notes="The folder gopro holds the published test/GOPR*/blur and sharp, or just blur and sharp.",
    ),
    DatasetCard(
        "places2", "Places365 validation", ("inpaint",), "research and education only (MIT Places)",
        "http://places2.csail.mit.edu/download.html", 36_500, "2 GB at 256 px", "free-form-holes",
    ),
    DatasetCard(
        "kodak", "Kodak Lossless True Color", ("restore",), "unrestricted", "https://r0k.us/graphics/kodak/", 24,
        "15 MB", "motion-blur",
    ),
    DatasetCard(
        "set5", "Set5", ("super-resolution",), "not stated; research use",
        "https://people.rennes.inria.fr/Aline.Roumy/results/SR_BMVC12.html", 5, "1 MB", "sr-x4",
    ),
    DatasetCard(
        "set14", "Set14", ("super-resolution",), "not stated; research use",
        "https://sites.google.com/site/romanzeyde/research-interests", 14, "4 MB", "sr-x4",
    ),
)  # fmt: skip
SAMPLE = DatasetCard(
    "sample", "Color photographs shipped with scikit-image", ("restore",), "public domain and CC0",
    "https://scikit-image.org/docs/stable/api/skimage.data.html", 5, "embedded",
)  # fmt: skip
_SAMPLE_FILES = ("astronaut.png", "chelsea.png", "coffee.png", "hubble_deep_field.jpg", "rocket.jpg")

CARDS = {card.id: card for card in (SAMPLE, *_NAMED)}


def data_root(given: str | os.PathLike | None = None) -> Path | None:
    """The folder that holds named data sets: the one given, else ZOO_DATA; None when neither is set."""
    value = given or os.environ.get("ZOO_DATA")
    return Path(value).expanduser() if value else None


def locate(card: DatasetCard, root: Path | None) -> Path | None:
    """The folder of a named data set on this machine, or None."""
    folder = root / card.id if root else None
    if folder is None or not folder.is_dir():
        return None
    return folder / card.part if card.part and (folder / card.part).is_dir() else folder


def open_dataset(spec: str, root: str | os.PathLike | None = None, limit: int | None = None) -> Dataset:
    """Open a data set by name, `folder:PATH` or `pairs:PATH`; the first `limit` pictures by name, or all.

    Raises UnknownNameError for an unknown name, and ZooError when the data are missing, empty or badly paired.
    """
    kind, colon, path = spec.partition(":")
    key = spec
    if colon and kind in ("folder", "pairs"):
        given = Path(path).expanduser()
        if not path or not given.is_dir():
            raise ZooError(f"there is no folder {path or '(no path given)'} for the data set '{spec}'.")
        name = printable(given.resolve().name)  # results are published: they do not tell where on a machine it was
        card = DatasetCard(
            f"{kind}:{name}", name, ("restore",), "not stated", "a local folder",
            scenario="given" if kind == "pairs" else None, pairs=kind == "pairs",
        )  # fmt: skip
        key = f"{card.id}-{hashlib.sha256(os.fsencode(given.resolve())).hexdigest()[:8]}"
        folder: Path | None = given
    elif spec in CARDS:
        card = CARDS[spec]
        folder = None if card is SAMPLE else locate(card, data_root(root))
        if card is not SAMPLE and folder is None:
            where = data_root(root)
            place = f"there is no folder {card.id} in {where}" if where else "neither --data-root nor ZOO_DATA is set"
            raise ZooError(
                f"the data set {card.id} is not on this machine ({place}): get {card.title} ({card.size}; license: "
                f"{card.license}) from {card.source} and put its pictures into a folder named {card.id}."
            )
    else:
        raise UnknownNameError("data set", spec, [*CARDS, "folder:PATH", "pairs:PATH"])

    items = find_items(card, folder)
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
    names = hashlib.sha256("".join(f"{item.name}\0{item.sha256}\0" for item in items).encode())
    return Dataset(card, tuple(items), total, names.hexdigest(), key)


def find_items(card: DatasetCard, folder: Path | None) -> list[Item]:
    """The pictures of a data set by name, not read yet. Raises ZooError when there are none, or they pair badly."""
    if folder is None:  # only the embedded set has none
        return _sample_items()
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
