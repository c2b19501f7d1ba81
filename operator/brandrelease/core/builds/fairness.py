"""Whose build is next where more of them wait than may run at the same time."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

PRODUCTION: Final = "production"
"""Name of the environment whose builds go before all others."""


@dataclass(frozen=True, slots=True)
class Line:
    """The releases of a brand that wait for a build, in the order in which they asked.

    production: those to production stand in a line of their own.
    building: how many builds of the brand have a place now, to whichever environment.
    since: when the first in the line asked, or when the line last had its turn if that was later; any number that grows.
    """

    brand: str
    production: bool
    building: int
    since: int


def next_line(lines: Iterable[Line]) -> Line | None:
    """The line whose first release gets the place that is free; None if nobody waits.

    Production goes before everything else, however long that waits. Among the rest the brand with the fewest builds is
    next, then the line that has waited longest. A line that had its turn counts as one that has just begun to wait, so
    brands alternate, however many releases each of them has and however few places there are.
    """
    return min(lines, key=lambda line: (not line.production, line.building, line.since), default=None)


@dataclass(frozen=True, slots=True)
class BuildInFlight:
    """A build that has a place already. namespace, name: of a BrandRelease that waits for it; build: its order's name."""

    namespace: str
    name: str
    brand: str
    build: str
