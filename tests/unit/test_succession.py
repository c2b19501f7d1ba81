"""A newer release is prepared while the older one is still judged: a site is never left alone with a bad release."""

import pytest

from brandrelease.apis.brandrelease import Outcome
from brandrelease.apis.reasons import Reason
from brandrelease.core.snapshot import Refusal
from brandrelease.ports import Refused
from support.simulation import Behaviour, commit_id
from support.story import Story

pytestmark = pytest.mark.usefixtures("quiet")

HOOKS = {"preDeploy": {"command": ["migrate"]}}


def judged(behaviour: Behaviour = Behaviour.Good, phase: str = "Verifying", **environment: object) -> Story:
    """Release 1 is live, and the pods of release 2 change over or are watched."""
    world = Story(**environment)
    world.release("one")
    world.push("master", "two", behaviour)
    world.ask("master")
    world.play_until(phase)
    return world


def asks(world: Story, name: str, behaviour: Behaviour = Behaviour.Good, *, mends: bool = False) -> str:
    """Somebody pushes on top and asks for it."""
    commit = world.push("master", name, behaviour, mends=mends)
    world.ask("master")
    world.settle()
    return commit


def play_until_migrated(world: Story) -> None:
    """Until the migration of the newer release has begun."""
    for _ in range(60):
        world.play(1)
        if world.status.next is not None and world.status.next.hooks is not None:
            return
    raise AssertionError("the migration has never begun")


def outcomes(world: Story) -> list[tuple[int, str, str]]:
    return [(entry.number, str(entry.outcome), str(entry.reason)) for entry in world.status.history]


# --- the older one is judged until the newer one takes over -------------------------------------------------------------


def test_a_newer_release_is_built_while_the_older_one_is_watched() -> None:
    world = judged()
    three = asks(world, "three")
    assert (world.current.number, world.status.next and world.status.next.number) == (2, 3)
    assert world.headline() == ("Verifying", "Verifying")
    assert world.message.startswith(f"Release 2 ({commit_id('two')[:12]}): All 2 new pods are ready")
    assert f"Release 3 ({three[:12]}): It builds." in world.message, "people read of both"
    world.play(150)
    assert (world.headline(), world.running.number) == (("Live", "Succeeded"), 3)
    assert world.status.next is None
    assert outcomes(world)[:2] == [(3, "Succeeded", "Succeeded"), (2, "Superseded", "Superseded")]


@pytest.mark.parametrize("behaviour", [Behaviour.CrashesLater, Behaviour.Flaps])
def test_a_bad_release_is_rolled_back_though_a_newer_one_is_being_built(behaviour: Behaviour) -> None:
    world = judged(behaviour)
    world.builder_is_slow = True
    asks(world, "three", mends=True)
    world.play(80)
    assert (world.the_site.applied, world.status.quarantine[0].commit) == (1, commit_id("two"))
    assert outcomes(world)[0][:2] == (2, "RolledBack")
    assert world.headline()[0] == "Building", "the newer one goes on"
    world.play(200)
    assert (world.headline(), world.running.number) == (("Live", "Succeeded"), 3)


def test_what_is_built_on_a_release_that_turns_out_bad_is_refused_though_it_was_asked_for_before() -> None:
    world = judged(Behaviour.CrashesLater)
    world.builder_is_slow = True
    three = asks(world, "three")
    world.play(300)
    assert world.headline() == ("Blocked", "CommitQuarantined")
    assert f"Commit {three[:12]} is refused. It contains {commit_id('two')[:12]}" in world.message
    assert world.the_site.applied == 1


@pytest.mark.parametrize("seconds", [0, 25])
def test_a_newer_release_that_cannot_be_built_leaves_the_older_one_to_its_own_end(seconds: int) -> None:
    good, bad = judged(), judged(Behaviour.CrashesLater)
    for world in (good, bad):
        world.play(seconds)
        asks(world, "three", Behaviour.DoesNotBuild)
        world.play(200)
    assert good.running.number == 2
    assert (3, "Failed", "BuildFailed") in outcomes(good)
    assert bad.the_site.applied == bad.running.number == 1
    assert commit_id("two") in {entry.commit for entry in bad.status.quarantine}


