"""Whether an answer of the API server is older than what it has told before.

It should never be: a read that names no version is of the newest state. A proxy or a cache in between may still do it, and
then a pod that is ready seems not to be, or what was done seems to be still to do. Versions of one kind can be compared as
numbers (KEP-5504, Kubernetes 1.35; true of etcd long before).
"""

from dataclasses import dataclass
from typing import Final

STALE_SECONDS: Final = 60.0
"""After that time the API server is believed again: versions begin anew where etcd was restored from a backup."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A version that was told of. at: when, in seconds of a clock that only goes forward."""

    version: int
    at: float


def is_outdated(version: int, before: Seen | None, now: float) -> bool:
    """Whether an answer of this version is not to be believed. before: what was known when it was asked for."""
    return before is not None and version < before.version and now - before.at < STALE_SECONDS
