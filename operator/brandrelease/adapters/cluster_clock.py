"""The port `Clock` on the cluster's time: what the API server says, carried on by a clock that never jumps.

Deadlines and soaks are moments in the status, and are compared with moments that the cluster's own parts have written.
So the time that counts is the API server's, as each of its answers tells it (the header Date), and not this machine's:
a machine whose clock is set, or another replica on a machine whose clock is wrong, ends nothing early and nothing late.
Between two answers, and where an answer contradicts what was known, the monotonic clock counts: it is led towards the
API server's time slowly, so that no step of any clock is ever a step of `now`.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

import structlog

from brandrelease.elapsed import elapsed
from brandrelease.ports import Clock

log = structlog.get_logger(__name__)

SHARE: Final = 0.05
"""How much faster or slower than it passes time may be told while it is led back: no duration is wrong by more."""

SLACK: Final = 2.0
"""Seconds by which an answer may be older than its Date says: that is in whole seconds, and the answer has travelled."""

WORTH_TELLING: Final = 60.0
"""Seconds of difference that people are told of: certificates, logs and change windows suffer from it, too."""


class ClusterClock:
    """The cluster's time of day. Until the API server has answered for the first time, it is the machine's."""

    def __init__(self, machine: Clock, monotonic: Callable[[], float] = elapsed) -> None:
        self._monotonic = monotonic
        self._begun, self._begun_at = machine.now(), monotonic()
        self._passed = 0.0
        """Seconds since then, as they are told."""
        self._looked_at = self._begun_at
        self._owed = 0.0
        """Seconds by which the API server's time is ahead of ours, as far as they are not made up for."""
        self._set = self._warned = False

    def now(self) -> datetime:
        """Never runs backwards, and never jumps once the API server has answered."""
        at = self._monotonic()
        passed = at - self._looked_at
        made_up = max(-passed * SHARE, min(passed * SHARE, self._owed))
        self._passed += passed + made_up
        self._owed -= made_up
        self._looked_at = at
        return self._begun + timedelta(seconds=self._passed)

    def owed(self) -> float:
        """Seconds by which the API server's time was ahead of ours when it answered last, less what is made up for."""
        return self._owed

    def heard(self, date: str | None) -> None:
        """The API server has answered, with this header Date. The first answer sets the clock, later ones lead it."""
        ours = self.now()
        told = _read(date)
        if told is None:
            return
        if self._set:
            self._owed = _ahead(told, ours)
        else:
            self._set, difference = True, _ahead(told, ours)
            self._passed += difference
            if abs(difference) > SLACK:
                log.warning(
                    "This machine's clock differs from the API server's, and the API server's counts.",
                    seconds=round(difference),
                )
        self._tell()

    def _tell(self) -> None:
        """Once for each time that the clocks have come apart."""
        apart = abs(self._owed) > WORTH_TELLING
        if apart and not self._warned:
            log.warning(
                "The API server's clock was set while the operator ran. The operator goes on with the time that has passed, and follows slowly; "
                "to make it follow at once, restart it when no release is on its way.",
                seconds=round(self._owed),
            )
        self._warned = apart


def _ahead(told: datetime, ours: datetime) -> float:
    """Seconds from ours to the nearest moment that the answer may have been given at."""
    difference = (told - ours).total_seconds()
    return difference if difference > 0 else min(difference + SLACK, 0.0)


def _read(date: str | None) -> datetime | None:
    """The moment; None where something between us and the API server has written no such thing."""
    try:
        told = parsedate_to_datetime(date) if date else None
    except ValueError:
        return None
    return told if told is not None and told.tzinfo is not None else None
