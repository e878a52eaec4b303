"""`python -m leaderboard recommend`: which backend for a use case."""

from __future__ import annotations

import argparse
import json
import re
import sys
import textwrap
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.errors import ZooError

if TYPE_CHECKING:
    from .recommend import Choice, Recommendation

WIDTH = 100
"""Columns that no line of prose exceeds; commands are not broken."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options. Numbers are read by `run`, which answers with a sentence."""
    add = parser.add_argument
    add("--use", metavar="ID", help="the use case; without it the picture's faults decide")
    add("--list", action="store_true", help="list the use cases and end")
    add("--max-ms", metavar="N", help="longest time for a picture, in milliseconds")
    add("--at", metavar="WxH", help="size in pixels that time and memory are estimated for (default: the measured "
        "pictures' own)")  # fmt: skip
    add("--max-memory", metavar="MB", help="most memory, in megabytes")
    add("--license", metavar="permissive|SPDX", help="only backends under a permissive license, or under this one")
    add("--offline", action="store_true", help="only backends whose weights are on this machine")
    add("--min-face-similarity", metavar="S", help="least mean similarity of faces to the truth's, -1 to 1 (0.35 and "
        "up: the same person)")  # fmt: skip
    add("--picture", type=Path, metavar="FILE", help="try the best backends on this picture too")
    add("--mask", type=Path, metavar="FILE", help="the picture's mask, white = hole, for use cases that fill holes")
    add("--results", nargs="+", type=Path, metavar="RESULTS", help="result files, or folders that hold them (default: "
        "the project's own, leaderboard/results)")  # fmt: skip
    add("--format", choices=["text", "json"], default="text", help="text (default) or json")


def run(args: argparse.Namespace) -> int:
    """Print the recommendation; 0 also when the data cannot tell. Raises ZooError."""
    from .use_cases import read_use_cases

    if args.list:
        listed = read_use_cases().values()
        if args.format == "json":
            print(json.dumps([use.model_dump() for use in listed], indent=1, ensure_ascii=False))
        else:
            width = max(len(use.id) for use in listed)
            print("\n".join(f"{use.id:<{width}}  {use.title}" for use in listed))
        return 0
    if args.use is None and args.picture is None:
        raise ZooError("name a use case with --use, or a picture with --picture; --list shows the use cases.")
    max_ms, max_memory = number("--max-ms", args.max_ms), number("--max-memory", args.max_memory)
    similarity, at = number("--min-face-similarity", args.min_face_similarity), size(args.at)
    results = None
    if args.results:
        from eval.find import find_results

        results = find_results(args.results)
    from .recommend import recommend

    found = recommend(
        args.use,
        max_ms=max_ms,
        at=at,
        max_memory_mb=max_memory,
        license=args.license,
        offline=args.offline,
        min_face_similarity=similarity,
        picture=args.picture,
        mask=args.mask,
        progress=lambda line: print(line, file=sys.stderr, flush=True),
        results=results,
    )
    print(json.dumps(as_data(found), indent=1, ensure_ascii=False) if args.format == "json" else text(found))
    return 0


def number(option: str, given: str | None) -> float | None:
    """The option's number. Raises ZooError."""
    if given is None:
        return None
    try:
        return float(given)
    except ValueError:
        raise ZooError(f"{option} is a number, not '{given}'.") from None


def size(given: str | None) -> tuple[int, int] | None:
    """(width, height) of "1920x1080". Raises ZooError."""
    if given is None:
        return None
    found = re.fullmatch(r"(\d{1,6})[xX×](\d{1,6})", given)
    if found is None or not int(found[1]) or not int(found[2]):
        raise ZooError(f"--at is a width and a height in pixels, such as 1920x1080, not '{given}'.")
    return int(found[1]), int(found[2])


def as_data(found: Recommendation) -> dict:
    """JSON-ready; `pick` and `runner_up` are names among `choices`."""
    data = asdict(found)
    data["use"] = found.use.model_dump()
    data["pick"] = found.pick.model if found.pick else None
    data["runner_up"] = found.runner_up.model if found.runner_up else None
    return data


