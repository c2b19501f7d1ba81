"""A freeze as people meet it: what waits and what does not, for how long, and how one release is let through."""

from datetime import UTC, datetime, timedelta

import pytest

from support.simulation import BUILD_SECONDS, Behaviour, Killed
from support.story import Story

pytestmark = pytest.mark.usefixtures("quiet")

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)  # a Thursday; in Vancouver it is Wednesday, 16:00
THAWS = BEGAN + timedelta(hours=1)
FREEZE = {
    "kind": "Deny",
    "schedule": "10 16 31 12 *",
    "durationSeconds": 50 * 60,
    "timeZone": "America/Vancouver",
    "reason": "New Year",
}
"""From 00:10 to 01:00, when every story below has its first release live."""

HOOKS = {"preDeploy": {"command": ["migrate"]}}


def thawed(**environment: object) -> Story:
    """Release 1 is live, and the freeze is still some minutes away."""
    world = Story(windows=[FREEZE], **environment)
    world.release("one")
    assert world.headline() == ("Live", "Succeeded")
    return world


def frozen(**environment: object) -> Story:
    """Release 1 is live, and the freeze has begun."""
    world = thawed(**environment)
    world.play(int((BEGAN + timedelta(minutes=10) - world.time).total_seconds()))
    return world


def waiting(**environment: object) -> Story:
    """Release 2 is built and waits for the end of the freeze."""
    world = frozen(**environment)
    world.release("two", seconds=BUILD_SECONDS + 5)
    assert world.headline() == ("Blocked", "FrozenUntil")
    return world


def play_to(world: Story, moment: datetime) -> None:
    world.play(int((moment - world.time).total_seconds()))


# --- waiting ------------------------------------------------------------------------------------------------------------


def test_a_release_is_built_during_a_freeze_and_waits_for_its_end_to_the_second() -> None:
    world = waiting()
    two = world.branches["refs/heads/master"]
    assert world.message == (
        f"Release 2 ({two[:12]}) is built and waits: production is frozen until Wed 2025-12-31 17:00 PST "
        "(Thu 2026-01-01 01:00 UTC): New Year. To release it now, "
        f'set the annotation brandrelease.dev/override to "{two[:12]} <why>".'
    )
    assert (world.current.image, world.the_site.applied) == (world.image_of(two), 1)
    assert world.due == THAWS
    play_to(world, THAWS - timedelta(seconds=1))
    assert world.headline() == ("Blocked", "FrozenUntil")
    world.play(1)
    assert (world.headline(), world.the_site.applied) == (("Deploying", "Deploying"), 2)
    world.play(100)
    assert (world.headline(), world.last.override) == (("Live", "Succeeded"), None)


def test_while_it_waits_nothing_is_written_and_nothing_done() -> None:
    world = waiting()
    deeds = list(world.deeds)
    for _ in range(20):
        world.play(60)
        world.settle()
    assert world.deeds == deeds


def test_a_release_that_waits_for_the_clock_is_reconciling_and_not_stalled() -> None:
    kinds = {str(condition.type): condition.status for condition in waiting().status.conditions}
    assert (kinds["Ready"], kinds["Reconciling"], kinds["Built"]) == ("False", "True", "True")
    assert "Stalled" not in kinds


def test_a_newer_ref_supersedes_the_one_that_waits_and_waits_in_its_place() -> None:
    world = waiting()
    three = world.release("three", seconds=BUILD_SECONDS + 5)
    assert (world.headline(), world.current.commit) == (("Blocked", "FrozenUntil"), three)
    assert (world.last.number, world.last.outcome, world.last.reason) == (2, "Superseded", "FrozenUntil")
    play_to(world, THAWS + timedelta(seconds=100))
    assert (world.headline(), world.running.commit) == (("Live", "Succeeded"), three)
    assert [number for number, _ in world.applied_images] == [1, 3]


# --- let through --------------------------------------------------------------------------------------------------------


