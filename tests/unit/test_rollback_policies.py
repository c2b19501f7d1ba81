"""Who rolls a bad release back: the operator, a person, or nobody; and what the message then tells to do."""

from collections.abc import Callable

import pytest

from brandrelease.apis.brandrelease import Blame, Outcome
from brandrelease.apis.reasons import Reason
from support.simulation import FOUND_IMAGE, Behaviour, brand
from support.story import Story

MANUAL = {"mode": "Manual"}
PRE = {"preDeploy": {"command": ["migrate"]}}


@pytest.fixture
def live(quiet: None) -> Story:
    """Release 1 is live under Manual."""
    story = Story(rollback=MANUAL)
    story.release("one")
    assert story.headline() == ("Live", "Succeeded")
    return story


BAD = {
    "crashes at start": (Behaviour.Crashes, "CrashLoopBackOff"),
    "crashes during the watch": (Behaviour.CrashesLater, "CrashLoopBackOff"),
    "never becomes ready": (Behaviour.NeverReady, "PodNotReady"),
}


@pytest.mark.parametrize(("behaviour", "reason"), BAD.values(), ids=BAD)
def test_under_manual_a_bad_release_stays_where_it_stands_and_the_message_names_the_way_back(
    live: Story, behaviour: Behaviour, reason: str
) -> None:
    first, bad = live.running, live.release("bad", behaviour)
    assert live.headline() == ("Failed", reason)
    assert live.the_site.image == live.image_of(bad)
    assert (live.running, live.current.rollback, live.last.outcome) == (first, None, Outcome.Failed)
    assert live.message.endswith(
        "Not rolled back, since rollback.mode is Manual. "
        f'To go back to release 1 ({first.revision}), set the annotation brandrelease.dev/rollbackTo to "1"; '
        "or release a fixed ref."
    )
    assert [entry.commit for entry in live.status.quarantine] == [bad]


def test_under_manual_the_way_that_the_message_names_leads_back(live: Story) -> None:
    first, bad = live.running, live.release("bad", Behaviour.Crashes)
    live.say("rollback_to", "1")
    live.play(30)
    assert live.headline() == ("RolledBack", "RollbackRequested")
    assert (live.the_site.image, live.running) == (first.image, first)
    assert [(entry.number, entry.commit, entry.outcome) for entry in live.status.history] == [
        (2, bad, Outcome.RolledBack),
        (1, first.commit, Outcome.Succeeded),
    ]


def test_under_manual_the_other_way_that_the_message_names_is_a_fixed_ref(live: Story) -> None:
    live.release("bad", Behaviour.Crashes)
    fixed = live.release("fixed")
    assert live.headline() == ("Live", "Succeeded")
    assert live.running.commit == fixed


def test_under_manual_the_first_release_ever_names_the_way_to_what_was_found(quiet: None) -> None:
    world = Story(rollback=MANUAL)
    commit = world.release("one", Behaviour.Crashes)
    assert (world.headline(), world.the_site.image) == (("Failed", "CrashLoopBackOff"), world.image_of(commit))
    assert f"To go back to the image found at adoption ({FOUND_IMAGE}), set the annotation" in world.message
    world.say("rollback_to", "0")
    world.play(30)
    assert (world.headline(), world.the_site.image) == (("RolledBack", "RollbackRequested"), FOUND_IMAGE)


def test_under_manual_a_release_that_the_platform_failed_is_tried_again_and_heals_by_itself(live: Story) -> None:
    live.room_on_nodes = False
    live.release("two", Behaviour.FindsNoNode, seconds=90)
    assert live.headline() == ("Failed", "Unschedulable")
    assert "rollback.mode is Manual" in live.message
    assert "It is tried again by itself at " in live.message
    live.room_on_nodes = True
    live.play(150)
    assert (live.headline(), live.running.number) == (("Live", "Succeeded"), 3)


