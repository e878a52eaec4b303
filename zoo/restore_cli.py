"""`python -m zoo restore`: files and folders in, files out."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .errors import PictureError, ZooError
from .images import SUFFIXES, check_writable, find_pictures


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument("inputs", nargs="+", type=Path, metavar="IN", help="pictures, or folders of pictures")
    parser.add_argument("-m", "--model", required=True, help="model id or family (see `python -m zoo list`)")
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="OUT", help="a file for one picture, "
                        "else a folder")  # fmt: skip
    parser.add_argument("--mask", type=Path, help="mask with white holes: a file for all, or a folder of masks with "
                        "the pictures' names")  # fmt: skip
    parser.add_argument("--mask-threshold", type=int, metavar="N", help="take grey mask values from N (1 to 255) up as "
                        "holes; without it a mask must be black and white")  # fmt: skip
    parser.add_argument("--tile", default="auto", metavar="N|auto|none", help="tile side in pixels; auto (default) "
                        "tiles large pictures only")  # fmt: skip
    parser.add_argument("--device", default="auto", help="auto (default), cpu, cuda, cuda:1, mps")
    parser.add_argument("--precision", default="fp32", help="fp32 (default), fp16, bf16")
    parser.add_argument("--weights", type=Path, metavar="FILE", help="use this checkpoint file")
    parser.add_argument("--recursive", action="store_true", help="go into subfolders and keep them in OUT")
    parser.add_argument("--format", choices=["png", "jpg", "webp", "tif"], help="write this format instead of each "
                        "input's own")  # fmt: skip
    parser.add_argument("--existing", choices=["error", "skip", "overwrite"], default="error", help="what to do where "
                        "an output exists (default: error)")  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Restore all inputs. Returns 0, or 1 when some of several pictures failed; a single failure raises ZooError."""
    from tqdm import tqdm

    from . import get_card, load

    get_card(args.model)  # a misspelled name is told before anything else
    jobs = plan(args)
    waiting = [job for job in jobs if not (args.existing == "skip" and job[1].exists())]
    model = load(
        args.model,
        device=args.device,
        precision=args.precision,
        tile=None if args.tile == "none" else args.tile,
        weights=args.weights,
    )
    if model.card.id != args.model:
        print(f"{args.model} stands for {model.card.id} here.", file=sys.stderr)
    failed: list[tuple[Path, str]] = []
    seconds = 0.0
    # None: a bar on a terminal, silence in a pipe.
    for source, target, mask in tqdm(waiting, unit="picture", disable=None if len(waiting) > 1 else True):
        try:
            result = model.restore(source, mask, mask_threshold=args.mask_threshold)
            result.save(target)
        except ZooError as error:
            if len(jobs) == 1:
                raise
            failed.append((source, str(error)))
            continue
        seconds += result.seconds
        for note in result.notes:
            print(f"{source}: {note}", file=sys.stderr)
    done = len(waiting) - len(failed)
    skipped = f", {len(jobs) - len(waiting)} already there" if len(jobs) > len(waiting) else ""
    print(f"restored {done} of {len(jobs)} with {model.card.id} on {model.device} in {seconds:.2f} s{skipped}")
    for source, reason in failed:
        print(f"failed: {source}: {reason}", file=sys.stderr)
    return 1 if failed else 0


def plan(args: argparse.Namespace) -> list[tuple[Path, Path, Path | None]]:
    """Decide every (input, output, mask) before any work. Raises ZooError for what is missing or would be lost."""
    sources: list[tuple[Path, Path]] = []  # (file, its path below OUT)
    for given in args.inputs:
        if given.is_dir():
            found = [(path, path.relative_to(given)) for path in find_pictures(given, args.recursive)]
            if not found:
                raise PictureError(f"there is no picture in {given} ({', '.join(sorted(SUFFIXES))}).")
            sources += found
        elif given.exists():
            sources.append((given, Path(given.name)))
        else:
            raise PictureError(f"cannot read {given}: no such file or folder.")

    one_file = len(args.inputs) == 1 and not args.inputs[0].is_dir() and args.output.suffix.lower() in SUFFIXES
    if one_file and not args.output.is_dir():
        targets = [args.output]
    else:
        if args.output.exists() and not args.output.is_dir():
            raise PictureError(f"cannot write into {args.output}: it is a file, and several pictures need a folder.")
        targets = [args.output / _renamed(below, args.format) for _, below in sources]

    jobs = []
    taken: dict[Path, Path] = {}
    for (source, _), target in zip(sources, targets, strict=True):
        if target in taken:
            raise PictureError(f"{source} and {taken[target]} would both be written to {target}.")
        taken[target] = source
        check_writable(target)
        if target.exists():
            if target.samefile(source):
                raise PictureError(f"{target} is the input itself; choose another output, so that nothing is lost.")
            if args.existing == "error":
                raise PictureError(f"{target} exists; pass --existing overwrite or --existing skip.")
        jobs.append((source, target, _mask_for(source, args.mask)))
    check_folder(args.output.parent if targets == [args.output] else args.output)
    return jobs


def _renamed(below: Path, form: str | None) -> Path:
    if form:
        return below.with_suffix(f".{form}")
    return below.with_suffix(".png") if below.suffix.lower() not in SUFFIXES - {".bmp"} else below


def _mask_for(source: Path, mask: Path | None) -> Path | None:
    """The mask file itself, or the one of the picture's name in a folder of masks."""
    if mask is None or not mask.is_dir():
        if mask is not None and not mask.exists():
            raise PictureError(f"cannot read the mask {mask}: no such file or folder.")
        return mask
    for path in find_pictures(mask):
        if path.stem == source.stem:
            return path
    raise PictureError(f"there is no mask named {source.stem} in {mask}.")


def check_folder(folder: Path) -> None:
    """Raise PictureError now, not after minutes of work, when the output folder cannot be written."""
    import tempfile

    from .errors import describe_os_error

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise PictureError(f"cannot write into {folder}: {describe_os_error(error)}.") from None
