"""Parts of a data set that are measured apart, on several machines say, and merged afterwards."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from zoo.errors import ZooError

Thing = TypeVar("Thing")


@dataclass(frozen=True)
class Shard:
    """Every `count`-th picture of a data set, from number `index` (from 1 up) on."""

    index: int
    count: int

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"

    def of(self, things: Sequence[Thing]) -> tuple[Thing, ...]:
        """This part of a sequence.

        >>> Shard(2, 3).of("abcdefgh")
        ('b', 'e', 'h')
        """
        return tuple(things[self.index - 1 :: self.count])


def parse_shard(text: str) -> Shard:
    """The shard of "i/n". Raises ZooError.

    >>> parse_shard("2/8")
    Shard(index=2, count=8)
    """
    found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text)
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        raise ZooError(f"a shard is i/n with i from 1 to n, such as 2/8, not '{text}'.")
    return Shard(int(found[1]), int(found[2]))


def interleaved(parts: Sequence[Sequence[Thing]]) -> list[Thing]:
    """The sequence whose shards these are, in order; of those that are missing (empty) nothing.

    >>> interleaved(["ad", "be", "c"])
    ['a', 'b', 'c', 'd', 'e']
    """
    longest = max(map(len, parts), default=0)
    return [part[place] for place in range(longest) for part in parts if place < len(part)]
