"""Finding a model's weights, and verifying them before anything opens them."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path

from ..card import ModelCard, Weights
from ..errors import WeightsError, describe_os_error
from . import download, places, record
from .checksum import sha256_of


@dataclass(frozen=True)
class FoundFile:
    """One verified file on this machine."""

    path: Path
    sha256: str
    origin: str
    """"bundled", "file", "folder", "Hub cache" or "downloads"."""
    prefix: str = ""
    """What goes before the names of its tensors."""
    first_use: tuple[str, str] | None = None
    """(name, source) of a file that nothing is known of yet: see `trust`."""


@dataclass(frozen=True)
class Found:
    """A model's verified weights."""

    files: tuple[FoundFile, ...]

    @property
    def sha256(self) -> str:
        """The file's sha256; those of several files are joined by "+"."""
        return "+".join(file.sha256 for file in self.files)


def locate(file: Weights) -> tuple[Path, str] | None:
    """Where a weights file lies on this machine, and the name of that place; the network is never asked."""
    if Path(file.filename).is_absolute():  # the card was made from the user's own file
        return (Path(file.filename), "file") if Path(file.filename).is_file() else None
    if (path := places.BUNDLED / file.filename).is_file():
        return path, "bundled"
    if (folder := places.local_folder()) and (path := folder / file.filename).is_file():
        return path, "folder"
    for source in file.sources:
        if source.repo and (path := download.in_hub_cache(source)):
            return path, "Hub cache"
        if source.url and (path := places.downloads_folder() / file.filename).is_file():
            return path, "downloads"
    return None


def is_bundled(card: ModelCard) -> bool:
    """Whether the model's weights are shipped with the project."""
    return bool(card.files) and all((places.BUNDLED / file.filename).is_file() for file in card.files)


def missing_reason(card: ModelCard) -> str | None:
    """One sentence on what is missing and what gets it, or None when the weights are on this machine."""
    missing = [file for file in card.files if locate(file) is None]
    if not missing:
        return None
    names = " and ".join(describe(file) for file in missing)
    it = "them" if len(missing) > 1 else "it"
    folder = places.local_folder()
    into = f"the folder {folder} (ZOO_WEIGHTS)" if folder else "the folder that ZOO_WEIGHTS names"
    pages = dict.fromkeys(source.page for file in missing for source in file.sources if source.page)
    if all(any(source.repo or source.url for source in file.sources) for file in missing):
        way = f"`python -m zoo download {card.id}` gets {names}"
    else:
        way = f"get {names} from {' or '.join(pages) or 'its authors'} and put {it} into {into}"
    return f"the weights of {card.id} are not on this machine: {way}, or pass your own with --weights."


def describe(file: Weights) -> str:
    """A file's name with its size, where known, and its license."""
    size = f"{file.size / 1e6:.1f} MB, " if file.size else ""
    return f"{file.filename} ({size}license: {file.license})"


def resolve(card: ModelCard, override: str | Path | None = None, *, may_download: bool = True) -> Found:
    """Find and verify a model's weights: the given file or folder, else those on this machine, else a download.

    The given file is taken as it is: it may well be another than the published one. A model of several files takes
    the folder that holds them. Raises WeightsError when weights are missing, cannot be fetched, or have another
    sha256 than the published (or first used) file; such a file is removed if it was downloaded.
    """
    if override is not None:
        return Found(tuple(_given(card, Path(override).expanduser())))
    found = []
    for file in card.files:
        place = locate(file)
        if place is None and may_download and any(source.repo or source.url for source in file.sources):
            print(f"{card.id}: downloading {describe(file)}", file=sys.stderr, flush=True)
            place = download.fetch(file)
        if place is None:
            raise WeightsError(missing_reason(card) or f"{file.filename} went away while it was looked for.")
        found.append(_verified(file, *place))
    return Found(tuple(found))


def _given(card: ModelCard, path: Path) -> list[FoundFile]:
    if not path.exists():
        raise WeightsError(f"there is no weights file {path}.")
    if path.is_dir():
        options = [[path / file.filename, path / Path(file.filename).name] for file in card.files]
        paths = [next((p for p in option if p.is_file()), option[-1]) for option in options]
    elif len(card.files) > 1:
        names = " and ".join(Path(file.filename).name for file in card.files)
        raise WeightsError(f"{card.id} is made of several files: give the folder that holds {names}, not {path}.")
    else:
        paths = [path]
    for p in paths:
        if not p.is_file():
            raise WeightsError(f"there is no weights file {p}.")
    return [FoundFile(p, _hash(p), "file", file.prefix) for p, file in zip(paths, card.files, strict=True)]


def _verified(file: Weights, path: Path, origin: str) -> FoundFile:
    found = FoundFile(path, _hash(path), origin, file.prefix)
    state = check(file, found)
    if state == "wrong":
        raise WeightsError(_refusal(file, found))
    if state == "new":
        found = replace(found, first_use=(file.filename, " or ".join(map(str, file.sources)) or origin))
    return found


def trust(found: Found) -> None:
    """Record the sha256 of files that were used for the first time; to be called when they have been opened, so that
    no web page or broken download becomes the file that is trusted."""
    for file in found.files:
        if file.first_use is None:
            continue
        try:
            record.remember(file.first_use[0], file.sha256, file.first_use[1])
        except OSError as error:  # a read-only home must not stop anyone from using a file that is there
            print(f"warning: the sha256 of {file.path} was not recorded: {describe_os_error(error)}.", file=sys.stderr)


def check(file: Weights, found: FoundFile) -> str:
    """How a hash stands to what is known of the file.

    "published" (it is the card's), "first use" (it is the recorded one), "unchecked" (shipped with the project, or
    the user's own choice), "new" (nothing is known yet) or "wrong". Raises WeightsError for a damaged record.
    """
    if found.origin == "file":
        return "unchecked"
    if file.sha256 is not None:
        return "published" if file.sha256 == found.sha256 else "wrong"
    if found.origin == "bundled":
        return "unchecked"
    known = record.recorded(file.filename)
    if known is not None:
        return "first use" if known == found.sha256 else "wrong"
    return "wrong" if file.size not in (None, found.path.stat().st_size) else "new"


def _refusal(file: Weights, found: FoundFile) -> str:
    if file.sha256 is not None:
        text = f"{found.path} is not the published file: its sha256 is {found.sha256}, that of the published one is "
        text += file.sha256
    elif known := record.recorded(file.filename):
        text = f"{found.path} is not the file that was first used: its sha256 is {found.sha256}, the recorded one is "
        text += f"{known}; `python -m zoo weights --forget {file.filename}` makes the zoo trust a new file"
    else:
        text = f"{found.path} is not the published file: it has {found.path.stat().st_size} bytes, not {file.size}"
    if found.origin in ("Hub cache", "downloads"):
        download.remove(found.path)
        text += "; it has been removed"
    return text + "."


def _hash(path: Path) -> str:
    try:
        return sha256_of(path)
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {describe_os_error(error)}.") from None
