"""What the operator does: `decide` reads, top to bottom, as the product's specification.

It is total and pure: the same snapshot always gives the same plan. A plan is the whole status as it shall be, and at most
one change to the outside world. What comes of it is seen by looking again, and the answer to it is in the next snapshot.
"""

from dataclasses import replace
from typing import assert_never

from brandrelease.apis.brandrelease import BrandReleaseStatus, CurrentRelease, Phase, UnneededBuild
from brandrelease.apis.reasons import Reason
from brandrelease.core.actions import CancelBuild, Invalidate, Plan
from brandrelease.core.builds.building import Built, NeverBuilt, NotYet, obtain_image
from brandrelease.core.carrying import with_change_taken
from brandrelease.core.deploying import follow_rollout, prepare, watch
from brandrelease.core.invalidating import invalidated
from brandrelease.core.moments import not_ahead
from brandrelease.core.obstacles import Obstacle, deployment_obstacle, misconfiguration
from brandrelease.core.plans import (
    AT_ONCE,
    RETRY_SELDOM,
    RETRY_SOON,
    adding,
    blocked,
    brand_of,
    refusal_of,
    wait,
    with_note,
)
from brandrelease.core.provenance import only_allowed
from brandrelease.core.quarantine import refusal, what_stops
from brandrelease.core.questions import in_flight, is_asked, is_busy, stop_orders
from brandrelease.core.receiving import Received, Waits, receive, waits_for
from brandrelease.core.rest import at_rest, foreign_image, track
from brandrelease.core.rollback import follow_rollback, give_up_rollback, never_built
from brandrelease.core.snapshot import Resolved, Snapshot, Unresolved
from brandrelease.core.status import Headline, present, with_current
from brandrelease.core.succession import alone, may_run, promoted, together
from brandrelease.core.suspending import suspended, telling_who_resumed
from brandrelease.core.telling.due import telling
from brandrelease.core.telling.transitions import announcing_transition
from brandrelease.core.verb import Obeyed, Verb
from brandrelease.core.verbs import obey, taken_away, unheard


def decide(world: Snapshot) -> Plan:
    """What to write and what to do, given what is seen."""
    plan = telling_who_resumed(world, _allowed(world, _decide(world)))
    return telling(world, announcing_transition(world.release.status, plan))


def _allowed(world: Snapshot, plan: Plan) -> Plan:
    """Whatever led to it: no image is started but the Brand's own, and what the Deployment has run before."""
    return only_allowed(world, plan) if plan.action is not None else plan


def _decide(world: Snapshot) -> Plan:
    world = with_change_taken(world)
    if obstacle := misconfiguration(world):
        return blocked(world, world.release.status, obstacle.reason, obstacle.message, retry=RETRY_SELDOM)
    if world.release.spec.suspend:
        return suspended(world)
    known = not_ahead(taken_away(world.release), world.now)
    world = replace(world, release=world.release.model_copy(update={"status": known}))
    world = promoted(world)
    if verb := unheard(world.release):
        return _tell_refusal(world, _obey(world, verb))
    if is_asked(world.release) and not is_busy(world.release):
        return _tell_refusal(world, _stop_builds(world, invalidated(world, track(world, _receive(world)))))
    plan = _stop_builds(world, invalidated(world, track(world, _go_on(world, world.release.status))))
    return _tell_refusal(world, _then_what_waits(world, plan))


def _obey(world: Snapshot, verb: Verb) -> Plan:
    """An annotation asks for something; whatever else there is comes right after it."""
    done = obey(world, verb)
    match done:
        case Plan():
            return replace(done, look_again=AT_ONCE)
        case Obeyed(status, announcement, action):
            plan = _go_on(world, status)
            told = (announcement, *plan.announcements)
            return replace(plan, action=action or plan.action, announcements=told, look_again=AT_ONCE)
        case _:
            assert_never(done)


def _then_what_waits(world: Snapshot, plan: Plan) -> Plan:
    """What came during a rollback or a migration is looked at as soon as that is at its end."""
    still_busy = is_busy(world.release.model_copy(update={"status": plan.status}))
    return replace(plan, look_again=AT_ONCE) if is_busy(world.release) and not still_busy else plan


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
            return _then_its_override(world, _go_on(world, status))
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
    plan = _go_on(world, world.release.status)
    if plan.status.current and plan.status.current.outcome is not None:
        ended = blocked(world, plan.status, request.reason, request.message, request.retry)
        return replace(ended, announcements=plan.announcements)
    plan = adding(world, plan, f"The ref asked for since then waits: {request.message}")
    return replace(plan, retry=request.retry)


# --- the release in flight --------------------------------------------------------------------------------------------


