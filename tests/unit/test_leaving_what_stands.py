"""rollbackTo where the Deployment carries a release that is not the last one: what came after it never got so far."""

from collections.abc import Callable

import pytest

from brandrelease.apis.brandrelease import Outcome
from support.simulation import FOUND_IMAGE, Behaviour
from support.story import Story

pytestmark = pytest.mark.usefixtures("quiet")


def failed_by_hand(world: Story) -> None:
    """Under Manual, the last release stands failed."""
    world.release("stands", Behaviour.Crashes)
    assert world.headline() == ("Failed", "CrashLoopBackOff")


def then_a_build_fails(world: Story) -> None:
    failed_by_hand(world)
    world.push("master", "does not build", Behaviour.DoesNotBuild, mends=True)
    world.ask("master")
    world.play(60)
    assert world.headline() == ("Failed", "BuildFailed")


def then_a_build_runs(world: Story) -> None:
    failed_by_hand(world)
    world.push("master", "slow", mends=True)
    world.ask("master")
    world.play(3)
    assert world.headline() == ("Building", "Building")


AFTERWARDS = {"a build has failed": then_a_build_fails, "a build runs": then_a_build_runs}


@pytest.mark.parametrize("afterwards", AFTERWARDS.values(), ids=AFTERWARDS)
def test_what_was_found_at_adoption_can_be_gone_back_to_also_when(afterwards: Callable[[Story], None]) -> None:
    world = Story(rollback={"mode": "Manual"})
    afterwards(world)
    stands = world.status.history[-1].commit
    world.say("rollback_to", "0")
    world.play(60)
    assert (world.headline(), world.the_site.image) == (("RolledBack", "RollbackRequested"), FOUND_IMAGE)
    assert [entry.commit for entry in world.status.quarantine] == [stands]
    assert [entry.number for entry in world.status.history].count(1) == 1
    deeds = list(world.deeds)
    world.play(300, step=5)
    assert world.deeds == deeds


@pytest.mark.parametrize("afterwards", AFTERWARDS.values(), ids=AFTERWARDS)
def test_the_pods_that_still_run_are_kept_and_what_is_left_is_quarantined_also_when(
    afterwards: Callable[[Story], None],
) -> None:
    world = Story(rollback={"mode": "Manual"})
    first = world.release("one")
    afterwards(world)
    kept = {pod.name for pod in world.the_site.pods if pod.release == 1}
    stands = next(entry.commit for entry in world.status.history if entry.number == 2)
    world.say("rollback_to", "1")
    world.play(60)
    assert (world.headline(), world.the_site.image) == (("RolledBack", "RollbackRequested"), world.image_of(first))
    assert kept <= {pod.name for pod in world.the_site.pods}
    assert [entry.commit for entry in world.status.quarantine] == [stands]
    left = next(entry for entry in world.status.history if entry.number == 2)
    assert left.outcome is Outcome.RolledBack
    assert "had ended Failed (CrashLoopBackOff): Container " in left.message
    assert "It was left, as ada has asked" in left.message
    assert left.evidence is not None


def test_a_build_that_runs_is_stopped_and_its_release_stands_in_the_history_with_who_asked() -> None:
    world = Story(rollback={"mode": "Manual"})
    then_a_build_runs(world)
    slow = world.current.commit
    world.say("rollback_to", "0")
    world.play(60)
    assert world.builds == {name: entry for name, entry in world.builds.items() if entry[0].commit != slow}
    given_up = next(entry for entry in world.status.history if entry.commit == slow)
    assert (given_up.outcome, given_up.reason) == (Outcome.Aborted, "Aborted")
    assert f"was given up, since ada wants the image found at adoption ({FOUND_IMAGE})." in given_up.message


def test_a_release_after_such_a_way_back_has_a_number_of_its_own() -> None:
    world = Story(rollback={"mode": "Manual"})
    then_a_build_fails(world)
    world.say("rollback_to", "0")
    world.play(60)
    world.release("good", seconds=200)
    assert (world.headline(), world.running.number) == (("Live", "Succeeded"), 3)


def test_going_back_further_than_to_what_runs_quarantines_what_the_deployment_carries() -> None:
    world = Story(rollback={"mode": "Manual"})
    first = world.release("one")
    world.release("two")
    then_a_build_fails(world)
    stands = next(entry.commit for entry in world.status.history if entry.number == 3)
    world.say("rollback_to", "1")
    world.play(150)
    assert (world.headline(), world.the_site.image) == (("Live", "Succeeded"), world.image_of(first))
    assert [entry.commit for entry in world.status.quarantine] == [stands]


def test_where_the_history_has_forgotten_what_the_deployment_carries_the_way_by_hand_is_told() -> None:
    world = Story(rollback={"mode": "Manual"}, revisionHistoryLimit=1)
    then_a_build_fails(world)
    world.say("rollback_to", "0")
    world.play(5)
    assert world.headline() == ("Failed", "BuildFailed")
    assert world.message.endswith(
        "Do it by hand: kubectl set image -n drumeo-production deployment/drumeo-production-deployment "
        f"app={FOUND_IMAGE}"
    )


@pytest.mark.parametrize("behaviour", [Behaviour.Crashes, Behaviour.CrashesLater, Behaviour.NeverReady])
def test_the_history_keeps_what_a_release_had_failed_for_when_it_is_left(behaviour: Behaviour) -> None:
    world = Story(rollback={"mode": "Manual"})
    world.release("one")
    world.release("bad", behaviour)
    failed = world.last
    world.say("rollback_to", "1")
    world.play(60)
    assert world.last.outcome is Outcome.RolledBack
    assert failed.message.partition(". Not rolled back")[0] in world.last.message
    assert f"had ended Failed ({failed.reason}): " in world.last.message
    assert world.last.evidence == failed.evidence
    assert len(world.last.message) <= 1024


def test_a_deployment_made_anew_carries_nothing_that_could_be_left() -> None:
    world = Story()
    one = world.release("one")
    world.make_deployment_anew()
    world.say("rollback_to", "1")
    world.play(150)
    assert (world.headline(), world.the_site.image) == (("Live", "Succeeded"), world.image_of(one))
    assert world.status.quarantine == ()
