"""How far each release has come, as people are told of it: read from the status alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from brandrelease.apis.brandrelease import BrandReleaseStatus, CurrentRelease, Outcome, PastRelease, Phase
from brandrelease.apis.conditions import Condition, ConditionType
from brandrelease.apis.notifications import Stage
from brandrelease.apis.reasons import Reason
from brandrelease.core.telling.notice import ENDS

_AS_STAGE = {
    Outcome.Succeeded: Stage.Live,
    Outcome.RolledBack: Stage.RolledBack,
    Outcome.Failed: Stage.Failed,
    Outcome.Superseded: Stage.Superseded,
    Outcome.Aborted: Stage.Aborted,
}


@dataclass(frozen=True, slots=True)
class News:
    """One stage of one release.

    reason, message: why it is there, where that is worth telling. apart: the release has ended, and something that came
    after it needs somebody; `release` is None where none was ever begun.
    """

    number: int
    stage: Stage
    happened_at: datetime
    release: CurrentRelease | PastRelease | None
    reason: Reason | None = None
    message: str = ""
    apart: bool = False

    @property
    def is_end(self) -> bool:
        return self.stage in ENDS


def news(status: BrandReleaseStatus) -> tuple[News, ...]:
    """Where each release stands that the status knows, the oldest first."""
    found = {each.number: each for each in _of_each_release(status)}
    return tuple(found[number] for number in sorted(found))


def _of_each_release(status: BrandReleaseStatus) -> Iterator[News]:
    """The release in flight comes last: one that ended where it stood, and is left later, is in the history too."""
    for past in status.history:
        yield News(past.number, _AS_STAGE[past.outcome], past.finished_at, past, past.reason, past.message)
    if status.next is not None:
        yield _under_way(status.next)
    current = status.current
    if current is None:
        return
    if current.outcome is not None:
        ended_at = current.finished_at or current.started_at
        stage = _AS_STAGE[current.outcome]
        yield News(current.number, stage, ended_at, current, current.reason, current.message or "")
    elif stalled := _stalled(status):
        since, reason, message = stalled.last_transition_time, stalled.reason, stalled.message
        yield News(current.number, Stage.NeedsSomebody, since, current, reason, message)
    else:
        yield _under_way(current)


def trouble_apart(status: BrandReleaseStatus) -> News | None:
    """Nothing is in flight, and what was asked for since, or somebody's hand, needs somebody."""
    current, stalled = status.current, _stalled(status)
    if stalled is None or (current is not None and current.outcome is None):
        return None
    number = current.number if current is not None else 0
    since, reason, message = stalled.last_transition_time, stalled.reason, stalled.message
    return News(number, Stage.NeedsSomebody, since, current, reason, message, apart=True)


def _stalled(status: BrandReleaseStatus) -> Condition | None:
    """The condition Stalled where it is not the end of a release, which is told as such."""
    blocked = status.phase is Phase.Blocked
    return next((each for each in status.conditions if blocked and each.type is ConditionType.Stalled), None)


def _under_way(release: CurrentRelease) -> News:
    """From what it has begun. Not from the phase: a server that does not answer makes it Blocked for a moment."""
    stage, since = Stage.Started, release.started_at
    if release.hooks is not None and release.hooks.pre_deploy is not None:
        stage, since = Stage.Migrating, release.hooks.pre_deploy.started_at
    if release.rollout is not None:
        stage, since = Stage.Deploying, release.rollout.started_at
    if release.verification is not None:
        stage, since = Stage.Verifying, release.verification.started_at
    if release.rollback is not None:
        stage, since = Stage.RollingBack, release.rollback.started_at
    return News(release.number, stage, since, release, release.reason, release.message or "")