def _go_on(world: Snapshot, status: BrandReleaseStatus) -> Plan:
    """The next step of the current release; or, if it has nothing to do, of the one that is prepared beside it."""
    plan = _proceed(world, status)
    current = plan.status.current
    if plan.status.next is None:
        return plan
    if current is None or current.outcome is not None:
        return replace(plan, look_again=AT_ONCE)  # it has just ended, and the other takes its place
    if plan.action is not None or current.rollback is not None:
        return plan
    beside = alone(world, plan.status)
    return together(world, plan, _proceed(beside, beside.release.status))


def _proceed(world: Snapshot, status: BrandReleaseStatus) -> Plan:
    """The next step of the current release: refused, built, deployed, watched, or on its way back."""
    current = status.current
    if current is None:
        return wait(world, status, Phase.Pending, Reason.Resolving, "Nothing was released yet.")
    if current.outcome is not None:
        return at_rest(world, status, current)
    if current.rollout is None and (stopped := _stopped(world, status, current)):
        return stopped
    if obstacle := deployment_obstacle(world, current):
        return _hindered(world, status, current, obstacle)
    if current.rollback is not None:
        return follow_rollback(world, status, current, current.rollback)
    if current.image is None:
        return _build(world, status, current)
    if current.rollout is None:
        return prepare(world, status, current)
    if current.verification is None:
        return follow_rollout(world, status, current, current.rollout)
    return watch(world, status, current, current.verification)


def _hindered(world: Snapshot, status: BrandReleaseStatus, current: CurrentRelease, obstacle: Obstacle) -> Plan:
    """Something about the Deployment is in the way, of the release or of its way back."""
    if current.rollback is not None:
        return give_up_rollback(world, status, current, obstacle)
    # A Deployment with our label tells of its changes; any other must be looked at again.
    marked = world.deployment is not None and world.deployment.applied_release is not None
    retry = None if marked and obstacle.reason is Reason.ImageOverridden else RETRY_SOON
    return blocked(world, status, obstacle.reason, obstacle.message, retry)


def _stopped(world: Snapshot, status: BrandReleaseStatus, current: CurrentRelease) -> Plan | None:
    """The release may not go on: its commit is quarantined, or nobody asked for it and somebody has set another image."""
    foreign = foreign_image(world, status, current)
    if entry := what_stops(status, current):
        message = with_note(refusal(status, entry, current), foreign)
        current = current.model_copy(update={"reason": Reason.CommitQuarantined, "message": message})
        return blocked(world, with_current(status, current), Reason.CommitQuarantined, message)
    if current.tracked and foreign:
        return blocked(world, status, Reason.ImageOverridden, foreign)
    return None


def _build(world: Snapshot, status: BrandReleaseStatus, current: CurrentRelease) -> Plan:
    """The image is looked for, built if it is not there, and deployed as soon as it is. What had stopped it is over."""
    current = current.model_copy(update={"reason": None, "message": None})
    step = obtain_image(world, brand_of(world), current)
    match step:
        case Built(release, image):
            ready = release.model_copy(update={"image": image})
            return prepare(world, with_current(status, ready), ready)
        case NotYet(release, reason, message, look_again, action):
            plan = wait(world, with_current(status, release), Phase.Building, reason, message)
            return replace(plan, action=action, look_again=look_again, retry=None if look_again else RETRY_SOON)
        case NeverBuilt(release, reason, message):
            return never_built(world, status, release, reason, message)
        case _:
            assert_never(step)


def _stop_builds(world: Snapshot, plan: Plan) -> Plan:
    """Builds that nobody waits for any more are stopped, as soon as there is nothing else to do."""
    brand = brand_of(world)
    orders = [order for order in stop_orders(brand, plan.status) if may_run(world, order)]
    left = tuple(UnneededBuild(commit=order.commit, key=order.key, attempt=order.attempt) for order in orders)
    plan = replace(plan, status=plan.status.model_copy(update={"stopping": left}))
    if plan.action is not None or not orders:
        return plan
    return replace(plan, action=CancelBuild(orders[0]))


def _tell_refusal(world: Snapshot, plan: Plan) -> Plan:
    """The cluster refused this very action before: it is tried again after a pause, and people are told.

    Where it is not what the current release waits for, that release's own state is told first.
    """
    refused = refusal_of(world, plan.action) if plan.action is not None else None
    if refused is None or isinstance(plan.action, Invalidate):  # that has a condition of its own
        return plan
    if plan.status.next is not None or isinstance(plan.action, CancelBuild):
        return replace(adding(world, plan, refused.message), retry=RETRY_SOON)
    headline = Headline(Phase.Blocked, refused.reason, refused.message)
    return replace(plan, status=present(world.release, plan.status, headline, world.now), retry=RETRY_SOON)
