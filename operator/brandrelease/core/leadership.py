"""Who leads: what one replica does next, from the Lease as it was read and from when it was first seen so.

Wall clocks are written into the Lease for people and never compared: a replica counts, on its own monotonic clock, for how
long a Lease has not changed under its eyes. So clocks may differ by hours. What must agree is how long a second is.

That never two may write at the same time follows from three lengths. The leader sends its last write RENEW_SECONDS after it
has *sent* its last renewal, and waits REQUEST_SECONDS for an answer at the longest. Nobody can have seen that renewal before
it was sent, and whoever has seen it waits LEASE_SECONDS: 10 + 4 < 15.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

LEASE_SECONDS: Final = 15.0
"""A Lease that was seen unchanged for so long is nobody's."""

RENEW_SECONDS: Final = 10.0
"""So long after the sending of its last renewal a leader stops."""

RETRY_SECONDS: Final = 2.0
"""Between the beginnings of two renewals, and between two looks of a replica that stands by."""

REQUEST_SECONDS: Final = 4.0
"""For one request, so that a leader whose renewal hangs has time for another."""


@dataclass(frozen=True, slots=True)
class Lease:
    """What is written in the Lease. holder: identity of the replica that leads; empty where it was let go.

    uid: of the object, by the API server; one that was deleted and made again is another one.
    """

    holder: str
    acquired_at: datetime | None = None
    renewed_at: datetime | None = None
    transitions: int = 0
    uid: str = ""


@dataclass(frozen=True, slots=True)
class Sighting:
    """The Lease as it was seen last, or that there is none, and since when it is seen so, in seconds of one's own clock."""

    lease: Lease | None
    since: float


@dataclass(frozen=True, slots=True)
class Lay:
    """Write this Lease, so that there is one. It is nobody's, and nobody leads by it."""

    lease: Lease


@dataclass(frozen=True, slots=True)
class Take:
    """Write this Lease, and lead if that succeeds. It was nobody's."""

    lease: Lease


@dataclass(frozen=True, slots=True)
class Renew:
    """Write this Lease, and lead if that succeeds. It is one's own."""

    lease: Lease


@dataclass(frozen=True, slots=True)
class Wait:
    """Another leads, or may still: look again after so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Lost:
    """It led, and the Lease says that it does no more. holder: who has it now; empty for nobody."""

    holder: str


Step = Lay | Take | Renew | Wait | Lost

NOBODY_YET: Final = "(nobody yet)"
"""Holder of a Lease that was just laid out."""


def sighted(before: Sighting | None, lease: Lease | None, now: float) -> Sighting:
    """What is known after a look at the Lease. Only a change of it begins the time anew."""
    return before if before and before.lease == lease else Sighting(lease, now)


def next_step(me: str, seen: Sighting, now: float, today: datetime, *, leads: bool) -> Step:
    """What this replica does. now: of the clock of the sighting; today: what people are to read in the Lease.

    That there is no Lease does not tell a new cluster from one whose Lease somebody has deleted a moment ago, and whose leader
    does not know of it yet. So one is laid out, and is nobody's until it has not changed for long enough.
    """
    lease, expires_at = seen.lease, seen.since + LEASE_SECONDS
    if lease is not None and lease.holder == me:
        return Renew(renewed(lease, today))
    if leads:
        return Renew(Lease(me, today, today)) if lease is None else Lost(lease.holder)
    if lease is None:
        return Lay(Lease(NOBODY_YET, renewed_at=today))
    if lease.holder and now < expires_at:
        return Wait(min(RETRY_SECONDS, expires_at - now))
    return Take(replace(lease, holder=me, acquired_at=today, renewed_at=today, transitions=lease.transitions + 1))


def renewed(lease: Lease, today: datetime) -> Lease:
    """The Lease, renewed. It never says again what it has said before, also where a clock stands still or goes back.

    Whoever looks now and then would take that for no renewal at all.
    """
    after_the_last = lease.renewed_at + timedelta(microseconds=1) if lease.renewed_at else today
    return replace(lease, renewed_at=max(today, after_the_last))


def released(lease: Lease, today: datetime) -> Lease:
    """The Lease, let go: whoever sees it may take it at once."""
    return replace(lease, holder="", acquired_at=today, renewed_at=today)
