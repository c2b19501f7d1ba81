"""Checks where something else happens too: long waits, restarts, a newer release, a Brand that is changed."""

from brandrelease.core.measured import AlarmState
from support.checked import ALARMS, BROKEN, DOWN, ERRORS, GOOD, LONG_AGO, PAGE, alarm, begin, now_says, story
from support.simulation import SOAK


def test_two_checks_that_keep_a_release_waiting_are_waited_for_without_pass_after_pass(quiet: None) -> None:
    world = story(ERRORS, PAGE | {"intervalSeconds": 300}, errors=DOWN, home_page=DOWN)
    begin(world)
    world.play_until("Blocked")
    world.measurements.hang = {"errors"}
    world.play(60)  # `settle` fails where there is no rest
    assert world.headline() == ("Blocked", "CheckUnreachable")


def test_many_alarms_that_are_raised_fit_into_the_message_with_what_to_do(quiet: None) -> None:
    checks = [ALARMS | {"name": f"{'alarm' * 12}-{number:02}"} for number in range(16)]
    raised = alarm(AlarmState.Alarm, LONG_AGO)
    world = story(*checks, **{str(check["name"]): raised for check in checks})
    begin(world)
    world.play_until("Blocked")
    assert 'set the annotation brandrelease.dev/override to "' in world.message


def test_what_to_do_is_told_however_many_checks_are_bad_and_the_one_that_holds_comes_first(quiet: None) -> None:
    url = {"url": "https://www.drumeo.com/" + "x" * 300}
    checks = [PAGE | {"name": f"page-{number}", "onFailure": "Ignore", "http": url} for number in range(15)]
    held = PAGE | {"name": "the-last", "onFailure": "Hold"}
    world = story(*checks, held, **{str(check["name"]): GOOD for check in (*checks, held)})
    begin(world)
    world.play_until("Verifying")
    now_says(world, **{str(check["name"]): BROKEN for check in (*checks, held)})
    world.play(SOAK + 30)
    assert "it is not called live. Check the-last: https://www.drumeo.com/ answers 500" in world.message
    assert 'to roll back, set the annotation brandrelease.dev/abort to "1"' in world.message
