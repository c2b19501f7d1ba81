"""A freeze as people meet it: what waits and what does not, for how long, and how one release is let through."""

from datetime import UTC, datetime, timedelta

import pytest

from brandrelease.apis.reasons import Reason
from brandrelease.core.snapshot import Refusal
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
    assert f"no quarantined commit begins with {one}, and no release of it waits. Quarantined: none." in world.message


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
    assert (world.headline(), world.running.number) == (("Live", "Succeeded"), 3)
    assert world.running.image == world.image_of(world.status.history[-1].commit)
    assert world.time < THAWS


def test_roll_back_to_what_runs_gives_the_release_up_that_waits() -> None:
    world = waiting()
    world.say("rollback_to", "1")
    world.play(60)
    assert (world.last.number, world.last.outcome, world.the_site.applied) == (2, "Aborted", 1)


def test_a_release_that_is_watched_when_the_freeze_begins_goes_live_in_it() -> None:
    world = thawed()
    play_to(world, BEGAN + timedelta(minutes=9, seconds=30))
    world.release("two", seconds=25)
    assert world.headline()[0] == "Deploying"
    world.play(60)
    assert world.headline() == ("Live", "Succeeded")
    assert (world.running.number, world.time < THAWS) == (2, True)


@pytest.mark.parametrize("killed", [False, True], ids=["", "by the next operator too"])
def test_a_release_whose_hook_has_begun_before_the_freeze_goes_on_into_it(killed: bool) -> None:
    world = thawed(hooks=HOOKS)
    play_to(world, BEGAN + timedelta(minutes=9, seconds=37))
    world.release("two", seconds=BUILD_SECONDS + 2)
    assert (world.headline(), len(world.hooks.runs)) == (("Migrating", "Migrating"), 2)
    play_to(world, BEGAN + timedelta(minutes=10, seconds=1))
    if killed:
        world.restart()
        world.settle()
    world.play(70)
    assert (world.headline(), world.running.number) == (("Live", "Succeeded"), 2)


def test_the_hook_of_a_release_that_waits_is_not_run_before_the_freeze_is_over() -> None:
    world = waiting(hooks=HOOKS)
    play_to(world, THAWS - timedelta(seconds=1))
    assert len(world.hooks.runs) == 1
    world.play(1)
    assert (world.headline(), len(world.hooks.runs)) == (("Migrating", "Migrating"), 2)
    assert (world.current.reason, world.current.message) == (None, None)


def test_a_change_of_the_deployment_that_was_refused_is_tried_again_into_the_freeze() -> None:
    world = thawed()
    play_to(world, BEGAN + timedelta(minutes=9))
    world.refusal = Refusal(Reason.DeploymentRefused, "The API server refuses it.")
    world.release("two", seconds=70)
    assert world.headline() == ("Blocked", "DeploymentRefused")
    world.refusal = None
    world.play(120)
    assert (world.headline(), world.running.number) == (("Live", "Succeeded"), 2)
    assert world.time < THAWS


# --- others that wait ---------------------------------------------------------------------------------------------------


def test_what_tracking_finds_waits_and_is_replaced_by_what_it_finds_next() -> None:
    world = frozen()
    world.track(30)
    two = world.push("master", "two")
    world.play(60)
    assert (world.headline(), world.current.commit) == (("Blocked", "FrozenUntil"), two)
    three = world.push("master", "three")
    world.play(60)
    assert (world.headline(), world.current.commit) == (("Blocked", "FrozenUntil"), three)
    assert (world.last.commit, world.last.outcome) == (two, "Superseded")
    play_to(world, THAWS + timedelta(seconds=100))
    assert (world.headline(), world.running.commit) == (("Live", "Succeeded"), three)


def test_the_newer_release_waits_beside_the_one_that_is_judged() -> None:
    world = thawed()
    play_to(world, BEGAN + timedelta(minutes=9, seconds=35))
    world.release("two", seconds=22)
    three = world.push("master", "three")
    world.images[world.order(three).tag] = world.image_of(three).partition("@")[2]
    play_to(world, BEGAN + timedelta(minutes=10))
    world.ask("master")
    world.play(2)
    assert world.headline()[0] == "Deploying"
    assert world.status.next is not None
    assert (world.status.next.commit, world.status.next.reason) == (three, "FrozenUntil")
    assert f"Release 3 ({three[:12]}) is built and waits: production is frozen until" in world.message
    world.say("override", f"{three} it mends the checkout")
    world.play(60)
    assert (world.headline(), world.running.commit) == (("Live", "Succeeded"), three)
    assert [(past.number, past.outcome, past.override) for past in world.status.history[:2]] == [
        (3, "Succeeded", "it mends the checkout (somebody)"),
        (2, "Superseded", None),
    ]