def test_an_image_that_somebody_set_where_a_release_stood_is_not_taken_away_by_the_next_try(live: Story) -> None:
    """Under Manual a person mends by hand, with kubectl rollout undo or otherwise."""
    first = live.running.image
    live.room_on_nodes = False
    live.release("two", Behaviour.FindsNoNode, seconds=90)
    assert live.current.retry is not None
    live.set_image_by_hand(first)
    applied = list(live.applied_images)
    live.play(900, step=5)
    assert (live.the_site.image, live.applied_images) == (first, applied)
    assert live.current.number == 2


def test_the_mode_is_read_when_a_release_fails_and_not_when_it_begins(live: Story) -> None:
    first = live.running.image
    live.push("master", "bad", Behaviour.Crashes)
    live.ask("master")
    live.play_until("Deploying")
    live.the_brand = brand(rollback={"mode": "Automatic"})
    live.play(60)
    assert (live.headline(), live.the_site.image) == (("RolledBack", "CrashLoopBackOff"), first)


def test_a_migration_is_told_of_before_the_mode(live: Story) -> None:
    live.the_brand = brand(rollback=MANUAL, hooks=PRE)
    live.release("bad", Behaviour.Crashes)
    assert live.headline() == ("Failed", "CrashLoopBackOff")
    assert "Not rolled back: the preDeploy hook of release 2 changed the database" in live.message
    assert "rollback.mode is Manual" not in live.message


def test_manual_holds_also_where_migrations_leave_the_old_code_working(live: Story) -> None:
    live.the_brand = brand(rollback={"mode": "Manual", "afterMigration": "Rollback"}, hooks=PRE)
    live.release("bad", Behaviour.Crashes)
    assert live.headline() == ("Failed", "CrashLoopBackOff")
    assert "rollback.mode is Manual" in live.message


@pytest.mark.parametrize("mode", ["Automatic", "Manual"])
def test_with_nothing_that_ran_before_there_is_nothing_to_name(quiet: None, mode: str) -> None:
    world = Story(rollback={"mode": mode})
    world.the_site.image = world.image_of(world.push("old", "broken", Behaviour.Crashes))
    world.the_site.pods = []
    world.release("one", Behaviour.Crashes)
    assert world.headline() == ("Failed", "CrashLoopBackOff")
    assert world.message.endswith("There is nothing to roll back to: no release was live before. Release a fixed ref.")


# --- an older image that was gone back to -------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["Automatic", "Manual"])
def test_an_older_image_that_turns_out_bad_is_not_rolled_back_and_the_ways_on_are_named(quiet: None, mode: str) -> None:
    world = Story(rollback={"mode": mode})
    one, two = world.release("one"), world.release("two")
    world.behaviours[one] = Behaviour.Crashes
    world.say("rollback_to", "1")
    world.play(100)
    assert world.headline() == ("Failed", "RollbackFailed")
    assert "It is the image of release 1, which was gone back to, and a rollback is not rolled back." in world.message
    assert (world.the_site.image, world.running.number) == (world.image_of(one), 2)
    assert world.message.endswith(
        f"To go back to release 2 ({two[:12]}), whose commit is quarantined, first set the annotation "
        f'brandrelease.dev/override to "{two[:12]} <why>"; '
        'then set the annotation brandrelease.dev/rollbackTo to "2"; or release a fixed ref.'
    )
    world.say("override", f"{two[:12]} it was the better one")
    world.play(2)
    world.say("rollback_to", "2")
    world.play(100)
    assert world.headline()[0] in {"Live", "RolledBack"}
    assert world.the_site.image == world.image_of(two)


def left_by_somebody(world: Story) -> Story:
    """The last release was left for the one before it, which turned out bad as well: what is `running` is quarantined."""
    two = world.status.history[1].commit
    world.behaviours[two] = Behaviour.Crashes
    world.say("rollback_to", str(world.running.number - 1))
    world.play(100)
    assert world.headline() == ("Failed", "RollbackFailed")
    assert [entry.commit for entry in world.status.quarantine] == [world.running.commit]
    world.behaviours[two] = Behaviour.Good
    world.push("master", "fix", Behaviour.Crashes, mends=True)
    world.ask("master")
    world.play(100)
    return world


