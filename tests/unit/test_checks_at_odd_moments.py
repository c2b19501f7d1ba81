"""Checks where something else happens too: long waits, restarts, a newer release, a Brand that is changed."""

from datetime import timedelta

import pytest

from brandrelease.apis.checks import CHECKS_LIMIT
from brandrelease.core.checks.measured import AlarmState
from support.checked import ALARMS, BROKEN, DOWN, ERRORS, GOOD, LONG_AGO, PAGE, alarm, begin, lines, now_says, story
from support.simulation import SOAK
from support.story import Story


def test_two_checks_that_keep_a_release_waiting_are_waited_for_without_pass_after_pass(quiet: None) -> None:
    world = story(ERRORS, PAGE | {"intervalSeconds": 300}, errors=DOWN, home_page=DOWN)
    begin(world)
    world.play_until("Blocked")
    world.measurements.hang = {"errors"}
    world.play(60)  # `settle` fails where there is no rest
    assert world.headline() == ("Blocked", "CheckUnreachable")


def test_many_alarms_that_are_raised_fit_into_the_message_with_what_to_do(quiet: None) -> None:
    checks = [ALARMS | {"name": f"{'alarm' * 12}-{number:02}"} for number in range(CHECKS_LIMIT)]
    raised = alarm(AlarmState.Alarm, LONG_AGO)
    world = story(*checks, **{str(check["name"]): raised for check in checks})
    begin(world)
    world.play_until("Blocked")
    assert 'set the annotation brandrelease.dev/override to "' in world.message


def test_what_to_do_is_told_however_many_checks_are_bad_and_the_one_that_holds_comes_first(quiet: None) -> None:
    url = {"url": "https://www.drumeo.com/" + "x" * 300}
    checks = [
        PAGE | {"name": f"page-{number}", "onFailure": "Ignore", "http": url} for number in range(CHECKS_LIMIT - 1)
    ]
    held = PAGE | {"name": "the-last", "onFailure": "Hold"}
    world = story(*checks, held, **{str(check["name"]): GOOD for check in (*checks, held)})
    begin(world)
    world.play_until("Verifying")
    now_says(world, **{str(check["name"]): BROKEN for check in (*checks, held)})
    world.play(SOAK + 30)
    assert "it is not called live. Check the-last: https://www.drumeo.com/ answers 500" in world.message
    assert 'to roll back, set the annotation brandrelease.dev/abort to "1"' in world.message


# --- a long wait --------------------------------------------------------------------------------------------------------


def test_what_broke_while_an_alarm_kept_the_release_waiting_is_not_charged(quiet: None) -> None:
    world = story(ALARMS, PAGE, database=alarm(AlarmState.Alarm, LONG_AGO), home_page=GOOD)
    begin(world)
    world.play_until("Blocked")
    now_says(world, home_page=BROKEN)
    world.play(3600, step=5)
    assert [name for _, name, _ in world.measurements.looks].count("home-page") == 1
    now_says(world, database=alarm(AlarmState.Ok))
    world.play_until("Live")
    assert "It was so before the release, which is not charged with it." in world.message


def test_a_state_before_that_was_seen_a_moment_ago_is_not_looked_at_again(quiet: None) -> None:
    world = story(ALARMS, PAGE, database=alarm(AlarmState.Alarm, LONG_AGO), home_page=GOOD)
    begin(world)
    world.play_until("Blocked")
    world.play(60)
    now_says(world, database=alarm(AlarmState.Ok))
    world.play_until("Deploying")
    assert [name for _, name, _ in world.measurements.looks].count("home-page") == 1


def test_after_a_long_wait_a_check_with_a_long_interval_is_looked_at_once_more_and_no_oftener(quiet: None) -> None:
    slow = PAGE | {"intervalSeconds": 3600}
    world = story(ALARMS, slow, database=alarm(AlarmState.Alarm, LONG_AGO), home_page=GOOD)
    begin(world)
    world.play_until("Blocked")
    world.play(1200, step=5)
    now_says(world, database=alarm(AlarmState.Ok))
    world.play_until("Deploying")
    world.play_until("Verifying")
    assert [name for _, name, _ in world.measurements.looks].count("home-page") == 2


