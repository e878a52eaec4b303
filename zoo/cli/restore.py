"""`python -m zoo restore`: files and folders in, files out."""

from __future__ import annotations

import argparse
import functools
import itertools
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ZooError
from ..io.plan import plan
from ..seeding import check_model, checked_count, checked_seed
from .common import Attempts, add_runtime_options, each_model, explain_id, explain_runtime

if TYPE_CHECKING:
    from ..restorer import Restoration


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument("inputs", nargs="+", type=Path, metavar="IN", help="pictures, or folders of pictures")
    parser.add_argument("-m", "--model", required=True, metavar="ID[,ID...]", help="model ids or families (see "
                        "`python -m zoo list`); results of several go into folders OUT/ID")  # fmt: skip
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
    add_runtime_options(parser.add_argument)
    parser.add_argument("--weights", type=Path, metavar="FILE", help="use this checkpoint file")
    parser.add_argument("--recursive", action="store_true", help="go into subfolders and keep them in OUT")
    parser.add_argument("--format", choices=["png", "jpg", "webp", "tif"], help="write this format instead of each "
                        "input's own")  # fmt: skip
    parser.add_argument("--existing", choices=["error", "skip", "overwrite"], default="error", help="what to do where "
                        "an output exists (default: error)")  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Restore all inputs with each of the models; the highest of their statuses."""
    return each_model(args, _run)


def _run(args: argparse.Namespace, apart: Path | None) -> int:
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
    jobs = plan(
        args.inputs, args.output, mask=args.mask, recursive=args.recursive, format=args.format,
        existing=args.existing, samples=samples, apart=apart,
    )  # fmt: skip
    waiting = [job for job in jobs if not (args.existing == "skip" and job[1].exists())]
    missing = {target for _, target, _ in waiting}
    groups = [list(group) for _, group in itertools.groupby(jobs, key=lambda job: job[0])]
    groups = [group for group in groups if any(target in missing for _, target, _ in group)]
    model = load(
        args.model,
        device=args.device,
        runtime=args.runtime,
        precision=args.precision,
        tile=None if args.tile == "none" else args.tile,
        weights=args.weights,
    )
    model.check_mask_use(args.mask is not None)
    explain_id(args.model, model.card)
    explain_runtime(model.note)

    def restored(source: Path, target: Path, mask: Path | None) -> list[Restoration]:
        picture = images.read(source)
        images.check_writable(target, picture, model.card.scale)
        if samples is None:
            return [model.restore(picture, mask, mask_threshold=args.mask_threshold)]
        return model.sample(picture, mask, count=samples, seed=seed, mask_threshold=args.mask_threshold)

    attempt = Attempts(alone=len(jobs) == (samples or 1))
    done, seconds = 0, 0.0
    try:
        # None: a bar on a terminal, silence in a pipe.
        for group in tqdm(groups, unit="picture", disable=None if len(groups) > 1 else True):
            source = group[0][0]
            results = attempt(source, functools.partial(restored, *group[0]))
            if results is None:
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
        attempt.print_failed()
    return 1 if attempt.failed else 0
