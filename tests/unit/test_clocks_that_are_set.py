"""The cluster's clock is set while a release is on its way: it neither fails early nor hangs."""

from datetime import UTC, datetime, timedelta

import pytest

from brandrelease.apis.brandrelease import BrandReleaseStatus, CurrentRelease
from brandrelease.apis.progress import Retry, Rollout
from brandrelease.apis.verification import Verification
from brandrelease.core.health import Progressing
from brandrelease.core.moments import SLACK, not_ahead
from support.pods import START, at, container, deployment, pod
from support.simulation import Behaviour
from support.story import Story
from unit.test_health import RECREATES, UNREADY, failed_and_not_before, judged

BACK = [timedelta(hours=1), timedelta(days=365)]


@pytest.fixture
def live(quiet: None) -> Story:
    story = Story()
    story.release("one")
    assert story.headline() == ("Live", "Succeeded")
    return story


def seconds_until(story: Story, phase: str) -> float:
    begin = story.time
    story.play_until(phase)
    return (story.time - begin).total_seconds()


@pytest.mark.parametrize("back", BACK, ids=str)
@pytest.mark.parametrize("at_once", [True, False], ids=["restarted at once", "restarted later"])
def test_a_release_that_hangs_is_given_up_in_its_time_though_the_clock_was_set_back(
    live: Story, back: timedelta, at_once: bool
) -> None:
    live.push("master", "two", Behaviour.NeverReady)
    live.ask("master")
    live.play_until("Deploying")
    limit = live.the_brand.spec.environments[0].progress_deadline_seconds  # type: ignore[union-attr]
    live.time -= back
    if at_once:
        live.restart()
    assert seconds_until(live, "RollingBack") <= limit + 60
    live.play_until("RolledBack")


@pytest.mark.parametrize("back", BACK, ids=str)
def test_a_watch_ends_in_its_time_though_the_clock_was_set_back(live: Story, back: timedelta) -> None:
    live.push("master", "two", mends=True)
    live.ask("master")
    live.play_until("Verifying")
    soak = live.the_brand.spec.environments[0].soak_seconds  # type: ignore[union-attr]
    live.time -= back
    assert seconds_until(live, "Live") <= soak + 60


# --- the moments themselves -------------------------------------------------------------------------------------------

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def status_of(begun: datetime) -> BrandReleaseStatus:
    later = begun + timedelta(minutes=5)
    current = CurrentRelease(
        number=2,
        ref="refs/heads/master",
        commit="c" * 40,
        started_at=begun,
        rollout=Rollout(started_at=begun, finished_at=later),
        verification=Verification(started_at=later, ends_at=later + timedelta(hours=2)),
        retry=Retry(number=1, at=later + timedelta(hours=3)),
    )
    return BrandReleaseStatus(current=current)


def test_what_lies_behind_is_left_alone_whatever_is_planned_for_later() -> None:
    status = status_of(NOW - timedelta(minutes=5))
    assert not_ahead(status, NOW) is status
    assert not_ahead(BrandReleaseStatus(), NOW) == BrandReleaseStatus()


def test_a_difference_such_as_replicas_have_is_none() -> None:
    status = status_of(NOW - timedelta(minutes=5) + SLACK)
    assert not_ahead(status, NOW) is status


def test_what_lies_ahead_has_happened_now_and_all_durations_stay() -> None:
    mended = not_ahead(status_of(NOW + timedelta(days=365)), NOW)
    assert mended == status_of(NOW - timedelta(minutes=5)), "the newest moment is now"


# --- what others have written -----------------------------------------------------------------------------------------


def test_a_change_that_is_told_to_come_is_no_reason_to_wait_for_it() -> None:
    failed_and_not_before(60, lambda second: judged(pod(UNREADY), second, view=deployment(applied_at=at(3600))))


def test_a_first_new_pod_that_is_told_to_come_is_no_reason_to_wait_for_it() -> None:
    view = deployment(**RECREATES)
    ahead = pod(container(), created_at=at(3600), ready=False)
    assert isinstance(judged(ahead, 59, view=view), Progressing)
    failed_and_not_before(60, lambda second: judged(ahead, second, view=view))
    assert at(0) == START
