"""What a pass has brought to an end, in figures: the difference between the status before it and the one that it wrote.

Both are in the API server, so neither a repeated pass nor a new process counts anything twice. Moments are those of the
status, in whole seconds.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from brandrelease.apis.brandrelease import Blame, BrandReleaseStatus, CurrentRelease, Outcome, PastRelease
from brandrelease.apis.progress import BuildProgress
from brandrelease.apis.reasons import Reason
from brandrelease.core.blame import blame_of


class BuildResult(StrEnum):
    """How a build ended for a release that waited for it."""

    Succeeded = "Succeeded"
    Failed = "Failed"
    Retried = "Retried"
    """It failed for no fault of the commit, and another attempt began."""
    Stopped = "Stopped"
    """Nobody waits for it any more: its release was superseded or aborted."""


BUILDERS: Final = ("buildKit", "codeBuild", "external")


@dataclass(frozen=True, slots=True)
class ReleaseEnded:
    """From the request to the outcome."""

    outcome: Outcome
    reason: Reason
    seconds: float


@dataclass(frozen=True, slots=True)
class BuildEnded:
    """From asking for the build to its end. Each release that waited for it has one."""

    builder: str
    result: BuildResult
    seconds: float


@dataclass(frozen=True, slots=True)
class FailureDetected:
    """From the change of the Deployment to the moment at which it was known to be bad."""

    seconds: float


@dataclass(frozen=True, slots=True)
class RollbackBegun:
    """The way back was chosen, and why."""

    reason: Reason
    blame: Blame


@dataclass(frozen=True, slots=True)
class Recovered:
    """From the moment at which the failure was known to the end of the rollback, also where a person had to ask for it."""

    seconds: float


Measure = ReleaseEnded | BuildEnded | FailureDetected | RollbackBegun | Recovered


def measures(before: BrandReleaseStatus, after: BrandReleaseStatus) -> tuple[Measure, ...]:
    """Everything that ended or began between the two, each once."""
    return (*_builds(before, after), *_failures(before, after), *_ways_back(before, after), *_endings(before, after))


def _endings(before: BrandReleaseStatus, after: BrandReleaseStatus) -> Iterator[ReleaseEnded]:
    """A release that stood failed and is rolled back later, because somebody asks for it, has ended already."""
    known = {release.number for release in _ended(before)}
    for release in {each.number: each for each in _ended(after)}.values():
        if release.number not in known and release.outcome and release.finished_at:
            seconds = _between(release.started_at, release.finished_at)
            yield ReleaseEnded(release.outcome, release.reason or Reason.Succeeded, seconds)


def _ended(status: BrandReleaseStatus) -> Iterator[CurrentRelease | PastRelease]:
    """Releases that have ended. A short history may have lost the current one to a newer one that ended before it."""
    yield from status.history
    if status.current is not None and status.current.outcome is not None:
        yield status.current


def _failures(before: BrandReleaseStatus, after: BrandReleaseStatus) -> Iterator[FailureDetected]:
    """Only where the Deployment was changed; what is given up by somebody has not failed."""
    now = after.current
    if now is None or now.rollout is None or now.rollout.seen_on is None or now.reason is Reason.Aborted:
        return
    was, known_at = _of(before, now.number), _known_at(now)
    if known_at is not None and (was is None or _known_at(was) is None):
        yield FailureDetected(_between(now.rollout.started_at, known_at))


def _known_at(release: CurrentRelease) -> datetime | None:
    """When it was known that the release is bad."""
    if release.rollback is not None:
        return release.rollback.started_at
    return release.finished_at if release.outcome is Outcome.Failed else None


def _ways_back(before: BrandReleaseStatus, after: BrandReleaseStatus) -> Iterator[RollbackBegun | Recovered]:
    now = after.current
    if now is None or now.rollback is None:
        return
    was = _of(before, now.number)
    old = was.rollback if was is not None else None
    reason = now.reason or Reason.RollingBack
    if old is None:
        yield RollbackBegun(reason, now.blame or blame_of(reason))
    if now.rollback.finished_at and not (old and old.finished_at) and reason is not Reason.Aborted:
        stood = next((each.finished_at for each in before.history if each.number == now.number), None)
        yield Recovered(_between(stood or now.rollback.started_at, now.rollback.finished_at))


def _builds(before: BrandReleaseStatus, after: BrandReleaseStatus) -> Iterator[BuildEnded]:
    for was in (before.current, before.next):
        if was is None or was.outcome is not None or was.build is None or was.build.finished_at is not None:
            continue
        if end := _end_of_build(after, was, was.build):
            result, at = end
            yield BuildEnded(was.build.builder, result, _between(was.build.started_at, at))


def _end_of_build(
    after: BrandReleaseStatus, was: CurrentRelease, build: BuildProgress
) -> tuple[BuildResult, datetime] | None:
    """How and when the build that was in flight has ended; None while it goes on."""
    now = _of(after, was.number)
    ended = now or next((each for each in after.history if each.number == was.number), None)
    failed = ended is not None and ended.outcome is Outcome.Failed
    if now is not None and now.build is not None:
        if (now.build.key, now.build.attempt) != (build.key, build.attempt):
            return BuildResult.Retried, now.build.started_at
        if now.build.finished_at is not None:
            return BuildResult.Failed if failed else BuildResult.Succeeded, now.build.finished_at
    if ended is None or ended.finished_at is None:
        return None
    return BuildResult.Failed if failed else BuildResult.Stopped, ended.finished_at


def _of(status: BrandReleaseStatus, number: int) -> CurrentRelease | None:
    return next((each for each in (status.current, status.next) if each is not None and each.number == number), None)


def _between(start: datetime, end: datetime) -> float:
    return max((end - start).total_seconds(), 0.0)