def test_asking_for_a_refused_commit_does_not_end_the_watch() -> None:
    world = Story()
    world.release("one")
    bad = world.release("bad", Behaviour.Crashes)
    world.push("master", "two", Behaviour.CrashesLater, mends=True)
    world.ask("master")
    world.play_until("Verifying")
    world.ask(bad)
    world.play(10)
    assert "is refused" in world.message
    world.play(100)
    assert world.the_site.applied == world.running.number == 1
    assert world.headline() == ("Blocked", "CommitQuarantined"), "it is what was asked for last"


def test_a_release_that_passes_before_the_newer_one_is_built_goes_live_first() -> None:
    world = judged()
    world.builder_is_slow = True
    asks(world, "three")
    world.play(300)
    assert outcomes(world)[:2] == [(3, "Succeeded", "Succeeded"), (2, "Succeeded", "Succeeded")]


@pytest.mark.parametrize(
    ("behaviour", "outcome"), [(Behaviour.Good, "Succeeded"), (Behaviour.CrashesLater, "RolledBack")]
)
def test_the_newer_release_takes_the_place_of_the_older_one_in_the_moment_in_which_that_ends(
    behaviour: Behaviour, outcome: str
) -> None:
    world = judged(behaviour)
    world.builder_is_slow = True
    asks(world, "three", mends=True)
    while outcomes(world)[0][0] != 2:
        world.play(1)
    assert outcomes(world)[0][:2] == (2, outcome)
    assert (world.current.number, world.status.next) == (3, None)
    assert world.headline()[0] == "Building", "people read of what is in flight, and not of what has ended"


def test_the_post_deploy_hook_of_the_older_release_runs_although_a_newer_one_is_being_built() -> None:
    world = judged(phase="Deploying", hooks={"postDeploy": {"command": ["warm-up"]}})
    world.builder_is_slow = True
    asks(world, "three")
    world.play(30)
    assert (world.current.number, world.status.next and world.status.next.number) == (2, 3)
    assert [job for job in world.hooks.runs if "-2-post-" in job]


def test_while_the_older_release_goes_back_the_newer_one_is_not_deployed() -> None:
    world = judged(Behaviour.CrashesLater)
    asks(world, "three", mends=True)
    world.play_until("RollingBack")
    world.controller_is_down = True
    world.play(50)
    assert commit_id("three") in {order.commit for order, _ in world.builds.values()}, "it is built"
    assert (world.headline()[0], world.current.number, world.the_site.applied) == ("RollingBack", 2, 1)
    world.controller_is_down = False
    world.play(150)
    assert (world.headline(), world.running.number) == (("Live", "Succeeded"), 3)
    assert outcomes(world)[1][:2] == (2, "RolledBack")


def test_the_migration_of_the_newer_release_runs_while_the_older_one_is_judged() -> None:
    world = judged(hooks=HOOKS, rollback={"afterMigration": "Rollback"})
    world.play_until("Verifying")
    asks(world, "three")
    play_until_migrated(world)
    assert (world.current.number, world.status.phase) == (2, "Verifying")
    world.play(150)
    assert (world.running.number, len(world.hooks.runs)) == (3, 3)


def test_a_migration_that_fails_leaves_the_older_release_in_its_place() -> None:
    world = judged(hooks=HOOKS, rollback={"afterMigration": "Rollback"})
    asks(world, "three", Behaviour.MigrationFails)
    world.play(200)
    assert world.running.number == 2
    assert (3, "Failed", "PreDeployFailed") in outcomes(world)


def test_the_newest_of_many_takes_over_and_each_leaves_one_line() -> None:
    world = judged()
    for name in ("three", "four", "five"):
        asks(world, name)
        world.play(2)
    world.play(150)
    assert [(number, outcome) for number, outcome, _ in outcomes(world)] == [
        (5, "Succeeded"),
        (4, "Superseded"),
        (3, "Superseded"),
        (2, "Superseded"),
        (1, "Succeeded"),
    ]
    assert world.status.stopping == ()
    assert len([deed for deed in world.deeds if deed.startswith("cancel")]) == 2


