"""After a failure of the platform the same commit is tried again by itself: after which pauses, how often, and when not."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from brandrelease.apis.brandrelease import Blame, Outcome
from brandrelease.apis.reasons import Reason
from brandrelease.core.builds.seen import BuildFailed, ImageAbsent
from brandrelease.core.retrying import PAUSES, TRIES
from brandrelease.core.snapshot import Fellow
from support.simulation import Behaviour
from support.story import Story

MEDDLED = "registry.example.com/drumeo:meddled"


class Shared(Story):
    """A cluster in which other brands have failed for the same cause."""

    fellows: tuple[Fellow, ...] = ()
    asked: tuple[Reason, datetime, str] | None = None

    async def platform_failures(self, reason: Reason, since: datetime, *, but: str) -> tuple[Fellow, ...]:
        self.asked = self.asked or (reason, since, but)
        return self.fellows


@pytest.fixture
def live(quiet: None) -> Shared:
    """Release 1 is live, and the nodes are full."""
    story = Shared()
    story.release("one")
    assert story.headline() == ("Live", "Succeeded")
    story.room_on_nodes = False
    return story


def failed(world: Story) -> str:
    """Release 2 finds no node, was rolled back, and waits for its next try."""
    commit = world.push("master", "two", Behaviour.FindsNoNode)
    world.ask("master")
    world.play_until("RolledBack")
    assert world.headline() == ("RolledBack", "Unschedulable")
    return commit


def at(world: Story) -> datetime:
    assert world.current.retry is not None
    return world.current.retry.at


# --- pauses and the limit -----------------------------------------------------------------------------------------------


def test_a_commit_that_the_platform_failed_is_tried_again_and_goes_live_when_the_platform_is_mended(
    live: Story,
) -> None:
    commit = failed(live)
    assert live.status.quarantine == ()
    assert (live.last.blame, live.last.outcome) == (Blame.Platform, Outcome.RolledBack)
    live.room_on_nodes = True
    live.play(100)
    assert live.headline() == ("Live", "Succeeded")
    assert (live.running.number, live.running.commit, live.current.tries) == (3, commit, 2)


def test_the_pauses_grow_and_after_the_last_try_somebody_must_look(live: Story) -> None:
    assert [pause.total_seconds() for pause in PAUSES] == [30, 120, 480]
    failed(live)
    for number, pause in enumerate(PAUSES, start=2):
        assert live.current.finished_at is not None
        assert at(live) == live.current.finished_at + pause
        told = f"It is tried again by itself at {at(live):%H:%M:%S} UTC (try {number} of {TRIES})."
        assert live.message.endswith(told)
        assert live.last.message.endswith(told)
        live.play(int(pause.total_seconds()) - 1)
        assert live.current.number == number, "not a second too early"
        live.play(2)
        assert (live.current.number, live.current.tries) == (number + 1, number)
        live.play_until("RolledBack")
    assert live.current.retry is None
    assert live.message.endswith(
        "The commit is not quarantined: the platform is to blame. "
        "It was tried 4 times; ask for it again when the cause is mended."
    )
    deeds = len(live.deeds)
    live.play(3600, step=10)
    assert (len(live.deeds), live.current.number) == (deeds, 5)


def test_each_try_is_a_release_with_a_number_of_its_own_and_keeps_what_is_known_of_the_commit(live: Story) -> None:
    failed(live)
    first = live.current
    live.play(31)
    again = live.current
    assert (first.number, again.number) == (2, 3)
    assert (again.ref, again.commit, again.changes, again.changes_total, again.requested_by) == (
        first.ref,
        first.commit,
        first.changes,
        first.changes_total,
        first.requested_by,
    )
    assert again.retry is None
    text = "Release 3 tries commit"
    assert any(
        text in status.conditions[0].message and "(try 2 of 4)" in status.conditions[0].message
        for status in live.statuses
    )
    assert len(live.builds_started) == 2, "the image is there"


def test_a_try_asked_for_by_somebody_begins_a_new_count(live: Story) -> None:
    failed(live)
    live.play(31)
    live.play_until("RolledBack")
    assert live.current.tries == 2
    live.ask("master")
    live.play(1)
    assert (live.current.number, live.current.tries) == (4, 1)


def test_a_build_that_the_platform_failed_three_times_is_tried_again_as_a_new_release(quiet: None) -> None:
    world = Story()
    broken = BuildFailed(Reason.BuildInfrastructureFailed, "The node was lost.", retriable=True, log_tail="")
    world.build_ends = dict.fromkeys(range(1, 4), broken)
    world.registry_says = ImageAbsent()
    world.push("master", "one")
    world.ask("master")
    world.play_until("Failed")
    assert world.headline() == ("Failed", "BuildInfrastructureFailed")
    assert "It is tried again by itself at " in world.message
    assert world.applied_images == []
    world.registry_says = None
    world.play(150)
    assert world.headline() == ("Live", "Succeeded")
    assert (world.running.number, world.current.tries) == (2, 2)


NOT_RETRIED = {
    "the release's own doing": Behaviour.Crashes,
    "its build fails": Behaviour.DoesNotBuild,
    "its migration fails": Behaviour.MigrationFails,
}


@pytest.mark.parametrize("behaviour", NOT_RETRIED.values(), ids=NOT_RETRIED)
def test_what_is_not_the_platforms_doing_is_not_tried_again(quiet: None, behaviour: Behaviour) -> None:
    world = Story(hooks={"preDeploy": {"command": ["migrate"]}}, rollback={"afterMigration": "Rollback"})
    world.release("one")
    world.release("bad", behaviour)
    assert world.current.retry is None
    assert "tried again" not in world.message
    world.play(900, step=5)
    assert world.current.number == 2


# --- what ends the waiting ----------------------------------------------------------------------------------------------


def test_a_new_ref_takes_the_place_of_the_next_try(live: Story) -> None:
    failed(live)
    third = live.release("three", seconds=900)
    assert live.headline() == ("Live", "Succeeded")
    assert (live.running.number, live.running.commit) == (3, third)
    assert [entry.number for entry in live.status.history] == [3, 2, 1]


def test_a_ref_that_waits_for_git_keeps_the_next_try_from_beginning(live: Story) -> None:
    """Somebody wants something else by now; the old commit is not deployed behind their back."""
    failed(live)
    live.git_is_down = True
    live.push("master", "three")
    live.ask("master")
    live.play(120)
    assert live.headline() == ("Blocked", "SourceUnreachable")
    assert live.current.number == 2
    live.git_is_down = False
    live.play(200)
    assert live.headline() == ("Live", "Succeeded")


def test_an_image_that_somebody_has_set_is_not_taken_away_by_the_next_try(live: Story) -> None:
    failed(live)
    live.set_image_by_hand(MEDDLED)
    applied = list(live.applied_images)
    live.play(900, step=5)
    assert live.headline() == ("Blocked", "ImageOverridden")
    assert (live.the_site.image, live.applied_images) == (MEDDLED, applied)


def test_the_next_try_waits_while_suspended_and_begins_when_resumed(live: Story) -> None:
    commit = failed(live)
    live.suspend(on=True)
    live.play(1)
    deeds = len(live.deeds)
    live.play(600, step=5)
    assert (len(live.deeds), live.current.number) == (deeds, 2)
    live.room_on_nodes = True
    live.suspend(on=False)
    live.play(100)
    assert (live.headline(), live.running.commit) == (("Live", "Succeeded"), commit)


def test_somebody_who_wants_what_runs_calls_the_next_try_off(live: Story) -> None:
    failed(live)
    live.say("rollback_to", "1")
    live.play(900, step=5)
    assert live.current.number == 2
    assert (
        live.told[-1].message
        == f"Release 1 ({live.running.revision}) runs already, so nothing was changed. It was asked for by ada."
    )
    assert live.message.endswith(
        f"(try 2 of 4). That was called off, since ada wants release 1 ({live.running.revision})."
    )


# --- the operator comes and goes ----------------------------------------------------------------------------------------


def test_the_next_try_comes_in_time_though_the_operator_was_started_anew(live: Story) -> None:
    failed(live)
    live.restart()
    live.settle()
    due = at(live)
    while live.current.number == 2:
        live.play(1)
        assert live.time <= due + timedelta(seconds=1)
    assert live.time >= due


@pytest.mark.parametrize("after", [False, True], ids=["just before a deed", "just after a deed"])
def test_wherever_the_operator_dies_the_tries_are_counted_the_same(live: Story, after: bool) -> None:
    failed(live)
    due = at(live)
    for deed in range(1, 4):
        live.dies_at(deed, after=after)
        number = live.current.number
        for _ in range(700):
            live.play_through_death(1)
            if live.current.number > number and live.status.phase == "RolledBack":
                break
        assert (live.current.number, live.current.tries) == (number + 1, number)
        assert live.kill_in is None
    assert at(live) > due if live.current.retry else live.current.tries == TRIES
    assert [entry.number for entry in live.status.history] == [5, 4, 3, 2, 1]


# --- others too ---------------------------------------------------------------------------------------------------------


def fellow(brand: str, number: int, minute: int) -> Fellow:
    return Fellow(brand, "production", number, datetime(2026, 1, 1, 0, minute, tzinfo=UTC))


def test_brands_that_fail_for_the_same_cause_at_the_same_time_are_named(live: Shared) -> None:
    live.fellows = (fellow("pianote", 7, 2), fellow("guitareo", 31, 1))
    failed(live)
    words = (
        "The same has happened to pianote/production (release 7, 00:02 UTC), guitareo/production (release 31, 00:01 UTC), "
        "so look at the platform and not at the commit"
    )
    assert words in live.message
    assert words in live.last.message
    assert words in live.announced[0].message
    assert live.asked is not None
    reason, since, but = live.asked
    assert (reason, but) == (Reason.Unschedulable, "00000001-uid")
    assert live.current.rollback is not None
    assert since == live.current.rollback.started_at - timedelta(minutes=15)


def test_with_many_long_names_the_message_still_says_what_comes_next(live: Shared) -> None:
    live.fellows = tuple(Fellow("b" * 63, "e" * 63, number, live.time) for number in range(5))
    failed(live)
    assert f"It is tried again by itself at {at(live):%H:%M:%S} UTC" in live.message


def test_nobody_is_asked_about_others_for_a_failure_of_the_release_itself(live: Shared) -> None:
    live.fellows = (fellow("pianote", 7, 2),)
    live.release("bad", Behaviour.Crashes)
    assert live.headline() == ("RolledBack", "CrashLoopBackOff")
    assert live.asked is None
    assert "pianote" not in live.message


# --- nothing happens ----------------------------------------------------------------------------------------------------


def between_tries(world: Story) -> None:
    failed(world)
    world.play(31)
    world.play_until("RolledBack")
    world.play(1)


def overridden_between_tries(world: Story) -> None:
    failed(world)
    world.set_image_by_hand(MEDDLED)
    world.play(60)


QUIET: dict[str, tuple[Callable[[Story], None], int]] = {
    "between two tries": (between_tries, 110),
    "somebody has set another image": (overridden_between_tries, 600),
}


@pytest.mark.parametrize(("begin", "seconds"), QUIET.values(), ids=QUIET)
def test_while_nothing_happens_nothing_is_written(live: Story, begin: Callable[[Story], None], seconds: int) -> None:
    begin(live)
    deeds = list(live.deeds)
    live.play(seconds)
    assert live.deeds == deeds
