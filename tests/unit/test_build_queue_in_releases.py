"""Releases that wait for a place to build, and builds that nobody waits for any more."""

from collections.abc import Callable

import pytest

from brandrelease.apis.brandrelease import Outcome
from brandrelease.controller.build_turns import BuildTurns
from brandrelease.core.builds.fairness import BuildInFlight
from brandrelease.core.builds.images import BuildOrder
from support.simulation import BUILD_SECONDS, KEY, Killed, brand
from support.story import Story

OTHER = BuildInFlight("pianote-production", "pianote", "pianote", "br-pianote-0123456789-1")


class Busy(Story):
    """One build may run at a time, and for as long as `other_builds` another brand's does."""

    def __init__(self, **environment: object) -> None:
        self.other_builds = True
        super().__init__(**environment)

    def new_turns(self) -> BuildTurns:
        self.turns = BuildTurns(1, self.woken.append)
        if self.other_builds:
            self.turns.seed([OTHER])
        return self.turns

    def the_other_build_ends(self) -> None:
        self.other_builds = False
        self.turns.forget(OTHER.namespace, OTHER.name)


@pytest.fixture
def busy(quiet: None) -> Busy:
    """Release 1 waits for its turn."""
    world = Busy()
    world.release("one", seconds=10)
    assert world.headline() == ("Building", "BuildQueued")
    return world


# --- waiting for a place ------------------------------------------------------------------------------------------------


def test_a_release_without_a_place_to_build_says_so_and_starts_nothing(busy: Busy) -> None:
    commit = busy.current.commit
    assert busy.message == (
        f"Commit {commit[:12]} waits for its build: 1 builds may run at a time (BRANDRELEASE_MAX_CONCURRENT_BUILDS), "
        "and all places are taken. It starts by itself when its turn comes."
    )
    assert (busy.builds_started, busy.current.build) == ([], None)


def test_while_it_waits_nothing_is_written(busy: Busy) -> None:
    deeds = list(busy.deeds)
    busy.play(600)
    assert (busy.deeds, busy.turns.waiting()) == (deeds, 1)


def test_the_end_of_another_build_wakes_it_at_once(busy: Busy) -> None:
    busy.due = None  # nothing but its turn would wake it
    busy.the_other_build_ends()
    assert busy.woken == [KEY]
    busy.play(1)
    assert busy.headline() == ("Building", "Building")
    assert len(busy.builds_started) == 1
    busy.play(120)
    assert busy.headline() == ("Live", "Succeeded")
    assert (busy.turns.building(), busy.turns.waiting()) == (0, 0)


def test_the_time_that_a_release_waits_is_no_part_of_the_time_for_its_build(busy: Busy) -> None:
    busy.play(3600, step=10)
    assert busy.headline() == ("Building", "BuildQueued")
    busy.the_other_build_ends()
    busy.play(2)
    assert busy.headline() == ("Building", "Building")
    assert busy.current.build is not None
    assert (busy.time - busy.current.build.started_at).total_seconds() < 5
    busy.play(120)
    assert busy.headline() == ("Live", "Succeeded")


def test_an_image_that_is_there_by_now_needs_no_place(busy: Busy) -> None:
    """It was built for another environment meanwhile."""
    commit = busy.current.commit
    busy.images[busy.order(commit).tag] = busy.image_of(commit).partition("@")[2]
    busy.play(200)
    assert busy.headline() == ("Live", "Succeeded")
    assert busy.builds_started == []
    assert busy.turns.waiting() == 0


def test_an_operator_that_is_started_anew_lets_it_wait_on(busy: Busy) -> None:
    busy.restart()
    busy.settle()
    assert (busy.headline(), busy.turns.waiting()) == (("Building", "BuildQueued"), 1)
    busy.the_other_build_ends()
    busy.play(120)
    assert busy.headline() == ("Live", "Succeeded")


def test_a_newer_ref_takes_its_place_in_the_line(busy: Busy) -> None:
    second = busy.push("master", "two")
    busy.ask("master")
    busy.play(5)
    assert busy.headline() == ("Building", "BuildQueued")
    assert busy.message.startswith(f"Commit {second[:12]} waits for its build")
    assert (busy.turns.waiting(), busy.status.stopping) == (1, ())
    assert (busy.last.number, busy.last.outcome) == (1, Outcome.Superseded)
    busy.the_other_build_ends()
    busy.play(120)
    assert (busy.headline(), busy.running.commit) == (("Live", "Succeeded"), second)
    assert busy.builds_started == [busy.job(second)]


def given_up(world: Busy) -> None:
    world.say("abort", "1")


def deleted(world: Busy) -> None:
    world.spec = None


def suspended(world: Busy) -> None:
    world.suspend(on=True)


def its_brand_is_gone(world: Busy) -> None:
    world.the_brand = None


LEAVES: dict[str, Callable[[Busy], None]] = {
    "it was given up": given_up,
    "it was deleted": deleted,
    "it was suspended": suspended,
    "its Brand is gone": its_brand_is_gone,
}


@pytest.mark.parametrize("leave", LEAVES.values(), ids=LEAVES)
def test_a_release_that_wants_no_build_any_more_leaves_the_line(busy: Busy, leave: Callable[[Busy], None]) -> None:
    leave(busy)
    busy.settle()
    assert busy.turns.waiting() == 0
    busy.the_other_build_ends()
    busy.play(60)
    assert (busy.builds_started, busy.turns.building()) == ([], 0)