def test_asking_again_for_what_is_judged_gives_the_newer_one_up() -> None:
    world = judged()
    asks(world, "three")
    world.ask(commit_id("two"))
    world.play(100)
    assert (world.running.number, world.status.next) == (2, None)
    assert (3, "Superseded", "Superseded") in outcomes(world)
    assert f"cancel {commit_id('three')[:7]}" in world.deeds


@pytest.mark.parametrize("deed", [1, 2, 3, 4])
@pytest.mark.parametrize("after", [False, True])
def test_an_operator_that_dies_in_between_comes_to_the_same_end(deed: int, *, after: bool) -> None:
    world = judged(Behaviour.CrashesLater)
    world.push("master", "three", mends=True)
    world.ask("master")
    world.dies_at(deed, after=after)
    world.play_through_death(250)
    assert not world.kill_in, "it has died"
    assert (world.headline(), world.running.number) == (("Live", "Succeeded"), 3)
    assert outcomes(world)[1][:2] in {(2, "RolledBack"), (2, "Superseded")}


def test_a_release_whose_change_the_cluster_refuses_is_replaced_at_once() -> None:
    world = Story()
    world.release("one")
    world.refusal = Refusal(Reason.DeploymentRefused, "A webhook refuses it.")
    world.push("master", "two")
    world.ask("master")
    world.play(60)
    assert world.headline() == ("Blocked", "DeploymentRefused")
    asks(world, "three")
    assert (world.current.number, world.status.next) == (3, None), "nothing of the older one is there to be judged"
    world.refusal = None
    world.play(150)
    assert (world.headline(), world.running.commit) == (("Live", "Succeeded"), commit_id("three"))


# --- people in between --------------------------------------------------------------------------------------------------


def test_the_newer_release_can_be_aborted_and_the_older_one_goes_on() -> None:
    world = judged()
    asks(world, "three")
    world.say("abort", "3 not yet")
    world.play(100)
    assert (world.headline(), world.running.number) == (("Live", "Succeeded"), 2)
    given_up = next(entry for entry in world.status.history if entry.number == 3)
    assert (given_up.outcome, given_up.reason) == (Outcome.Aborted, Reason.Aborted)
    assert "was given up, as ada has asked" in given_up.message
    assert f"cancel {commit_id('three')[:7]}" in world.deeds


def test_aborting_the_newer_release_in_its_migration_stops_the_hook() -> None:
    world = judged(hooks=HOOKS, rollback={"afterMigration": "Rollback"})
    asks(world, "three")
    play_until_migrated(world)
    world.say("abort", "3")
    world.play(2)
    given_up = next(entry for entry in world.status.history if entry.number == 3)
    assert "its preDeploy hook was stopped in the middle: look at the database" in given_up.message
    assert [deed for deed in world.deeds if deed.startswith("stop")]


def test_aborting_the_older_release_takes_it_back_and_the_newer_one_goes_on() -> None:
    world = judged()
    asks(world, "three")
    world.say("abort", "2")
    world.play(200)
    assert (world.headline(), world.running.number) == (("Live", "Succeeded"), 3)
    assert (2, "Aborted", "Aborted") in outcomes(world)


def test_rollback_to_gives_both_up() -> None:
    world = judged()
    asks(world, "three")
    world.say("rollback_to", "1")
    world.play(200)
    assert world.the_site.applied == world.running.number == 1
    assert outcomes(world)[:2] == [(3, "Superseded", "Superseded"), (2, "RolledBack", "RollbackRequested")]


def test_rollback_to_an_older_one_replaces_both_at_once() -> None:
    world = Story()
    world.release("zero")
    world.release("one")
    world.push("master", "two")
    world.ask("master")
    world.play_until("Verifying")
    asks(world, "three")
    world.say("rollback_to", "1")
    world.play(200)
    assert world.running.image == world.image_of(commit_id("zero"))
    assert [(number, outcome) for number, outcome, _ in outcomes(world)[:3]] == [
        (5, "Succeeded"),
        (4, "Superseded"),
        (3, "Superseded"),
    ]


