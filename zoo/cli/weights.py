"""The subcommands `download`, `weights` and `convert` of `python -m zoo`.

Each is a class with a `name`, a `help` line, `add_arguments(parser)` and `run(args) -> exit status`. Heavy imports
happen in `run`. What a user can mend is raised as a ZooError or, for one of several models, printed on stderr.
"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..card import TASKS, ModelCard, Weights
from ..errors import UnknownNameError, WeightsError, ZooError, describe_os_error

if TYPE_CHECKING:
    from collections.abc import Iterable


class Download:
    """Fetch the published weights of models, verify them, and make them ready to load."""

    name = "download"
    help = "fetch the published weights of models; shows size and license first"

    @staticmethod
    def add_arguments(parser: ArgumentParser) -> None:
        """Add the arguments of `python -m zoo download`."""
        parser.add_argument("models", nargs="*", metavar="ID", help="model ids, family names, or openmodeldb:NAME")
        parser.add_argument("--task", choices=sorted(TASKS), help="all models for this task")
        parser.add_argument("--all", action="store_true", help="all models")
        parser.add_argument(
            "--license", metavar="L", help='of these, only those under one license (SPDX id), or "permissive"'
        )

    @staticmethod
    def run(args: Namespace) -> int:
        """Fetch them all; 2 when one could not be fetched. Raises ZooError for a wrong choice of models."""
        from .. import registry
        from ..weights.licenses import is_licensed

        if sum((bool(args.models), bool(args.task), args.all)) != 1:
            raise ZooError("name the models to download, or give --task or --all.")
        if args.models:
            cards = [_published(name) for name in args.models]
        else:
            cards = [card for card in registry.list_models(task=args.task) if _fetchable(card)]
        if args.license:
            cards = [card for card in cards if is_licensed(card.license, args.license)]
        cards = list(dict.fromkeys(cards))
        if not cards:
            raise ZooError("no model that can be downloaded matches.")
        _announce(cards)
        failed = 0
        for card in cards:
            try:
                _fetch(card)
            except WeightsError as error:
                print(f"error: {error}", file=sys.stderr)
                failed = 2
        return failed


def _published(name: str) -> ModelCard:
    """The card of an id, or of a family's published default: that is what a download of the family means."""
    from .. import registry

    defaults = [card for card in registry.list_models() if card.family == name and card.family_default]
    return defaults[0] if defaults else registry.get_card(name)


def _fetchable(card: ModelCard) -> bool:
    """Whether a model has weights, and all that are not here can be downloaded."""
    from ..weights import state

    return state(card) in ("here", "downloadable")


def _announce(cards: list[ModelCard]) -> None:
    """Say what is about to be downloaded: size, license, and whether it allows commercial use."""
    from ..weights import locate

    missing = [(card, file) for card in cards for file in card.files if locate(file) is None]
    if not missing:
        return
    for card, file in missing:
        size = f"{file.size / 1e6:.1f} MB" if file.size else "size not known"
        forbids = ", no commercial use" if card.commercial_use is False else ""
        print(f"{card.name}: {file.filename}, {size}, license: {file.license}{forbids}", file=sys.stderr)
    known = sum(file.size or 0 for _, file in missing)
    rest = sum(file.size is None for _, file in missing)
    more = f" and {rest} of unknown size" if rest else ""
    print(f"{len(missing)} files to download, {known / 1e6:.1f} MB{more}", file=sys.stderr, flush=True)


def _fetch(card: ModelCard) -> None:
    from .. import weights

    if not card.files:
        print(f"{card.name}: needs no weights")
        return
    found = weights.resolve(card)
    weights.load_tensors(found)  # opens them once, so that a later load finds them converted
    for file, entry in zip(card.files, found.files, strict=True):
        size = f"{entry.path.stat().st_size / 1e6:.1f} MB"
        print(f"{card.name}: {entry.path} ({size}, sha256 {entry.sha256}, license: {file.license})")


