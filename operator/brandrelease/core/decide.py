"""What the operator does: `decide` reads, top to bottom, as the product's specification.

It is total and pure: the same snapshot always gives the same plan. A plan is the whole status as it shall be, and at most
one change to the outside world. Whatever happens next is seen by looking again, never remembered.
"""

from dataclasses import replace
from typing import assert_never

from brandrelease.apis.brandrelease import BrandReleaseStatus, CurrentRelease, Phase
from brandrelease.apis.reasons import Reason
from brandrelease.core.actions import CancelBuild, Plan
from brandrelease.core.blame import blame_of
from brandrelease.core.building import Built, NeverBuilt, NotYet, obtain_image
from brandrelease.core.deploying import follow_rollout, prepare, watch
from brandrelease.core.images import build_key, build_order
from brandrelease.core.obstacles import deployment_obstacle, misconfiguration
from brandrelease.core.plans import AT_ONCE, RETRY_SELDOM, RETRY_SOON, adding, blocked, brand_of, wait
from brandrelease.core.quarantine import refusal, what_stops
from brandrelease.core.questions import in_flight, is_asked, is_busy
from brandrelease.core.receiving import Received, Waits, receive, waits_for
from brandrelease.core.rest import at_rest, track
from brandrelease.core.rollback import follow_rollback, give_up_rollback, stand
from brandrelease.core.snapshot import BuildRunning, Resolved, Snapshot, Unresolved
from brandrelease.core.status import Headline, present, with_current
from brandrelease.core.verbs import Obeyed, Verb, obey, taken_away, unheard
from brandrelease.core.words import short


def decide(world: Snapshot) -> Plan:
    """What to write and what to do, given what is seen."""
    if obstacle := misconfiguration(world):
        return blocked(world, world.release.status, obstacle.reason, obstacle.message, retry=RETRY_SELDOM)
    if world.release.spec.suspend:
        return _suspended(world)
    if isinstance(world.stopping, BuildRunning):
        return _tell_refusal(world, _cancel_first(world))
    world = replace(world, release=world.release.model_copy(update={"status": taken_away(world.release)}))
    if verb := unheard(world.release):
        return _tell_refusal(world, _obey(world, verb))
    if is_asked(world.release) and not is_busy(world.release):
        return _tell_refusal(world, _stop_build(world, track(world, _receive(world))))
    plan = _stop_build(world, track(world, _proceed(world, world.release.status)))
    return _tell_refusal(world, _then_what_waits(world, plan))


def _obey(world: Snapshot, verb: Verb) -> Plan:
    """An annotation asks for something; whatever else there is comes right after it."""
    done = obey(world, verb)
    match done:
        case Plan():
            return replace(done, look_again=AT_ONCE)
        case Obeyed(status, announcement, action):
            plan = _proceed(world, status)
            told = (announcement, *plan.announcements)
            return replace(plan, action=action or plan.action, announcements=told, look_again=AT_ONCE)
        case _:
            assert_never(done)


def _then_what_waits(world: Snapshot, plan: Plan) -> Plan:
    """What came during a rollback or a migration is looked at as soon as that is at its end."""
    current = plan.status.current
    ended = current is not None and current.outcome is not None
    return replace(plan, look_again=AT_ONCE) if is_busy(world.release) and ended else plan


# --- a new request ----------------------------------------------------------------------------------------------------


def _receive(world: Snapshot) -> Plan:
    """Somebody asks for a ref. What cannot be resolved waits; a release in flight goes on meanwhile."""
    match world.resolution:
        case None:
            return wait(
                world, world.release.status, Phase.Pending, Reason.Resolving, f'Resolving "{world.release.spec.ref}".'
            )
        case Unresolved() as problem:
            return _keep_waiting(world, waits_for(problem))
        case Resolved() as resolved:
            reception = receive(world, resolved)
        case _:
            assert_never(world.resolution)
    match reception:
        case Received(status):
            return _then_its_override(world, _proceed(world, status))
        case Waits():
            return _keep_waiting(world, reception)
        case _:
            assert_never(reception)


def _then_its_override(world: Snapshot, plan: Plan) -> Plan:
    """An override that has come with the request is heard right after it."""
    received = world.release.model_copy(update={"status": plan.status})
    return replace(plan, look_again=AT_ONCE) if unheard(received) else plan


