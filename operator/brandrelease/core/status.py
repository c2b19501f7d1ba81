"""The whole status of a BrandRelease from what is known: outcome and history, phase and conditions."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, assert_never

from brandrelease.apis.brandrelease import (
    BrandRelease,
    BrandReleaseStatus,
    CurrentRelease,
    Migration,
    Outcome,
    PastRelease,
    Phase,
)
from brandrelease.apis.conditions import Condition, ConditionStatus, ConditionType
from brandrelease.apis.progress import MESSAGE_LIMIT, Invalidation
from brandrelease.apis.reasons import Reason
from brandrelease.core.quarantine import active
from brandrelease.core.words import cut

NEEDS_SOMEBODY: Final = frozenset(
    {
        Reason.BrandInvalid,
        Reason.EnvironmentNotFound,
        Reason.NamespaceNotAllowed,
        Reason.DuplicateRelease,
        Reason.InvalidRef,
        Reason.RefNotFound,
        Reason.AmbiguousRef,
        Reason.RefNotAllowed,
        Reason.SourceNotAllowed,
        Reason.CommitQuarantined,
        Reason.WindowInvalid,
        Reason.ContainerNotFound,
        Reason.ContainerAmbiguous,
        Reason.ImageOverridden,
        Reason.DeploymentRefused,
        Reason.ImageNotAllowed,
        Reason.HookNotStarted,
        Reason.AlarmActive,
        Reason.CheckFailed,
        Reason.CheckFailedWithoutBaseline,
        Reason.EdgeFailed,
        Reason.AlarmRaised,
        Reason.MetricExceeded,
    }
)
"""Blocked for these, a release is Stalled: nothing moves until somebody does something. Blocked for others (a server
that does not answer, a Brand or Deployment that is not there yet), it is Reconciling: waiting may be enough."""


@dataclass(frozen=True, slots=True)
class Headline:
    """What a person reads first: where it stands, why, and what to do."""

    phase: Phase
    reason: Reason
    message: str


def present(release: BrandRelease, status: BrandReleaseStatus, headline: Headline, now: datetime) -> BrandReleaseStatus:
    """The status with its phase and conditions, fit to be written."""
    answer = status.last_handled.answer if status.last_handled else None
    message = f"{headline.message} {answer}" if answer else headline.message
    headline = Headline(headline.phase, headline.reason, cut(message, MESSAGE_LIMIT))
    before = {condition.type: condition for condition in release.status.conditions}
    conditions = []
    for kind, value, reason, message in _conditions(status, headline):
        old = before.get(kind)
        since = old.last_transition_time if old and old.status == value else now
        conditions.append(
            Condition(
                type=kind,
                status=value,
                reason=reason,
                message=cut(message, MESSAGE_LIMIT),
                last_transition_time=since,
                observed_generation=release.generation,
            )
        )
    return status.model_copy(
        update={"observed_generation": release.generation, "phase": headline.phase, "conditions": tuple(conditions)}
    )


_Condition = tuple[ConditionType, ConditionStatus, Reason, str]
_YES, _NO, _UNKNOWN = ConditionStatus.Yes, ConditionStatus.No, ConditionStatus.Unknown


def _conditions(status: BrandReleaseStatus, headline: Headline) -> Iterator[_Condition]:
    """Kstatus's three, then ours. Reconciling and Stalled stand there only while they are true, and never both."""
    reason, message = headline.reason, headline.message
    match headline.phase:
        case Phase.Live:
            yield ConditionType.Ready, _YES, reason, message
        case Phase.Suspended:
            settled = status.current is not None and status.current.outcome is Outcome.Succeeded
            yield ConditionType.Ready, _YES if settled else _NO, reason, message
        case Phase.RolledBack | Phase.Failed:
            yield ConditionType.Ready, _NO, reason, message
            yield ConditionType.Stalled, _YES, reason, message
        case Phase.Blocked:
            yield ConditionType.Ready, _NO, reason, message
            yield (
                (ConditionType.Stalled if reason in NEEDS_SOMEBODY else ConditionType.Reconciling),
                _YES,
                reason,
                message,
            )
        case Phase.Pending | Phase.Building | Phase.Migrating | Phase.Deploying | Phase.Verifying | Phase.RollingBack:
            yield ConditionType.Ready, _UNKNOWN, reason, message
            yield ConditionType.Reconciling, _YES, reason, message
        case _:
            assert_never(headline.phase)
    if status.current is not None:
        yield from _progress(status.current, headline)
        commit = status.current.commit
        if entry := next((entry for entry in active(status) if entry.commit == commit), None):
            left = entry.reason is Reason.RollbackRequested
            why = "was left by rollbackTo" if left else "was to blame for a failed release"
            text = f"Commit {commit} {why} and will not be released again."
            yield ConditionType.Quarantined, _YES, Reason.CommitQuarantined, text
    if status.migration is not None:
        yield ConditionType.RollbackUnsafe, _YES, Reason.MigrationRan, _unsafe(status.migration)
    if status.current is not None and status.current.invalidation is not None:
        yield from _cache(status.current.invalidation)