def test_a_bad_release_does_not_go_back_to_what_somebody_has_left(quiet: None) -> None:
    world = Story()
    for name in ("one", "two", "three"):
        world.release(name)
    left_by_somebody(world)
    assert world.headline() == ("RolledBack", "CrashLoopBackOff")
    assert world.running.number == 2
    assert world.image_of(world.running.commit or "") == world.the_site.image


def test_a_bad_release_stands_where_all_that_is_known_was_left_by_somebody(quiet: None) -> None:
    world = Story(revisionHistoryLimit=2)
    world.release("one")
    two = world.release("two")
    left_by_somebody(world)
    assert world.headline() == ("Failed", "MissingRollbackTarget")
    assert world.message.endswith(
        f"Not rolled back: the commit of release 2 ({two[:12]}) is quarantined, and no older release was good. "
        "Nothing was touched. Release a fixed ref."
    )
    assert world.the_site.image == world.image_of(world.current.commit)


def test_an_older_image_that_the_platform_fails_is_not_tried_again_by_itself(quiet: None) -> None:
    world = Story()
    one = world.release("one")
    world.release("two")
    world.behaviours[one], world.room_on_nodes = Behaviour.FindsNoNode, False
    world.say("rollback_to", "1")
    world.play(100)
    assert world.headline() == ("Failed", "RollbackFailed")
    assert (world.current.retry, world.current.blame) == (None, Blame.Platform)
    number = world.current.number
    world.play(900, step=5)
    assert world.current.number == number


# --- what is announced, and that nothing happens afterwards -------------------------------------------------------------


def manual(world: Story) -> None:
    world.the_brand = brand(rollback=MANUAL)
    world.release("bad", Behaviour.Crashes, seconds=1500)


def automatic(world: Story) -> None:
    world.the_brand = brand()
    world.release("bad", Behaviour.Crashes, seconds=1500)


def asked_back(world: Story) -> None:
    world.release("bad", Behaviour.Crashes)
    world.say("rollback_to", "1")
    world.play(30)


def older_image_is_bad(world: Story) -> None:
    first = world.running.commit or ""
    world.release("two")
    world.behaviours[first] = Behaviour.Crashes
    world.say("rollback_to", "1")
    world.play(1500)


ENDS: dict[str, tuple[Callable[[Story], None], tuple[str, str], list[Reason]]] = {
    "it stands": (manual, ("Failed", "CrashLoopBackOff"), [Reason.CrashLoopBackOff] * 2),
    "it was rolled back": (automatic, ("RolledBack", "CrashLoopBackOff"), [Reason.CrashLoopBackOff] * 2),
    "it was rolled back on demand": (
        asked_back,
        ("RolledBack", "RollbackRequested"),
        [Reason.CrashLoopBackOff] * 2 + [Reason.RollbackRequested] * 2,
    ),
    "the older image is bad too": (
        older_image_is_bad,
        ("Failed", "RollbackFailed"),
        [Reason.RollbackRequested, Reason.CrashLoopBackOff, Reason.RollbackFailed],
    ),
}


@pytest.mark.parametrize(("begin", "headline", "told"), ENDS.values(), ids=ENDS)
def test_a_failure_and_its_end_are_announced_once_each_and_then_nothing_is_written(
    live: Story, begin: Callable[[Story], None], headline: tuple[str, str], told: list[Reason]
) -> None:
    begin(live)
    assert live.headline() == headline
    deeds = list(live.deeds)
    live.play(600, step=5)
    assert (live.deeds, live.headline()) == (deeds, headline)
    assert [announcement.reason for announcement in live.announced] == told
