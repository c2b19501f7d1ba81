"""Nothing is in flight: how the last release ended, whose hand the image is in, and what begins by itself."""

from dataclasses import replace
from datetime import timedelta
from typing import assert_never

from brandrelease.apis.brandrelease import BrandRelease, BrandReleaseStatus, CurrentRelease, Outcome, Phase
from brandrelease.apis.progress import HookProgress, Retry
from brandrelease.apis.reasons import Reason
from brandrelease.core.actions import PRE_DEPLOY, Plan, StopHook
from brandrelease.core.carrying import carries
from brandrelease.core.hooks import ended, progress_of
from brandrelease.core.obstacles import container_of, overridden
from brandrelease.core.plans import AT_ONCE, RETRY_SELDOM, adding, blocked, environment_of, wait
from brandrelease.core.questions import in_flight, is_asked, may_track, migrating, to_release
from brandrelease.core.receiving import fresh, not_allowed, number_of_next
from brandrelease.core.retrying import TRIES, retry_of
from brandrelease.core.snapshot import HookFailed, HookRunning, HookSucceeded, Resolved, Snapshot, Unresolved
from brandrelease.core.status import with_current
from brandrelease.core.succession import begin
from brandrelease.core.verbs import unheard
from brandrelease.core.words import short


def rests(release: BrandRelease) -> bool:
    """Whether, by the object alone, there is nothing to do: nothing is in flight, asked for, tracked or to be stopped."""
    status = release.status
    begun = in_flight(release) is not None or status.next is not None or bool(status.stopping) or migrating(release)
    asked = is_asked(release) or unheard(release) is not None
    return not begun and not asked and release.spec.track_interval_seconds is None


def at_rest(world: Snapshot, status: BrandReleaseStatus, current: CurrentRelease) -> Plan:
    """The last release has ended. A Deployment made anew or deleted bears no label of ours, so no event tells of it."""
    if (hook := progress_of(current, PRE_DEPLOY)) and hook.finished_at is None:
        return _stop_hook(world, status, current, hook)
    if foreign := foreign_image(world, status, current):
        return blocked(world, status, Reason.ImageOverridden, foreign)
    retry = retry_of(current)
    if retry is not None and world.now >= retry.at and not is_asked(world.release):
        return _try_again(world, status, current, retry)
    plan = _standing(world, status, current)
    if retry is not None:
        plan = replace(plan, look_again=max(retry.at - world.now, AT_ONCE))
    released = status.running is not None and status.running.number > 0
    unmarked = world.deployment is None or world.deployment.applied_release is None
    return replace(plan, retry=RETRY_SELDOM) if released and unmarked else plan


def _standing(world: Snapshot, status: BrandReleaseStatus, current: CurrentRelease) -> Plan:
    """How the last release ended."""
    reason, message = current.reason or Reason.Succeeded, current.message or ""
    match current.outcome:
        case Outcome.Succeeded:
            since = status.running.since if status.running else current.started_at
            message = (
                message
                or f"Release {current.number} ({short(current.commit)}) is live since {since:%Y-%m-%d %H:%M:%S} UTC."
            )
            return wait(world, status, Phase.Live, reason, message)
        case Outcome.RolledBack:
            return wait(world, status, Phase.RolledBack, reason, message)
        case Outcome.Failed | Outcome.Aborted | Outcome.Superseded | None:
            return wait(world, status, Phase.Failed, reason, message)
        case _:
            assert_never(current.outcome)


def _stop_hook(world: Snapshot, status: BrandReleaseStatus, current: CurrentRelease, hook: HookProgress) -> Plan:
    """The hook of an aborted release is stopped, also if the operator died before it did so, and then noted so."""
    if isinstance(world.hook, HookRunning | HookSucceeded | HookFailed):
        return replace(_standing(world, status, current), action=StopHook(world.release.namespace, hook.job))
    current = ended(current, PRE_DEPLOY, hook, world.now)
    return replace(_standing(world, with_current(status, current), current), look_again=AT_ONCE)


def foreign_image(world: Snapshot, status: BrandReleaseStatus, current: CurrentRelease) -> str | None:
    """Who has changed the image, where the Deployment carries the running release or should, or a failed one stands."""
    running, deployment = status.running, world.deployment
    if deployment is None:
        return None
    expected: str | None = None
    if current.outcome is Outcome.Succeeded:
        expected = running.image if running else None
    elif current.rollback is not None and carries(deployment, current.rollback.number, current.rollback):
        expected = current.rollback.image
    elif current.rollout is not None and carries(deployment, current.number, current.rollout):
        expected = current.image
    elif running is not None and deployment.applied_release == running.number:
        expected = running.image
    return overridden(deployment, container_of(deployment, environment_of(world)), expected) if expected else None


def _try_again(world: Snapshot, status: BrandReleaseStatus, last: CurrentRelease, retry: Retry) -> Plan:
    """The pause after a failure of the platform is over: a new release of the same commit."""
    again = CurrentRelease(
        number=number_of_next(world),
        ref=last.ref,
        commit=last.commit,
        started_at=world.now,
        requested_by=last.requested_by,
        tracked=last.tracked,
        tries=retry.number,
        changes=last.changes,
        changes_total=last.changes_total,
        contains=last.contains,
        reverts=last.reverts,
        override=last.override,
        let_through=last.let_through,
        image=last.image if last.image_of is not None else None,
        image_of=last.image_of,
    )
    text = f"Release {again.number} tries commit {short(again.commit)} again (try {retry.number} of {TRIES}), since the platform had failed."
    plan = wait(world, begin(world, status, again), Phase.Pending, Reason.Resolving, text)
    return replace(plan, look_again=AT_ONCE)


# --- tracking ---------------------------------------------------------------------------------------------------------


def track(world: Snapshot, plan: Plan) -> Plan:
    """Where spec.trackIntervalSeconds is set, a commit that is new begins, and the ref is looked at again in time."""
    if world.track_at is None:
        # Not looked at in this pass; after it, there may be nothing in flight any more.
        after = world.release.model_copy(update={"status": plan.status})
        return replace(plan, look_again=AT_ONCE) if may_track(after) else plan
    if isinstance(world.resolution, Unresolved):
        plan = adding(world, plan, f"The ref could not be looked at again: {world.resolution.message}")
    found = to_release(world.release, world.resolution)
    if found is not None and not _is_foreign(world, plan) and (begun := _tracked(world, found)):
        return begun
    pause = max(world.track_at - world.now, timedelta(seconds=1))
    return replace(plan, look_again=pause if plan.look_again is None else min(pause, plan.look_again))


def _is_foreign(world: Snapshot, plan: Plan) -> bool:
    """Somebody else's image is not replaced by what tracking finds."""
    current = plan.status.current
    return current is not None and foreign_image(world, plan.status, current) is not None


def _tracked(world: Snapshot, found: Resolved) -> Plan | None:
    """A release of what tracking has found; None where it may not be released, or git could not say enough of it."""
    if not_allowed(world, found) or isinstance(world.lineage, Unresolved):
        return None
    release = fresh(world, found, tracked=True)
    text = f"Release {release.number} ({short(release.commit)}) is new in {found.ref}."
    plan = wait(world, begin(world, world.release.status, release), Phase.Pending, Reason.Resolving, text)
    return replace(plan, look_again=AT_ONCE)
