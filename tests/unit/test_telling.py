"""What an endpoint is told next: from what it knows and how far each release has come."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from brandrelease.apis.brandrelease import BrandReleaseStatus, CurrentRelease, Outcome, PastRelease, Phase
from brandrelease.apis.conditions import Condition, ConditionStatus, ConditionType
from brandrelease.apis.notifications import Notification, Stage, Told
from brandrelease.apis.progress import HookProgress, HooksProgress, Rollback, Rollout
from brandrelease.apis.reasons import Reason
from brandrelease.apis.verification import Verification
from brandrelease.core.telling.due import after, next_for
from brandrelease.core.telling.notice import Delivered, Undelivered
from brandrelease.core.telling.stages import news, trouble_apart
from support.notices import AT, endpoint, notice

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
COMMIT = "a" * 40
SLACK = endpoint(slack={"channel": "#releases", "secretName": "s"})
GITHUB = endpoint(gitHub={"repository": "o/drumeo", "secretName": "s"})


def at(minute: int) -> datetime:
    return NOON + timedelta(minutes=minute)


def release(number: int = 12, **changes: Any) -> CurrentRelease:
    return CurrentRelease(number=number, ref="refs/heads/master", commit=COMMIT, started_at=at(0), **changes)


def past(number: int, outcome: Outcome) -> PastRelease:
    return PastRelease(
        number=number,
        commit=COMMIT,
        outcome=outcome,
        reason=Reason.Superseded,
        message="It is over.",
        started_at=at(0),
        finished_at=at(9),
    )


def stalled(reason: Reason = Reason.DeploymentRefused, since: int = 7) -> tuple[Condition, ...]:
    return (
        Condition(
            type=ConditionType.Stalled,
            status=ConditionStatus.Yes,
            reason=reason,
            message="Somebody must look.",
            last_transition_time=at(since),
            observed_generation=1,
        ),
    )


def blocked(reason: Reason = Reason.DeploymentRefused, **parts: Any) -> BrandReleaseStatus:
    return BrandReleaseStatus(phase=Phase.Blocked, conditions=stalled(reason), **parts)


HOOKS = HooksProgress(pre_deploy=HookProgress(job="j", started_at=at(1)))
ROLLOUT = Rollout(started_at=at(2))
WATCH = Verification(started_at=at(3), ends_at=at(8))
WAY_BACK = Rollback(number=11, image="i", started_at=at(4))

STAGES: dict[str, tuple[BrandReleaseStatus, Stage, int]] = {
    "it was asked for": (BrandReleaseStatus(current=release()), Stage.Started, 0),
    "other hooks than preDeploy": (BrandReleaseStatus(current=release(hooks=HooksProgress())), Stage.Started, 0),
    "its preDeploy hook was begun": (BrandReleaseStatus(current=release(hooks=HOOKS)), Stage.Migrating, 1),
    "the Deployment was changed": (
        BrandReleaseStatus(current=release(hooks=HOOKS, rollout=ROLLOUT)),
        Stage.Deploying,
        2,
    ),
    "all pods are new": (
        BrandReleaseStatus(current=release(rollout=ROLLOUT, verification=WATCH)),
        Stage.Verifying,
        3,
    ),
    "it is left": (
        BrandReleaseStatus(current=release(rollout=ROLLOUT, verification=WATCH, rollback=WAY_BACK)),
        Stage.RollingBack,
        4,
    ),
    "it waits for what passes by itself": (
        BrandReleaseStatus(phase=Phase.Blocked, current=release(rollout=ROLLOUT)),
        Stage.Deploying,
        2,
    ),
    "it is stalled": (blocked(current=release(rollout=ROLLOUT)), Stage.NeedsSomebody, 7),
    "it is prepared beside another": (BrandReleaseStatus(next=release(hooks=HOOKS)), Stage.Migrating, 1),
    "it is live": (
        BrandReleaseStatus(current=release(outcome=Outcome.Succeeded, finished_at=at(9))),
        Stage.Live,
        9,
    ),
    "nobody knows when it ended": (BrandReleaseStatus(current=release(outcome=Outcome.Failed)), Stage.Failed, 0),
    "it failed, and that stalls": (
        BrandReleaseStatus(
            phase=Phase.Failed, conditions=stalled(), current=release(outcome=Outcome.Failed, finished_at=at(9))
        ),
        Stage.Failed,
        9,
    ),
    "it was rolled back": (BrandReleaseStatus(history=(past(12, Outcome.RolledBack),)), Stage.RolledBack, 9),
    "it was replaced": (BrandReleaseStatus(history=(past(12, Outcome.Superseded),)), Stage.Superseded, 9),
    "it was aborted": (BrandReleaseStatus(history=(past(12, Outcome.Aborted),)), Stage.Aborted, 9),
    "it had failed and is left now": (
        BrandReleaseStatus(history=(past(12, Outcome.Failed),), current=release(rollback=WAY_BACK)),
        Stage.RollingBack,
        4,
    ),
}


@pytest.mark.parametrize(("status", "stage", "since"), STAGES.values(), ids=STAGES)
def test_how_far_a_release_has_come_is_read_from_the_status(
    status: BrandReleaseStatus, stage: Stage, since: int
) -> None:
    (found,) = news(status)
    assert (found.number, found.stage, found.happened_at) == (12, stage, at(since))
    assert trouble_apart(status) is None


def test_the_releases_come_in_the_order_of_their_numbers() -> None:
    history = (past(11, Outcome.Succeeded), past(10, Outcome.Failed))
    status = BrandReleaseStatus(history=history, current=release(12), next=release(13))
    assert [(each.number, each.stage) for each in news(status)] == [
        (10, Stage.Failed),
        (11, Stage.Live),
        (12, Stage.Started),
        (13, Stage.Started),
    ]


# --- what is due -------------------------------------------------------------------------------------------------------

LIVE = BrandReleaseStatus(
    history=(past(12, Outcome.Succeeded),), current=release(12, outcome=Outcome.Succeeded, finished_at=at(9))
)


def told(number: int, stage: Stage | None = None, reason: Reason | None = None, **more: Any) -> Told:
    return Told(name="slack", release=number, stage=stage, reason=reason, told_at=AT, **more)


def on(*stages: Stage, of: Notification = SLACK) -> Notification:
    return of.model_copy(update={"stages": stages})


Due = tuple[int, Stage] | None
DUE: dict[str, tuple[Notification, Told, BrandReleaseStatus, Due]] = {
    "nothing was ever released": (SLACK, told(0), BrandReleaseStatus(), None),
    "the first release has begun": (SLACK, told(0), BrandReleaseStatus(current=release(1)), (1, Stage.Started)),
    "it has gone on": (
        SLACK,
        told(12, Stage.Started),
        BrandReleaseStatus(current=release(rollout=ROLLOUT)),
        (12, Stage.Deploying),
    ),
    "it is known": (SLACK, told(12, Stage.Deploying), BrandReleaseStatus(current=release(rollout=ROLLOUT)), None),
    "stages were missed": (SLACK, told(11, Stage.Live), LIVE, (12, Stage.Live)),
    "the end is known": (SLACK, told(12, Stage.Live), LIVE, None),
    "a release is told to its end before the next one": (
        SLACK,
        told(12, Stage.Deploying),
        BrandReleaseStatus(history=(past(12, Outcome.Superseded),), current=release(13)),
        (12, Stage.Superseded),
    ),
    "then the next one": (
        SLACK,
        told(12, Stage.Superseded),
        BrandReleaseStatus(history=(past(12, Outcome.Superseded),), current=release(13)),
        (13, Stage.Started),
    ),
    "also one that came and went meanwhile": (
        SLACK,
        told(12, Stage.Superseded),
        BrandReleaseStatus(history=(past(13, Outcome.Failed), past(12, Outcome.Superseded)), current=release(14)),
        (13, Stage.Failed),
    ),
    "what is prepared waits for what is judged": (
        SLACK,
        told(12, Stage.Deploying),
        BrandReleaseStatus(current=release(12, rollout=ROLLOUT), next=release(13)),
        None,
    ),
    "one that the history has forgotten stops nothing": (
        SLACK,
        told(12, Stage.Deploying),
        BrandReleaseStatus(current=release(20)),
        (20, Stage.Started),
    ),
    "a failed one is left later": (
        SLACK,
        told(12, Stage.Failed),
        BrandReleaseStatus(history=(past(12, Outcome.Failed),), current=release(rollback=WAY_BACK)),
        (12, Stage.RollingBack),
    ),
    "it needs somebody": (SLACK, told(12, Stage.Started), blocked(current=release()), (12, Stage.NeedsSomebody)),
    "it needs somebody as before": (
        SLACK,
        told(12, Stage.NeedsSomebody, Reason.DeploymentRefused),
        blocked(current=release()),
        None,
    ),
    "it needs somebody for something else": (
        SLACK,
        told(12, Stage.NeedsSomebody, Reason.HookNotStarted),
        blocked(current=release()),
        (12, Stage.NeedsSomebody),
    ),
    "somebody came and it goes on": (
        SLACK,
        told(12, Stage.NeedsSomebody, Reason.DeploymentRefused),
        BrandReleaseStatus(current=release(rollout=ROLLOUT)),
        (12, Stage.Deploying),
    ),
    "what came after the end needs somebody": (
        SLACK,
        told(12, Stage.Live),
        blocked(Reason.RefNotFound, **LIVE.model_dump(include={"history", "current"})),
        (12, Stage.NeedsSomebody),
    ),
    "and it is over": (SLACK, told(12, Stage.NeedsSomebody, Reason.RefNotFound), LIVE, (12, Stage.Live)),
    "the first request ever needs somebody": (SLACK, told(0), blocked(Reason.RefNotFound), (0, Stage.NeedsSomebody)),
    "GitHub has no commit to say that of": (GITHUB, told(0), blocked(Reason.RefNotFound), None),
    "GitHub knows how the last one ended": (
        GITHUB,
        told(11, Stage.Live),
        blocked(Reason.RefNotFound, **LIVE.model_dump(include={"history", "current"})),
        (12, Stage.Live),
    ),
    "it is not told of this stage": (
        on(Stage.Failed),
        told(11, Stage.Live),
        BrandReleaseStatus(current=release(rollout=ROLLOUT)),
        None,
    ),
    "nor of this end": (on(Stage.Failed), told(11, Stage.Live), LIVE, None),
    "but of this one": (
        on(Stage.Failed),
        told(11, Stage.Live),
        BrandReleaseStatus(history=(past(13, Outcome.Failed), past(12, Outcome.Succeeded))),
        (13, Stage.Failed),
    ),
    "who was told the beginning is told the end": (
        on(Stage.NeedsSomebody),
        told(12, Stage.NeedsSomebody, Reason.HookNotStarted),
        LIVE,
        (12, Stage.Live),
    ),
    "but not the middle": (
        on(Stage.NeedsSomebody),
        told(12, Stage.NeedsSomebody, Reason.HookNotStarted),
        BrandReleaseStatus(current=release(rollout=ROLLOUT)),
        None,
    ),
    "trouble apart is left out where it is not wanted": (
        on(Stage.Live),
        told(11, Stage.Live),
        blocked(Reason.RefNotFound, **LIVE.model_dump(include={"history", "current"})),
        (12, Stage.Live),
    ),
}


@pytest.mark.parametrize(("to", "known", "status", "due"), DUE.values(), ids=DUE)
def test_what_is_told_next(to: Notification, known: Told, status: BrandReleaseStatus, due: Due) -> None:
    _, found = next_for(to, known, status)
    assert (found and (found.number, found.stage)) == due


def test_an_end_that_is_not_told_is_passed_over_for_good() -> None:
    """Otherwise whoever adds a stage to the list would get all that the history has."""
    passed, due = next_for(on(Stage.Failed), told(11, Stage.Live, id="old", problem="It was down."), LIVE)
    assert due is None
    assert passed == told(12, Stage.Live, problem="It was down.")
    assert next_for(SLACK, passed, LIVE) == (passed, None)


# --- after a delivery --------------------------------------------------------------------------------------------------


def test_what_was_taken_is_known_with_what_was_made_of_it() -> None:
    sent = notice(SLACK, Stage.Live, reason=Reason.Succeeded)
    known = after(told(11, Stage.Live, problem="It was down."), Delivered(sent, "C1/2"), NOON)
    assert known == told(12, Stage.Live, id="C1/2").model_copy(update={"told_at": NOON})


def test_what_somebody_is_needed_for_is_known() -> None:
    sent = notice(SLACK, Stage.NeedsSomebody, reason=Reason.HookNotStarted)
    assert after(told(12), Delivered(sent, None), NOON).reason is Reason.HookNotStarted


def test_each_telling_has_a_moment_of_its_own_so_that_ids_differ() -> None:
    known = after(told(12), Delivered(notice(SLACK), None), AT.replace(microsecond=5))
    assert known.told_at == AT + timedelta(seconds=1)


def test_what_was_not_taken_leaves_only_the_trouble() -> None:
    known = told(11, Stage.Live, id="x")
    assert after(known, Undelivered(notice(SLACK), "It is down."), NOON) == told(
        11, Stage.Live, id="x", problem="It is down."
    )
    long = after(known, Undelivered(notice(SLACK), "x" * 1000), NOON)
    assert len(long.problem or "") == 512


def test_what_was_given_up_counts_as_told_and_leaves_the_trouble() -> None:
    sent = replace(notice(SLACK, Stage.Live), known_as="C1/2")
    known = after(told(12, Stage.Started), Undelivered(sent, "It is down.", given_up=True), NOON)
    assert known == told(12, Stage.Live, id="C1/2", problem="It is down.").model_copy(update={"told_at": NOON})
