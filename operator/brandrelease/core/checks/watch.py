"""While the release is watched: every check is looked at again and again, and what that leads to."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, assert_never

from brandrelease.apis.brandrelease import CurrentRelease
from brandrelease.apis.checks import Check, OnFailure
from brandrelease.apis.reasons import Reason
from brandrelease.apis.verification import CheckProgress, CheckState, Verification
from brandrelease.core.actions import PRE_DEPLOY
from brandrelease.core.checks.baseline import LATE, checks_of
from brandrelease.core.checks.looked import in_the_watch
from brandrelease.core.health import Problem
from brandrelease.core.hooks import progress_of
from brandrelease.core.snapshot import Snapshot
from brandrelease.core.words import cut

_NOTES_LIMIT: Final = 600
"""Characters of what is told about all checks together. What to do stands behind it and must not be cut off."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Why the release cannot be called live. reason: None where the next looks alone will tell."""

    reason: Reason | None
    check: str


def looked_at(world: Snapshot, current: CurrentRelease, verification: Verification) -> Verification:
    """The watch, with what the looks that have come to their end have found."""
    changed_at = _began_to_change(current, verification)
    baseline = {entry.name: entry for entry in current.baseline}
    last = {entry.name: entry for entry in verification.checks}
    found = []
    for check in _judging(world, current):
        progress = last.get(check.name)
        measured = world.measured.get((current.number, check.name))
        if measured is not None and measured.at >= due_at(check, progress, verification):
            progress = in_the_watch(check, baseline.get(check.name), progress, measured, changed_at)
        found += [progress] if progress is not None else []
    return verification.model_copy(update={"checks": tuple(found)})


def looks_in_the_watch(
    world: Snapshot, current: CurrentRelease, verification: Verification
) -> tuple[tuple[Check, datetime], ...]:
    """The looks that are due; each with the moment at or after which it must end."""
    due = [(check, due_at(check, progress, verification)) for check, progress in _all(world, current, verification)]
    return tuple((check, moment) for check, moment in due if world.now >= moment)


def next_look(world: Snapshot, current: CurrentRelease, verification: Verification) -> datetime | None:
    """When the next look is due; one that is under way is asked for again after its time limit."""
    moments = []
    for check, progress in _all(world, current, verification):
        moment = due_at(check, progress, verification)
        under_way = moment <= world.now and (current.number, check.name) in world.measured
        moments.append(world.now + check.timeout + LATE if under_way else max(moment, world.now))
    return min(moments, default=None)


def due_at(check: Check, progress: CheckProgress | None, verification: Verification) -> datetime:
    if progress is None:
        return verification.started_at + timedelta(seconds=check.initial_delay_seconds)
    return progress.observed_at + check.interval


def failed_check(world: Snapshot, current: CurrentRelease, verification: Verification) -> Problem | None:
    """The first check that has failed, of those for which the Brand wants a rollback."""
    for check, progress in _all(world, current, verification):
        if progress is None or progress.state is not CheckState.Failed or progress.reason is None:
            continue
        if check.consequence is OnFailure.Rollback:
            return Problem(progress.reason, f"check {check.name} has failed: {progress.message.rstrip('.')}")
    return None


def what_holds(world: Snapshot, current: CurrentRelease, verification: Verification) -> Hold | None:
    """What keeps the release from being live although its pods are well and its time is over; who must act comes first."""
    holds = [
        hold
        for each in _all(world, current, verification)
        if (hold := _hold(*each, verification)) is not None and hold.reason not in current.let_through
    ]
    return next((hold for hold in holds if hold.reason is not None), holds[0] if holds else None)


def notes(world: Snapshot, current: CurrentRelease, verification: Verification, first: str | None = None) -> str:
    """What people should know: each check that is not good, in a sentence; empty where all are. first: told before all."""
    every = sorted(_all(world, current, verification), key=lambda each: each[0].name != first)
    told = " ".join(
        f"Check {check.name}{' (dry run)' if check.dry_run else ''}: {progress.message}"
        for check, progress in every
        if progress is not None and progress.state is not CheckState.Passed
    )
    return cut(told, _NOTES_LIMIT)


def _hold(check: Check, progress: CheckProgress | None, verification: Verification) -> Hold | None:
    """What the check holds the release for; a look that was due before the end of the watch is waited for in any case."""
    if check.consequence is OnFailure.Ignore and not check.holds_on_error:
        return None
    if progress is not None and (reason := _held_for(check, progress)) is not None:
        return Hold(reason, check.name)
    is_failing = progress is not None and progress.state is CheckState.Failing
    awaited = progress is None or due_at(check, progress, verification) < verification.ends_at
    return Hold(None, check.name) if awaited or (is_failing and check.consequence is not OnFailure.Ignore) else None


def _held_for(check: Check, progress: CheckProgress) -> Reason | None:
    """What a person has to know of. What has failed has so until it is good again, whether its source answers or not."""
    match progress.state:
        case CheckState.Passed | CheckState.NotCharged | CheckState.Failing:
            return None
        case CheckState.Error | CheckState.Failed:
            if check.consequence is OnFailure.Hold and progress.bad_looks >= check.failure_limit:
                return progress.reason
            unreachable = progress.state is CheckState.Error and check.holds_on_error
            return Reason.CheckUnreachable if unreachable else None
        case _:
            assert_never(progress.state)


def _all(
    world: Snapshot, current: CurrentRelease, verification: Verification
) -> list[tuple[Check, CheckProgress | None]]:
    seen = {entry.name: entry for entry in verification.checks}
    return [(check, seen.get(check.name)) for check in _judging(world, current)]


def _judging(world: Snapshot, current: CurrentRelease) -> tuple[Check, ...]:
    """The checks that were looked at before the release. One that the Brand got since would charge it with anything."""
    known = {entry.name for entry in current.baseline}
    return tuple(check for check in checks_of(world, current) if check.name in known)


def _began_to_change(current: CurrentRelease, verification: Verification) -> datetime:
    """When the release began to change anything: the database by its preDeploy hook, or the Deployment."""
    hook = progress_of(current, PRE_DEPLOY)
    if hook is not None:
        return hook.started_at
    return current.rollout.started_at if current.rollout is not None else verification.started_at
