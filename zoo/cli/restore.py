"""`python -m zoo restore`: files and folders in, files out."""

from __future__ import annotations

import argparse
import itertools
import sys
from pathlib import Path

from ..errors import MaskError, OutputError, PictureError, ZooError, describe_os_error
from ..io.images import SUFFIXES, check_writable, find_pictures
from ..seeding import check_model, checked_count, checked_seed, numbered
from .common import explain_id

_SAME_FORMAT = {"png": {".png"}, "jpg": {".jpg", ".jpeg"}, "webp": {".webp"}, "tif": {".tif", ".tiff"}}
_LIKE_A_PICTURE = SUFFIXES | {".gif", ".heic", ".heif", ".avif", ".jfif", ".jp2", ".jxl", ".psd", ".pdf", ".svg"}


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
    parser.add_argument("--samples", metavar="N", help="so many different results (1 to 64) of each picture, by "
                        "models that can draw them: OUT.png becomes OUT-1.png, OUT-2.png and so on")  # fmt: skip
    parser.add_argument("--seed", metavar="S", help="what the samples are drawn from (default 0)")
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
    """Restore all inputs. Returns 0, or 1 when some of several pictures failed; a single failure raises ZooError.

    Raises OutputError, after a summary of what is done, when a picture cannot be stored: the next could not either.
    """
    from tqdm import tqdm

    from .. import get_card, load
    from ..io import images
    from ..io.masks import check_threshold

    card = get_card(args.model)  # a misspelled name is told before anything else
    if args.mask_threshold is not None:
        check_threshold(args.mask_threshold)
    if args.samples is None and args.seed is not None:
        raise ZooError("a seed is for samples: give their number with --samples.")
    samples, seed = None, 0
    if args.samples is not None:
        check_model(card)
        samples, seed = checked_count(args.samples), checked_seed(0 if args.seed is None else args.seed)
    jobs = plan(args, samples)
    waiting = [job for job in jobs if not (args.existing == "skip" and job[1].exists())]
    missing = {target for _, target, _ in waiting}
    groups = [list(group) for _, group in itertools.groupby(jobs, key=lambda job: job[0])]
    groups = [group for group in groups if any(target in missing for _, target, _ in group)]
    model = load(
        args.model,
        device=args.device,
        precision=args.precision,
        tile=None if args.tile == "none" else args.tile,
        weights=args.weights,
    )
    model.check_mask_use(args.mask is not None)
    explain_id(args.model, model.card)
    failed: list[tuple[Path, str]] = []
    done, seconds = 0, 0.0
    try:
        # None: a bar on a terminal, silence in a pipe.
        for group in tqdm(groups, unit="picture", disable=None if len(groups) > 1 else True):
            source, target, mask = group[0]
            try:
                picture = images.read(source)
                check_writable(target, picture, model.card.scale)
                if samples is None:
                    results = [model.restore(picture, mask, mask_threshold=args.mask_threshold)]
                else:
                    results = model.sample(picture, mask, count=samples, seed=seed, mask_threshold=args.mask_threshold)
            except ZooError as error:
                if len(jobs) == (samples or 1):
                    raise
                failed.append((source, str(error)))
                continue
            for (_, target, _), result in zip(group, results, strict=True):
                if target in missing:
                    result.save(target)
                    done, seconds = done + 1, seconds + result.seconds
            for note in results[0].notes:
                tqdm.write(f"{source}: {note}", file=sys.stderr)
    finally:
        if done or len(jobs) > 1:
            skipped = f", {len(jobs) - len(waiting)} already there" if len(jobs) > len(waiting) else ""
            print(f"restored {done} of {len(jobs)} with {model.card.id} on {model.device} in {seconds:.2f} s{skipped}")
        for source, reason in failed:
            named = reason if str(source) in reason else f"{source}: {reason}"
            print(f"failed: {named}", file=sys.stderr)
    return 1 if failed else 0