def test_a_new_try_after_a_failure_of_the_platform_waits_too() -> None:
    world = thawed()
    play_to(world, BEGAN + timedelta(minutes=8, seconds=40))
    world.room_on_nodes = False
    world.release("two", Behaviour.FindsNoNode, seconds=100)
    assert (world.headline()[0], world.current.retry is not None) == ("RolledBack", True)
    world.room_on_nodes = True
    play_to(world, BEGAN + timedelta(minutes=30))
    assert (world.headline(), world.current.tries) == (("Blocked", "FrozenUntil"), 2)
    play_to(world, THAWS + timedelta(seconds=100))
    assert world.headline() == ("Live", "Succeeded")


def test_a_new_try_of_what_was_let_through_is_let_through_as_well() -> None:
    world = frozen()
    world.room_on_nodes = False
    two = world.push("master", "two", Behaviour.FindsNoNode)
    world.say("override", f"{two} the shop is down")
    world.ask("master")
    world.play(100)
    assert (world.headline()[0], world.last.override) == ("RolledBack", "the shop is down (somebody)")
    world.room_on_nodes = True
    play_to(world, THAWS - timedelta(minutes=20))
    assert (world.headline(), world.running.commit) == (("Live", "Succeeded"), two)
    assert world.last.override == "the shop is down (somebody)"


def test_an_abort_ends_the_waiting() -> None:
    world = waiting()
    world.say("abort", "2 not today")
    play_to(world, THAWS + timedelta(seconds=60))
    assert (world.headline(), world.the_site.applied) == (("Failed", "Aborted"), 1)


def test_a_suspended_release_does_not_go_on_when_the_freeze_is_over() -> None:
    world = waiting()
    world.suspend(on=True)
    play_to(world, THAWS + timedelta(seconds=60))
    assert (world.headline()[0], world.the_site.applied) == ("Suspended", 1)
    world.suspend(on=False)
    world.play(100)
    assert (world.headline(), world.running.number) == (("Live", "Succeeded"), 2)


# --- both kinds of stop -------------------------------------------------------------------------------------------------


def test_an_override_of_the_quarantine_lets_nothing_through_a_freeze_and_the_message_asks_for_other_words() -> None:
    world = thawed()
    bad = world.release("two", Behaviour.Crashes, seconds=100)
    assert world.headline()[0] == "RolledBack"
    world.behaviours[bad] = Behaviour.Good
    play_to(world, BEGAN + timedelta(minutes=11))
    world.say("override", f"{bad} it was the database")
    world.ask("master")
    world.play(60)
    assert world.headline() == ("Blocked", "FrozenUntil")
    assert f'to "{bad[:12]} <why, in other words than before>"' in world.message
    world.say("override", f"{bad} the shop is down")
    world.play(60)
    assert (world.headline(), world.running.commit) == (("Live", "Succeeded"), bad)
    assert world.last.override == "it was the database (somebody); the shop is down (somebody)"


def test_an_override_of_the_freeze_does_not_let_a_commit_through_the_quarantine() -> None:
    world = thawed()
    play_to(world, BEGAN + timedelta(minutes=9, seconds=30))
    bad = world.release("two", Behaviour.CrashesLater, seconds=25)
    assert world.headline()[0] == "Deploying"
    three = world.push("master", "three")
    world.say("override", f"{three} the shop is down")
    world.ask("master")
    world.play(100)
    assert (world.headline(), world.the_site.applied) == (("Blocked", "CommitQuarantined"), 1)
    assert [entry.commit for entry in world.status.quarantine] == [bad]
    assert (world.current.commit, world.current.let_through) == (three, ("FrozenUntil",))


def test_an_override_that_comes_when_the_release_has_begun_is_refused() -> None:
    world = thawed()
    two = world.release("two", seconds=25)
    assert world.headline()[0] == "Deploying"
    world.say("override", f"{two} the shop is down")
    world.play(1)
    assert world.current.override is None
    assert f"no quarantined commit begins with {two}, and no release of it waits. Quarantined: none." in world.message


