"""Which part of the fleet is whose: an object belongs to the shard that the name of its brand comes to.

All that meets in one brand is in one shard: its environments, whose images are promoted from one to the next, its builds,
its mirror, and the question which of two BrandReleases is the older one.
"""

import re
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

LEASE: Final = "brandrelease"
"""Name of the Lease by which one replica leads where the fleet is not divided; all others begin with it."""

MOST: Final = 64
"""Shards. Each holds all watches, and the API server serves every one."""

_SHARD: Final = re.compile(r"(\d{1,2})/(\d{1,2})", re.ASCII)
_LEASE_OF_A_SHARD: Final = re.compile(rf"{LEASE}(?:-\d+-of-(\d+))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Shard:
    """One of so many equal parts, counted from 0."""

    index: int = 0
    count: int = 1

    def has(self, brand: str) -> bool:
        """Whether the brand belongs to it. The same in every process and version: a change would give a brand two leaders."""
        return int.from_bytes(blake2b(brand.encode(), digest_size=8).digest()) % self.count == self.index

    @property
    def is_all(self) -> bool:
        return self.count == 1

    @property
    def lease(self) -> str:
        """Name of its Lease, which no shard of another division has."""
        return LEASE if self.is_all else f"{LEASE}-{self.index}-of-{self.count}"

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"


WHOLE: Final = Shard()
"""A fleet that is not divided."""


def shard_of(text: str) -> Shard:
    """The shard of a text like 0/2; raises ValueError with what to write instead."""
    found = _SHARD.fullmatch(text.strip())
    index, count = map(int, found.groups()) if found else (0, 0)
    if not index < count <= MOST:
        message = f"must be i/n with i from 0 to n-1 and n from 1 to {MOST}: 0/2 and 1/2 are the two halves, 0/1 is the whole fleet"
        raise ValueError(message)
    return Shard(index, count)


def division_of(lease: str) -> int | None:
    """Into how many parts the fleet is divided by whom this Lease lets lead; None for a Lease of something else."""
    found = _LEASE_OF_A_SHARD.fullmatch(lease)
    return int(found[1] or 1) if found else None
