"""From commit to image: the registry is asked first, then the builder; never two builds for one key at a time."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, assert_never

from brandrelease.apis.brand import Brand
from brandrelease.apis.brandrelease import CurrentRelease, Phase
from brandrelease.apis.conditions import ConditionType
from brandrelease.apis.progress import BuildProgress
from brandrelease.apis.reasons import Reason
from brandrelease.core.actions import StartBuild
from brandrelease.core.builds.images import EXTERNAL, BuildOrder, build_key, build_order
from brandrelease.core.builds.seen import (
    BuildAbsent,
    BuildFailed,
    BuildRunning,
    BuildState,
    BuildSucceeded,
    BuildUnknown,
    BuildUnseen,
    ImageAbsent,
    ImageArchived,
    ImageFound,
    ImageUnknown,
)
from brandrelease.core.health.quoting import quoted
from brandrelease.core.snapshot import Snapshot
from brandrelease.core.words import seconds, short

BUILD_ATTEMPTS: Final = 3
"""How often a build is tried that fails for no fault of the commit."""

REGISTRY_GRACE: Final = timedelta(seconds=30)
"""A registry may show an image only some seconds after it took it."""

EXTERNAL_POLL: Final = timedelta(seconds=10)
"""No registry tells when CI has pushed; this is how often it is asked."""


@dataclass(frozen=True, slots=True)
class Built:
    """The image is there. image: by digest."""

    release: CurrentRelease
    image: str


@dataclass(frozen=True, slots=True)
class NotYet:
    """The image is on its way. look_again: when to ask even if no event comes; None: after a growing pause."""

    release: CurrentRelease
    reason: Reason
    message: str
    look_again: timedelta | None
    action: StartBuild | None = None


@dataclass(frozen=True, slots=True)
class NeverBuilt:
    """There will be no image for this release."""

    release: CurrentRelease
    reason: Reason
    message: str


ImageStep = Built | NotYet | NeverBuilt


def obtain_image(world: Snapshot, brand: Brand, current: CurrentRelease) -> ImageStep:
    """The next step on the way to the image of the current release."""
    order = build_order(brand, current.commit, _attempt(brand, current))
    current = _traced(current, order, world.build)
    if isinstance(world.image, ImageFound):
        return _found(current, order, world.image.digest, world)
    if told := _told_by_the_builder(world, order, current):
        return told
    match world.image:
        case ImageUnknown(reason, message):
            return NotYet(current, reason, message, None)
        case ImageArchived():
            message = f"The registry has archived {order.repository}:{order.tag}. Restore it there, and the release goes on by itself; or release another commit."
            return NotYet(current, Reason.ImageArchived, message, None)
        case ImageAbsent() | None if isinstance(world.build, BuildSucceeded):
            return _pushed_but_not_there(current, order, world.now)
        case ImageAbsent() | None:
            return _not_there(current, order, world)
        case _:
            assert_never(world.image)


def _told_by_the_builder(world: Snapshot, order: BuildOrder, current: CurrentRelease) -> ImageStep | None:
    """What its builder says of a build that was asked for; None where only the registry can tell."""
    match world.build:
        case BuildFailed() as failed:
            return _failed(current, order, failed, world.now)
        case BuildRunning(message):
            return _under_way(current, order, f"{message} It is given up at {{deadline}}.", world.now)
        case BuildUnseen():
            return _under_way(current, order, _what_is_known(world, order), world.now)
        case BuildUnknown(reason, message):
            return _cannot_be_asked(current, order, reason, message, world.now)
        case BuildSucceeded() | BuildAbsent() | None:
            return None
        case _:
            assert_never(world.build)


def _found(current: CurrentRelease, order: BuildOrder, digest: str, world: Snapshot) -> ImageStep:
    if isinstance(world.build, BuildSucceeded) and world.build.digest not in {None, digest}:
        message = (
            f"Build {order.name} reports the image {quoted(world.build.digest or '')}, but the registry has {digest} under the tag {order.tag}. "
            "Somebody else pushes to this tag; nothing was deployed. Ask for the release again once that has been looked into."
        )
        return NeverBuilt(_ended(current, world.now), Reason.DigestMismatch, message)
    return Built(_ended(current, world.now), f"{order.repository}@{digest}")


def _under_way(current: CurrentRelease, order: BuildOrder, text: str, now: datetime) -> NotYet:
    """The builder's own clock ends it; it is looked at again then, and whenever the builder has news."""
    deadline = _started(current, now) + timedelta(seconds=order.timeout_seconds)
    text = text.replace("{deadline}", f"{deadline:%H:%M:%S} UTC")
    return NotYet(_asked_for(current, order, now), Reason.Building, text, max(deadline - now, timedelta(minutes=1)))


