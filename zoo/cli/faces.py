"""`python -m zoo faces`: photographs in, the same photographs with every face restored out."""

from __future__ import annotations

import argparse
import functools
import json
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import OutputError, PictureError, ZooError, describe_os_error
from ..faces.detect import DETECTORS
from ..faces.style import STYLES, get_style
from ..io.files import check_folder
from ..io.plan import plan
from .common import Attempts, add_runtime_options, each_model, explain_id, explain_runtime

if TYPE_CHECKING:
    from ..faces.pipeline import FacePipeline, Options
    from ..faces.report import FacesResult
    from ..io.images import Picture

EPILOG = """\
styles (each of their settings can be given alone as well; without a style the face is as the backend made it):
""" + "\n".join(
    f"  {name:<10} strength {look.strength}, sharpening {look.sharpening}, contrast {look.contrast}, "
    f"saturation {look.saturation}"
    for name, look in STYLES.items()
)  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.formatter_class, parser.epilog = argparse.RawDescriptionHelpFormatter, EPILOG
    add = parser.add_argument
    add("inputs", nargs="+", type=Path, metavar="IN", help="pictures, or folders of pictures")
    add("-m", "--model", required=True, metavar="ID[,ID...]", help="backends of task face, ids or families "
        "(`python -m zoo list --task face`); results of several go into folders OUT/ID")  # fmt: skip
    add("-o", "--output", required=True, type=Path, metavar="OUT", help="a file for one picture, else a folder")

    faces = parser.add_argument_group("which faces")
    add = faces.add_argument
    add("--only", default="all", metavar="all|largest|center|X,Y", help="restore only these faces (default: all)")
    add("--aligned", action="store_true", help="the input is an aligned crop of one face, as from FFHQ")
    add("--force", action="store_true", help="restore strongly turned and covered faces too")
    add("--anonymize", "--anonymise", choices=["others", "all"], help="blur the faces that are not restored, or all")
    add("--detector", default="mtcnn", choices=list(DETECTORS), help="what finds faces (default: mtcnn, embedded)")
    add("--min-face", type=int, metavar="N", help="side in pixels of the smallest face to look for (default: 16, in "
        "pictures beyond 1280 pixels an eightieth of the long side)")  # fmt: skip

    look = parser.add_argument_group("how they look")
    add = look.add_argument
    add("--style", choices=list(STYLES), help="a preset of the following, see below")
    add("--strength", "--alpha", type=float, metavar="S", help="0 (original) to 1 (restored, default)")
    add("--sharpening", type=float, metavar="S", help="0 (default) to 2: finest detail added")
    add("--contrast", type=float, metavar="C", help="0 (default) to 2: local contrast added")
    add("--saturation", type=float, metavar="S", help="0 to 2 (default 1): of the skin")
    add("--blend", default="feather", choices=["feather", "poisson"], help="how they are put back (default: feather)")

    whole = parser.add_argument_group("the whole picture")
    add = whole.add_argument
    add("--upscale", type=int, default=1, choices=[1, 2, 4], help="enlarge the picture (default: 1)")
    add("--upscaler", default="bicubic", metavar="ID", help="super-resolution backend for that (default: bicubic)")

    add = parser.add_argument_group("face similarity").add_argument
    add("--min-similarity", type=float, metavar="X", help="keep the original of a face whose similarity before and "
        "after is below X (same person: dlib from 0.4, mobilefacenet from 0.35)")  # fmt: skip
    add("--embedding", default="auto", metavar="NAME", help="auto (default: the first that is here), dlib, "
        "mobilefacenet, none")  # fmt: skip

    files = parser.add_argument_group("files")
    add = files.add_argument
    add("--save-faces", type=Path, metavar="DIR", help="write each face before and after as a PNG file")
    add("--report", type=Path, metavar="FILE.json", help="write what happened to each face")
    add("--log", type=Path, metavar="FILE.jsonl", help="append one line of JSON per picture (default for a folder: "
        "OUT/faces.jsonl)")  # fmt: skip
    add("--recursive", action="store_true", help="go into subfolders and keep them in OUT")
    add("--format", choices=["png", "jpg", "webp", "tif"], help="write this format instead of each input's own")
    add("--existing", choices=["error", "skip", "overwrite"], default="error", help="what to do where an output "
        "exists (default: error)")  # fmt: skip

    machine = parser.add_argument_group("the machine")
    add = machine.add_argument
    add("--device", default="auto", help="auto (default), cpu, cuda, cuda:1, mps")
    add_runtime_options(add)
    add("--tile", default="auto", metavar="N|auto|none", help="tile side of the upscaler in pixels")
    add("--weights", type=Path, metavar="FILE", help="use this checkpoint file for the model")


