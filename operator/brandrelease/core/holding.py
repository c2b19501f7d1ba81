"""Which BrandRelease holds an environment of a Brand: the oldest one that names it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

SETTLED_AFTER: Final = timedelta(minutes=1)
"""Clocks of API servers may differ by less than this, so what is created later is younger by its time stamp, too."""


@dataclass(frozen=True, slots=True, order=True)
class Claim:
    """A BrandRelease that names the environment.

    The smallest one holds it: the oldest, and of those of one second that with the smaller uid, so that all say the same.
    """

    created: datetime
    uid: str
    name: str


def is_settled(created: datetime, now: datetime) -> bool:
    """Whether nothing older than this can come any more: what holds an environment then does so as long as it is there."""
    return now - created > SETTLED_AFTER
