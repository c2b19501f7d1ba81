"""Whether what was asked for has come to an end, and to which. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from brandrelease.apis.brandrelease import BrandRelease, BrandReleaseStatus, CurrentRelease, Outcome, PastRelease, Phase
from brandrelease.apis.conditions import ConditionType
from brandrelease.apis.wellknown import (
    ABORT_ANNOTATION,
    OVERRIDE_ANNOTATION,
    REQUESTED_AT_ANNOTATION,
    ROLLBACK_TO_ANNOTATION,
)
from brandrelease.cli.called import called
from brandrelease.cli.exits import Exit
from brandrelease.cli.wishes import Wish
from brandrelease.core.words import seconds

UNSEEN: Final = timedelta(seconds=15)
"""Longer than the operator needs to look at a request, unless a migration or a rollback is in its way."""

HANDLED: Final = {
    REQUESTED_AT_ANNOTATION: "requested_at",
    ROLLBACK_TO_ANNOTATION: "rollback_to",
    ABORT_ANNOTATION: "abort",
    OVERRIDE_ANNOTATION: "override",
}
"""Each annotation by its name in the BrandRelease and in status.lastHandled."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How it ended. told: whoever looked on has read the message already."""

    exit: Exit
    message: str
    told: bool = False


@dataclass(frozen=True, slots=True)
class Follow:
    """What is followed. generation, version: of the object as the wish was written. number: of what came of it."""

    wish: Wish
    asked_at: datetime
    generation: int
    version: str
    handled: bool = False
    number: int | None = None

    def seen(self, release: BrandRelease) -> "Follow":
        """The same with what the operator has done about it meanwhile."""
        if not (self.handled or self._is_handled(release)):
            return self
        work = release.status.next or release.status.current
        number = work.number if self.number is None and work else self.number
        return replace(self, handled=True, number=number)

    def _is_handled(self, release: BrandRelease) -> bool:
        """Whether the operator has looked at the wish, or at one that was written over it."""
        last = release.status.last_handled
        for annotation, text in self.wish.annotations.items():
            name = HANDLED[annotation]
            if getattr(release, name) == text and (last is None or getattr(last, name) != text):
                return False
        return (release.status.observed_generation or 0) >= self.generation


def ending(follow: Follow, release: BrandRelease, now: datetime) -> Ending | None:
    """The end of what is followed; None while it goes on."""
    status, said = release.status, message(release)
    if not follow.handled:
        return _unseen(follow, release, now)
    if answer := _refusal(follow.wish, status):
        return Ending(Exit.Failed, answer)
    if status.next is not None:
        return None
    if past := _given_up(follow, status):
        was_asked_for = ABORT_ANNOTATION in follow.wish.annotations and past.outcome is Outcome.Aborted
        text = f"Release {past.number} did not go out: {past.message or said}"
        return Ending(Exit.Live if was_asked_for else Exit.Failed, said if was_asked_for else text)
    match status.phase:
        case Phase.Live:
            return Ending(Exit.Live, said)
        case Phase.RolledBack:
            return Ending(Exit.Live if ROLLBACK_TO_ANNOTATION in follow.wish.annotations else Exit.RolledBack, said)
        case Phase.Failed:
            return Ending(Exit.Failed, said)
        case Phase.Suspended if follow.wish.spec.get("suspend"):
            return Ending(Exit.Live, said)
        case Phase.Blocked | Phase.Suspended:
            return Ending(Exit.Blocked, said)
        case _:
            return None


def message(release: BrandRelease) -> str:
    """What the object says of itself."""
    ready = next((each for each in release.status.conditions if each.type is ConditionType.Ready), None)
    return ready.message if ready else "The operator has not looked at it yet."


def warning(follow: Follow, release: BrandRelease, now: datetime) -> str | None:
    """What to tell while nothing happens, if that is for longer than it should be."""
    if follow.handled or now - follow.asked_at < UNSEEN or release.status.phase in {Phase.Migrating, Phase.RollingBack}:
        return None
    waited = seconds((now - follow.asked_at).total_seconds())
    return f"The operator has not looked at it for {waited}. Does it run? '{called()} doctor' tells."


def out_of_time(follow: Follow, release: BrandRelease, limit: float, now: datetime) -> Ending:
    """It takes longer than somebody wants to wait. limit: in seconds."""
    said = warning(follow, release, now) or f"It says: {message(release)}"
    return Ending(Exit.Timeout, f"Not at its end after {seconds(limit)}; it goes on in the cluster. {said}")


def _unseen(follow: Follow, release: BrandRelease, now: datetime) -> Ending | None:
    """The wish is not noted as handled. What stays blocked is answered by a status that is written anew, or by silence."""
    answered = release.resource_version != follow.version and release.status.observed_generation == release.generation
    match release.status.phase:
        case Phase.Suspended if release.spec.suspend and "suspend" not in follow.wish.spec:
            return Ending(Exit.Blocked, message(release))
        case Phase.Blocked if answered or now - follow.asked_at >= UNSEEN:
            return Ending(Exit.Blocked, message(release))
        case _:
            return None  # a migration or a rollback is waited for; without an operator, --timeout ends it


def _refusal(wish: Wish, status: BrandReleaseStatus) -> str | None:
    """Why the verb was not carried out; it changed nothing."""
    answer = status.last_handled.answer if status.last_handled else None
    verbs = [name for name in wish.annotations if name != REQUESTED_AT_ANNOTATION]
    return answer if answer and any(f"{verb}=" in answer for verb in verbs) else None


def _given_up(follow: Follow, status: BrandReleaseStatus) -> PastRelease | CurrentRelease | None:
    """The release that came of the wish, if it was replaced or aborted."""
    known = (*([status.current] if status.current else ()), *status.history)
    mine = next((entry for entry in known if entry.number == follow.number), None)
    return mine if mine and mine.outcome in {Outcome.Superseded, Outcome.Aborted} else None