def test_an_override_lets_the_refused_newer_release_through() -> None:
    world = Story()
    world.release("one")
    bad = world.release("bad", Behaviour.Crashes)
    world.release("two", seconds=40)
    world.ask(bad)
    world.play(2)
    world.say("override", f"{bad[:12]} the database was down")
    world.play(2)
    assert world.status.next is not None or world.current.commit == bad
    assert "is refused" not in world.message


def test_an_override_is_heard_though_another_request_cannot_be_resolved() -> None:
    world = Story()
    world.release("one")
    bad = world.release("bad", Behaviour.Crashes)
    world.ask("no-such-branch")
    world.play(5)
    world.say("override", f"{bad[:12]} the database was down")
    world.play(5)
    assert [entry.override for entry in world.status.quarantine] == ["the database was down (somebody)"]


def test_an_older_request_that_waits_does_not_replace_a_newer_rollback_to() -> None:
    world = judged()
    world.play(60)
    assert world.running.number == 2
    world.git_is_down = True
    world.push("master", "three")
    world.ask("master")
    world.play(5)
    world.say("rollback_to", "1 it is slow")
    world.play(10)
    world.git_is_down = False
    world.play(200)
    assert world.running.image == world.image_of(commit_id("one"))
    assert world.headline() == ("Live", "Succeeded")


# --- builds -------------------------------------------------------------------------------------------------------------


def test_a_build_that_cannot_be_stopped_keeps_nothing_from_being_judged() -> None:
    world = judged(Behaviour.CrashesLater)
    world.builder_is_slow = True
    asks(world, "three")

    async def refused(_order: object) -> None:
        raise Refused(Refusal(Reason.BuildNotStarted, "The API server forbids to delete Jobs."))

    world.cancel = refused  # type: ignore[method-assign, assignment]
    asks(world, "four", mends=True)
    assert "forbids to delete Jobs" in world.message
    assert world.headline()[0] == "Verifying"
    world.play(60)
    assert world.the_site.applied == 1
    assert commit_id("two") in {entry.commit for entry in world.status.quarantine}


def test_a_release_that_is_tried_again_is_really_built_again() -> None:
    world = Story()
    world.release("one")
    world.registry_lag = 86_400
    world.push("master", "two")
    world.ask("master")
    world.play(100)
    world.registry_lag = 0
    world.play(300)
    assert (world.headline(), world.running.commit) == (("Live", "Succeeded"), commit_id("two"))
    assert world.job(commit_id("two"), 2) in world.builds_started


# --- tracking and other people's hands ----------------------------------------------------------------------------------

HOTFIX = "registry.example.com/drumeo:hotfix"


def test_tracking_leaves_somebody_elses_image_though_a_refused_commit_stands_in_between() -> None:
    world = Story()
    world.release("one")
    world.track(20)
    world.push("master", "bad", Behaviour.Crashes)
    world.play(200)
    world.push("master", "on top")
    world.play(60)
    assert world.headline() == ("Blocked", "CommitQuarantined")
    world.set_image_by_hand(HOTFIX)
    world.play(60)
    assert HOTFIX in world.message
    world.push("master", "mended", mends=True)
    world.play(200)
    assert world.the_site.image == HOTFIX
    world.ask("master")
    world.play(200)
    assert (world.headline(), world.running.commit) == (("Live", "Succeeded"), commit_id("mended"))


def test_what_tracking_has_found_is_not_deployed_over_an_image_that_somebody_sets_meanwhile() -> None:
    world = Story()
    world.release("one")
    world.track(20)
    world.settle()
    world.push("master", "two")
    world.play_until("Building")
    assert (world.current.tracked, world.current.requested_by) == (True, None)
    world.set_image_by_hand(HOTFIX)
    world.play(200)
    assert (world.headline(), world.the_site.image) == (("Blocked", "ImageOverridden"), HOTFIX)
    world.ask("master")
    world.play(200)
    assert (world.headline(), world.running.commit) == (("Live", "Succeeded"), commit_id("two"))
    assert world.status.history[0].requested_by == "kubectl"