def test_a_suspended_release_asks_again_when_it_is_resumed(busy: Busy) -> None:
    busy.suspend(on=True)
    busy.play(5)
    busy.the_other_build_ends()
    busy.suspend(on=False)
    busy.play(120)
    assert busy.headline() == ("Live", "Succeeded")


# --- builds that nobody waits for ---------------------------------------------------------------------------------------


@pytest.fixture
def building(quiet: None) -> Story:
    """Release 1 builds."""
    world = Story()
    world.release("one", seconds=5)
    assert world.headline() == ("Building", "Building")
    return world


def supersede(world: Story) -> str:
    commit = world.push("master", "two")
    world.ask("master")
    return commit


def is_stopped(world: Story, commit: str) -> bool:
    return world.deeds.count(f"cancel {commit[:7]}") == 1 and world.job(commit) not in world.builds


def test_a_build_that_is_superseded_is_stopped_and_the_record_of_it_cleared(building: Story) -> None:
    first = building.current.commit
    second = supersede(building)
    building.settle()
    assert is_stopped(building, first)
    assert building.deeds.index(f"build {second[:7]}") < building.deeds.index(f"cancel {first[:7]}"), (
        "first the new one"
    )
    assert any(build.commit == first for status in building.statuses for build in status.stopping)
    assert building.status.stopping == ()
    building.play(120)
    assert (building.headline(), building.running.commit) == (("Live", "Succeeded"), second)


def test_a_build_that_is_given_up_is_stopped_and_the_record_of_it_cleared(building: Story) -> None:
    first = building.current.commit
    building.say("abort", "1")
    building.play(2)
    assert building.headline() == ("Failed", "Aborted")
    assert is_stopped(building, first)
    assert building.status.stopping == ()


@pytest.mark.parametrize("after", [False, True], ids=["just before a deed", "just after a deed"])
@pytest.mark.parametrize("leave", ["a new ref", "an abort"])
def test_wherever_the_operator_dies_the_build_is_stopped_once(quiet: None, leave: str, after: bool) -> None:
    for deed in range(1, 7):
        world = Story()
        first = world.release("one", seconds=5)
        world.dies_at(deed, after=after)
        if leave == "a new ref":
            supersede(world)
        else:
            world.say("abort", "1")
        for _ in range(10):
            try:
                world.settle()
            except Killed:
                world.restart()
            world.tick()
        world.kill_in = None
        world.play(10)
        assert is_stopped(world, first), f"killed at deed {deed}"
        assert world.status.stopping == ()


def dies_before_it_stops_the_build(world: Story) -> None:
    """That the build is needed no more is written down, and the operator is gone before it could do anything."""
    cancel = world.cancel

    async def dies(order: BuildOrder) -> None:
        raise Killed

    world.cancel = dies  # type: ignore[method-assign]
    with pytest.raises(Killed):
        world.settle()
    world.cancel = cancel  # type: ignore[method-assign]
    world.restart()
    assert world.status.stopping


@pytest.mark.parametrize("leave", ["a new ref", "an abort"])
def test_a_commit_that_is_wanted_again_before_its_build_was_stopped_goes_live_with_that_build(
    building: Story, leave: str
) -> None:
    first = building.current.commit
    if leave == "a new ref":
        supersede(building)
    else:
        building.say("abort", "1")
    dies_before_it_stops_the_build(building)
    building.ask(first)
    building.play(120)
    assert (building.headline(), building.running.commit) == (("Live", "Succeeded"), first)
    builds = [deed for deed in building.deeds if deed.endswith(first[:7])]
    assert builds == [f"build {first[:7]}"]
    assert building.status.stopping == ()


def test_a_build_that_has_ended_by_itself_meanwhile_is_not_stopped(building: Story) -> None:
    first = building.current.commit
    building.say("abort", "1")
    dies_before_it_stops_the_build(building)
    for _ in range(BUILD_SECONDS):
        building.tick()
    building.settle()
    assert f"cancel {first[:7]}" not in building.deeds
    assert building.status.stopping == ()


def test_a_build_that_somebody_else_waits_for_is_left_alone(building: Story) -> None:
    first = building.current.commit
    building.waited_for_elsewhere = frozenset({first})
    building.say("abort", "1")
    building.play(30)
    assert f"cancel {first[:7]}" not in building.deeds
    assert building.status.stopping == ()


def test_a_build_of_a_recipe_that_has_changed_is_not_looked_for_any_more(building: Story) -> None:
    building.say("abort", "1")
    dies_before_it_stops_the_build(building)
    changed = brand().model_dump(by_alias=True)
    changed["spec"]["build"] = {"buildKit": {"dockerfile": "other/Dockerfile"}}
    building.the_brand = type(brand()).model_validate(changed)
    building.settle()
    assert building.status.stopping == ()


def test_a_build_that_is_stopped_gives_its_place_to_the_next(quiet: None) -> None:
    world = Busy()
    world.other_builds = False
    world.restart()
    world.release("one", seconds=5)
    assert world.turns.building() == 1
    world.say("abort", "1")
    world.settle()
    assert (world.turns.building(), world.turns.waiting()) == (0, 0)
