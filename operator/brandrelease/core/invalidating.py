"""The cache in front of the site: once another image serves, it is asked to forget what it has kept.

Nothing about it is ever a release's failure: a condition tells, and an Event. It is asked for as long as the release is
the last one; whatever comes after it goes on, and asks anew when it is at its own end.
"""

import shlex
from dataclasses import replace
from datetime import timedelta
from typing import Final

from brandrelease.apis.brandrelease import CurrentRelease, Outcome
from brandrelease.apis.progress import Invalidation
from brandrelease.apis.reasons import Reason
from brandrelease.core.actions import Announcement, Invalidate, InvalidationOrder, Plan
from brandrelease.core.plans import RETRY_SOON, environment_of, refusal_of, with_status
from brandrelease.core.rest import foreign_image
from brandrelease.core.snapshot import InvalidationTaken, Refusal, Snapshot
from brandrelease.core.status import with_current
from brandrelease.core.words import cut, seconds

PATIENCE: Final = timedelta(minutes=30)
"""How long it is tried. After that most caches have forgotten by themselves, and somebody must look."""


def invalidated(world: Snapshot, plan: Plan) -> Plan:
    """The plan, and in it the invalidation where a release has come to a good end and there is nothing else to do."""
    current = plan.status.current
    if current is None or plan.action is not None:
        return plan
    order, asked = _order(world, current), current.invalidation
    if order is None:
        is_dropped = asked is not None and asked.finished_at is None
        return _noting(world, plan, current, None) if is_dropped else plan
    if foreign_image(world, plan.status, current) is not None:
        return plan
    if asked is None or asked.reference != order.reference:
        asked = Invalidation(reference=order.reference, requested_at=world.now)
        return replace(_noting(world, plan, current, asked), action=Invalidate(order))
    if asked.finished_at is not None:
        return plan
    return _go_on(world, plan, current, asked, order)


def unanswered(world: Snapshot) -> InvalidationOrder | None:
    """The invalidation that was asked for, and of which it is not known that it was taken."""
    current = world.release.status.current
    order, asked = (_order(world, current), current.invalidation) if current else (None, None)
    if order is None or asked is None or asked.finished_at is not None or asked.reference != order.reference:
        return None
    return order


def _order(world: Snapshot, current: CurrentRelease) -> InvalidationOrder | None:
    """What to ask for at the end of a release; None where it is not at such an end, or the Brand has no cloudFront."""
    cloud_front, image = environment_of(world).cloud_front, _served(current)
    if cloud_front is None or image is None:
        return None
    return InvalidationOrder(
        owner_uid=world.release.uid,
        number=current.number,
        image=image,
        distribution=cloud_front.distribution_id,
        paths=cloud_front.paths,
    )


def _served(current: CurrentRelease) -> str | None:
    """The image that serves since the release has ended well, or since the way back has."""
    if current.outcome is Outcome.Succeeded:
        return current.image
    rollback = current.rollback
    return rollback.image if rollback is not None and rollback.finished_at is not None and current.outcome else None


def _go_on(world: Snapshot, plan: Plan, current: CurrentRelease, asked: Invalidation, order: InvalidationOrder) -> Plan:
    """CloudFront has taken it; or it is asked, again and again for a while."""
    now = world.now.replace(microsecond=0)
    if isinstance(world.invalidation, InvalidationTaken):
        taken = asked.model_copy(update={"finished_at": now, "id": world.invalidation.id, "problem": None})
        return _noting(world, plan, current, taken)
    action = Invalidate(order)
    refusal = refusal_of(world, action)
    if refusal is None:
        return replace(plan, action=action)
    if world.now - asked.requested_at >= PATIENCE:
        given_up = asked.model_copy(update={"finished_at": now, "problem": _given_up(refusal, order)})
        return _noting(world, plan, current, given_up)
    problem = _not_yet(refusal, asked, order)
    told = () if asked.problem is not None else (Announcement(Reason.InvalidationFailed, problem),)
    plan = _noting(world, plan, current, asked.model_copy(update={"problem": problem}))
    return replace(plan, action=action, retry=RETRY_SOON, announcements=(*plan.announcements, *told))


def _noting(world: Snapshot, plan: Plan, current: CurrentRelease, asked: Invalidation | None) -> Plan:
    current = current.model_copy(update={"invalidation": asked})
    return with_status(world, plan, with_current(plan.status, current))


# --- in words ---------------------------------------------------------------------------------------------------------


def _not_yet(refusal: Refusal, asked: Invalidation, order: InvalidationOrder) -> str:
    return f"{cut(refusal.message, 600)} {_kept(order)} It is tried until {asked.requested_at + PATIENCE:%H:%M} UTC."


def _given_up(refusal: Refusal, order: InvalidationOrder) -> str:
    paths = " ".join(shlex.quote(path) for path in order.paths)
    command = f"aws cloudfront create-invalidation --distribution-id {order.distribution} --paths {cut(paths, 250)}"
    tried = f"It was tried for {seconds(PATIENCE.total_seconds())} and is given up now."
    return f"{cut(refusal.message, 450)} {tried} {_kept(order)} To do it by hand: {command}"


def _kept(order: InvalidationOrder) -> str:
    return f"CloudFront distribution {order.distribution} may still give visitors what it has kept of the site before."
