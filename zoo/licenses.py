"""Which licenses are permissive."""

from __future__ import annotations

PERMISSIVE = ("Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC-BY-4.0", "CC0-1.0", "MIT", "Unlicense", "WTFPL")
"""Licenses (SPDX ids) that allow any use, with attribution at most."""


def is_licensed(license: str, wanted: str) -> bool:
    """Whether a license is the wanted one (SPDX id, in any case) or, for "permissive", one of PERMISSIVE."""
    if wanted.casefold() == "permissive":
        return license in PERMISSIVE
    return license.casefold() == wanted.casefold()
