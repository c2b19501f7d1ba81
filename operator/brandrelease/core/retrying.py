"""After a failure of the platform: the same commit is tried again by itself, after growing pauses, a few times."""

from datetime import datetime, timedelta
from typing import Final

from brandrelease.apis.brandrelease import Blame, BrandReleaseStatus, CurrentRelease, Outcome
from brandrelease.apis.progress import MESSAGE_LIMIT, Retry
from brandrelease.apis.reasons import Reason
from brandrelease.core.status import with_current
from brandrelease.core.words import cut

PAUSES: Final = (timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=8))
"""How long to wait before each further try. After the last, somebody must look: it did not pass by itself."""

TRIES: Final = len(PAUSES) + 1

_FINAL: Final = frozenset({Reason.RollbackFailed, Reason.MissingRollbackTarget})
"""Ends after which nothing is tried by itself: what runs now is not known to be good."""


def to_be_retried(current: CurrentRelease) -> bool:
    """Whether the failure passes by itself, as far as anybody knows, and there are tries left."""
    return current.blame is Blame.Platform and current.tries < TRIES


def when_retried(
    status: BrandReleaseStatus, reason: Reason, text: str, now: datetime
) -> tuple[BrandReleaseStatus, str]:
    """The status with the time of the next try, and the text that says so; both as they are if there is none."""
    current = status.current
    if current is None or current.blame is not Blame.Platform or reason in _FINAL:
        return status, text
    if not to_be_retried(current):
        return status, f"{text} It was tried {current.tries} times; ask for it again when the cause is mended."
    at = now.replace(microsecond=0) + PAUSES[current.tries - 1]
    retry = Retry(number=current.tries + 1, at=at)
    text = f"{text} It is tried again by itself at {at:%H:%M:%S} UTC (try {retry.number} of {TRIES})."
    return with_current(status, current.model_copy(update={"retry": retry})), text


def retry_of(current: CurrentRelease) -> Retry | None:
    """The next try of a release that has ended, if there is one."""
    return current.retry if current.outcome in {Outcome.RolledBack, Outcome.Failed} else None


def called_off(status: BrandReleaseStatus, why: str) -> BrandReleaseStatus:
    """The status without the next try, if there was one; and the message says why."""
    current = status.current
    if current is None or current.retry is None:
        return status
    message = cut(f"{current.message} That was called off, {why}.", MESSAGE_LIMIT)
    return with_current(status, current.model_copy(update={"retry": None, "message": message}))
