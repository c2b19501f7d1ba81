"""Whether what was asked for has come to an end, and to which. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from brandrelease.apis.brandrelease import BrandRelease, BrandReleaseStatus, Outcome, Phase
from brandrelease.apis.conditions import ConditionType
from brandrelease.cli.exits import Exit
from brandrelease.cli.wishes import Wish

UNSEEN: Final = timedelta(seconds=15)
"""A status that has not changed for so long after a request is the operator's answer, or the operator is not there."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How it ended."""

    exit: Exit
    message: str


@dataclass(frozen=True, slots=True)
class Follow:
    """What is followed: a wish, when it was written, and the number of the release that came of it, once there is one."""

    wish: Wish
    asked_at: datetime
    number: int | None = None

    def seen(self, release: BrandRelease) -> "Follow":
        """The same with the number of the release, if it began."""
        work = release.status.next or release.status.current
        if self.number is not None or work is None or not self.is_handled(release.status):
            return self
        return replace(self, number=work.number)

    def is_handled(self, status: BrandReleaseStatus) -> bool:
        """Whether the operator has looked at the request."""
        handled = status.last_handled
        return self.wish.request is None or (handled is not None and handled.requested_at == self.wish.request)


def ending(follow: Follow, release: BrandRelease, now: datetime) -> Ending | None:
    """The end of what is followed; None while it goes on."""
    status, said = release.status, message(release)
    if not follow.is_handled(status):
        if now - follow.asked_at < UNSEEN:
            return None
        return _unseen(status.phase, said)
    if status.next is not None:
        return None
    if lost := _replaced(follow, status):
        return lost
    match status.phase:
        case Phase.Live:
            return Ending(Exit.Live, said)
        case Phase.RolledBack:
            return Ending(Exit.RolledBack, said)
        case Phase.Failed:
            return Ending(Exit.Failed, said)
        case Phase.Blocked | Phase.Suspended:
            return Ending(Exit.Blocked, said)
        case _:
            return None


def message(release: BrandRelease) -> str:
    """What the object says of itself."""
    ready = next((each for each in release.status.conditions if each.type is ConditionType.Ready), None)
    return ready.message if ready else "The operator has not looked at it yet."


def _unseen(phase: Phase | None, said: str) -> Ending | None:
    """The request was not looked at, and nothing has moved since."""
    match phase:
        case Phase.Blocked | Phase.Suspended:
            return Ending(Exit.Blocked, said)
        case _:
            return None  # a migration or a rollback is waited for; without an operator, --timeout ends it


def _replaced(follow: Follow, status: BrandReleaseStatus) -> Ending | None:
    past = next((entry for entry in status.history if entry.number == follow.number), None)
    if past is None or past.outcome not in {Outcome.Superseded, Outcome.Aborted}:
        return None
    return Ending(Exit.Failed, f"Release {past.number} did not go out: {past.message}")
