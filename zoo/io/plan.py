"""Which files a command reads and writes, decided before any work."""

from __future__ import annotations

from pathlib import Path

from ..errors import MaskError, OutputError, PictureError
from .files import check_folder
from .images import SUFFIXES, check_writable, find_pictures

_SAME_FORMAT = {"png": {".png"}, "jpg": {".jpg", ".jpeg"}, "webp": {".webp"}, "tif": {".tif", ".tiff"}}
LIKE_A_PICTURE = SUFFIXES | {".gif", ".heic", ".heif", ".avif", ".jfif", ".jp2", ".jxl", ".psd", ".pdf", ".svg"}


def plan(
    inputs: list[Path],
    output: Path,
    *,
    mask: Path | None = None,
    recursive: bool = False,
    format: str | None = None,
    existing: str = "error",
    samples: int | None = None,
    apart: Path | None = None,
) -> list[tuple[Path, Path, Path | None]]:
    """Decide every (input, output, mask) before any work; with `samples`, so many outputs of each input in a row.

    inputs: pictures and folders of pictures. output: a file for one picture, else a folder. mask: a file for all, or a
    folder of masks with the pictures' names. recursive: look into subfolders. format: "png", "jpg", "webp" or "tif",
    else each input's own. existing: "error", "skip" or "overwrite". apart: a folder in which no inputs are
    looked for, as in `output` and `mask`. Raises ZooError for what is missing or would be
    lost.
    """
    sources = [found for given in inputs for found in _found(given, [output, mask, apart], recursive)]
    targets = _targets(inputs, output, format, [below for _, below in sources])
    jobs = []
    taken: dict[Path, Path] = {}
    listed: dict[Path, list[Path]] = {}  # folder of masks -> what is in it
    masks = [_mask_for(below, mask, listed) for _, below in sources]
    taken_in = {path.resolve() for path in (*(source for source, _ in sources), *masks) if path is not None}
    for (source, _), stem, its_mask in zip(sources, targets, masks, strict=True):
        for target in numbered(stem, samples):
            if target in taken:
                raise PictureError(f"{source} and {taken[target]} would both be written to {target}.")
            taken[target] = source
            _check_target(target, source, its_mask, existing)
            if target.resolve() in taken_in:  # a-1.png, of a.png, may be the next input
                raise OutputError(f"{target} is an input; choose another output, so that nothing is lost.")
            jobs.append((source, target, its_mask))
    check_folder(output.parent if targets == [output] else output)
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


def _found(given: Path, apart: list[Path | None], recursive: bool) -> list[tuple[Path, Path]]:
    """The pictures that an input stands for, each with its path below OUT."""
    if not given.is_dir():
        if not given.exists():
            raise PictureError(f"cannot read {given}: no such file or folder.")
        return [(given, Path(given.name))]
    # What lies in OUT or among the masks is no input, where those are inside the input folder.
    others = [path.resolve() for path in apart if path is not None]
    others = [path for path in others if given.resolve() in path.parents]
    found = [
        (path, path.relative_to(given))
        for path in find_pictures(given, recursive)
        if not others or not {path.resolve(), *path.resolve().parents} & set(others)
    ]
    if not found:
        hint = "" if recursive else "; --recursive looks into subfolders"
        raise PictureError(f"there is no picture in {given} ({', '.join(sorted(SUFFIXES))}){hint}.")
    return found


def _targets(inputs: list[Path], out: Path, format: str | None, below: list[Path]) -> list[Path]:
    """Where each picture goes: OUT itself for one file when OUT is named like a picture, else a file below OUT."""
    if out.suffix.lower() in LIKE_A_PICTURE and not out.is_dir():
        if len(inputs) > 1 or inputs[0].is_dir():
            raise OutputError(f"cannot write several pictures to {out}: give a folder.")
        if format and out.suffix.lower() not in _SAME_FORMAT[format]:
            raise OutputError(f"{out} is no {format} file: leave --format out, or name the output to match it.")
        return [out]
    if out.exists() and not out.is_dir():
        raise OutputError(f"cannot write into {out}: it is a file, and neither a folder nor named like a picture.")
    return [out / _renamed(path, format) for path in below]


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


def numbered(path: Path, count: int | None) -> list[Path]:
    """The files of `count` samples: out.png stands for out-1.png, out-2.png and so on; None is the path itself."""
    return [path] if count is None else [path.with_name(f"{path.stem}-{n}{path.suffix}") for n in range(1, count + 1)]