def _what_is_known(world: Snapshot, order: BuildOrder) -> str:
    """What was said of the build last: silence is no news."""
    status = world.release.status
    ready = next((each for each in status.conditions if each.type is ConditionType.Ready), None)
    known = ready is not None and status.phase is Phase.Building and ready.reason is Reason.Building
    return (
        ready.message
        if ready and known
        else f"Asking how the build of commit {short(order.commit)} stands in {order.place}."
    )


def _cannot_be_asked(
    current: CurrentRelease, order: BuildOrder, reason: Reason, message: str, now: datetime
) -> ImageStep:
    """The builder is silent: the build goes on or not, until its time is over."""
    current = _asked_for(current, order, now)
    if now < _started(current, now) + timedelta(seconds=order.timeout_seconds):
        return NotYet(current, reason, message, None)
    message = f"{message} The time for the build is over (spec.build.timeoutSeconds, {seconds(order.timeout_seconds)}). The Deployment was not touched."
    return NeverBuilt(_ended(current, now), reason, message)


def _not_there(current: CurrentRelease, order: BuildOrder, world: Snapshot) -> ImageStep:
    now, turn = world.now, world.turn
    if current.build is None and turn is not None and not turn.granted:
        message = (
            f"Commit {short(order.commit)} waits for its build: {turn.limit} builds may run at a time (BRANDRELEASE_MAX_CONCURRENT_BUILDS), and all places are taken. "
            "It starts by itself when its turn comes."
        )
        return NotYet(current, Reason.BuildQueued, message, None)
    started = _asked_for(current, order, now)
    deadline = _started(started, now) + timedelta(seconds=order.timeout_seconds)
    if now >= deadline and world.refusal is not None and order.builder != EXTERNAL:
        message = f"{world.refusal.message} It was tried for {seconds(order.timeout_seconds)} (spec.build.timeoutSeconds). The Deployment was not touched."
        return NeverBuilt(_ended(started, now), world.refusal.reason, message)
    if now >= deadline:
        reason, verb = (
            (Reason.ImageNotPushed, "was pushed") if order.builder == EXTERNAL else (Reason.BuildTimedOut, "was built")
        )
        message = f"No image {order.repository}:{order.tag} {verb} within {seconds(order.timeout_seconds)} (spec.build.timeoutSeconds). The Deployment was not touched."
        return NeverBuilt(_ended(started, now), reason, message)
    if order.builder == EXTERNAL:
        message = f"Waiting until CI pushes {order.repository}:{order.tag}; given up at {deadline:%H:%M:%S} UTC."
        return NotYet(started, Reason.WaitingForImage, message, min(EXTERNAL_POLL, deadline - now))
    message = f"Building {order.repository}:{order.tag} from commit {short(order.commit)} in {order.place}."
    return NotYet(started, Reason.Building, message, deadline - now, StartBuild(order))