def run(args: argparse.Namespace) -> int:
    """Restore all inputs with each of the models; the highest of their statuses."""
    return each_model(args, _run, alone=("weights", "report", "log", "save_faces"))


def _run(args: argparse.Namespace, apart: Path | None) -> int:
    """Restore all inputs. Returns 0, or 1 when some of several pictures failed; a single failure raises ZooError.

    Raises OutputError, after a summary of what is done, when a picture cannot be stored: the next could not either.
    """
    from tqdm import tqdm

    from ..faces.pipeline import FacePipeline, Options
    from ..io.images import check_writable, read

    look = get_style(args.style).changed(
        strength=args.strength, sharpening=args.sharpening, contrast=args.contrast, saturation=args.saturation
    )
    options = Options(
        look, args.only, args.aligned, args.force, args.blend, args.upscale, args.min_similarity, args.anonymize
    )
    if args.upscaler != "bicubic" and args.upscale == 1:
        raise ZooError("an upscaler is used with --upscale 2 or --upscale 4.")
    if args.min_face is not None and args.min_face < 1:
        raise ZooError(f"the smallest face has a side of at least 1 pixel, not {args.min_face}.")
    tile = None if args.tile == "none" else args.tile
    pipeline = FacePipeline(
        args.model, detector=args.detector, embedding=args.embedding, upscaler=args.upscaler, min_face=args.min_face,
        device=args.device, runtime=args.runtime, precision=args.precision, tile=tile, weights=args.weights,
    )  # fmt: skip
    jobs = [
        (source, target)
        for source, target, _ in plan(
            args.inputs, args.output, recursive=args.recursive, format=args.format, existing=args.existing, apart=apart
        )
    ]
    log_path = _check_side_files(args, jobs)
    pipeline.prepare(options)
    if options.anonymize != "all":
        explain_id(args.model, pipeline.restorer.card)
        explain_runtime(pipeline.restorer.note)
    if args.embedding == "auto" and pipeline.similarity_note and options.anonymize != "all":
        print(f"face similarity is not measured: {pipeline.similarity_note}", file=sys.stderr)

    waiting = [job for job in jobs if not (args.existing == "skip" and job[1].exists())]
    prefixes = _face_prefixes(args, jobs)
    entries: list[dict[str, Any]] = []
    attempt = Attempts(alone=len(jobs) == 1)

    def restored(source: Path, target: Path) -> tuple[Picture, FacesResult]:
        picture = read(source)
        check_writable(target, picture, options.upscale)
        return picture, pipeline.run(picture, options)

    with _log(log_path) as log:
        try:
            # None: a bar on a terminal, silence in a pipe.
            for source, target in tqdm(waiting, unit="picture", disable=None if len(waiting) > 1 else True):
                entry = {"input": str(source), "output": str(target)}
                done = attempt(source, functools.partial(restored, source, target))
                if done is None:
                    entries.append({**entry, "error": attempt.failed[-1][1]})
                    log(entries[-1])
                    continue
                picture, result = done
                _write(source, target, result)
                if args.save_faces:
                    _save_faces(prefixes[target], picture, result)
                entries.append({**entry, **result.data()})
                log(entries[-1])
                for note in result.notes:
                    tqdm.write(f"{source}: {note}", file=sys.stderr)
                tqdm.write(f"{source}: {result.summary()}", file=sys.stdout)
        finally:
            if args.report and entries:
                _write_report(args.report, pipeline, options, entries)
            if entries and len(jobs) > 1:
                finished, faces = len(entries) - len(attempt.failed), sum(entry.get("faces", 0) for entry in entries)
                skipped = f", {len(jobs) - len(waiting)} already there" if len(jobs) > len(waiting) else ""
                print(f"finished {finished} of {len(jobs)} pictures with {faces} faces{skipped}")
            attempt.print_failed()
    return 1 if attempt.failed else 0


