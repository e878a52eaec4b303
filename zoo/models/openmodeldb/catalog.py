"""The catalog of OpenModelDB: facts about community checkpoints, shipped compressed; no checkpoint is."""

from __future__ import annotations

import functools
import gzip
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ...card import Source, Weights
from ...errors import UnknownNameError, ZooError, describe_os_error
from ...io.files import written_whole
from ...weights.licenses import is_licensed

FILE = Path(__file__).with_name("catalog.json.gz")
PUBLISHED = "https://openmodeldb.info/api/v1/models.json"
"""Where OpenModelDB publishes its facts."""
NOT_STATED = "not stated (the checkpoint's author decides)"
SPANDREL = frozenset(
    ("atd", "compact", "craft", "dat", "dctlsa", "ditn", "drct", "esrgan", "esrgan+", "grl", "hat", "mosr", "omnisr",
     "rcan", "real-cugan", "realplksr", "realplksr-dysample", "rgt", "span", "srformer", "swift-srgan", "swinir")
)  # fmt: skip
"""Architectures, as OpenModelDB names them, that spandrel (with its extra ones) builds."""
_TASKS = {"denoise": "denoise", "deblur": "deblur", "inpainting": "inpaint", "colorization": "colorize"}
"""Tag -> the task of a checkpoint that does not enlarge."""
_KEPT = ("architecture", "author", "date", "license", "name", "resources", "scale", "tags")
_HEX = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Entry:
    """One checkpoint."""

    key: str
    """OpenModelDB's own name of it, "4x-UltraSharp"."""
    name: str
    authors: tuple[str, ...]
    architecture: str
    scale: int
    license: str | None
    """SPDX id, or None where its author states none."""
    tags: tuple[str, ...]
    date: str
    kind: str
    """Of the file: "pth" or "safetensors"."""
    sha256: str
    size: int | None
    """Bytes."""
    urls: tuple[str, ...]

    @property
    def task(self) -> str:
        """What it is for."""
        if self.scale > 1:
            return "super-resolution"
        return next((task for tag, task in _TASKS.items() if tag in self.tags), "restore")

    @property
    def commercial_use(self) -> bool | None:
        """Whether its license allows commercial use; None where there is none."""
        return None if self.license is None else "-NC-" not in f"{self.license}-"

    @property
    def direct(self) -> tuple[str, ...]:
        """Links that lead to the file itself; the others lead to pages for people."""
        links = (_direct(url) for url in self.urls)
        return tuple(dict.fromkeys(link for link in links if link))

    @property
    def page(self) -> str:
        """Its page at OpenModelDB."""
        return f"https://openmodeldb.info/models/{self.key}"


def _direct(url: str) -> str | None:
    parts = urlsplit(url)
    path, host = parts.path, parts.netloc
    if host == "github.com" and "/blob/" in path:
        return url.replace("/blob/", "/raw/", 1)
    if host == "huggingface.co" and "/blob/" in path:
        return url.replace("/blob/", "/resolve/", 1)
    hosts = ("raw.githubusercontent.com", "objectstorage.us-phoenix-1.oraclecloud.com", "f002.backblazeb2.com")
    leads = (
        host in hosts
        or (host == "github.com" and ("/releases/download/" in path or "/raw/" in path))
        or (host == "huggingface.co" and "/resolve/" in path)
    )
    return url if leads else None


@functools.cache
def entries() -> dict[str, Entry]:
    """All entries by key. Raises ZooError when the shipped file is damaged."""
    try:
        stored = json.loads(gzip.decompress(FILE.read_bytes()))
        return {key: _entry(key, facts) for key, facts in stored.items()}
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise ZooError(
            f"the catalog {FILE} cannot be read ({error}); `python -m zoo catalog --update` makes it."
        ) from None


def find(name: str) -> Entry:
    """The entry of that name, whatever its case and punctuation. Raises UnknownNameError."""
    if name in entries():
        return entries()[name]
    wanted = slug(name)
    same = [entry for entry in entries().values() if slug(entry.key) == wanted]
    if len(same) != 1:
        raise UnknownNameError("catalog entry", name, entries())
    return same[0]


