"""A request becomes a release: its ref is resolved once, and it must be allowed."""

from dataclasses import dataclass
from datetime import timedelta

from brandrelease.apis.brandrelease import (
    BrandReleaseStatus,
    CurrentRelease,
    HandledRequest,
    Outcome,
)
from brandrelease.apis.reasons import Reason
from brandrelease.core.obstacles import container_of, deployment_obstacle, overridden
from brandrelease.core.plans import RETRY_SELDOM, RETRY_SOON, environment_of
from brandrelease.core.quarantine import override_of
from brandrelease.core.questions import asked_by, in_flight, is_allowed, prepared
from brandrelease.core.snapshot import Lineage, Resolved, Snapshot, Unresolved
from brandrelease.core.status import next_number, with_current
from brandrelease.core.succession import begin, without_next
from brandrelease.core.waiting.overriding import let_through
from brandrelease.core.words import short


@dataclass(frozen=True, slots=True)
class Received:
    """The request is taken up; this is the status from which the release goes on."""

    status: BrandReleaseStatus


@dataclass(frozen=True, slots=True)
class Waits:
    """The request cannot be taken up now. retry: the longest pause before it is looked at again."""

    reason: Reason
    message: str
    retry: timedelta


Reception = Received | Waits


def receive(world: Snapshot, resolved: Resolved) -> Reception:
    """What a request for this commit leads to."""
    if refusal := not_allowed(world, resolved):
        return refusal
    status = world.release.status
    heard = status.model_copy(update={"last_handled": handled(world)})
    current, awaited = in_flight(world.release), prepared(world.release)
    if awaited and awaited.commit == resolved.commit and not _is_overridden(world, awaited):
        return Received(_asked_for(world, heard, awaited))
    if current and current.commit == resolved.commit and not _is_overridden(world, current):
        why = f"was given up, since release {current.number} ({short(current.commit)}) was asked for again"
        return Received(without_next(world, heard, why))
    if current is None and _already_runs(world, resolved.commit):
        return Received(_as_it_runs(heard, resolved))
    if isinstance(world.lineage, Unresolved):
        return waits_for(world.lineage)
    return Received(begin(world, heard, fresh(world, resolved)))


def _asked_for(world: Snapshot, status: BrandReleaseStatus, awaited: CurrentRelease) -> BrandReleaseStatus:
    """Somebody now asks for what tracking had found: it takes an image back that somebody else has set."""
    if not awaited.tracked:
        return status
    asked = awaited.model_copy(update={"tracked": False, "requested_by": asked_by(world.release)})
    return status.model_copy(update={"next" if status.next is not None else "current": asked})


def waits_for(problem: Unresolved) -> Waits:
    """A request whose ref git cannot resolve, or about whose history it cannot tell, waits."""
    return Waits(problem.reason, problem.message, RETRY_SOON if problem.passing else RETRY_SELDOM)


def not_allowed(world: Snapshot, resolved: Resolved) -> Waits | None:
    """Whether the environment takes commits from this ref."""
    environment = environment_of(world)
    if is_allowed(resolved, environment):
        return None
    allowed = ", ".join(environment.allowed_refs)
    message = f'"{resolved.ref}" may not be released to {environment.name}: Brand {world.release.spec.brand} allows only {allowed} there.'
    return Waits(Reason.RefNotAllowed, message, RETRY_SELDOM)


def handled(world: Snapshot) -> HandledRequest:
    """The record that the present request was looked at; what was said to an earlier annotation is said no more."""
    before = world.release.status.last_handled or HandledRequest()
    release = world.release
    return before.model_copy(
        update={
            "ref": release.spec.ref,
            "requested_at": release.requested_at and release.requested_at[:255],
            "answer": None,
        }
    )


def fresh(world: Snapshot, resolved: Resolved, *, tracked: bool = False) -> CurrentRelease:
    """A release of the commit, at its very beginning. tracked: nobody has asked for it."""
    lineage = world.lineage if isinstance(world.lineage, Lineage) else Lineage()
    new = CurrentRelease(
        number=number_of_next(world),
        ref=resolved.ref,
        commit=resolved.commit,
        started_at=world.now,
        requested_by=None if tracked else asked_by(world.release),
        tracked=tracked,
        changes=world.changes.newest if world.changes else None,
        changes_total=world.changes.total if world.changes else None,
        contains=lineage.contained,
        reverts=lineage.reverted,
    )
    why = override_of(world.release.status, new)
    return let_through(new, [Reason.CommitQuarantined], why) if why else new


def number_of_next(world: Snapshot) -> int:
    """Numbers count up, over the Deployment's whole life."""
    return next_number(world.release.status, world.deployment.applied_release if world.deployment else None)


def _is_overridden(world: Snapshot, current: CurrentRelease) -> bool:
    """Asking again for the commit in flight takes an image back that somebody has changed meanwhile."""
    obstacle = deployment_obstacle(world, current)
    return obstacle is not None and obstacle.reason is Reason.ImageOverridden


def _already_runs(world: Snapshot, commit: str) -> bool:
    """Nothing is to be done for a commit whose image the Deployment runs and that passed its verification."""
    running = world.release.status.running
    return running is not None and running.commit == commit and carries_running(world)


def carries_running(world: Snapshot) -> bool:
    """Whether the Deployment has the image of the running release, by our own hand."""
    running, deployment = world.release.status.running, world.deployment
    if running is None or deployment is None or deployment.applied_release != running.number:
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
