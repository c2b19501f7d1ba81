"""The newest wish wins: what was in flight is replaced, its build stopped, and each is told of in one line."""

from collections.abc import Callable

import pytest

from brandrelease.apis.brandrelease import Outcome
from support.simulation import Behaviour, Killed, commit_id
from support.story import Story

pytestmark = pytest.mark.usefixtures("quiet")

HOOKS = {"preDeploy": {"command": ["migrate"]}}


def third(phase: str, behaviour: Behaviour = Behaviour.Good, **environment: object) -> Story:
    """Release 1 is live, and release 2 has come as far as this phase."""
    world = Story(**environment)
    world.release("one")
    world.push("master", "two", behaviour)
    world.ask("master")
    world.play_until(phase)
    return world


def cancelled(world: Story) -> list[str]:
    return [deed for deed in world.deeds if deed.startswith("cancel")]


# --- the newest wish wins -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", ["Building", "Deploying", "Verifying"])
def test_a_newer_request_replaces_what_is_in_flight_and_leaves_one_line_of_it(phase: str) -> None:
    world = third(phase)
    two, three = commit_id("two"), world.release("three")
    assert world.headline() == ("Live", "Succeeded")
    replaced = [entry for entry in world.status.history if entry.number == 2]
    assert [(entry.outcome, entry.reason, entry.message) for entry in replaced] == [
        (
            Outcome.Superseded,
            "Superseded",
            f"Release 2 ({two[:12]}) was replaced by release 3 ({three[:12]}) before it was through.",
        )
    ]
    assert (world.running.number, world.running.commit) == (3, three)
    assert world.status.quarantine == (), "nobody has said that it was bad"


@pytest.mark.parametrize("phase", ["Building", "Deploying", "Verifying"])
def test_many_requests_in_a_row_leave_one_line_each_and_only_the_last_goes_live(phase: str) -> None:
    world = third(phase)
    for name in ("three", "four", "five"):
        world.push("master", name)
        world.ask("master")
        world.play(2)
    world.play(150)
    assert world.headline() == ("Live", "Succeeded")
    assert [(entry.number, str(entry.outcome)) for entry in world.status.history] == [
        (5, "Succeeded"),
        (4, "Superseded"),
        (3, "Superseded"),
        (2, "Superseded"),
        (1, "Succeeded"),
    ]
    assert world.running.commit == commit_id("five")
    assert {number for number, _ in world.applied_images} <= {1, 2, 5}


def test_a_change_of_the_ref_alone_is_a_request_too() -> None:
    world = third("Building")
    other = world.push("other", "elsewhere")
    asked_before = world.requested_at
    world.ask("other")
    world.requested_at = asked_before
    world.play(150)
    assert (world.headline(), world.running.commit) == (("Live", "Succeeded"), other)


def test_going_back_to_the_running_commit_while_building_releases_it_anew() -> None:
    world = third("Building")
    one = world.running.commit
    assert one
    world.ask(one)
    world.play(60)
    assert (world.headline(), world.running.commit) == (("Live", "Succeeded"), one)
    assert cancelled(world) == [f"cancel {commit_id('two')[:7]}"]
    assert [entry.outcome for entry in world.status.history if entry.number == 2] == [Outcome.Superseded]


def test_going_back_to_the_running_commit_during_a_rollout_replaces_the_rollout() -> None:
    world = third("Deploying", Behaviour.NeverReady)
    one = world.running.commit
    assert one
    world.ask(one)
    world.play(60)
    assert (world.headline(), world.running.commit) == (("Live", "Succeeded"), one)
    assert world.the_site.image == world.image_of(one)


def test_what_waited_for_somebody_is_replaced_with_the_reason_why_it_had_waited() -> None:
    world = third("RolledBack", Behaviour.Crashes)
    world.ask("master")
    world.play_until("Blocked")
    world.release("three")
    assert world.headline() == ("Live", "Succeeded")
    assert [(entry.number, str(entry.outcome), str(entry.reason)) for entry in world.status.history[:2]] == [
        (4, "Succeeded", "Succeeded"),
        (3, "Superseded", "CommitQuarantined"),
    ]


def test_a_superseded_release_that_had_changed_the_deployment_is_never_a_target_of_a_rollback() -> None:
    world = third("Verifying")
    world.release("three", Behaviour.Crashes)
    assert world.headline() == ("RolledBack", "CrashLoopBackOff")
    assert world.the_site.applied == world.running.number == 1


@pytest.mark.parametrize("phase", ["Migrating", "RollingBack"])
def test_a_migration_and_a_rollback_are_brought_to_their_end_first(phase: str) -> None:
    world = third(phase, Behaviour.Good if phase == "Migrating" else Behaviour.Crashes, hooks=HOOKS, rollback=ANYWAY)
    three = world.push("master", "three", mends=True)
    world.ask("master")
    world.settle()
    assert world.headline()[0] == phase
    world.play(200)
    assert (world.headline(), world.running.commit) == (("Live", "Succeeded"), three)
    assert not [deed for deed in world.deeds if deed.startswith("stop")]
    expected = Outcome.Superseded if phase == "Migrating" else Outcome.RolledBack
    assert [entry.outcome for entry in world.status.history if entry.number == 2] == [expected]
    assert len(world.hooks.runs) == 3, "each release has run its own once"


