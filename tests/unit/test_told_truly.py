"""What is said of a release that did not fail but was left, of a way back that was cut short, and of a database."""

import pytest

from brandrelease.apis.brandrelease import Outcome
from brandrelease.apis.reasons import Reason
from support.simulation import Behaviour, brand
from support.story import Story

pytestmark = pytest.mark.usefixtures("quiet")

HOOKS = {"preDeploy": {"command": ["migrate"]}}


def left() -> Story:
    """Release 2 was good and somebody went back from it."""
    world = Story()
    world.release("one")
    world.release("two")
    world.say("rollback_to", "1")
    world.play(150)
    assert world.headline() == ("Live", "Succeeded")
    return world


def test_a_commit_that_somebody_went_back_from_is_not_said_to_have_failed() -> None:
    world = left()
    two = next(entry for entry in world.status.history if entry.number == 2)
    world.ask(two.commit)
    world.play(5)
    assert world.message.startswith(
        f"Commit {two.commit[:12]} is refused: somebody went back from it, release 2, by rollbackTo at 2026-01-01 "
    )
    assert "failed" not in world.message
    quarantined = next(c for c in world.status.conditions if c.type == "Quarantined")
    assert quarantined.message == f"Commit {two.commit} was left by rollbackTo and will not be released again."


def test_nor_is_it_in_what_is_said_of_a_commit_that_contains_it() -> None:
    world = left()
    two = next(entry.commit for entry in world.status.history if entry.number == 2)
    later = world.push("master", "on top")
    world.ask("master")
    world.play(5)
    assert world.message.startswith(
        f"Commit {later[:12]} is refused. It contains {two[:12]} and does not revert it. "
        "Somebody went back from that commit, release 2, by rollbackTo at 2026-01-01 "
    )


def test_a_way_back_that_somebody_cuts_short_after_an_abort_tells_of_the_abort_and_is_announced() -> None:
    world = Story()
    world.release("one")
    two = world.push("master", "two")
    world.ask("master")
    world.play_until("Deploying")
    world.controller_is_down = True
    world.say("abort", "2")
    world.play(2)
    assert world.headline()[0] == "RollingBack"
    world.set_image_by_hand("registry.example.com/drumeo:meddled")
    world.play(5)
    assert (world.last.outcome, world.last.reason) == (Outcome.Aborted, Reason.ImageOverridden)
    assert world.last.message.startswith("The rollback was not finished. ")
    assert world.last.message.endswith(f" Release 2 ({two[:12]}) was given up, as ada has asked.")
    assert "had failed because" not in world.last.message
    assert (Reason.ImageOverridden, world.last.message) in [(each.reason, each.message) for each in world.announced]


def test_a_way_back_that_somebody_cuts_short_after_a_failure_tells_of_the_failure_and_is_announced() -> None:
    world = Story()
    world.release("one")
    world.push("master", "two", Behaviour.Crashes)
    world.ask("master")
    world.play_until("RollingBack")
    world.site = None
    world.play(5)
    assert (world.last.outcome, world.last.reason) == (Outcome.Failed, Reason.DeploymentNotFound)
    assert "The release had failed because: Container " in world.last.message
    assert world.announced[-1].message == world.last.message


@pytest.mark.parametrize("verb", ["abort", "rollback_to"])
def test_who_goes_back_after_a_migration_is_told_that_the_database_stays_as_it_is(verb: str) -> None:
    world = Story()
    world.release("one")
    world.the_brand = brand(hooks=HOOKS)
    world.push("master", "two", Behaviour.NeverReady)
    world.ask("master")
    world.play_until("Deploying")
    world.say(verb, {"abort": "2", "rollback_to": "1"}[verb])
    world.play(60)
    assert world.running.number == world.the_site.applied == 1
    assert (
        "The preDeploy hook of release 2 has changed the database, and that was not undone: look whether release 1 "
        in world.message
    )
    assert world.last.message == world.message


def test_where_migrations_leave_the_old_code_working_nothing_is_said_of_the_database() -> None:
    world = Story()
    world.release("one")
    world.the_brand = brand(hooks=HOOKS, rollback={"afterMigration": "Rollback"})
    world.release("two", Behaviour.Crashes)
    assert world.headline()[0] == "RolledBack"
    assert "database" not in world.message


def test_a_release_that_the_platform_failed_after_its_migration_says_that_it_runs_again_and_how_to_stop_that() -> None:
    world = Story()
    world.release("one")
    world.the_brand = brand(hooks=HOOKS)
    world.room_on_nodes = False
    world.release("two", Behaviour.FindsNoNode, seconds=100)
    assert world.headline() == ("Failed", "Unschedulable")
    assert "Not rolled back: the preDeploy hook of release 2 changed the database" in world.message
    assert world.message.endswith(
        " (try 2 of 4). The preDeploy hook then runs again: set spec.suspend to true to stop that."
    )
    runs = list(world.hooks.runs)
    world.suspend(on=True)
    world.play(600, step=5)
    assert world.hooks.runs == runs, "what the message says to do has its effect"
    world.suspend(on=False)
    world.play(60)
    assert len(world.hooks.runs) == len(runs) + 1


def test_a_long_cause_leaves_room_for_what_to_do_after_a_migration() -> None:
    class Talkative(Story):
        async def log_tail(self, namespace: str, pod: str, container: str, *, previous: bool) -> str:
            return "error: " + "too much was said " * 100

    world = Talkative()
    world.release("one")
    world.the_brand = brand(hooks=HOOKS)
    world.room_on_nodes = False
    world.release("two", Behaviour.Crashes)
    assert world.message.endswith("or release a fixed ref.")