def _pushed_but_not_there(current: CurrentRelease, order: BuildOrder, now: datetime) -> ImageStep:
    ended = _ended(_asked_for(current, order, now), now)
    since = ended.build.finished_at if ended.build and ended.build.finished_at else now
    if now >= since + REGISTRY_GRACE:
        message = (
            f"Build {order.name} ended well, but the registry does not show {order.repository}:{order.tag}. "
            "Check that nothing deletes images there, then ask for the release again. The Deployment was not touched."
        )
        return NeverBuilt(ended, Reason.ImageMissingAfterBuild, message)
    return NotYet(
        ended,
        Reason.Building,
        f"The image is built; waiting for the registry to show {order.tag}.",
        timedelta(seconds=2),
    )


def _failed(current: CurrentRelease, order: BuildOrder, failed: BuildFailed, now: datetime) -> ImageStep:
    asked_at = _started(current, now)
    if failed.ended_at is not None and failed.ended_at < asked_at:
        return _again(current, order, now, Reason.Building, "An earlier build of this commit had failed.")
    if failed.retriable and order.attempt < current.first_attempt + BUILD_ATTEMPTS - 1:
        return _again(current, order, now, Reason.BuildInfrastructureFailed, failed.message)
    ended = _ended(_asked_for(current, order, now), now)
    told = ended.build and ended.build.model_copy(update={"log_tail": failed.log_tail or None})
    ended = ended.model_copy(update={"build": told})
    return NeverBuilt(ended, failed.reason, f"{failed.message} The Deployment was not touched.")


def _again(current: CurrentRelease, order: BuildOrder, now: datetime, reason: Reason, why: str) -> NotYet:
    """Another attempt, under a name of its own."""
    again = replace(order, attempt=order.attempt + 1)
    fresh = _asked_for(current.model_copy(update={"build": None}), again, now)
    return NotYet(
        fresh, reason, f"{why} Trying again (attempt {again.attempt}).", timedelta(minutes=1), StartBuild(again)
    )


def next_attempt(brand: Brand, commit: str, before: Iterable[CurrentRelease | None]) -> int:
    """The attempt that a new release begins with: one more than that of the releases before it, for the same image.

    The Job of a build that has ended keeps its name for a day, so another build of the key needs another attempt.
    """
    key = build_key(brand, commit)
    return max((each.build.attempt + 1 for each in before if each and each.build and each.build.key == key), default=1)


def _attempt(brand: Brand, current: CurrentRelease) -> int:
    """Which attempt this is: that of the build in flight, or the one that the release begins with."""
    if current.build is None:
        return current.first_attempt
    return current.build.attempt if current.build.key == build_key(brand, current.commit) else 1


def _asked_for(current: CurrentRelease, order: BuildOrder, now: datetime) -> CurrentRelease:
    """The release with its build on record: written down before the builder is told."""
    if current.build is not None and current.build.key == order.key and current.build.attempt == order.attempt:
        return current
    name = order.name if order.builder == "buildKit" else None
    build = BuildProgress(builder=order.builder, key=order.key, attempt=order.attempt, id=name, started_at=now)
    return current.model_copy(update={"build": build})


def _traced(current: CurrentRelease, order: BuildOrder, state: BuildState | None) -> CurrentRelease:
    """The release with the place where its build is to be found, once the builder has told it."""
    trace = state.trace if isinstance(state, BuildRunning | BuildSucceeded | BuildFailed) else None
    if (
        trace is None
        or current.build is None
        or (current.build.key, current.build.attempt) != (order.key, order.attempt)
    ):
        return current
    build = current.build.model_copy(update={"id": trace.id, "logs_url": trace.logs_url})
    return current.model_copy(update={"build": build})


def _ended(current: CurrentRelease, now: datetime) -> CurrentRelease:
    if current.build is None or current.build.finished_at is not None:
        return current
    return current.model_copy(
        update={"build": current.build.model_copy(update={"finished_at": now.replace(microsecond=0)})}
    )


def _started(current: CurrentRelease, now: datetime) -> datetime:
    return current.build.started_at if current.build else now
