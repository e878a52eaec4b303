"""Which code makes a result: the project's version, the git commit, and whether the sources are those of it."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

import zoo
from zoo.io.files import printable

PACKAGES = ("zoo", "eval")
"""What a result is made by; changes elsewhere (a README, a table) leave a tree clean."""


class Code(BaseModel):
    """The code of one process. An installed copy has a version alone.

    >>> str(Code(version="0.1.0", commit="0123456789abcdef", clean=False))
    '0.1.0+0123456 with changes'
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str = Field(description="of the project")
    commit: str | None = Field(description="git commit; null for a copy that is not under git")
    clean: bool | None = Field(description="whether zoo/ and eval/ were as in that commit; null without a commit")

    def __str__(self) -> str:
        if self.commit is None:
            return self.version
        return f"{self.version}+{self.commit[:7]}{'' if self.clean else ' with changes'}"


def git(folder: Path, *arguments: str) -> str | None:
    """What git prints, or None when it fails or is not installed."""
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def code_in(root: Path) -> Code:
    """The code below `root`, a checkout or a folder of installed packages."""
    # An installed copy may lie inside another project's repository, which does not track it.
    tracked = git(root, "ls-files", "--error-unmatch", "zoo/__init__.py") is not None
    commit = git(root, "rev-parse", "HEAD") if tracked else None
    changes = git(root, "status", "--porcelain", "--untracked-files=all", "--", *PACKAGES) if commit else None
    return Code(version=zoo.__version__, commit=commit, clean=None if changes is None else not changes)


@cache
def code() -> Code:
    """This process's code, as it was when this was first asked."""
    return code_in(Path(zoo.__file__).parents[1])


def command_line(args: argparse.Namespace, **changes: str) -> str:
    """The command that repeats a run, with the options that matter; folders of this machine lose their place.

    `changes` are the options of one run of several (its model, its scenario).
    """
    from .__main__ import parser

    told = {**vars(args), **changes}
    for name in ("dataset", "model"):
        kind, colon, path = str(told[name]).partition(":")
        if colon:
            told[name] = f"{kind}:{Path(path).name}"
    words = ["python", "-m", "eval"]
    for name in ("model", "dataset", "scenario", "limit", "shard", "seed", "data_root", "device", "precision", "tile",
                 "weights", "workers", "stage"):  # fmt: skip
        value = told.get(name)
        if value is None or value == parser().get_default(name):
            continue
        if name == "data_root":
            value = "DATA"
        elif isinstance(value, Path):
            value = value.name
        words += [f"--{name.replace('_', '-')}", str(value)]
    return printable(shlex.join(words))


PATH = re.compile(r"""(?:(?<![\w.~/\\])~?/|\b[A-Za-z]:[\\/]|\\\\)(?:[^\s/\\'":;,|<>]+[\\/])+""")
"""The folders of an absolute path in a text."""


def without_places(text: str, places: Iterable[Path] = ()) -> str:
    """A text with absolute paths cut to their last part: results are published and tell nothing of a machine.

    places: folders that may have spaces in their names, which are not recognized otherwise.

    >>> without_places("cannot read /home/me/photos/a.png: it is empty; see https://example.org/a/b.")
    'cannot read a.png: it is empty; see https://example.org/a/b.'
    """
    known = {str(place.absolute()) for place in (*places, Path.home(), Path.cwd())} - {os.sep}
    for place in sorted(known, key=len, reverse=True):
        text = text.replace(place + os.sep, "").replace(place, Path(place).name)
    return PATH.sub("", text.replace("file://", ""))