def test_nothing_is_looked_at_while_a_freeze_keeps_the_release_waiting(quiet: None) -> None:
    year_end = {"kind": "Deny", "schedule": "0 0 1 1 *", "durationSeconds": 3600}
    world = Story(checks=[PAGE], windows=[year_end])
    now_says(world, home_page=GOOD)
    begin(world)
    world.track(20)
    world.play(1800, step=5)
    assert world.headline() == ("Blocked", "FrozenUntil")
    assert world.measurements.looks == []
    world.play(2400, step=5)
    assert world.headline() == ("Live", "Succeeded")


# --- the end of the watch -----------------------------------------------------------------------------------------------


def test_a_release_whose_watch_ended_while_the_operator_was_down_is_looked_at_before_it_is_live(quiet: None) -> None:
    world = story(PAGE, home_page=GOOD)
    begin(world)
    world.play_until("Verifying")
    world.play(2)
    now_says(world, home_page=BROKEN)
    world.restart()
    world.time += timedelta(seconds=SOAK + 30)
    world.play_until("RolledBack")
    assert world.current.reason == "CheckFailed"


def test_a_look_that_was_due_before_the_end_of_the_watch_is_waited_for(quiet: None) -> None:
    world = story(PAGE, home_page=GOOD)
    begin(world)
    world.play_until("Verifying")
    world.play(2)
    world.measurements.hang = {"home-page"}
    world.play(SOAK + 30)
    assert world.headline() == ("Verifying", "Verifying")
    assert "the watch is over; waiting for the next looks of check home-page" in world.message
    world.measurements.hang.clear()
    world.play(5)
    assert world.headline() == ("Live", "Succeeded")


def test_what_has_failed_holds_the_release_also_when_its_source_goes_away(quiet: None) -> None:
    world = story(PAGE | {"onFailure": "Hold", "onError": "Ignore"}, home_page=GOOD)
    begin(world)
    world.play_until("Verifying")
    now_says(world, home_page=BROKEN)
    world.play(SOAK + 30)
    now_says(world, home_page=DOWN)
    world.play(60)
    assert world.headline() == ("Blocked", "CheckFailed")
    assert "does not answer. It is asked again. When it was seen last, it was bad." in world.message
    now_says(world, home_page=GOOD)
    world.play(10)
    assert world.headline() == ("Live", "Succeeded")