def weights_of(entry: Entry) -> Weights:
    """Its file, as the card of a model has it."""
    sources = (*(Source(url=url) for url in entry.direct), Source(page=entry.page))
    license = entry.license or NOT_STATED
    return Weights(f"openmodeldb/{entry.key}.{entry.kind}", license, sources, size=entry.size, sha256=entry.sha256)


def slug(name: str) -> str:
    """A name in lower case, digits and single dashes."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def search(
    *, task: str | None = None, license: str | None = None, scale: int | None = None, word: str | None = None
) -> list[Entry]:
    """Entries by key that have all of these; license: an SPDX id, or "permissive"; word: in name, author or tags."""
    return [
        entry
        for _, entry in sorted(entries().items(), key=lambda pair: pair[0].lower())
        if (task is None or entry.task == task)
        and (license is None or is_licensed(entry.license or "", license))
        and (scale is None or entry.scale == scale)
        and (word is None or word.casefold() in " ".join((entry.key, entry.name, *entry.authors, *entry.tags,
                                                           entry.architecture)).casefold())
    ]  # fmt: skip


def update(source: str, target: Path = FILE) -> int:
    """Make the shipped file anew from OpenModelDB's JSON, a URL or a path; how many entries it has.

    Entries without a PyTorch file with a checksum are left out. Raises ZooError.
    """
    published = _fetched(source)
    if not isinstance(published, Mapping):
        raise ZooError(f"{source} is not OpenModelDB's list of models.")
    kept = {}
    for key, facts in sorted(published.items()):
        try:
            _entry(key, facts)
        except (KeyError, TypeError, ValueError, AttributeError):
            continue
        kept[key] = {name: facts.get(name) for name in _KEPT} | {"resources": [_resource(facts)]}
    if not kept:
        raise ZooError(f"{source} lists no checkpoint that could be loaded.")
    data = json.dumps(kept, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    try:
        with written_whole(target) as temporary:
            temporary.write_bytes(gzip.compress(data, 9, mtime=0))
    except OSError as error:
        raise ZooError(f"cannot write {target}: {describe_os_error(error)}.") from None
    entries.cache_clear()
    return len(kept)


def _fetched(source: str) -> Any:
    import urllib.request

    try:
        if source.startswith(("https://", "http://")):
            request = urllib.request.Request(source, headers={"User-Agent": "restoration-zoo"})
            with urllib.request.urlopen(request, timeout=60) as response:
                return json.load(response)
        return json.loads(Path(source).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        why = describe_os_error(error) if isinstance(error, OSError) else "it is no JSON"
        raise ZooError(f"{source} cannot be read: {why}.") from None


def _resource(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The file that is loaded: a PyTorch one with a checksum, best one with a direct link. Raises ValueError."""
    usable = [
        {name: resource.get(name) for name in ("platform", "sha256", "size", "type", "urls")}
        for resource in facts["resources"]
        if resource.get("platform") == "pytorch"
        and resource.get("type") in ("pth", "safetensors")
        and _HEX.fullmatch(resource.get("sha256") or "")
        and resource.get("urls")
    ]
    if not usable:
        raise ValueError("no PyTorch file with a checksum")
    return max(usable, key=lambda resource: any(map(_direct, resource["urls"])))


def _entry(key: str, facts: Mapping[str, Any]) -> Entry:
    resource = _resource(facts)
    authors = facts["author"]
    return Entry(
        key=key,
        name=str(facts["name"]),
        authors=tuple(authors) if isinstance(authors, list) else (str(authors),),
        architecture=str(facts["architecture"]),
        scale=int(facts["scale"]),
        license=facts.get("license"),
        tags=tuple(facts.get("tags") or ()),
        date=str(facts.get("date") or ""),
        kind=resource["type"],
        sha256=resource["sha256"],
        size=resource["size"],
        urls=tuple(resource["urls"]),
    )


def counted(found: Iterable[Entry]) -> str:
    """How many entries, and how many of them can be downloaded and are known to spandrel, as a sentence."""
    found = list(found)
    direct = sum(bool(entry.direct) for entry in found)
    known = sum(entry.architecture in SPANDREL for entry in found)
    return f"{len(found)} checkpoints: {direct} with a direct link, {known} of an architecture that spandrel knows."