def text(found: Recommendation) -> str:
    """The recommendation for a terminal."""
    from .recommend import shown_difference
    from .try_out import lines as tried_lines

    use = found.use
    said = [f"{use.id}: {use.title}", wrapped(f"measured: {use.measured}", "  ")]
    said += [wrapped(f"not measured: {use.not_measured}", "  "), "", wrapped(found.sentence), ""]
    if found.pick is not None:
        said.append(f"pick:      {_named(found.pick)}")
        if found.runner_up is not None:
            said.append(f"runner-up: {_named(found.runner_up)}")
        said += ["run it:", *(f"  {line}" for line in found.pick.command), ""]
        faster = _faster(found)
        if faster is not None:
            said += [wrapped(f"As good as far as can be told, and faster: {_named(faster)}."), ""]
    if found.choices:
        said.append(f"gain over doing nothing, in standard deviations of the pictures (n = {found.pictures}):")
        width = max(len(choice.model) for choice in found.choices)
        for choice in found.choices:
            interval = "" if choice.low is None else f" [{choice.low:+.2f}, {choice.high:+.2f}]"
            said.append(f"  {choice.model:<{width}}  {choice.gain:+.2f}{interval}  {_cost(choice, found.at)}".rstrip())
        said += [wrapped(line, "  ") for line in _about_costs(found)]
        said.append("")
    if (gap := found.difference) is not None:
        first, second = (choice.model for choice in found.choices[:2])
        interval = "" if gap.low is None else f" [{gap.low:+.2f}, {gap.high:+.2f}]"
        said.append(wrapped(
            f"{first} minus {second}: {gap.mean:+.2f}{interval}, better on {gap.win_rate:.0%} of {gap.pictures} "
            f"pictures; {'significant' if gap.significant else 'not significant'} (p = {gap.p:.2g}, corrected for "
            f"{gap.comparisons} comparisons)"
        ))  # fmt: skip
        for line in gap.metrics:
            said.append(wrapped(f"{line.dataset} / {line.scenario}: {shown_difference(line)}", "  "))
        said.append("")
    if not found.scenarios:
        said.append("these measurements would tell (`recommend --results runs` reads them then):")
        said += [f"  {line}" for line in to_measure(found)]
        said.append("")
    pick = found.pick.model if found.pick else None
    if any(model != pick for model in found.best_of_each.values()):
        said.append("each scenario by itself, also among models that were not measured on all:")
        said += [f"  {name}: {model}" for name, model in found.best_of_each.items()]
        said.append("")
    for name, weights in found.weights.items():
        shares = ", ".join(f"{metric} {share:.0%}" for metric, share in weights.items())
        said.append(wrapped(f"weights on {name}: {shares}"))
    said += [wrapped(f"left out: {model}: {why}") for model, why in sorted(found.left_out.items())]
    said += [wrapped(f"note: {note}") for note in found.notes]
    if found.try_out is not None:
        said += ["", *(wrapped(line) for line in tried_lines(found.try_out))]
    return "\n".join(said).rstrip()


def to_measure(found: Recommendation) -> list[str]:
    """The commands that measure all that counts for a use case, a data set each."""
    return [
        f"python -m eval --model all --dataset {dataset} --scenario {','.join(scenarios)} --data-root DIR --out runs"
        for dataset, scenarios in found.use.measured_on.items()
    ]


def _named(choice: Choice) -> str:
    missing = "" if choice.missing is None else "; its weights are not on this machine"
    return f"{choice.model} ({choice.title}; {choice.license}{missing})"


def _cost(choice: Choice, at: tuple[int, int] | None) -> str:
    cost, parts = choice.cost, []
    if at is not None and cost.seconds_at is not None:
        parts.append(f"about {cost.seconds_at:.3f} s")
    elif at is None and cost.seconds is not None and cost.megapixels is not None:
        parts.append(f"{cost.seconds:.3f} s ({cost.megapixels:.2f} MP)")
    else:
        parts.append("no latency published")
    if cost.memory_mb is not None:
        parts.append(f"{cost.memory_mb:.0f} MB")
    if choice.face_similarity is not None:
        parts.append(f"faces {choice.face_similarity:.3f}")
    if cost.remark:
        parts.append(cost.remark)
    return ", ".join(parts)


def _about_costs(found: Recommendation) -> list[str]:
    machines = "; ".join(dict.fromkeys(choice.cost.machine for choice in found.choices))
    memory = "; ".join(dict.fromkeys(choice.cost.memory_is for choice in found.choices))
    lines = [f"measured on {machines}; memory is {memory}"]
    if found.at is not None:
        lines.append(f"estimated for {found.at[0]} x {found.at[1]} pixels, as if cost grew with the number of pixels")
    return lines


def _faster(found: Recommendation) -> Choice | None:
    """The fastest choice that cannot be told from the pick, if it takes at most half of its time."""

    def seconds(choice: Choice) -> float | None:
        return choice.cost.seconds if found.at is None else choice.cost.seconds_at

    pick = seconds(found.choices[0])
    equal = [(taken, choice) for choice in found.choices if choice.tied and (taken := seconds(choice)) is not None]
    best = min(equal, key=lambda pair: pair[0], default=None)
    return best[1] if best and pick is not None and best[0] <= pick / 2 else None


def wrapped(text: str, indent: str = "") -> str:
    """The text in lines of at most WIDTH columns."""
    return textwrap.fill(
        text, WIDTH, initial_indent=indent, subsequent_indent=indent + "  ", break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip
