"""`python -m zoo video`: a video in, the same video restored and steady from frame to frame out."""

from __future__ import annotations

import argparse
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import OutputError, ZooError
from .common import model_names

if TYPE_CHECKING:
    from ..video.recipe import Recipe
    from ..video.run import Job

EPILOG = """\
Models work on the frames one after the other, in the order given. The output is written in segments beside OUT and
joined at the end: stop the command at any time, and the same command goes on. What happened to each frame stands in
OUT.jsonl. A recipe is a file of steps; copy one of zoo/video/recipes and edit it to make your own.
"""
LONG = 6 * 3600
"""Seconds of work left from which on it is said how long it takes."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.formatter_class, parser.epilog = argparse.RawDescriptionHelpFormatter, EPILOG
    add = parser.add_argument
    add("input", type=Path, metavar="IN", help="a video of any common container")
    add("-o", "--output", required=True, type=Path, metavar="OUT", help="a file .mp4, .m4v, .mov, .mkv or .webm")
    add("-m", "--model", metavar="ID[,ID...]", help="backends, one after the other")
    add("--faces", metavar="ID", help="restore faces with this backend of task face, after the others")
    add("--recipe", metavar="NAME|FILE.json", help="a list of steps: old-film, or a file of your own")
    add("--temporal", metavar="auto|off|S", help="how strongly the result is kept steady from frame to frame: auto "
        "(default), off, or 0 to 0.95")  # fmt: skip
    add("--mask", type=Path, metavar="FILE|DIR", help="what is to be filled (white): a picture for all frames, or a "
        "folder of one for each, in order of their names; taken from other frames where they show it")  # fmt: skip

    faces = parser.add_argument_group("faces")
    add = faces.add_argument
    add("--strength", type=float, default=1.0, metavar="S", help="share of the restored face, 0 to 1 (default)")
    add("--force", action="store_true", help="restore strongly turned and covered faces too")
    add("--anonymise", "--anonymize", choices=["others", "all"], help="blur the faces that are not restored, or all")

    what = parser.add_argument_group("what is written")
    add = what.add_argument
    add("--codec", choices=["h264", "h265", "av1", "ffv1"], help="default: h264, in .webm av1; ffv1 is lossless")
    add("--crf", type=int, metavar="N", help="quality: smaller is better (default: h264 18, h265 20, av1 26)")
    add("--from", dest="begin", metavar="T", help="begin at this time: seconds, M:S or H:M:S")
    add("--to", dest="end", metavar="T", help="end at this time of the input")
    add("--preview", type=int, metavar="N", help="only N single frames spread over the video, before and after side by "
        "side, into OUT-1.png and so on")  # fmt: skip
    add("--existing", choices=["error", "overwrite"], default="error", help="what to do where OUT exists (default: "
        "error)")  # fmt: skip
    add("--log", type=Path, metavar="FILE.jsonl", help="a line of JSON for each frame (default: OUT.jsonl)")

    machine = parser.add_argument_group("the machine")
    add = machine.add_argument
    add("--device", default="auto", help="auto (default), cpu, cuda, cuda:1, mps")
    add("--precision", default="fp32", help="fp32 (default), fp16, bf16")
    add("--tile", default="auto", metavar="N|auto|none", help="tile side of the models in pixels")


def run(args: argparse.Namespace) -> int:
    """Restore the video. Returns 0, or 1 when some frames failed or could not be decoded whole."""
    from ..video.restore import FaceOptions, Machine
    from ..video.run import Job

    job = Job(
        args.input, args.output, _recipe(args), _seconds(args.begin), _seconds(args.end),
        Machine(args.device, args.precision, None if args.tile == "none" else args.tile),
        FaceOptions(_look(args.strength), args.force, args.anonymise), args.mask, args.log,
    )  # fmt: skip
    return _preview(args, job) if args.preview is not None else _restore(args, job)


def _look(strength: float):
    from ..faces.style import Look

    return Look(strength=strength)


def _recipe(args: argparse.Namespace) -> Recipe:
    """The steps that the command line asks for. Raises ZooError."""
    from dataclasses import replace

    from ..registry import get_card
    from ..video.recipe import Recipe, Step, read_recipe
    from ..video.steady import strength_of
    from .common import explain_id

    if args.recipe:
        if args.model or args.faces:
            raise ZooError("a recipe names its models itself: leave -m and --faces out, or edit a copy of it.")
        recipe = read_recipe(args.recipe)
        steps = [step for step in recipe.steps if step.kind != "steady" or args.temporal is None]
        if args.temporal is not None:
            steps.append(Step("steady", strength=strength_of(args.temporal)))
        if args.mask is not None and not recipe.has("fill"):
            first = next((n for n, step in enumerate(steps) if step.kind in ("model", "faces", "steady")), len(steps))
            steps.insert(first, Step("fill"))
        crf = recipe.crf if args.crf is None else args.crf
        recipe = replace(recipe, steps=tuple(steps), codec=args.codec or recipe.codec, crf=crf)
    else:
        if not (args.model or args.faces or args.anonymise or args.mask):
            raise ZooError("nothing is to be restored: give -m, --faces or --recipe.")
        steps = [Step("fill")] if args.mask is not None else []
        steps += [Step("model", name) for name in (model_names(args.model) if args.model else [])]
        steps += [Step("faces", args.faces or "no-op")] if args.faces or args.anonymise else []
        steps.append(Step("steady", strength=strength_of(args.temporal)))
        recipe = Recipe(tuple(steps), args.codec, args.crf)
    for name in (*recipe.models, *([recipe.faces] if recipe.faces else [])):
        explain_id(name, get_card(name))
    return recipe


def _seconds(text: str | None) -> float | None:
    """Seconds of a time such as 12.5, 1:30 or 1:02:03.5. Raises ZooError."""
    if text is None:
        return None
    if not re.fullmatch(r"(\d{1,6}:){0,2}\d{1,9}(\.\d{1,9})?", text):
        raise ZooError(f"a time is seconds, M:S or H:M:S, not '{text}'.")
    value = 0.0
    for part in text.split(":"):
        value = 60 * value + float(part)
    return value


def _preview(args: argparse.Namespace, job: Job) -> int:
    from ..io.files import check_folder
    from ..io.images import Picture, write
    from ..video.motion import eight
    from ..video.run import preview
    from ..video.sheet import side_by_side

    stem = args.output.with_suffix("")
    targets = [stem.with_name(f"{stem.name}-{number}.png") for number in range(1, args.preview + 1)]
    for target in targets:
        if target.exists() and args.existing == "error":
            raise OutputError(f"{target} exists; pass --existing overwrite.")
    check_folder(args.output.parent)
    for target, (at, before, after) in zip(targets, preview(job, args.preview), strict=True):
        write(target, Picture(side_by_side(eight(before), eight(after))))
        print(f"{at:.2f} s, before and after: {target}")
    return 0


def _restore(args: argparse.Namespace, job: Job) -> int:
    from ..video.run import restore_video

    if args.output.exists() and args.existing == "error":
        raise OutputError(f"{args.output} exists; pass --existing overwrite.")
    meter = _Meter()
    try:
        outcome = restore_video(job, meter, lambda text: print(text, file=sys.stderr))
    except KeyboardInterrupt:
        meter.end()
        print("stopped; the same command goes on from here.", file=sys.stderr)
        raise
    meter.end()
    for track in outcome.tracks:
        alike = track["similarity_mean"]
        print(
            f"face {track['track']}: {track['action']}, frames {track['first']} to {track['last']}"
            + (f" ({track['reason']})" if track["reason"] else "")
            + (f", similarity {alike:.2f}" if alike is not None else "")
        )
    print(f"restored {outcome.frames - len(outcome.failed)} of {outcome.frames} frames -> {args.output}")
    if outcome.failed:
        numbers = ", ".join(map(str, list(outcome.failed)[:10])) + (" ..." if len(outcome.failed) > 10 else "")
        reason = next(iter(outcome.failed.values()))
        print(f"failed: {len(outcome.failed)} frames kept their input ({numbers}): {reason}", file=sys.stderr)
    if outcome.damaged:
        print(f"damaged: {outcome.damaged} frames could be decoded in part only.", file=sys.stderr)
    for trouble in outcome.trouble[:5]:
        print(f"damaged: {args.input}: {trouble}.", file=sys.stderr)
    if len(outcome.trouble) > 5:
        print(f"damaged: and {len(outcome.trouble) - 5} more.", file=sys.stderr)
    return 0 if outcome.whole else 1


class _Meter:
    """Frames a second and the time left: a line that is rewritten on a terminal, one every ten seconds elsewhere."""

    def __init__(self) -> None:
        self._first: tuple[float, int] | None = None
        self._begun = self._said = time.monotonic()
        self._live = sys.stderr.isatty()
        self._warned = False

    def __call__(self, done: int, total: int | None) -> None:
        """Told after every batch."""
        now = time.monotonic()
        if self._first is None:  # the first batch pays for imports and planning
            self._first = now, done
        since, before = self._first
        speed = (done - before) / (now - since) if done > before else 0.0
        total = None if total is None else max(total, done)
        left = (total - done) / speed if total and speed else None
        if left is not None and left > LONG and not self._warned and now - since > 20:
            self._warned = True
            print(
                f"\nall {total} frames take about {_clock(left)} on; --from and --to take a part, and a stopped run "
                "goes on with the same command.", file=sys.stderr,
            )  # fmt: skip
        if now - self._said < (0.2 if self._live else 10) and done != total:
            return
        self._said = now
        line = f"frame {done}" + (f" of {total}" if total else "") + f", {speed:.2f} frames/s"
        line += f", {_clock(left)} left" if left is not None else ""
        print(f"\r{line:<70}" if self._live else line, end="" if self._live else "\n", file=sys.stderr, flush=True)

    def end(self) -> None:
        """End the line."""
        if self._live and self._first is not None:
            print(file=sys.stderr)


def _clock(seconds: float) -> str:
    """Such as 2:05, or 3 days."""
    if seconds >= 172_800:
        return f"{seconds / 86_400:.0f} days"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
