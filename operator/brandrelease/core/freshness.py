"""Whether an answer of the API server is older than what it has told before.

It should never be: a read that names no version is of the newest state. A proxy or a cache in between may still do it, and
then a pod that is ready seems not to be, what was done seems to be still to do, or a Job that runs to have been deleted.
Versions of one kind can be compared as numbers (KEP-5504, Kubernetes 1.35; true of etcd long before).
"""

from dataclasses import dataclass
from typing import Final

STALE_SECONDS: Final = 60.0
"""After that time the API server is believed again: versions begin anew where etcd was restored from a backup."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A version that was told of. at: when, in seconds of a clock that only goes forward. there: False once it was deleted."""

    version: int
    at: float
    there: bool = True


def is_outdated(version: int | None, known: Seen | None, now: float) -> bool:
    """Whether an answer of this version is not to be believed; None where it says that there is no such object.

    known: what had been told of before it was asked for.
    """
    if known is None or now - known.at >= STALE_SECONDS:
        return False
    return known.there if version is None else version < known.version