def plan(args: argparse.Namespace, samples: int | None = None) -> list[tuple[Path, Path, Path | None]]:
    """Decide every (input, output, mask) before any work; with `samples`, so many outputs of each input in a row.

    Raises ZooError for what is missing or would be lost.
    """
    sources = [found for given in args.inputs for found in _found(given, args)]
    targets = _targets(args, [below for _, below in sources])
    jobs = []
    taken: dict[Path, Path] = {}
    listed: dict[Path, list[Path]] = {}  # folder of masks -> what is in it
    masks = [_mask_for(below, args.mask, listed) for _, below in sources]
    inputs = {path.resolve() for path in (*(source for source, _ in sources), *masks) if path is not None}
    for (source, _), stem, mask in zip(sources, targets, masks, strict=True):
        for target in numbered(stem, samples):
            if target in taken:
                raise PictureError(f"{source} and {taken[target]} would both be written to {target}.")
            taken[target] = source
            _check_target(target, source, mask, args.existing)
            if target.resolve() in inputs:  # a-1.png, of a.png, may be the next input
                raise OutputError(f"{target} is an input; choose another output, so that nothing is lost.")
            jobs.append((source, target, mask))
    check_folder(args.output.parent if targets == [args.output] else args.output)
    return jobs


def _check_target(target: Path, source: Path, mask: Path | None, existing: str) -> None:
    """Raise OutputError when something would be lost by writing there, or nothing can be written."""
    check_writable(target)
    if target.is_dir():
        raise OutputError(f"cannot write {target}: it is a folder.")
    if target.exists():
        if target.samefile(source) or (mask is not None and target.samefile(mask)):
            raise OutputError(f"{target} is the input itself; choose another output, so that nothing is lost.")
        if existing == "error":
            raise OutputError(f"{target} exists; pass --existing overwrite or --existing skip.")


def _found(given: Path, args: argparse.Namespace) -> list[tuple[Path, Path]]:
    """The pictures that an input stands for, each with its path below OUT."""
    if not given.is_dir():
        if not given.exists():
            raise PictureError(f"cannot read {given}: no such file or folder.")
        return [(given, Path(given.name))]
    # What lies in OUT or among the masks is no input, where those are inside the input folder.
    others = [path.resolve() for path in (args.output, args.mask) if path is not None]
    others = [path for path in others if given.resolve() in path.parents]
    found = [
        (path, path.relative_to(given))
        for path in find_pictures(given, args.recursive)
        if not others or not {path.resolve(), *path.resolve().parents} & set(others)
    ]
    if not found:
        hint = "" if args.recursive else "; --recursive looks into subfolders"
        raise PictureError(f"there is no picture in {given} ({', '.join(sorted(SUFFIXES))}){hint}.")
    return found


def _targets(args: argparse.Namespace, below: list[Path]) -> list[Path]:
    """Where each picture goes: OUT itself for one file when OUT is named like a picture, else a file below OUT."""
    out = args.output
    if out.suffix.lower() in _LIKE_A_PICTURE and not out.is_dir():
        if len(args.inputs) > 1 or args.inputs[0].is_dir():
            raise OutputError(f"cannot write several pictures to {out}: give a folder.")
        if args.format and out.suffix.lower() not in _SAME_FORMAT[args.format]:
            raise OutputError(f"{out} is no {args.format} file: leave --format out, or name the output to match it.")
        return [out]
    if out.exists() and not out.is_dir():
        raise OutputError(f"cannot write into {out}: it is a file, and neither a folder nor named like a picture.")
    return [out / _renamed(path, args.format) for path in below]


def _renamed(below: Path, form: str | None) -> Path:
    if form:
        return below if below.suffix.lower() in _SAME_FORMAT[form] else below.with_suffix(f".{form}")
    return below.with_suffix(".png") if below.suffix.lower() not in SUFFIXES - {".bmp"} else below


def _mask_for(below: Path, mask: Path | None, listed: dict[Path, list[Path]]) -> Path | None:
    """The mask file itself, or the one of the picture's name in a folder of masks (and of the same subfolder)."""
    if mask is None or not mask.is_dir():
        if mask is not None and not mask.exists():
            raise MaskError(f"cannot read the mask {mask}: no such file or folder.")
        return mask
    folder = mask / below.parent
    if folder not in listed:
        listed[folder] = list(find_pictures(folder))
    found = [path for path in listed[folder] if path.stem == below.stem]
    if len(found) != 1:
        raise MaskError(f"there is {'more than one' if found else 'no'} mask named {below.stem} in {folder}.")
    return found[0]


def check_folder(folder: Path) -> None:
    """Raise OutputError now, not after minutes of work, when the output folder cannot be written."""
    import tempfile

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OutputError(f"cannot write into {folder}: {describe_os_error(error)}.") from None