# --- the Brand ----------------------------------------------------------------------------------------------------------


def test_a_window_that_is_taken_out_of_the_brand_counts_at_once() -> None:
    world = waiting()
    world.change_brand()
    world.play(60)
    assert (world.headline(), world.running.number) == (("Live", "Succeeded"), 2)


ALLOW = {"kind": "Allow", "schedule": "0 2 * * *", "durationSeconds": 3600}
TO_OVERRIDE = "To release it now, set the annotation"
TOLD: dict[str, tuple[dict[str, object], str, timedelta | None]] = {
    "without a reason": (
        {"kind": "Deny", "schedule": "0 0 1 1 *", "durationSeconds": 7200},
        'production is frozen until Thu 2026-01-01 02:00 UTC: its Deny window "0 0 1 1 *" is open. ',
        timedelta(hours=2),
    ),
    "to the second": (
        {"kind": "Deny", "schedule": "0 0 1 1 *", "durationSeconds": 3601, "reason": "r"},
        "production is frozen until Thu 2026-01-01 01:00:01 UTC: r. ",
        timedelta(hours=1, seconds=1),
    ),
    "another clock, the same day": (
        {"kind": "Deny", "schedule": "0 1 1 1 *", "durationSeconds": 7200, "timeZone": "Europe/Berlin", "reason": "r"},
        "production is frozen until Thu 2026-01-01 03:00 CET (02:00 UTC): r. ",
        timedelta(hours=2),
    ),
    "outside of an Allow window": (
        ALLOW,
        "production is frozen until Thu 2026-01-01 02:00 UTC: it is released to only in its Allow windows. ",
        timedelta(hours=2),
    ),
    "outside of an Allow window with a reason": (
        ALLOW | {"reason": "office hours"},
        "frozen until Thu 2026-01-01 02:00 UTC: it is released to only in its Allow windows (office hours). ",
        timedelta(hours=2),
    ),
    "an Allow window that never opens": (
        ALLOW | {"schedule": "0 0 30 2 *"},
        "production is released to only in its Allow windows, and none of them ever opens; mend the Brand. ",
        None,
    ),
    "no end in sight": (
        {"kind": "Deny", "schedule": "* * * * *", "durationSeconds": 60, "reason": "the database is moved"},
        "production is frozen with no end in sight: the database is moved. ",
        timedelta(days=1),
    ),
}


@pytest.mark.parametrize(("window", "told", "opens_in"), TOLD.values(), ids=TOLD)
def test_the_message_tells_until_when_and_why(window: dict[str, object], told: str, opens_in: timedelta | None) -> None:
    world = Story(windows=[window])
    one = world.release("one", seconds=BUILD_SECONDS + 5)
    assert world.headline() == ("Blocked", "FrozenUntil")
    assert f"{told}{TO_OVERRIDE} brandrelease.dev/override to" in world.message
    world.settle()
    assert world.due == (opens_in and (BEGAN + opens_in if opens_in < timedelta(days=1) else world.time + opens_in))
    assert (world.the_site.applied, world.current.commit) == (None, one)


def test_where_a_window_has_a_mistake_releases_wait_for_somebody_and_the_message_says_what_to_write() -> None:
    world = thawed()
    world.change_brand(windows=[FREEZE, FREEZE | {"timeZone": "Mars/Phobos"}])
    two = world.release("two", seconds=BUILD_SECONDS + 5)
    assert world.headline() == ("Blocked", "WindowInvalid")
    assert world.message.startswith(
        f"Release 2 ({two[:12]}) is built and waits: windows[1] of environment production of Brand drumeo has a mistake, so "
        'nobody knows whether releases are to wait: there is no time zone "Mars/Phobos"; write a name like America/Vancouver '
        "or UTC. To release it now, set the annotation"
    )
    assert "Stalled" in {condition.type for condition in world.status.conditions}
    world.say("override", f"{two} the shop is down")
    world.play(60)
    assert (world.headline(), world.running.commit) == (("Live", "Succeeded"), two)


def test_a_window_with_a_mistake_keeps_no_rollback_from_being_done() -> None:
    world = thawed()
    world.release("two", Behaviour.CrashesLater, seconds=25)
    world.change_brand(windows=[FREEZE | {"schedule": "5-1 * * * *"}])
    world.play(60)
    assert (world.headline()[0], world.the_site.applied) == ("RolledBack", 1)