def _check_side_files(args: argparse.Namespace, jobs: list[tuple[Path, Path]]) -> Path | None:
    """Check now that all files beside the pictures can be written; the log's path, if there is a log.

    Raises OutputError.
    """
    log = args.log
    if log is None and [target for _, target in jobs] != [args.output]:
        log = args.output / "faces.jsonl"
    for path, suffix in ((args.report, ".json"), (log, ".jsonl")):
        if path is None:
            continue
        if path.suffix.lower() != suffix:
            raise OutputError(f"cannot write {path}: its name must end in {suffix}.")
        if path.is_dir():
            raise OutputError(f"cannot write {path}: it is a folder.")
        if path.exists() and not path.is_file():
            raise OutputError(f"cannot write {path}: a device, a pipe or a socket is in the way.")
        check_folder(path.parent)
    if args.save_faces:
        check_folder(args.save_faces)
    return log


def _face_prefixes(args: argparse.Namespace, jobs: list[tuple[Path, Path]]) -> dict[Path, Path]:
    """For each output, what its face files begin with: its place below OUT and its name without suffix, if that is
    enough to tell it from the others."""
    if args.save_faces is None:
        return {}
    below = {t: Path(t.name) if t == args.output else t.relative_to(args.output) for _, t in jobs}
    stems = Counter(path.with_suffix("") for path in below.values())
    return {
        target: args.save_faces / (path.with_suffix("") if stems[path.with_suffix("")] == 1 else path)
        for target, path in below.items()
    }


def _write(source: Path, target: Path, result: FacesResult) -> None:
    """Write the picture; one that did not change is copied byte for byte where the format stays. Raises OutputError."""
    from ..io.files import read_bytes
    from ..io.images import max_bytes, write, write_bytes

    if not result.changed and source.suffix.lower() == target.suffix.lower():
        try:
            data = read_bytes(source, max_bytes())
        except OSError as error:
            raise PictureError(f"cannot read {source}: {describe_os_error(error)}.") from None
        write_bytes(target, data)
    else:
        write(target, result.picture)


def _save_faces(prefix: Path, picture: Picture, result: FacesResult) -> None:
    """Write the crops of the faces that were restored, or were and then kept; none of a blurred face."""
    from ..faces.report import BLURRED
    from ..io.images import Picture, write

    for face in result.faces:
        if face.action == BLURRED or face.before is None or face.after is None:
            continue
        for name, crop in (("before", face.before), ("after", face.after)):
            path = prefix.with_name(f"{prefix.name}-face{face.number:02}-{name}.png")
            write(path, Picture(crop, icc=picture.icc))


@contextmanager
def _log(path: Path | None) -> Iterator[Any]:
    """A function that appends an entry to the log as one line of JSON. Raises OSError."""
    if path is None:
        yield lambda entry: None
        return
    # As escapes, names of files that are no text are valid JSON and come back as they were.
    with path.open("a", encoding="utf-8", errors="backslashreplace") as file:

        def append(entry: dict[str, Any]) -> None:
            from datetime import datetime, timezone

            now = datetime.now(timezone.utc).isoformat(timespec="seconds")
            file.write(json.dumps({"time": now, **entry}, ensure_ascii=False) + "\n")
            file.flush()

        yield append


def _write_report(path: Path, pipeline: FacePipeline, options: Options, entries: list[dict[str, Any]]) -> None:
    """Write the report of a run. Raises OutputError."""
    from dataclasses import asdict

    from .. import __version__
    from ..faces.report import VERSION
    from ..io.images import write_bytes

    model = None if options.anonymize == "all" else pipeline.restorer
    embedding = None if model is None else pipeline.embedding
    report = {
        "version": VERSION,
        "zoo": __version__,
        "model": None if model is None else model.card.id,
        "weights_sha256": None if model is None else model.weights_sha256,
        "detector": None if options.aligned else pipeline.detector.name,
        "embedding": None if embedding is None else embedding.name,
        "same_person_from": None if embedding is None else embedding.same_person,
        "face_similarity": None if model is None else pipeline.similarity_note,
        "options": asdict(options),
        "faces": sum(entry.get("faces", 0) for entry in entries),
        "pictures": entries,
    }
    write_bytes(path, (json.dumps(report, indent=1, ensure_ascii=False) + "\n").encode(errors="backslashreplace"))
