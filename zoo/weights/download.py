"""Fetching weights: from the Hub with its own client, or from a plain link."""

from __future__ import annotations

import errno
import http.client
import sys
import urllib.error
import urllib.request
from pathlib import Path

from ..card import Source, Weights
from ..errors import WeightsError, describe_os_error
from .places import downloads_folder

TIMEOUT = 30
"""Seconds without a byte after which a plain link is given up."""
LARGEST = 16 << 30
"""Bytes after which a download is given up, so that a server that never ends does not fill the disk."""
_LOCAL_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EPERM, errno.EROFS}


def in_hub_cache(source: Source) -> Path | None:
    """The file's place in the Hub's cache on this machine, or None."""
    from huggingface_hub import try_to_load_from_cache

    assert source.repo and source.file
    path = try_to_load_from_cache(source.repo, source.file, revision=source.revision)
    return Path(path) if isinstance(path, str) else None


def fetch(file: Weights) -> tuple[Path, str]:
    """Download a weights file from the first of its sources that has it.

    Returns its path and "Hub cache" or "downloads". Nothing but a whole file ever lies at that path. Raises
    WeightsError that says for each source why it failed.
    """
    failures = []
    for source in file.sources:
        try:
            if source.repo:
                return _from_hub(source), "Hub cache"
            if source.url:
                return _from_url(source.url, file), "downloads"
        except WeightsError as error:
            failures.append(f"{source}: {error}")
    pages = " or ".join(source.page for source in file.sources if source.page)
    by_hand = f" It can also be got by hand from {pages} and be passed with --weights." if pages else ""
    raise WeightsError(f"{file.filename} was not downloaded: {'; '.join(failures) or 'it has no source'}.{by_hand}")


def remove(path: Path) -> None:
    """Remove a downloaded file, from the Hub's cache together with the blob that its link points to."""
    blob = path.parent / path.readlink() if path.is_symlink() else None
    path.unlink(missing_ok=True)
    if blob is not None:
        blob.unlink(missing_ok=True)


def _offline() -> bool:
    from huggingface_hub import constants

    return constants.HF_HUB_OFFLINE


def _from_hub(source: Source) -> Path:
    if _offline():
        raise WeightsError("HF_HUB_OFFLINE is set")
    from huggingface_hub import hf_hub_download

    try:
        assert source.repo and source.file
        return Path(hf_hub_download(source.repo, source.file, revision=source.revision))
    except Exception as error:  # the client's own errors, its HTTP library's and the disk's
        raise WeightsError(_hub_reason(error, source)) from error


def _hub_reason(error: Exception, source: Source) -> str:
    from huggingface_hub import constants, errors

    if isinstance(error, errors.LocalEntryNotFoundError) and isinstance(error.__cause__, Exception):
        error = error.__cause__  # the client's "not in the cache either" hides why it could not ask the server
    page = f"{constants.ENDPOINT}/{source.repo}"
    status = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(error, errors.GatedRepoError):
        return f"access is gated: accept the terms on {page} and set HF_TOKEN"
    if isinstance(error, errors.RepositoryNotFoundError) or status in (401, 403):
        return f"there is no {page}, or it is private and HF_TOKEN does not open it (HTTP {status})"
    if isinstance(error, errors.RevisionNotFoundError):
        return f"{page} has no revision {source.revision}"
    if isinstance(error, errors.EntryNotFoundError):
        return f"{page} has no file {source.file}"
    if status is not None:
        return f"the server answered with HTTP {status}"
    if isinstance(error, OSError) and error.errno in _LOCAL_ERRORS:
        return describe_os_error(error)
    if "Consistency check failed" in str(error):
        return "the download broke off; try again"
    first_line = next(iter(str(error).splitlines()), "")
    return f"no connection to {constants.ENDPOINT} ({type(error).__name__}: {first_line})"


def _from_url(url: str, file: Weights) -> Path:
    if _offline():
        raise WeightsError("HF_HUB_OFFLINE is set")
    from filelock import FileLock

    target = downloads_folder() / file.filename
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{target}.lock"):
            if not target.is_file():  # else another process fetched it while this one waited
                _download(url, target, resume=file.sha256 is not None)
    except urllib.error.HTTPError as error:
        raise WeightsError(f"the server answered with HTTP {error.code}") from error
    except OSError as error:
        if error.errno in _LOCAL_ERRORS:
            raise WeightsError(describe_os_error(error)) from error
        raise WeightsError(f"no connection ({getattr(error, 'reason', error)})") from error
    return target


# By hand, since huggingface_hub resumes only files of a Hub, and pooch and torch.hub do not resume at all.
def _download(url: str, target: Path, *, resume: bool) -> None:
    """Fetch a link into `target`. `resume`: go on with the part that an earlier try left.

    Only a file with a known sha256 is resumed: nothing else would notice that the two parts are of two files.
    Raises WeightsError when it breaks off, and OSError.
    """
    part = target.with_name(target.name + ".part")
    if resume:
        return _download_part(url, target, part)
    part.unlink(missing_ok=True)
    try:
        _download_part(url, target, part)
    finally:
        part.unlink(missing_ok=True)  # what broke off is never gone on with


def _download_part(url: str, target: Path, part: Path) -> None:
    """Fetch a link, or what is lacking behind `part`, into `part`, and make that `target`."""
    have = part.stat().st_size if part.is_file() else 0
    headers = {"User-Agent": "restoration-zoo", **({"Range": f"bytes={have}-"} if have else {})}
    try:
        response = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code != 416 or not have:
            raise
        part.unlink()  # the part is no beginning of what the server has
        return _download(url, target, resume=False)
    with response:
        if response.headers.get_content_type() == "text/html":
            raise WeightsError("it leads to a web page, not to a file")
        if response.status != 206:
            have = 0
        length = response.headers.get("Content-Length")
        total = have + int(length) if length else None
        if total is not None and total > LARGEST:
            raise WeightsError(_too_large(target.name))
        try:
            _copy(response, part, have, total, target.name)
        except (http.client.HTTPException, TimeoutError, ConnectionError):
            total = total or -1  # whatever came, it is not all
        except WeightsError:
            part.unlink(missing_ok=True)
            raise
        except OSError as error:
            if error.errno in _LOCAL_ERRORS:
                part.unlink(missing_ok=True)  # on a full disk, give the room back
            raise
    have = part.stat().st_size
    if total not in (None, have):
        raise WeightsError(f"the download broke off after {have / 1e6:.1f} MB; try again")
    part.replace(target)


def _copy(response: http.client.HTTPResponse, part: Path, have: int, total: int | None, name: str) -> None:
    from tqdm import tqdm

    bar = tqdm(total=total, initial=have, unit="B", unit_scale=True, desc=name, file=sys.stderr)
    with bar, part.open("ab" if have else "wb") as out:
        while block := response.read(1 << 20):
            out.write(block)
            bar.update(len(block))
            have += len(block)
            if have > LARGEST:
                raise WeightsError(_too_large(name))


def _too_large(name: str) -> str:
    return f"{name} is larger than {LARGEST / 1e9:.3g} GB, the limit for a download"