def _keep_waiting(world: Snapshot, request: Waits) -> Plan:
    """The request has to wait. A release in flight is still watched, and the message tells of both."""
    if in_flight(world.release) is None:
        return blocked(world, world.release.status, request.reason, request.message, request.retry)
    plan = _proceed(world, world.release.status)
    if plan.status.current and plan.status.current.outcome is not None:
        ended = blocked(world, plan.status, request.reason, request.message, request.retry)
        return replace(ended, announcements=plan.announcements)
    plan = adding(world, plan, f"The ref asked for since then waits: {request.message}")
    return replace(plan, retry=request.retry)


# --- the release in flight --------------------------------------------------------------------------------------------


def _proceed(world: Snapshot, status: BrandReleaseStatus) -> Plan:
    """The next step of the current release: refused, built, deployed, watched, or on its way back."""
    current = status.current
    if current is None:
        return wait(world, status, Phase.Pending, Reason.Resolving, "Nothing was released yet.")
    if current.outcome is not None:
        return at_rest(world, status, current)
    if current.rollout is None and (entry := what_stops(status, current)):
        message = refusal(entry, current)
        current = current.model_copy(update={"reason": Reason.CommitQuarantined, "message": message})
        return blocked(world, with_current(status, current), Reason.CommitQuarantined, message)
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
    if current.rollout is None:
        return prepare(world, status, current)
    if current.verification is None:
        return follow_rollout(world, status, current, current.rollout)
    return watch(world, status, current, current.verification)


def _build(world: Snapshot, status: BrandReleaseStatus, current: CurrentRelease) -> Plan:
    """The image is looked for, built if it is not there, and deployed as soon as it is."""
    step = obtain_image(world, brand_of(world), current)
    match step:
        case Built(release, image):
            ready = release.model_copy(update={"image": image, "reason": None, "message": None})
            return prepare(world, with_current(status, ready), ready)
        case NotYet(release, reason, message, look_again, action):
            plan = wait(world, with_current(status, release), Phase.Building, reason, message)
            return replace(plan, action=action, look_again=look_again, retry=None if look_again else RETRY_SOON)
        case NeverBuilt(release, reason, message):
            release = release.model_copy(update={"blame": blame_of(reason)})
            return stand(world, with_current(status, release), reason, message)
        case _:
            assert_never(step)


def _stop_build(world: Snapshot, plan: Plan) -> Plan:
    """A build that nobody waits for any more is stopped, as soon as there is nothing else to do."""
    unneeded = plan.status.stopping
    if unneeded is None:
        return plan
    brand, is_new = brand_of(world), unneeded != world.release.status.stopping
    still_built = build_key(brand, unneeded.commit) == unneeded.key
    if not still_built or not (is_new or isinstance(world.stopping, BuildRunning)):
        return replace(plan, status=plan.status.model_copy(update={"stopping": None}))
    if plan.action is not None:
        return plan
    return replace(plan, action=CancelBuild(build_order(brand, unneeded.commit, unneeded.attempt)))


def _cancel_first(world: Snapshot) -> Plan:
    """A build that is to be stopped is stopped before anything new is heard: only one such build can be remembered."""
    status = world.release.status
    unneeded = status.stopping
    assert unneeded is not None, "only such a build is asked about"  # noqa: S101
    return Plan(status, CancelBuild(build_order(brand_of(world), unneeded.commit, unneeded.attempt)))


def _suspended(world: Snapshot) -> Plan:
    current = in_flight(world.release)
    what = (
        f"Release {current.number} ({short(current.commit)}) stands still and is not watched"
        if current
        else "Nothing is released"
    )
    return wait(world, world.release.status, Phase.Suspended, Reason.Suspended, f"{what} while spec.suspend is true.")


def _tell_refusal(world: Snapshot, plan: Plan) -> Plan:
    """The cluster refused this very action before: it is tried again after a pause, and people are told."""
    if world.refusal is None or plan.action is None:
        return plan
    headline = Headline(Phase.Blocked, world.refusal.reason, world.refusal.message)
    return replace(plan, status=present(world.release, plan.status, headline, world.now), retry=RETRY_SOON)
