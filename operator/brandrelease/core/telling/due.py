"""Which endpoint is told of what now: compared is what each of them knows with how far the releases have come.

An endpoint hears of one release to its end before it hears of the next one. Stages that pass while it cannot be told are
left out, the end never is.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from brandrelease.apis.brandrelease import BrandReleaseStatus
from brandrelease.apis.notifications import PROBLEM_LIMIT, Notification, Stage, Told
from brandrelease.apis.reasons import Reason
from brandrelease.core.actions import Announcement, Plan
from brandrelease.core.obstacles import misconfiguration
from brandrelease.core.plans import environment_of
from brandrelease.core.snapshot import Snapshot
from brandrelease.core.telling.notice import ENDS, Delivered, Delivery, Notice, Undelivered
from brandrelease.core.telling.notice_words import compose
from brandrelease.core.telling.stages import News, news, trouble_apart
from brandrelease.core.words import cut


def telling(world: Snapshot, plan: Plan) -> Plan:
    """The plan, and in it what the endpoints know by now and are to be told next.

    A BrandRelease that may not release to the environment tells its endpoints nothing; one that is suspended nothing new.
    """
    if misconfiguration(world):
        return plan
    known: list[Told] = []
    notices: list[Notice] = []
    for endpoint in environment_of(world).notifications:
        told = _so_far(world, plan.status, endpoint)
        if not world.release.spec.suspend:
            told, due = next_for(endpoint, told, plan.status)
            notices += [compose(world, endpoint, told, due)] if due else []
        known.append(told)
    if tuple(known) == plan.status.notifications:
        return replace(plan, notices=tuple(notices))
    status = plan.status.model_copy(update={"notifications": tuple(known)})
    announcements = (*plan.announcements, *_failing(world, known))
    return replace(plan, status=status, notices=tuple(notices), announcements=announcements)


def next_for(endpoint: Notification, told: Told, status: BrandReleaseStatus) -> tuple[Told, News | None]:
    """What the endpoint is to be told next, if anything; and what it knows, past what it is not to be told of."""
    for each in _line(endpoint, told, status):
        if not _is_known(told, each):
            if _takes(endpoint, told, each):
                return told, each
            if each.is_end:
                told = told.model_copy(update={"release": each.number, "stage": each.stage, "reason": None, "id": None})
        if not each.is_end:
            break
    return told, None


def _line(endpoint: Notification, told: Told, status: BrandReleaseStatus) -> Iterator[News]:
    """The releases that the endpoint does not know to their ends, the oldest first."""
    apart = trouble_apart(status)
    if apart is not None and not _takes(endpoint, told, apart):
        apart = None
    releases = {each.number: each for each in news(status)}
    if apart is not None:
        releases[apart.number] = apart
    yield from (releases[number] for number in sorted(releases) if number >= told.release)


def _is_known(told: Told, each: News) -> bool:
    return (told.release, told.stage) == (each.number, each.stage) and told.reason == _telling_reason(each)


def _telling_reason(each: News) -> Reason | None:
    """What needs somebody for another reason is news."""
    return each.reason if each.stage is Stage.NeedsSomebody else None


def _takes(endpoint: Notification, told: Told, each: News) -> bool:
    """Whether it is to be told: by its list of stages, and to the end whatever it was told the beginning of."""
    if endpoint.git_hub is not None and each.apart:
        return False  # it is about no commit
    begun = told.release == each.number and told.stage is not None and told.stage not in ENDS
    return not endpoint.stages or each.stage in endpoint.stages or (begun and each.is_end)


def _so_far(world: Snapshot, status: BrandReleaseStatus, endpoint: Notification) -> Told:
    """What the endpoint knows, with what has been learnt of the last delivery."""
    told = next((each for each in status.notifications if each.name == endpoint.name), None)
    if told is None:
        return _as_found(endpoint, status, world.now)
    delivery = world.deliveries.get(endpoint.name)
    if delivery is None or (delivery.notice.uid, delivery.notice.told_at) != (world.release.uid, told.told_at):
        return told
    return after(told, delivery, world.now)


def _as_found(endpoint: Notification, status: BrandReleaseStatus, now: datetime) -> Told:
    """A new endpoint: what has ended before is taken as known, what is in flight is told from where it stands."""
    known = Told(name=endpoint.name, release=0, told_at=now)
    for each in news(status):
        if not each.is_end:
            break
        known = known.model_copy(update={"release": each.number, "stage": each.stage})
    return known


def after(told: Told, delivery: Delivery, now: datetime) -> Told:
    """What the endpoint knows after the delivery. What is given up counts as told, so that it does not stop the rest."""
    notice = delivery.notice
    problem = cut(delivery.problem, PROBLEM_LIMIT) if isinstance(delivery, Undelivered) else None
    if isinstance(delivery, Undelivered) and not delivery.given_up:
        return told.model_copy(update={"problem": problem})
    # Each telling has a moment of its own: it makes the id of the next one.
    at = max(now.replace(microsecond=0), told.told_at + timedelta(seconds=1))
    return Told(
        name=told.name,
        release=notice.number,
        stage=notice.stage,
        reason=notice.reason if notice.stage is Stage.NeedsSomebody else None,
        id=delivery.known_as if isinstance(delivery, Delivered) else notice.known_as,
        problem=problem,
        told_at=at,
    )


def _failing(world: Snapshot, known: list[Told]) -> Iterator[Announcement]:
    """An Event as soon as an endpoint cannot be told; not for each try, and not for other words of the same trouble."""
    failed_before = {each.name for each in world.release.status.notifications if each.problem is not None}
    for told in known:
        if told.problem is not None and told.name not in failed_before:
            number = world.deliveries[told.name].notice.number
            text = f'Notification "{told.name}" could not be told of release {number}: {told.problem}'
            yield Announcement(Reason.NotificationFailed, text)
