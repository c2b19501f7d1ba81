"""Each change of phase or reason is an Event, once, and a warning where somebody must look."""

from datetime import UTC, datetime

import pytest

from brandrelease.apis.brandrelease import BrandReleaseStatus, CurrentRelease, Outcome, Phase
from brandrelease.apis.conditions import Condition, ConditionStatus, ConditionType
from brandrelease.apis.reasons import Reason
from brandrelease.core.actions import Announcement, Plan
from brandrelease.core.telling.transitions import announcing_transition
from support.simulation import Behaviour
from support.story import Story

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


def condition(kind: ConditionType, reason: Reason, message: str) -> Condition:
    return Condition(
        type=kind,
        status=ConditionStatus.Yes,
        reason=reason,
        message=message,
        last_transition_time=NOON,
        observed_generation=1,
    )


def status(
    phase: Phase,
    reason: Reason,
    message: str = "So it is.",
    outcome: Outcome | None = None,
    *others: ConditionType,
) -> BrandReleaseStatus:
    current = CurrentRelease(number=1, ref="r", commit="c", started_at=NOON, outcome=outcome)
    kinds = (ConditionType.Ready, *others)
    conditions = tuple(condition(kind, reason, message) for kind in kinds)
    return BrandReleaseStatus(phase=phase, conditions=conditions, current=current)


BUILDING = status(Phase.Building, Reason.Building)
TOLD: dict[str, tuple[BrandReleaseStatus, BrandReleaseStatus, bool | None]] = {
    "another phase": (BUILDING, status(Phase.Deploying, Reason.Deploying), False),
    "another reason": (BUILDING, status(Phase.Building, Reason.WaitingForImage), False),
    "the same reason in another phase": (BUILDING, status(Phase.Migrating, Reason.Building), False),
    "the first status": (BrandReleaseStatus(), BUILDING, False),
    "nothing known yet": (BUILDING, BrandReleaseStatus(), None),
    "only another message": (BUILDING, status(Phase.Building, Reason.Building, "3 of 4."), None),
    "live": (BUILDING, status(Phase.Live, Reason.Succeeded), False),
    "rolled back": (BUILDING, status(Phase.RolledBack, Reason.OOMKilled), True),
    "failed": (BUILDING, status(Phase.Failed, Reason.BuildFailed, "m", Outcome.Failed), True),
    "failed before anything was released": (
        BUILDING,
        status(Phase.Failed, Reason.BuildFailed).model_copy(update={"current": None}),
        True,
    ),
    "aborted": (BUILDING, status(Phase.Failed, Reason.Aborted, "m", Outcome.Aborted), False),
    "blocked until somebody comes": (
        BUILDING,
        status(Phase.Blocked, Reason.RefNotFound, "m", None, ConditionType.Stalled),
        True,
    ),
    "blocked for a while": (
        BUILDING,
        status(Phase.Blocked, Reason.SourceUnreachable, "m", None, ConditionType.Reconciling),
        False,
    ),
}


@pytest.mark.parametrize(("before", "now", "warning"), TOLD.values(), ids=TOLD)
def test_a_change_is_told(before: BrandReleaseStatus, now: BrandReleaseStatus, warning: bool | None) -> None:
    plan = announcing_transition(before, Plan(now))
    if warning is None:
        assert plan.announcements == ()
    else:
        ready = now.conditions[0]
        assert plan.announcements == (Announcement(ready.reason, ready.message, warning=warning),)


def test_what_the_plan_tells_of_already_is_not_told_twice() -> None:
    other, same = Announcement(Reason.Resumed, "By ada."), Announcement(Reason.OOMKilled, "With its log.")
    now = status(Phase.RollingBack, Reason.OOMKilled)
    assert announcing_transition(BUILDING, Plan(now, announcements=(other, same))).announcements == (other, same)
    after = announcing_transition(BUILDING, Plan(now, announcements=(other,))).announcements
    assert after == (other, Announcement(Reason.OOMKilled, "So it is.", warning=False))


def test_the_events_of_two_releases_tell_how_they_went(quiet: None) -> None:
    world = Story()
    world.release("one")
    world.release("bad", Behaviour.Crashes)
    assert [(str(event.reason), event.warning) for event in world.told] == [
        ("Building", False),
        ("Deploying", False),
        ("Verifying", False),
        ("Succeeded", False),
        ("Building", False),
        ("Deploying", False),
        ("CrashLoopBackOff", True),
        ("CrashLoopBackOff", True),
    ]
    assert all(event.message.startswith(("Building ", "Release ", "Rolled back to ")) for event in world.told)