class ListWeights:
    """Show which weights are on this machine."""

    name = "weights"
    help = "show which weights are here, where from, their size, hash and license"

    @staticmethod
    def add_arguments(parser: ArgumentParser) -> None:
        """Add the arguments of `python -m zoo weights`."""
        parser.add_argument("--json", action="store_true", help="print JSON")
        parser.add_argument(
            "--forget", metavar="FILE", help="drop the sha256 recorded at first use, to trust a new file of that name"
        )

    @staticmethod
    def run(args: Namespace) -> int:
        """Print the table, or forget a record. Raises ZooError for a file of no model or without a record."""
        from .. import registry

        cards = [card for card in registry.list_models() if card.files]
        if args.forget:
            return _forget(args.forget, cards)
        rows = [_row(card, file) for card in cards for file in card.files]
        if args.json:
            print(json.dumps(rows, indent=1))
        else:
            _print_table(rows)
        return 0


def _forget(filename: str, cards: Iterable[ModelCard]) -> int:
    from ..weights import record

    names = {file.filename for card in cards for file in card.files}
    if filename not in names:
        raise UnknownNameError("weights file", filename, names)
    try:
        if not record.forget(filename):
            raise ZooError(f"no sha256 of {filename} is recorded.")
    except OSError as error:
        raise ZooError(f"the record of {filename} was not dropped: {describe_os_error(error)}.") from None
    print(f"the next {filename} will be trusted")
    return 0


def _row(card: ModelCard, file: Weights) -> dict[str, Any]:
    """What is known of one weights file. `hash` is as `zoo.weights.resolve.check` says, or what went wrong."""
    from .. import weights
    from ..weights.resolve import check

    row = {
        "model": card.id,
        "file": file.filename,
        "place": None,
        "path": None,
        "size": file.size,
        "sha256": file.sha256,
        "hash": None,
        "license": file.license,
        "sources": [str(source) for source in file.sources],
    }
    if place := weights.locate(file):
        path, origin = place
        try:
            found = weights.FoundFile(path, weights.sha256_of(path), origin)
            row |= {"place": origin, "path": str(path), "size": path.stat().st_size, "sha256": found.sha256}
            row["hash"] = check(file, found)
        except OSError as error:
            row |= {"place": origin, "path": str(path), "hash": describe_os_error(error)}
        except WeightsError as error:
            row["hash"] = str(error)
    return row


def _print_table(rows: list[dict[str, Any]]) -> None:
    from ..weights import places
    from .common import table

    lines = [
        (
            row["model"],
            row["file"],
            row["place"] or "not here",
            f"{row['size'] / 1e6:.1f}" if row["size"] else "?",
            (row["sha256"] or "?")[:12],
            row["hash"] or "-",
            row["license"],
            next(iter(row["sources"]), "this project"),
        )
        for row in rows
    ]
    print(table(("model", "file", "where", "MB", "sha256", "hash", "license", "from"), lines))
    print(f"\nbundled: {places.BUNDLED}; ZOO_WEIGHTS: {places.local_folder() or 'not set'}; ", end="")
    print(f"cache: {places.cache_folder()}")


class Convert:
    """Turn a checkpoint into a plain safetensors file."""

    name = "convert"
    help = "turn a checkpoint into a safetensors file, without running anything in it"

    @staticmethod
    def add_arguments(parser: ArgumentParser) -> None:
        """Add the arguments of `python -m zoo convert`."""
        parser.add_argument("input", type=Path, metavar="IN", help="a torch or safetensors checkpoint")
        parser.add_argument("output", type=Path, metavar="OUT", help="the .safetensors file to write")

    @staticmethod
    def run(args: Namespace) -> int:
        """Convert. Raises WeightsError when IN cannot be read safely or OUT cannot be written."""
        from ..weights import sha256_of
        from ..weights.reading import read_checkpoint, save
        from ..weights.recognize import looks_like

        if args.output.suffix != ".safetensors":
            raise WeightsError(f"the output must end in .safetensors: {args.output}.")
        if args.output.exists() and args.input.exists() and args.output.samefile(args.input):
            raise WeightsError(f"input and output are the same file: {args.output}.")
        tensors = read_checkpoint(args.input)
        try:
            save(tensors, args.output)
        except OSError as error:
            raise WeightsError(f"cannot write {args.output}: {describe_os_error(error)}.") from None
        like = looks_like(tensors)
        print(f"{args.output}: {len(tensors)} tensors, {args.output.stat().st_size / 1e6:.1f} MB, ", end="")
        print(f"sha256 {sha256_of(args.output)}; {'looks like ' + like if like else 'of no family known here'}")
        return 0


COMMANDS = (Download, ListWeights, Convert)