def _unsafe(migration: Migration) -> str:
    return (
        f"The preDeploy hook of release {migration.release} changed the database at {migration.finished_at:%Y-%m-%d %H:%M:%S} UTC, "
        "and that release did not go live since: older code would meet a database that it may not know. "
        "Nothing is rolled back by itself (rollback.afterMigration is Hold)."
    )


def _cache(invalidation: Invalidation) -> Iterator[_Condition]:
    """Only what CloudFront has answered is told: before that, nobody knows anything."""
    if invalidation.problem is not None:
        given_up = invalidation.finished_at is not None
        value = _NO if given_up else _UNKNOWN
        yield ConditionType.CacheInvalidated, value, Reason.InvalidationFailed, invalidation.problem
    elif invalidation.finished_at is not None:
        text = f"CloudFront has taken invalidation {invalidation.id or invalidation.reference}: what it had kept is gone within minutes."
        yield ConditionType.CacheInvalidated, _YES, Reason.Succeeded, text


def _progress(current: CurrentRelease, headline: Headline) -> Iterator[_Condition]:
    """How far the current release has come."""
    failed = current.reason if current.outcome or current.rollback else None
    reason, message = failed or headline.reason, current.message or headline.message
    if current.image:
        yield ConditionType.Built, _YES, Reason.Succeeded, f"The image is {current.image}."
    else:
        yield ConditionType.Built, _NO if failed else _UNKNOWN, reason, message
    if current.image and (current.outcome is Outcome.Succeeded or (current.rollout and current.rollout.finished_at)):
        yield ConditionType.Deployed, _YES, Reason.Succeeded, "All pods were replaced by pods of this release."
    elif current.rollout:
        yield ConditionType.Deployed, _NO if failed else _UNKNOWN, reason, message
    if current.outcome is Outcome.Succeeded:
        yield ConditionType.Healthy, _YES, Reason.Succeeded, "The release stayed healthy while it was watched."
    elif current.rollout:
        yield ConditionType.Healthy, _NO if failed else _UNKNOWN, reason, message


# --- changes of the status that mean something ------------------------------------------------------------------------


def next_number(status: BrandReleaseStatus, applied: int | None) -> int:
    """One more than any number used so far, also by an earlier BrandRelease on the same Deployment."""
    used = [applied or 0, *(entry.number for entry in status.history)]
    used += [entry.number for entry in (status.current, status.next, status.running) if entry is not None]
    return max(used) + 1


def with_current(status: BrandReleaseStatus, current: CurrentRelease) -> BrandReleaseStatus:
    """The status with this as its current release."""
    return status.model_copy(update={"current": current})


def finish(
    status: BrandReleaseStatus, outcome: Outcome, reason: Reason, message: str, now: datetime, limit: int
) -> BrandReleaseStatus:
    """End the current release and write it into the history, newest first, at most `limit` entries.

    What ends now has its line in any case, also if so many newer ones were given up while it was watched.
    """
    current = status.current
    assert current is not None, "only a release that was begun can end"  # noqa: S101 - a rule of this module's callers
    ended, history = _ended(status, current, outcome, reason, message, now, limit)
    return status.model_copy(update={"current": ended, "history": history})


def finish_next(
    status: BrandReleaseStatus, outcome: Outcome, reason: Reason, message: str, now: datetime, limit: int
) -> BrandReleaseStatus:
    """The same for the release that is prepared beside the current one."""
    assert status.next is not None, "only a release that was begun can end"  # noqa: S101 - a rule of its one caller
    _, history = _ended(status, status.next, outcome, reason, message, now, limit)
    return status.model_copy(update={"next": None, "history": history})


def _ended(  # noqa: PLR0913, PLR0917 - what a line of the history is made of
    status: BrandReleaseStatus,
    release: CurrentRelease,
    outcome: Outcome,
    reason: Reason,
    message: str,
    now: datetime,
    limit: int,
) -> tuple[CurrentRelease, tuple[PastRelease, ...]]:
    message = cut(message, MESSAGE_LIMIT)
    ended = release.model_copy(
        update={"outcome": outcome, "reason": reason, "message": message, "finished_at": now.replace(microsecond=0)}
    )
    past = PastRelease(
        number=ended.number,
        commit=ended.commit,
        image=ended.image,
        outcome=outcome,
        reason=reason,
        message=message,
        blame=ended.blame,
        requested_by=ended.requested_by,
        override=ended.override,
        evidence=ended.evidence,
        started_at=ended.started_at,
        finished_at=now,
    )
    # A release that ended where it stood, and was rolled back later because somebody asked for it, has one entry.
    others = [entry for entry in status.history if entry.number != ended.number]
    kept = sorted(others, key=_number, reverse=True)[: limit - 1]
    return ended, tuple(sorted((past, *kept), key=_number, reverse=True))


def _number(entry: PastRelease) -> int:
    return entry.number
