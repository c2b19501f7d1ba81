"""What the operator does: `decide` reads, top to bottom, as the product's specification.

It is total and pure: the same snapshot always gives the same plan. A plan is the whole status as it shall be, and at most
one change to the outside world. Whatever happens next is seen by looking again, never remembered.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Final, assert_never

from brandrelease.apis.brandrelease import (
    BrandReleaseStatus,
    ConditionType,
    CurrentRelease,
    Outcome,
    Phase,
    RunningRelease,
)
from brandrelease.apis.progress import Rollout, Verification
from brandrelease.apis.reasons import Reason
from brandrelease.core.actions import ApplyRelease, CancelBuild, Plan
from brandrelease.core.building import Built, NeverBuilt, NotYet, obtain_image
from brandrelease.core.health import Failed, Passed, Problem, Progressing, Verdict, judge_rollout, judge_soak
from brandrelease.core.obstacles import container_of, deployment_obstacle, misconfiguration, overridden
from brandrelease.core.plans import blocked, brand_of, deployment_of, environment_of, patch_for, wait, with_note
from brandrelease.core.questions import in_flight, is_allowed, is_asked, order_in_flight, request, rolling_back
from brandrelease.core.rollback import fail, follow_rollback, give_up_rollback
from brandrelease.core.snapshot import DeploymentView, Resolved, Snapshot, Unresolved
from brandrelease.core.status import Headline, finish, is_quarantined, next_number, present, with_current
from brandrelease.core.words import one_of, seconds, short

RETRY_SOON: Final = timedelta(seconds=60)
"""Longest pause before something that passes by itself (a server that does not answer) is tried again."""

RETRY_SELDOM: Final = timedelta(minutes=5)
"""Longest pause where somebody must mend something outside the cluster, of which no event tells."""


def decide(world: Snapshot) -> Plan:
    """What to write and what to do, given what is seen."""
    if obstacle := misconfiguration(world):
        return blocked(world, world.release.status, obstacle.reason, obstacle.message, retry=RETRY_SELDOM)
    if world.release.spec.suspend:
        return _suspended(world)
    if not is_asked(world.release):
        return _tell_refusal(world, _proceed(world, world.release.status))
    if rolling_back(world.release):
        return _then_the_request(_tell_refusal(world, _proceed(world, world.release.status)))
    return _tell_refusal(world, _receive(world))


def _then_the_request(plan: Plan) -> Plan:
    """A request that came during a rollback is looked at as soon as the rollback is at its end."""
    current = plan.status.current
    return replace(plan, look_again=timedelta()) if current and current.outcome is not None else plan


# --- a new request ----------------------------------------------------------------------------------------------------


def _receive(world: Snapshot) -> Plan:
    """Somebody asks for a ref. What cannot be resolved waits; a release in flight goes on meanwhile."""
    match world.resolution:
        case None:
            return wait(
                world, world.release.status, Phase.Pending, Reason.Resolving, f'Resolving "{world.release.spec.ref}".'
            )
        case Unresolved(reason, message, passing):
            return _refuse(world, reason, message, RETRY_SOON if passing else RETRY_SELDOM)
        case Resolved() as resolved:
            return _accept(world, resolved)
        case _:
            assert_never(world.resolution)


def _accept(world: Snapshot, resolved: Resolved) -> Plan:
    """The ref is resolved, once for this request."""
    status = world.release.status
    environment = environment_of(world)
    if not is_allowed(resolved, environment):
        allowed = ", ".join(environment.allowed_refs)
        message = f'"{resolved.ref}" may not be released to {environment.name}: Brand {world.release.spec.brand} allows only {allowed} there.'
        return _refuse(world, Reason.RefNotAllowed, message, RETRY_SELDOM)
    heard = status.model_copy(update={"last_handled": request(world.release)})
    current = in_flight(world.release)
    if current and current.commit == resolved.commit and not _is_overridden(world, current):
        return _proceed(world, heard)
    if current is None and _already_runs(world, resolved.commit):
        return _proceed(world, _as_it_runs(heard, resolved))
    return _begin(world, heard, resolved)


def _is_overridden(world: Snapshot, current: CurrentRelease) -> bool:
    """Asking again for the commit in flight takes an image back that somebody has changed meanwhile."""
    obstacle = deployment_obstacle(world, current)
    return obstacle is not None and obstacle.reason is Reason.ImageOverridden


def _begin(world: Snapshot, status: BrandReleaseStatus, resolved: Resolved) -> Plan:
    """A new release begins; one that was in flight is superseded, and its build stopped if nobody else waits for it."""
    old, unneeded = in_flight(world.release), None
    number = next_number(status, world.deployment.applied_release if world.deployment else None)
    if old:
        order = order_in_flight(brand_of(world), old)
        unneeded = order if order and not world.built_elsewhere else None
        text = f"Release {old.number} ({short(old.commit)}) was replaced by release {number} ({short(resolved.commit)}) before it was through."
        status = finish(
            status,
            Outcome.Superseded,
            old.reason or Reason.Superseded,
            text,
            world.now,
            environment_of(world).revision_history_limit,
        )
    current = CurrentRelease(
        number=number,
        ref=resolved.ref,
        commit=resolved.commit,
        started_at=world.now,
        changes=world.changes.newest if world.changes else None,
        changes_total=world.changes.total if world.changes else None,
    )
    status = with_current(status, current)
    if unneeded:
        message = f"Stopping the build of release {old.number if old else number}, which release {number} replaces."
        return replace(wait(world, status, Phase.Pending, Reason.Superseded, message), action=CancelBuild(unneeded))
    return _proceed(replace(world, build=None), status)


def _already_runs(world: Snapshot, commit: str) -> bool:
    """Nothing is to be done for a commit whose image the Deployment runs and that passed its verification."""
    running, deployment = world.release.status.running, world.deployment
    if (
        running is None
        or deployment is None
        or running.commit != commit
        or deployment.applied_release != running.number
    ):
        return False
    return not overridden(deployment, container_of(deployment, environment_of(world)), running.image)


def _as_it_runs(status: BrandReleaseStatus, resolved: Resolved) -> BrandReleaseStatus:
    """The running release is the current one again (it may be that a later one was rolled back)."""
    running, current = status.running, status.current
    if running is None or (current is not None and current.number == running.number):
        return status
    again = CurrentRelease(
        number=running.number,
        ref=resolved.ref,
        commit=resolved.commit,
        image=running.image,
        started_at=running.since,
        finished_at=running.since,
        outcome=Outcome.Succeeded,
    )
    return with_current(status, again)


# --- the release in flight --------------------------------------------------------------------------------------------


def _proceed(world: Snapshot, status: BrandReleaseStatus) -> Plan:
    """The next step of the current release: refused, built, deployed, watched, or on its way back."""
    current = status.current
    if current is None:
        return wait(world, status, Phase.Pending, Reason.Resolving, "Nothing was released yet.")
    if current.outcome is not None:
        return _at_rest(world, status, current)
    if current.rollout is None and is_quarantined(status, current.commit):
        return _quarantined(world, status, current)
    if obstacle := deployment_obstacle(world, current):
        if current.rollback is not None:
            return give_up_rollback(world, status, current, obstacle)
        # A Deployment with our label tells of its changes; any other must be looked at again.
        marked = world.deployment is not None and world.deployment.applied_release is not None
        retry = None if marked and obstacle.reason is Reason.ImageOverridden else RETRY_SOON
        return blocked(world, status, obstacle.reason, obstacle.message, retry)
    if current.rollback is not None:
        return follow_rollback(world, status, current, current.rollback)
    if current.image is None:
        return _build(world, status, current)
    assert current.rollout is not None, "image and rollout are written together"  # noqa: S101
    if current.rollout.finished_at is None:
        return _follow_rollout(world, status, current, current.rollout)
    return _watch(world, status, current)


def _build(world: Snapshot, status: BrandReleaseStatus, current: CurrentRelease) -> Plan:
    """The image is looked for, built if it is not there, and deployed as soon as it is."""
    step = obtain_image(world, brand_of(world), current)
    match step:
        case Built(release, image):
            return _deploy(world, status, release, image)
        case NotYet(release, reason, message, look_again, action):
            plan = wait(world, with_current(status, release), Phase.Building, reason, message)
            return replace(plan, action=action, look_again=look_again, retry=None if look_again else RETRY_SOON)
        case NeverBuilt(release, reason, message):
            limit = environment_of(world).revision_history_limit
            status = finish(with_current(status, release), Outcome.Failed, reason, message, world.now, limit)
            return wait(world, status, Phase.Failed, reason, message)
        case _:
            assert_never(step)


def _deploy(world: Snapshot, status: BrandReleaseStatus, current: CurrentRelease, image: str) -> Plan:
    """The image is there: change the Deployment. What it ran until now is where a rollback would go."""
    deployment = deployment_of(world)
    note, adopted = None, None
    never_touched = deployment.applied_release is None or not status.history
    if status.running is None and never_touched:
        note, adopted = _adopt(world, deployment)
    rollout = Rollout(started_at=world.now)
    current = current.model_copy(update={"image": image, "rollout": rollout, "reason": None, "message": note})
    status = with_current(status.model_copy(update={"running": adopted or status.running}), current)
    message = f"Release {current.number} ({short(current.commit)}): changing Deployment {deployment.name}."
    plan = wait(world, status, Phase.Deploying, Reason.Deploying, with_note(message, note))
    return replace(plan, action=ApplyRelease(patch_for(world, current.number, current.commit, image)))


def _adopt(world: Snapshot, deployment: DeploymentView) -> tuple[str, RunningRelease | None]:
    """The first release takes the image over from whoever set it, once, and remembers what was found."""
    container = container_of(deployment, environment_of(world)) or ""
    found = deployment.images[container]
    owners = one_of(deployment.image_owners.get(container, ())) or "nobody"
    if deployment.available > 0:
        note = f"The image was taken over from {owners}; {found} was found running and is where a rollback goes."
        return note, RunningRelease(number=0, image=found, since=world.now)
    return (
        f"The image was taken over from {owners}; {found} was not running, so there is nothing to roll back to.",
        None,
    )


def _follow_rollout(world: Snapshot, status: BrandReleaseStatus, current: CurrentRelease, rollout: Rollout) -> Plan:
    """The pods change over. A Deployment that does not carry this release yet is changed (again)."""
    deployment = deployment_of(world)
    if deployment.applied_release != current.number:
        text = f"Release {current.number} ({short(current.commit)}): changing Deployment {deployment.name}."
        plan = wait(world, status, Phase.Deploying, Reason.Deploying, with_note(text, current.message))
        return replace(plan, action=ApplyRelease(patch_for(world, current.number, current.commit, current.image or "")))
    verdict = judge_rollout(deployment, world.pods, environment_of(world), rollout.started_at, world.now)
    match verdict:
        case Failed(problem):
            return fail(world, status, current, problem)
        case Progressing(message, look_again):
            text = with_note(f"Release {current.number} ({short(current.commit)}): {message}", current.message)
            plan = wait(world, status, Phase.Deploying, Reason.Deploying, text)
            return replace(plan, look_again=look_again - world.now)
        case Passed():
            ends_at = world.now + timedelta(seconds=environment_of(world).soak_seconds)
            current = current.model_copy(
                update={
                    "rollout": Rollout(started_at=rollout.started_at, finished_at=world.now),
                    "verification": Verification(started_at=world.now, ends_at=ends_at),
                }
            )
            return _watch(world, with_current(status, current), current)
        case _:
            assert_never(verdict)


def _watch(world: Snapshot, status: BrandReleaseStatus, current: CurrentRelease) -> Plan:
    """Every pod is new and available. Watch on, ready to roll back, until the soak is over."""
    verdict = _soak_verdict(world, current)
    match verdict:
        case Failed(problem):
            return fail(world, status, current, problem)
        case Progressing(message, look_again):
            text = f"Release {current.number} ({short(current.commit)}): {message}"
            plan = wait(world, status, Phase.Verifying, Reason.Verifying, text)
            return replace(plan, look_again=look_again - world.now)
        case Passed():
            return _succeed(world, status, current)
        case _:
            assert_never(verdict)


def _succeed(world: Snapshot, status: BrandReleaseStatus, current: CurrentRelease) -> Plan:
    """The release is live: from now on it is where a rollback goes."""
    running = RunningRelease(
        number=current.number,
        commit=current.commit,
        revision=short(current.commit),
        image=current.image or "",
        since=world.now,
    )
    took = seconds((world.now - current.started_at).total_seconds())
    message = with_note(f"Release {current.number} ({short(current.commit)}) is live; it took {took}.", current.message)
    status = finish(
        status, Outcome.Succeeded, Reason.Succeeded, message, world.now, environment_of(world).revision_history_limit
    )
    return _at_rest(world, status.model_copy(update={"running": running}), current)


def suspect(world: Snapshot) -> Problem | None:
    """What the release in flight would fail for, so that the logs can be read before the pods go away."""
    current = in_flight(world.release)
    if not (current and current.rollout and world.deployment and world.environment) or current.rollback:
        return None
    if current.rollout.finished_at is None:
        verdict = judge_rollout(world.deployment, world.pods, world.environment, current.rollout.started_at, world.now)
    else:
        verdict = _soak_verdict(world, current)
    return verdict.problem if isinstance(verdict, Failed) else None


def _soak_verdict(world: Snapshot, current: CurrentRelease) -> Verdict:
    watch = current.verification
    assert watch is not None, "the watch begins with the end of the rollout"  # noqa: S101
    return judge_soak(
        deployment_of(world), world.pods, environment_of(world), watch.started_at, watch.ends_at, world.now
    )


# --- at rest ----------------------------------------------------------------------------------------------------------


def _at_rest(world: Snapshot, status: BrandReleaseStatus, current: CurrentRelease) -> Plan:
    """Nothing is in flight. A Deployment that was deleted or made anew bears no label of ours, so no event tells of it."""
    plan = _standing(world, status, status.current or current)
    released = status.running is not None and status.running.number > 0
    unmarked = world.deployment is None or world.deployment.applied_release is None
    return replace(plan, retry=RETRY_SELDOM) if released and unmarked else plan


def _standing(world: Snapshot, status: BrandReleaseStatus, current: CurrentRelease) -> Plan:
    """How the last release ended. The operator does not fight somebody who changes the image; it says so."""
    reason, message = current.reason or Reason.Succeeded, current.message or ""
    if foreign := _foreign_image(world, status, current):
        return blocked(world, status, Reason.ImageOverridden, foreign)
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
        case Outcome.Failed | Outcome.Superseded | None:
            return wait(world, status, Phase.Failed, reason, message)
        case _:
            assert_never(current.outcome)


def _foreign_image(world: Snapshot, status: BrandReleaseStatus, current: CurrentRelease) -> str | None:
    """Who has changed the image, where the Deployment carries the running release or should."""
    running, deployment = status.running, world.deployment
    if running is None or deployment is None:
        return None
    if current.outcome is not Outcome.Succeeded and deployment.applied_release != running.number:
        return None
    return overridden(deployment, container_of(deployment, environment_of(world)), running.image)


def _refuse(world: Snapshot, reason: Reason, message: str, retry: timedelta) -> Plan:
    """The request has to wait. A release in flight is still watched, and the message tells of both."""
    if in_flight(world.release) is None:
        return blocked(world, world.release.status, reason, message, retry)
    plan = _proceed(world, world.release.status)
    if plan.status.current and plan.status.current.outcome is not None:
        return blocked(world, plan.status, reason, message, retry)
    ready = next(c for c in plan.status.conditions if c.type is ConditionType.Ready)
    headline = Headline(
        plan.status.phase or Phase.Pending,
        ready.reason,
        f"{ready.message} The ref asked for since then waits: {message}",
    )
    return replace(plan, status=present(world.release, plan.status, headline, world.now), retry=retry)


def _suspended(world: Snapshot) -> Plan:
    current = in_flight(world.release)
    what = (
        f"Release {current.number} ({short(current.commit)}) stands still and is not watched"
        if current
        else "Nothing is released"
    )
    return wait(world, world.release.status, Phase.Suspended, Reason.Suspended, f"{what} while spec.suspend is true.")


def _quarantined(world: Snapshot, status: BrandReleaseStatus, current: CurrentRelease) -> Plan:
    entry = next(entry for entry in status.quarantine if entry.commit == current.commit)
    message = (
        f"Commit {short(current.commit)} is refused: it was to blame when release {entry.release} failed ({entry.reason}) "
        f"at {entry.since:%Y-%m-%d %H:%M:%S} UTC. Nothing was built or changed. Release a fixed commit."
    )
    current = current.model_copy(update={"reason": Reason.CommitQuarantined, "message": message})
    return blocked(world, with_current(status, current), Reason.CommitQuarantined, message)


def _tell_refusal(world: Snapshot, plan: Plan) -> Plan:
    """The cluster refused this very action before: it is tried again after a pause, and people are told."""
    if world.refusal is None or plan.action is None:
        return plan
    headline = Headline(Phase.Blocked, world.refusal.reason, world.refusal.message)
    return replace(plan, status=present(world.release, plan.status, headline, world.now), retry=RETRY_SOON)