def test_an_override_lets_the_release_through_that_waits_and_says_who_and_why() -> None:
    world = waiting()
    two = world.branches["refs/heads/master"]
    world.say("override", f"{two[:12]} the shop is down")
    world.play(1)
    assert (world.headline(), world.the_site.applied) == (("Deploying", "Deploying"), 2)
    assert (world.current.override, world.current.let_through) == ("the shop is down (somebody)", ("FrozenUntil",))
    world.play(100)
    assert world.headline() == ("Live", "Succeeded")
    assert (world.last.number, world.last.override) == (2, "the shop is down (somebody)")
    told = [(each.reason, each.message) for each in world.told if each.reason == "CommitOverridden"]
    assert told == [
        (
            "CommitOverridden",
            f"Commit {two[:12]} is let through: the shop is down (somebody); release 2 need not wait (FrozenUntil).",
        )
    ]


@pytest.mark.parametrize("built", [False, True], ids=["to be built", "built before"])
def test_an_override_that_comes_with_the_request_lets_its_release_through(built: bool) -> None:
    world = waiting()
    two = world.branches["refs/heads/master"]
    if built:
        world.say("abort", "2")
        world.play(2)
    else:
        two = world.push("master", "three")
    world.say("override", f"{two[:12]} the shop is down")
    world.ask("master")
    world.play(100)
    assert (world.headline(), world.running.commit) == (("Live", "Succeeded"), two)
    assert world.last.override == "the shop is down (somebody)"
    assert world.time < THAWS


def test_an_override_may_come_before_the_freeze_for_a_release_that_is_still_built() -> None:
    world = thawed()
    world.builder_is_slow = True
    play_to(world, BEGAN + timedelta(minutes=9))
    two = world.push("master", "two")
    world.say("override", f"{two} the shop is down")
    world.ask("master")
    play_to(world, BEGAN + timedelta(minutes=13))
    assert (world.headline(), world.running.commit) == (("Live", "Succeeded"), two)


def test_an_override_of_another_commit_is_refused_and_the_release_waits_on() -> None:
    world = waiting()
    one, deeds = world.running.commit, world.the_site.applied
    world.say("override", f"{one} fine")
    world.play(10)
    assert (world.headline(), world.the_site.applied) == (("Blocked", "FrozenUntil"), deeds)
    assert f"no quarantined commit begins with {one}" in world.message


def test_an_override_counts_for_its_release_and_not_for_the_next_one() -> None:
    world = waiting()
    world.say("override", f"{world.branches['refs/heads/master']} the shop is down")
    world.play(100)
    three = world.release("three", seconds=BUILD_SECONDS + 5)
    assert (world.headline(), world.current.commit) == (("Blocked", "FrozenUntil"), three)


@pytest.mark.parametrize("after", [False, True], ids=["before the step", "after it"])
@pytest.mark.parametrize("kill_in", range(1, 8))
def test_wherever_the_operator_dies_an_override_lets_one_release_through_once(kill_in: int, after: bool) -> None:
    world = waiting(hooks=HOOKS)
    two = world.branches["refs/heads/master"]
    world.say("override", f"{two[:12]} the shop is down")
    world.kill_in, world.kill_after_deed = kill_in, after
    for _ in range(120):
        try:
            world.play(1)
        except Killed:
            world.restart()
            world.settle()
    assert (world.headline(), world.running.commit) == (("Live", "Succeeded"), two)
    assert (world.last.override, len(world.hooks.runs)) == ("the shop is down (somebody)", 2)
    assert [number for number, _ in world.applied_images] == [1, 2]


# --- what does not wait -------------------------------------------------------------------------------------------------


def test_a_rollback_is_never_frozen() -> None:
    world = thawed()
    play_to(world, BEGAN + timedelta(minutes=9, seconds=30))
    world.release("two", Behaviour.CrashesLater, seconds=90)
    assert world.time > BEGAN + timedelta(minutes=10)
    assert (world.headline()[0], world.the_site.applied) == ("RolledBack", 1)


def test_roll_back_to_is_not_frozen() -> None:
    world = thawed()
    world.release("two")
    play_to(world, BEGAN + timedelta(minutes=11))
    world.say("rollback_to", "1")
    world.play(60)
    assert (world.headline(), world.running.number, world.running.image) == (
        ("Live", "Succeeded"),
        3,
        world.image_of(world.status.history[-1].commit),
    )
