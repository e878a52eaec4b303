"""Data sets from the Hub: an archive of a pinned revision, put below the data root as a folder of pictures."""

from __future__ import annotations

import argparse
import shutil
import tarfile
import tempfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from zoo.errors import OutputError, ZooError, describe_os_error
from zoo.io.files import printable

if TYPE_CHECKING:
    from .datasets import DatasetCard

PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
MOST_PICTURES = 100_000
MOST_BYTES = 4 * 2**30
"""What an archive may unpack to."""


def fetch(card: DatasetCard, root: Path) -> Path:
    """Download a data set's archive, and unpack its pictures into a folder of the data root; the folder.

    A download that broke off goes on where it was. Nothing but a whole set ever stands in that folder. Raises ZooError
    when the set is fetched by hand, is there already, or cannot be had; OutputError when the disk refuses.
    """
    if card.archive is None:
        raise ZooError(f"{card.id} is got by hand: {card.by_hand}.")
    folder = root / card.id
    if folder.exists():
        raise ZooError(f"{folder} is there already; remove it to fetch {card.id} again.")
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=root, prefix=f".{card.id}-") as temporary:
            made = Path(temporary) / card.id
            made.mkdir()
            count = _unpack(_download(card), made)
            if card.expected is not None and count != card.expected:
                raise ZooError(f"the archive of {card.id} holds {count} pictures, not {card.expected}.")
            made.rename(folder)
    except OSError as error:
        raise OutputError(f"cannot write to {root}: {describe_os_error(error)}.") from None
    return folder


def _download(card: DatasetCard) -> Path:
    from huggingface_hub import constants, errors, hf_hub_download

    archive = card.archive
    assert archive is not None
    if constants.HF_HUB_OFFLINE:
        raise ZooError(f"{card.id} was not fetched: HF_HUB_OFFLINE is set.")
    try:
        return Path(hf_hub_download(archive.repo, archive.file, repo_type="dataset", revision=archive.revision))
    except Exception as error:  # the client's own errors, its HTTP library's and the disk's
        cause = error.__cause__ if isinstance(error, errors.LocalEntryNotFoundError) else None
        reason = printable(str(cause or error)).splitlines() or [type(error).__name__]
        raise ZooError(f"{card.id} was not fetched from {archive} ({reason[0]}); run it again to go on.") from None


def _unpack(path: Path, folder: Path) -> int:
    """The number of pictures that were put into the folder, by their own names."""
    taken: set[str] = set()
    size = 0
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                name = PurePosixPath(member.name).name
                if not member.isfile() or not name.lower().endswith(PICTURES) or name.startswith("."):
                    continue
                size += member.size
                if name in taken or len(taken) >= MOST_PICTURES or size > MOST_BYTES:
                    raise ZooError(f"{path.name} holds more than a data set: two pictures named {name}, or too many.")
                taken.add(name)
                source = archive.extractfile(member)
                assert source is not None, "a regular file"
                with source, (folder / name).open("wb") as target:
                    shutil.copyfileobj(source, target)
    except (tarfile.TarError, EOFError) as error:
        raise ZooError(f"{path.name} is no archive, or is damaged: {error}.") from None
    return len(taken)


def main(arguments: list[str]) -> int:
    """The command `python -m eval fetch`. Raises ZooError."""
    parser = argparse.ArgumentParser(prog="python -m eval fetch", description="Fetch a data set from the Hub.")
    parser.add_argument("dataset", metavar="NAME", help="of `python -m eval datasets`")
    parser.add_argument("--data-root", type=Path, metavar="DIR", help="folder of the named sets (default: ZOO_DATA)")
    args = parser.parse_args(arguments)
    from .datasets import CARDS, data_root

    card = CARDS.get(args.dataset)
    root = data_root(args.data_root)
    if root is None:
        raise ZooError("neither --data-root nor ZOO_DATA says where data sets are kept.")
    print(f"fetching {card.title} ({card.size}; license: {card.license})")
    print(f"{card.id} is in {fetch(card, root)}")
    return 0
