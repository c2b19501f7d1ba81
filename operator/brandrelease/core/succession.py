"""One release after the other: a newer one is prepared while the older one is still judged, and then takes its place.

A release whose pods change over or are watched is never left alone: until the newer one can change the Deployment, the
older one is judged, and rolled back if it is bad. If the newer one never gets so far, nothing was lost.
"""

from dataclasses import replace
from datetime import timedelta

from brandrelease.apis.brandrelease import BrandReleaseStatus, CurrentRelease, Outcome, UnneededBuild
from brandrelease.apis.conditions import ConditionType
from brandrelease.apis.progress import STOPPING_LIMIT
from brandrelease.apis.reasons import Reason
from brandrelease.core.actions import Plan
from brandrelease.core.builds.building import next_attempt
from brandrelease.core.builds.images import BuildOrder
from brandrelease.core.builds.seen import BuildRunning, BuildUnknown, BuildUnseen
from brandrelease.core.checks.baseline import charged_beside
from brandrelease.core.plans import adding, brand_of, environment_of
from brandrelease.core.questions import is_judged, order_in_flight, stop_orders
from brandrelease.core.snapshot import Snapshot
from brandrelease.core.status import finish, finish_next, with_current
from brandrelease.core.words import short


def begin(world: Snapshot, status: BrandReleaseStatus, new: CurrentRelease) -> BrandReleaseStatus:
    """The new release begins. What was prepared or built until now is superseded; what is judged already goes on.

    An older image that is released again needs no preparation, and replaces everything at once.
    """
    new = new.model_copy(update={"first_attempt": _first_attempt(world, status, new.commit)})
    goes_on = is_judged(status) and new.image_of is None
    status = without_next(world, status, _replaced_by(new)) if goes_on else _superseded(world, status, new)
    stopping = tuple(build for build in status.stopping if build.commit != new.commit)
    return status.model_copy(update={"stopping": stopping, "next" if goes_on else "current": new})


def _first_attempt(world: Snapshot, status: BrandReleaseStatus, commit: str) -> int:
    """A build of the commit that was to be stopped and still runs is joined: it is wanted again."""
    brand = brand_of(world)
    joined = [order.attempt for order in stop_orders(brand, status) if order.commit == commit and may_run(world, order)]
    return max(joined, default=next_attempt(brand, commit, (status.current, status.next)))


def may_run(world: Snapshot, order: BuildOrder) -> bool:
    """Whether a build that is to be stopped may still run; one that was put on the list just now was not asked about."""
    state = world.stopping.get(order.name)
    return state is None or isinstance(state, BuildRunning | BuildUnseen | BuildUnknown)


def without_next(
    world: Snapshot, status: BrandReleaseStatus, why: str, outcome: Outcome = Outcome.Superseded
) -> BrandReleaseStatus:
    """The release that was prepared is given up, if there is one. why: the end of a sentence about it."""
    given_up = status.next
    if given_up is None:
        return status
    status, limit = without_build(world, status), environment_of(world).revision_history_limit
    text = f"Release {given_up.number} ({short(given_up.commit)}) {why}. The Deployment was not touched."
    reason = Reason.Aborted if outcome is Outcome.Aborted else given_up.reason or Reason.Superseded
    return finish_next(status, outcome, reason, text, world.now, limit)


def without_build(world: Snapshot, status: BrandReleaseStatus) -> BrandReleaseStatus:
    """The build under way is to be stopped, unless somebody else waits for the same image."""
    current = status.current if status.current and status.current.outcome is None else None
    builds = status.next or current
    order = order_in_flight(brand_of(world), builds) if builds else None
    if order is None or world.built_elsewhere:
        return status
    unneeded = UnneededBuild(commit=order.commit, key=order.key, attempt=order.attempt)
    others = [build for build in status.stopping if build != unneeded]
    return status.model_copy(update={"stopping": (unneeded, *others)[:STOPPING_LIMIT]})


def promoted(world: Snapshot) -> Snapshot:
    """The world in which the release that was prepared is the current one, where the one before it has ended."""
    status = world.release.status
    if status.next is None or (status.current is not None and status.current.outcome is None):
        return world
    new, old = status.next, status.current
    if old is not None and old.outcome is not Outcome.Succeeded:
        new = charged_beside(new, old)
    status = status.model_copy(update={"current": new, "next": None})
    release = world.release.model_copy(update={"status": status})
    return replace(world, release=release, hook=world.next_hook, next_hook=None)


def alone(world: Snapshot, status: BrandReleaseStatus) -> Snapshot:
    """The world as it would be if the release that is prepared were the only one in flight."""
    status = status.model_copy(update={"current": status.next, "next": None})
    return replace(world, release=world.release.model_copy(update={"status": status}), hook=world.next_hook)


def together(world: Snapshot, judged: Plan, prepared: Plan) -> Plan:
    """One plan for both: what is judged goes on and is told first, until what was prepared changes the Deployment."""
    old, new = judged.status.current, prepared.status.current
    assert old is not None, "it is judged"  # noqa: S101
    assert new is not None, "it is prepared"  # noqa: S101
    if new.rollout is not None:
        status = with_current(prepared.status, charged_beside(new, old))
        return replace(prepared, status=_with_line(world, status, old, new))
    said = next(each.message for each in prepared.status.conditions if each.type is ConditionType.Ready)
    who = f"Release {new.number} ({short(new.commit)}): "
    message = said if said.startswith(who.removesuffix(": ")) else who + said
    kept = new if new.outcome is None else None
    status = prepared.status.model_copy(update={"current": old, "next": kept})
    told = adding(world, replace(judged, status=_as_told(judged.status, status)), message)
    return replace(
        told,
        action=prepared.action,
        announcements=(*judged.announcements, *prepared.announcements),
        look_again=_sooner(judged.look_again, prepared.look_again),
        retry=_sooner(judged.retry, prepared.retry),
    )


def _as_told(judged: BrandReleaseStatus, status: BrandReleaseStatus) -> BrandReleaseStatus:
    """The status with the headline of the release that is judged."""
    return status.model_copy(update={"phase": judged.phase, "conditions": judged.conditions})


def _sooner(one: timedelta | None, other: timedelta | None) -> timedelta | None:
    return min(one, other) if one is not None and other is not None else one if other is None else other


def _superseded(world: Snapshot, status: BrandReleaseStatus, new: CurrentRelease) -> BrandReleaseStatus:
    """All that is in flight is replaced by the new release, and its build needed no more."""
    status, old = without_next(world, status, _replaced_by(new)), status.current
    if old is None or old.outcome is not None:
        return status
    return _with_line(world, without_build(world, status), old, new)


def _with_line(
    world: Snapshot, status: BrandReleaseStatus, old: CurrentRelease, new: CurrentRelease
) -> BrandReleaseStatus:
    """The status with a line in the history about the release that is replaced."""
    text = f"Release {old.number} ({short(old.commit)}) {_replaced_by(new)} before it was through."
    limit, reason = environment_of(world).revision_history_limit, old.reason or Reason.Superseded
    ended = finish(with_current(status, old), Outcome.Superseded, reason, text, world.now, limit)
    return status.model_copy(update={"history": ended.history})


def _replaced_by(new: CurrentRelease) -> str:
    return f"was replaced by release {new.number} ({short(new.commit)})"
