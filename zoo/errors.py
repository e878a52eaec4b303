"""The errors a user can cause and mend. A command line prints their sentence and exits with status 2."""

from __future__ import annotations

import difflib
import errno
from collections.abc import Iterable, Sequence


class ZooError(Exception):
    """What went wrong, in one sentence for the person at the keyboard."""


class UnknownNameError(ZooError):
    """A model, data set, scenario or metric of that name is not registered."""

    def __init__(self, kind: str, name: str, known: Iterable[str], left_out: Sequence[str] = ()):
        """left_out: files that may have brought the name but were not imported, each with the reason."""
        known = sorted(known)
        folded = {each.casefold(): each for each in known}
        alike = difflib.get_close_matches(name.casefold(), folded, n=3, cutoff=0.5)
        alike += [each for each in folded if len(name) >= 3 and name.casefold() in each]
        close = [folded[each] for each in dict.fromkeys(alike)][:3]
        hint = f"did you mean {' or '.join(close)}?" if close else f"known: {', '.join(known) or 'none'}."
        missing = f" (What these files bring is missing, as they cannot be imported: {'; '.join(left_out)}.)"
        super().__init__(f"unknown {kind} '{name}': {hint}{missing if left_out else ''}")

    def __reduce__(self) -> tuple:  # so that it comes out of a worker process as the same sentence
        return ZooError, (str(self),)


class PluginWarning(UserWarning):
    """A file that registers models (or the like) cannot be imported and was left out."""


class PictureError(ZooError):
    """A picture cannot be read, is not allowed, or cannot be written."""


class OutputError(PictureError):
    """A file cannot be written: no permission, a full disk, a format that cannot hold the picture."""


class MaskError(ZooError):
    """A mask does not fit its picture or leaves nothing to do."""


class WeightsError(ZooError):
    """Weights are missing, damaged, or of another architecture."""


class RuntimeUnavailableError(ZooError):
    """A runtime or precision cannot be used: not installed, not for this CPU, or not for this model."""


class RestorationError(ZooError):
    """A backend failed on a picture, or returned something that is no picture."""


def describe_os_error(error: OSError) -> str:
    """A plain phrase for the operating system's refusal, such as "the disk is full"."""
    phrases = {
        errno.ENOSPC: "the disk is full",
        errno.EDQUOT: "the disk quota is used up",
        errno.EFBIG: "the file would exceed the allowed file size",
        errno.EACCES: "permission denied",
        errno.EPERM: "permission denied",
        errno.EROFS: "the file system is read-only",
        errno.EEXIST: "a file of that name is in the way",
        errno.ENOENT: "no such file or folder",
        errno.ENOTDIR: "a part of the path is a file, not a folder",
        errno.EISDIR: "it is a folder",
        errno.ENAMETOOLONG: "the name is too long",
    }
    return phrases.get(error.errno or 0, error.strerror or str(error))
