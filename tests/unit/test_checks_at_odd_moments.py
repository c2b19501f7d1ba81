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