ANYWAY = {"afterMigration": "Rollback"}


def test_a_request_that_waited_for_a_migration_is_taken_up_before_the_deployment_is_touched() -> None:
    world = third("Migrating", hooks=HOOKS)
    world.release("three")
    assert world.headline() == ("Live", "Succeeded")
    assert [number for number, _ in world.applied_images] == [1, 3]


# --- the build of what is replaced --------------------------------------------------------------------------------------


def test_the_build_of_a_replaced_release_is_stopped_once() -> None:
    world = third("Building")
    world.release("three")
    assert cancelled(world) == [f"cancel {commit_id('two')[:7]}"]
    assert world.status.stopping == ()


def test_a_build_that_was_stopped_is_wanted_again_and_made_again() -> None:
    world = third("Building")
    world.release("three", seconds=2)
    world.ask(commit_id("two"))
    world.play(150)
    assert (world.headline(), world.running.commit) == (("Live", "Succeeded"), commit_id("two"))
    assert world.status.stopping == ()


def test_a_commit_that_is_wanted_again_before_its_build_was_stopped_goes_live() -> None:
    world = third("Building")
    cancel, world.cancel = world.cancel, unreachable  # type: ignore[method-assign, assignment]
    world.push("master", "three")
    world.ask("master")
    with pytest.raises(Killed):
        world.settle()
    world.cancel = cancel  # type: ignore[method-assign]
    world.restart()
    world.ask(commit_id("two"))
    world.play(150)
    assert (world.headline(), world.running.commit) == (("Live", "Succeeded"), commit_id("two"))
    assert world.status.stopping == ()


async def unreachable(_order: object) -> None:
    """The operator dies before it has stopped anything."""
    raise Killed


@pytest.mark.parametrize(("deed", "after"), [(1, False), (1, True), (2, False), (2, True), (3, False), (3, True)])
@pytest.mark.parametrize("phase", ["Building", "Deploying", "Verifying"])
def test_an_operator_that_dies_while_it_replaces_a_release_comes_to_the_same_end(
    phase: str, deed: int, *, after: bool
) -> None:
    world, undisturbed = third(phase), third(phase)
    for story in (world, undisturbed):
        story.push("master", "three")
        story.ask("master")
    world.dies_at(deed, after=after)
    undisturbed.play(150)
    world.play_through_death(150)
    assert world.kill_in is None, "it has died"
    assert (world.headline(), world.the_site.image) == (undisturbed.headline(), undisturbed.the_site.image)
    assert [(e.number, e.outcome) for e in world.status.history] == [
        (e.number, e.outcome) for e in undisturbed.status.history
    ]
    assert cancelled(world) == cancelled(undisturbed)
    assert world.status.stopping == ()


def test_a_build_whose_kind_the_brand_has_changed_meanwhile_is_left_alone() -> None:
    world = third("Building")
    cancel, world.cancel = world.cancel, unreachable  # type: ignore[method-assign, assignment]
    world.push("master", "three")
    world.ask("master")
    with pytest.raises(Killed):
        world.settle()
    world.cancel = cancel  # type: ignore[method-assign]
    world.restart()
    build = {"buildKit": {"target": "production"}}
    assert world.the_brand is not None
    spec = world.the_brand.spec.model_dump(by_alias=True) | {"build": build}  # type: ignore[union-attr]
    world.the_brand = type(world.the_brand).model_validate({"name": "drumeo", "uid": "brand-uid", "spec": spec})  # type: ignore[union-attr]
    world.play(150)
    assert (world.headline(), world.status.stopping) == (("Live", "Succeeded"), ())
    assert cancelled(world) == []


# --- requests that do not replace anything ------------------------------------------------------------------------------

KEPT: dict[str, Callable[[Story], None]] = {
    "a ref that is not there": lambda world: world.ask("no-such-branch"),
    "the same commit again": lambda world: world.ask("master"),
    "the same commit by its id": lambda world: world.ask(commit_id("two")),
}


@pytest.mark.parametrize("ask", KEPT.values(), ids=KEPT)
@pytest.mark.parametrize("phase", ["Building", "Deploying", "Verifying"])
def test_a_request_that_asks_for_nothing_else_or_nothing_at_all_leaves_the_release_in_flight(
    phase: str, ask: Callable[[Story], None]
) -> None:
    world = third(phase)
    ask(world)
    world.play(150)
    assert (world.running.number, world.running.commit) == (2, commit_id("two"))
    assert [entry.outcome for entry in world.status.history] == [Outcome.Succeeded, Outcome.Succeeded]
    assert cancelled(world) == []
