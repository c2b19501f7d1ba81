"""Before the Deployment is changed: how every check stands, so that what is bad already is not charged with the release.

What is bad before does not keep a release waiting, since the release may be what mends it. Two things do: an alarm that
is raised, because a release under an incident makes it worse and a rollback could not help; and a source that does not
answer, where the Brand says so, because nobody would see what the release does. An override lets it go on.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from brandrelease.apis.brandrelease import CurrentRelease
from brandrelease.apis.checks import Check, OnFailure
from brandrelease.apis.reasons import Reason
from brandrelease.apis.verification import CheckBaseline, CheckState
from brandrelease.core.actions import PRE_DEPLOY
from brandrelease.core.checks.looked import before_release
from brandrelease.core.hooks import progress_of
from brandrelease.core.plans import AT_ONCE, environment_of
from brandrelease.core.snapshot import Snapshot
from brandrelease.core.waiting.gate import Gate
from brandrelease.core.words import one_of

LATE: Final = timedelta(seconds=5)
"""After its time limit, and this much more, a look that was begun is asked for again."""

FRESH: Final = timedelta(minutes=5)
"""What was seen before this is looked at again before anything is changed: a release may have waited for hours."""


@dataclass(frozen=True, slots=True)
class Known:
    """Nothing keeps the release waiting. It knows how every check stood."""

    release: CurrentRelease


@dataclass(frozen=True, slots=True)
class NotKnown:
    """Looks are under way. look_again: even if none comes to its end."""

    release: CurrentRelease
    message: str
    look_again: timedelta


@dataclass(frozen=True, slots=True)
class Held:
    """Something has to become good first, or somebody has to let the release through."""

    release: CurrentRelease
    gate: Gate


BaselineStep = Known | NotKnown | Held


def take_baseline(world: Snapshot, current: CurrentRelease) -> BaselineStep:
    """How every check stands before the release. An image that is released again has none: it is the way out."""
    checks = checks_of(world, current)
    if not checks or progress_of(current, PRE_DEPLOY) is not None:
        return Known(current)
    taken = {entry.name: entry for entry in current.baseline}
    for check, _ in looks_before(world, current):
        if (measured := world.measured.get((current.number, check.name))) is not None:
            taken[check.name] = before_release(check, measured)
    baseline = tuple(taken[check.name] for check in checks if check.name in taken)
    current = current.model_copy(update={"baseline": baseline})
    unknown = [check for check in checks if check.name not in taken]
    gate = closed_gate(world, current) if not unknown else None
    if gate is None:
        unknown += [check for check in checks if check.name in taken and _is_stale(taken[check.name], world.now)]
    if unknown:
        names = one_of([check.name for check in unknown])
        message = (
            f"Looking at how {names} {'stands' if len(unknown) == 1 else 'stand'} before the Deployment is changed."
        )
        return NotKnown(current, message, _pause(world, current, unknown))
    return Held(current, gate) if gate is not None else Known(current)


def charged_beside(new: CurrentRelease, old: CurrentRelease) -> CurrentRelease:
    """The newer release, for which nothing is excused that only the older one has broken: it was never live.

    So a page that the older one broke and the newer one does not mend is charged; else the newer one would go live with it.
    """
    before = {entry.name: entry for entry in old.baseline if entry.state is not CheckState.Error}
    entries = [_as_before(entry, before.get(entry.name)) for entry in new.baseline]
    return new.model_copy(update={"baseline": tuple(entries)})


def _as_before(entry: CheckBaseline, before: CheckBaseline | None) -> CheckBaseline:
    if before is None:
        return entry
    bad = tuple(part for part in entry.bad if part in before.bad)
    return entry.model_copy(update={"bad": bad, "value": before.value})


def closed_gate(world: Snapshot, current: CurrentRelease) -> Gate | None:
    """What keeps the release waiting, of what is known about the state before it."""
    taken = {entry.name: entry for entry in current.baseline}
    known = [(check, taken[check.name]) for check in checks_of(world, current) if check.name in taken]
    holding = [(check, entry) for check, entry in known if _holds(check, entry, current)]
    if not holding:
        return None
    alarms = [each for each in holding if each[1].state is CheckState.Failed]
    check, entry = (alarms or holding)[0]
    others = [other.name for other, _ in holding if other is not check]
    more = f"; so {'is' if len(others) == 1 else 'are'} {one_of(others)}" if others else ""
    what = "until an alarm is over" if alarms else "until a check can be made"
    next_due = min(entry.observed_at + check.interval for check, entry in holding)
    due = [check for check, entry in holding if world.now >= entry.observed_at + check.interval]
    pause = _pause(world, current, due) if due else next_due - world.now
    reason = Reason.AlarmActive if alarms else Reason.CheckUnreachable
    return Gate(reason, f"{what} ({check.name}{more}). {entry.message.rstrip('.')}", look_again=pause)


def may_hold(world: Snapshot) -> tuple[Reason, ...]:
    """What the state before may keep a release waiting for at another time."""
    checks = environment_of(world).checks
    alarms = (Reason.AlarmActive,) if any(_waits_for_alarms(check) for check in checks) else ()
    errors = (Reason.CheckUnreachable,) if any(check.holds_on_error for check in checks) else ()
    return (*alarms, *errors)


def looks_before(world: Snapshot, current: CurrentRelease) -> tuple[tuple[Check, datetime], ...]:
    """The looks that the baseline needs now; each with the moment at or after which it must end.

    A check is looked at once; one that keeps the release waiting again and again; and when none does any more, what was
    seen too long ago.
    """
    taken, checks = {entry.name: entry for entry in current.baseline}, checks_of(world, current)
    waits = any(_holds(check, taken[check.name], current) for check in checks if check.name in taken)
    return tuple(
        (check, _since(check, taken.get(check.name), world.now))
        for check in checks
        if _is_due(check, taken.get(check.name), current, world.now, waits=waits)
    )


def _is_due(check: Check, taken: CheckBaseline | None, current: CurrentRelease, now: datetime, *, waits: bool) -> bool:
    """waits: whether any check keeps the release waiting."""
    if taken is None:
        return True
    if waits:
        return _holds(check, taken, current) and now >= taken.observed_at + check.interval
    return _is_stale(taken, now)


def _is_stale(taken: CheckBaseline, now: datetime) -> bool:
    return now >= taken.observed_at + FRESH


def checks_of(world: Snapshot, current: CurrentRelease) -> tuple[Check, ...]:
    """The checks by which the release is judged."""
    return environment_of(world).checks if current.image_of is None else ()


def _since(check: Check, taken: CheckBaseline | None, now: datetime) -> datetime:
    """What was seen a moment ago is as good as new where nothing is known yet."""
    if taken is not None:
        return taken.observed_at + min(check.interval, FRESH)
    return now - min(check.interval, FRESH) - check.timeout


def _holds(check: Check, taken: CheckBaseline, current: CurrentRelease) -> bool:
    if taken.state is CheckState.Error:
        return check.holds_on_error and Reason.CheckUnreachable not in current.let_through
    raised = taken.state is CheckState.Failed and _waits_for_alarms(check)
    return raised and Reason.AlarmActive not in current.let_through


def _waits_for_alarms(check: Check) -> bool:
    return check.cloud_watch_alarms is not None and check.consequence is not OnFailure.Ignore


def _pause(world: Snapshot, current: CurrentRelease, due: list[Check]) -> timedelta:
    """Looks that were not asked for yet are asked for at once; one that is under way wakes the release at its end."""
    if any((current.number, check.name) not in world.measured for check in due):
        return AT_ONCE
    return max(check.timeout for check in due) + LATE
