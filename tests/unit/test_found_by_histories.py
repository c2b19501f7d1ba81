"""What tests/property/test_histories.py has found or was made to find: each history in its shortest form."""

import pytest

from support.simulation import Behaviour, Killed
from support.story import Story

PRE_DEPLOY = {"preDeploy": {"command": ["php", "artisan", "migrate"]}}


@pytest.mark.usefixtures("quiet")
def test_a_hook_of_an_aborted_release_is_stopped_even_if_the_operator_dies_before_it_does_so() -> None:
    world = Story(hooks=PRE_DEPLOY)
    world.push("master", "one")
    world.ask("master")
    world.play_until("Migrating")
    world.say("abort", "1")
    world.kill_in = 2  # the status is written, the Job not yet deleted
    with pytest.raises(Killed):
        world.settle()
    world.restart()
    world.settle()
    assert world.hooks.jobs == {}, "nobody waits for it"
    assert world.headline() == ("Failed", "Aborted")


def test_an_image_set_by_hand_after_a_release_has_failed_where_it_stands_is_left_alone() -> None:
    world = Story(rollback={"mode": "Manual"})
    world.release("one")
    world.room_on_nodes = False
    world.release("two", Behaviour.FindsNoNode, seconds=90)
    assert world.headline() == ("Failed", "Unschedulable")
    world.set_image_by_hand(world.running.image)
    applied = len(world.applied_images)
    world.play(900)
    assert len(world.applied_images) == applied, "nobody has asked for it"


def test_builds_that_are_superseded_one_after_the_other_are_all_stopped(live: Story) -> None:
    builds = set(live.builds)
    for name in ("two", "three", "four"):
        live.push("master", name)
        live.ask("master")
        live.one_pass()
    live.settle()
    assert set(live.builds) - builds == {live.job(live.branches["refs/heads/master"])}


def test_what_is_left_for_an_older_release_is_quarantined_also_after_a_rollback(live: Story) -> None:
    second = live.release("two")
    live.release("three", Behaviour.Crashes)
    live.say("rollback_to", "1")
    live.play(100)
    assert live.headline() == ("Live", "Succeeded")
    assert second in {entry.commit for entry in live.status.quarantine}
