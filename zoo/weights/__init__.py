"""Where weights come from, and how they are opened.

Bundled with the project -> the user's file or folder -> the Hub cache -> a download. A file is verified by its
sha256 before it is opened, and opened only in ways that cannot run code. Looking up and listing never touch the
network; only `resolve` does, for a file that is nowhere on this machine.
"""

from .checksum import sha256_of
from .reading import load_tensors
from .recognize import mismatch
from .resolve import Found, FoundFile, is_bundled, locate, missing_reason, resolve, state

__all__ = [
    "Found",
    "FoundFile",
    "is_bundled",
    "load_tensors",
    "locate",
    "mismatch",
    "missing_reason",
    "resolve",
    "sha256_of",
    "state",
]