def test_checks_are_looked_at_while_a_post_deploy_hook_takes_its_time(
    quiet: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("support.simulation.HOOK_SECONDS", 300)
    world = Story(checks=[PAGE], hooks={"postDeploy": {"command": ["true"]}})
    now_says(world, home_page=GOOD)
    begin(world)
    world.play_until("Verifying")
    now_says(world, home_page=BROKEN)
    world.play_until("RolledBack", limit=60)
    assert world.current.reason == "CheckFailed"


def test_an_alarm_that_the_migration_has_raised_is_charged(quiet: None) -> None:
    world = Story(checks=[ALARMS], hooks={"preDeploy": {"command": ["true"]}}, rollback={"afterMigration": "Rollback"})
    now_says(world, database=alarm(AlarmState.Ok))
    begin(world)
    world.play_until("Migrating")
    world.play(2)
    now_says(world, database=alarm(AlarmState.Alarm, world.time))
    world.play_until("RolledBack")
    assert world.current.reason == "AlarmRaised"


# --- a newer release beside the one that is judged ----------------------------------------------------------------------


def test_a_newer_release_that_does_not_mend_what_the_older_one_broke_is_rolled_back_too(quiet: None) -> None:
    slow = {"failureLimit": 30, "intervalSeconds": 3}
    world = story(PAGE | slow, ERRORS | slow, home_page=GOOD, errors=lines(1))
    begin(world)
    world.play_until("Verifying")
    now_says(world, home_page=BROKEN, errors=lines(500))
    begin(world, "two")
    world.play_until("Deploying")
    assert world.current.number == 2
    assert {entry.name: (entry.bad, entry.value) for entry in world.current.baseline} == {
        "home-page": ((), None),
        "errors": ((), "1"),
    }
    world.play_until("RolledBack")
    assert world.status.running is not None
    assert world.status.running.number == 0


def test_a_newer_release_that_mends_what_the_older_one_broke_goes_live(quiet: None) -> None:
    world = story(PAGE | {"failureLimit": 50, "intervalSeconds": 3}, home_page=GOOD)
    begin(world)
    world.play_until("Verifying")
    now_says(world, home_page=BROKEN)
    begin(world, "two")
    world.play_until("Deploying")
    now_says(world, home_page=GOOD)
    world.play_until("Live")
    assert world.running.number == 2


def test_what_was_broken_before_both_releases_is_charged_with_neither(quiet: None) -> None:
    world = story(PAGE, home_page=BROKEN)
    begin(world)
    world.play_until("Verifying")
    begin(world, "two")
    world.play_until("Live")
    assert world.running.number == 2


def test_what_was_seen_beside_a_release_that_is_rolled_back_excuses_nothing(quiet: None) -> None:
    slow = ERRORS | {"intervalSeconds": 60}
    world = story(PAGE | {"failureLimit": 8}, slow, home_page=GOOD, errors=lines(1))
    begin(world)
    world.play_until("Verifying")
    world.play(5)
    now_says(world, home_page=BROKEN)
    world.measurements.hang = {"errors"}  # so that the newer one cannot be deployed meanwhile
    world.push("staging", "two")
    world.ask("staging")
    world.play_until("RollingBack")
    now_says(world, home_page=GOOD)
    world.measurements.hang.clear()
    world.play_until("Verifying")
    now_says(world, home_page=BROKEN)
    world.play_until("RolledBack")
    assert (world.current.number, world.current.reason) == (2, "CheckFailed")


def test_an_override_accepts_a_release_that_a_check_holds_also_while_a_newer_one_is_prepared(quiet: None) -> None:
    world = story(PAGE | {"onFailure": "Hold"}, home_page=GOOD)
    first = begin(world)
    world.play_until("Verifying")
    now_says(world, home_page=BROKEN)
    world.play_until("Blocked")
    world.builder_is_slow = True
    second = begin(world, "two")
    world.play(5)
    world.say("override", f"{first[:12]} it is meant to be gone")
    world.play(5)
    assert world.running.commit == first
    assert world.last.override == "it is meant to be gone (somebody)"
    assert world.current.commit == second
    assert world.current.let_through == ()


def test_a_ref_that_is_tracked_is_looked_at_again_while_a_check_holds_the_release(quiet: None) -> None:
    world = story(PAGE | {"onFailure": "Hold"}, home_page=GOOD)
    begin(world)
    world.track(20)
    world.play_until("Verifying")
    now_says(world, home_page=BROKEN)
    world.play_until("Blocked")
    mends = world.push("master", "two")
    world.play_until("Deploying")
    assert world.current.commit == mends
    now_says(world, home_page=GOOD)
    world.play_until("Live")
    assert [entry.number for entry in world.status.history] == [2, 1]


def test_a_tracked_commit_that_waits_beside_a_release_on_hold_is_replaced_by_a_newer_one(quiet: None) -> None:
    world = story(PAGE | {"onFailure": "Hold"}, ERRORS, home_page=GOOD, errors=lines(1))
    begin(world)
    world.track(20)
    world.play_until("Verifying")
    now_says(world, home_page=BROKEN)
    world.play_until("Blocked")
    now_says(world, errors=DOWN)
    world.push("master", "two")
    world.play(100)
    assert world.status.next is not None
    assert (world.status.next.number, world.status.next.reason) == (2, "CheckUnreachable")
    newest = world.push("master", "three")
    world.play(100)
    assert world.status.next is not None
    assert (world.status.next.number, world.status.next.commit) == (3, newest)
    now_says(world, home_page=GOOD, errors=lines(1))
    world.play(200)
    assert world.running.commit == newest


# --- the Brand is changed -----------------------------------------------------------------------------------------------


def test_a_check_that_the_brand_got_since_is_not_asked_about_this_release(quiet: None) -> None:
    world = story(ERRORS, errors=lines(1), home_page=BROKEN)
    begin(world)
    world.play_until("Verifying")
    world.change_brand(checks=[ERRORS, PAGE])
    world.play(SOAK + 30)
    assert world.headline() == ("Live", "Succeeded")
    assert "home-page" not in {name for _, name, _ in world.measurements.looks}


def test_a_check_that_is_taken_out_of_the_brand_holds_nothing_any_more(quiet: None) -> None:
    world = story(ERRORS, PAGE | {"onFailure": "Hold"}, errors=lines(1), home_page=GOOD)
    begin(world)
    world.play_until("Verifying")
    now_says(world, home_page=BROKEN)
    world.play_until("Blocked")
    world.change_brand(checks=[ERRORS])
    world.play(5)
    assert world.headline() == ("Live", "Succeeded")
