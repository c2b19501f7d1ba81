"""The stories of the product, one each: what somebody does, what the world does, and where it ends.

The real reconciler runs in `Story`, a simulated world that wakes it exactly as the real one does: by events, by the times
that a plan names, and never by the operator's own writes.
"""

from collections.abc import Callable
from datetime import timedelta

import pytest

from brandrelease.apis.brand import Brand
from brandrelease.apis.brandrelease import Blame, BrandRelease, Outcome
from brandrelease.apis.reasons import Reason
from brandrelease.controller.reconcile import CONFLICT_LIMIT
from brandrelease.controller.work_queue import Again
from brandrelease.core.actions import DeploymentPatch
from brandrelease.core.builds.images import BuildOrder, build_order
from brandrelease.core.builds.seen import BuildFailed, BuildRunning, BuildSucceeded, ImageAbsent, ImageUnknown
from brandrelease.core.snapshot import BrandInvalid, Refusal, Resolution, Unresolved
from brandrelease.ports import Refused, Secret
from support.simulation import (
    AT_ONCE,
    DEADLINE,
    FOUND_IMAGE,
    KEY,
    Behaviour,
    Deployment,
    brand,
    order_of,
)
from support.story import Story

MEDDLED = "registry.example.com/drumeo:meddled"


# --- the way of a good release ------------------------------------------------------------------------------------------


def test_the_first_release_goes_live_and_tells_from_whom_it_took_the_image_over(world: Story) -> None:
    commit = world.release("one")
    assert world.phases() == ["Building", "Deploying", "Verifying", "Live"]
    assert world.headline() == ("Live", "Succeeded")
    assert world.the_site.image == world.image_of(commit) == world.running.image
    assert (world.running.number, world.running.commit, world.running.revision) == (1, commit, commit[:12])
    assert 'taken over from "kubectl"' in world.message
    assert f"{FOUND_IMAGE} was found running" in world.message


def test_the_first_release_that_fails_goes_back_to_what_was_found(world: Story) -> None:
    commit = world.release("one", Behaviour.Crashes)
    assert world.headline() == ("RolledBack", "CrashLoopBackOff")
    assert world.applied_images == [(1, world.image_of(commit)), (0, FOUND_IMAGE)]
    assert f"Rolled back to the image found at adoption ({FOUND_IMAGE})" in world.message
    assert (world.running.number, world.running.commit) == (0, None)


def test_a_first_release_that_fails_where_nothing_ran_before_says_that_there_is_nothing_to_roll_back_to(
    world: Story,
) -> None:
    broken = world.push("old", "broken", Behaviour.Crashes)
    world.the_site.image, world.the_site.pods = world.image_of(broken), []
    commit = world.push("master", "one", Behaviour.Crashes)
    world.ask("master")
    world.play_until("Deploying")
    assert "was not running, so there is nothing to roll back to" in world.message
    world.play(100)
    assert world.headline() == ("Failed", "CrashLoopBackOff")
    assert "There is nothing to roll back to" in world.message
    assert world.the_site.image == world.image_of(commit)
    assert world.status.running is None


def test_a_release_that_failed_is_never_taken_for_what_was_found(world: Story) -> None:
    world.the_site.image, world.the_site.pods = world.image_of(world.push("old", "broken", Behaviour.Crashes)), []
    world.release("one", Behaviour.CrashesLater)
    world.push("master", "two", Behaviour.Crashes, mends=True)
    world.ask("master")
    world.play(150)
    assert world.headline() == ("Failed", "CrashLoopBackOff")
    assert "There is nothing to roll back to" in world.message
    world.release("three")
    assert world.headline() == ("Live", "Succeeded")


def test_a_release_that_failed_is_not_taken_for_what_was_found_when_the_history_has_forgotten_it() -> None:
    world = Story(revisionHistoryLimit=1)
    world.the_site.image, world.the_site.pods = world.image_of(world.push("old", "broken", Behaviour.Crashes)), []
    first = world.release("one", Behaviour.CrashesLater)
    world.release("two", Behaviour.DoesNotBuild)
    world.the_site.pods = []
    world.revert("master", first)
    world.ask("master")
    world.play_until("Deploying")
    assert world.status.running is None, "release 1 has failed; it is nothing to roll back to"


def test_a_second_release_replaces_the_first_and_tells_what_is_new(live: Story) -> None:
    first, second = live.running.commit, live.release("two")
    assert live.headline() == ("Live", "Succeeded")
    assert (live.running.number, live.running.commit) == (2, second)
    assert live.current.changes is not None
    assert (live.current.changes_total, [change.commit for change in live.current.changes]) == (1, [second])
    assert [(entry.number, entry.commit) for entry in live.status.history] == [(2, second), (1, first)]
    assert "taken over" not in live.message


def test_an_image_that_the_registry_has_already_is_deployed_without_a_build(world: Story) -> None:
    commit = world.push("master", "one")
    assert isinstance(world.the_brand, Brand)
    world.images[build_order(world.the_brand, commit, 1).tag] = world.image_of(commit).partition("@")[2]
    world.ask("master")
    world.play(100)
    assert world.headline() == ("Live", "Succeeded")
    assert world.builds_started == []


def test_the_commit_that_is_live_asked_for_again_changes_nothing(live: Story) -> None:
    before, current = list(live.deeds), live.current
    live.ask("master")
    assert live.settle() == 1, "there is nothing to look at again"
    live.play(60)
    assert live.deeds == [*before, "status"]
    assert live.headline() == ("Live", "Succeeded")
    assert live.current == current


def test_the_running_commit_asked_for_after_a_rollback_is_live_again_as_the_current_release(live: Story) -> None:
    first = live.running.commit
    live.release("two", Behaviour.Crashes)
    assert live.headline()[0] == "RolledBack"
    applied, builds = list(live.applied_images), list(live.builds_started)
    assert first
    live.ask(first)
    live.play(5)
    assert live.headline() == ("Live", "Succeeded")
    assert (live.current.number, live.current.commit, live.current.image) == (1, first, live.running.image)
    assert "is live since" in live.message
    assert (live.applied_images, live.builds_started) == (applied, builds)


def test_a_release_without_a_soak_is_live_as_soon_as_its_pods_are_ready() -> None:
    world = Story(soakSeconds=0)
    world.release("one")
    assert world.phases() == ["Building", "Deploying", "Live"]


def test_the_numbers_go_on_where_an_earlier_life_on_the_same_deployment_ended(world: Story) -> None:
    world.the_site.applied = 7
    world.release("one")
    assert world.headline() == ("Live", "Succeeded")
    assert world.running.number == 8


def test_the_history_is_kept_to_its_limit_and_the_numbers_go_on() -> None:
    world = Story(revisionHistoryLimit=2)
    for name in ("one", "two", "three"):
        world.release(name)
    world.release("four", Behaviour.DoesNotBuild)
    assert [(entry.number, entry.outcome) for entry in world.status.history] == [
        (4, Outcome.Failed),
        (3, Outcome.Succeeded),
    ]


# --- releases that fail in the cluster ----------------------------------------------------------------------------------

BAD = {
    "crashes at start": (Behaviour.Crashes, "CrashLoopBackOff", "exited with code 255"),
    "uses too much memory": (Behaviour.OutOfMemory, "OOMKilled", "more than its memory limit of 64Mi"),
    "never becomes ready": (Behaviour.NeverReady, "PodNotReady", "readiness probe does not pass"),
    "crashes during the watch": (Behaviour.CrashesLater, "CrashLoopBackOff", "exited with code 255"),
}


@pytest.mark.parametrize(("behaviour", "reason", "words"), BAD.values(), ids=BAD)
def test_a_bad_release_is_rolled_back_and_its_commit_never_released_again(
    live: Story, behaviour: Behaviour, reason: str, words: str
) -> None:
    good = live.running
    bad = live.release("bad", behaviour)
    assert live.headline() == ("RolledBack", reason)
    assert live.running == good
    assert live.the_site.image == good.image
    assert words in live.message
    assert "its log says: PHP Fatal error: something is wrong" in live.message
    assert f"Commit {bad[:12]} is quarantined" in live.message
    assert (live.last.outcome, live.last.reason, live.last.commit) == (Outcome.RolledBack, reason, bad)
    assert [(entry.commit, entry.release) for entry in live.status.quarantine] == [(bad, 2)]

    builds, applied = list(live.builds_started), list(live.applied_images)
    live.ask("master")
    live.play(100)
    assert live.headline() == ("Blocked", "CommitQuarantined")
    assert f"release 2 failed ({reason})" in live.message
    assert (live.builds_started, live.applied_images) == (builds, applied)


def test_a_release_that_crashes_during_the_watch_was_watched(live: Story) -> None:
    live.release("bad", Behaviour.CrashesLater)
    assert live.phases()[-4:] == ["Deploying", "Verifying", "RollingBack", "RolledBack"]


def test_a_pod_that_drops_out_of_service_during_the_watch_fails_the_release(live: Story) -> None:
    commit = live.push("master", "two")
    live.ask("master")
    live.play_until("Verifying")
    live.behaviours[commit] = Behaviour.NeverReady
    for pod in live.the_site.pods:
        live._set_ready(pod, ready=False)
    live.play(14)
    assert live.headline()[0] == "Verifying", "it has some seconds to come back"
    live.play(30)
    assert live.headline() == ("RolledBack", "PodNotReady")


def test_a_failure_that_is_not_the_commits_fault_does_not_quarantine_it(live: Story) -> None:
    live.push("master", "two", Behaviour.NeverReady)
    live.ask("master")
    live.play_until("Deploying")
    live.the_site.wanted = 0
    live.play(2)
    live.the_site.wanted = 2
    live.controller_is_down = True  # it has seen the change, and makes no pods
    live.the_site.pods = []
    live.play(100)
    live.controller_is_down = False
    live.play(30)
    assert live.headline() == ("RolledBack", "ProgressDeadlineExceeded")
    assert live.status.quarantine == ()
    assert "not quarantined" in live.message


def test_a_rollback_that_does_not_end_fails_and_nothing_more_is_tried(live: Story) -> None:
    first = live.running.commit
    assert first
    live.push("master", "two", Behaviour.Crashes)
    live.ask("master")
    live.play_until("RollingBack")
    live.behaviours[first] = Behaviour.NeverReady
    live.the_site.pods = []
    live.play(DEADLINE - 5)
    assert live.headline()[0] == "RollingBack"
    live.play(10)
    assert live.headline() == ("Failed", "RollbackFailed")
    assert "0 of 2 pods are available" in live.message
    assert (live.last.outcome, live.last.reason) == (Outcome.Failed, "RollbackFailed")
    deeds = list(live.deeds)
    live.play(600)
    assert live.deeds == deeds


def test_the_release_after_a_rollback_that_failed_goes_live(live: Story) -> None:
    test_a_rollback_that_does_not_end_fails_and_nothing_more_is_tried(live)
    live.release("three")
    assert live.headline() == ("Live", "Succeeded")


# --- builds that fail ---------------------------------------------------------------------------------------------------


def test_a_build_that_fails_leaves_the_deployment_alone_and_shows_its_log(live: Story) -> None:
    applied = list(live.applied_images)
    commit = live.release("two", Behaviour.DoesNotBuild)
    assert live.headline() == ("Failed", "BuildFailed")
    assert "The Deployment was not touched." in live.message
    assert live.applied_images == applied
    assert live.current.build is not None
    assert live.current.build.log_tail == "error: no such file"
    assert live.current.build.finished_at is not None
    assert live.current.blame is Blame.Release
    assert live.status.quarantine == ()

    live.behaviours[commit] = Behaviour.Good
    del live.builds[live.job(commit)]
    live.ask("master")
    live.play(150)
    assert live.headline() == ("Live", "Succeeded")
    assert live.builds_started[-2:] == [live.job(commit), live.job(commit, 2)]


def test_a_build_that_fails_for_no_fault_of_the_commit_is_tried_three_times(world: Story) -> None:
    failed = BuildFailed(Reason.BuildInfrastructureFailed, "The node was lost.", retriable=True, log_tail="")
    world.build_ends = {1: failed, 2: failed, 3: failed}
    world.registry_says = ImageAbsent()
    commit = world.push("master", "one")
    world.ask("master")
    world.play(25)
    assert world.headline() == ("Building", "Building")
    assert any("Trying again (attempt 2)" in status.conditions[0].message for status in world.statuses)
    world.play(45)
    assert world.headline() == ("Failed", "BuildInfrastructureFailed")
    assert world.builds_started == [world.job(commit, attempt) for attempt in (1, 2, 3)]
    assert world.applied_images == []


def test_a_build_that_failed_is_tried_anew_though_another_release_came_between(world: Story) -> None:
    first = world.release("one", Behaviour.DoesNotBuild)
    world.release("two")
    world.build_ends = {2: BuildSucceeded(None)}
    world.ask(first)
    world.play(150)
    assert world.job(first, 2) in world.builds_started, "the old Job is still there, and its failure with it"


def test_a_second_attempt_that_succeeds_goes_live(world: Story) -> None:
    world.build_ends = {1: BuildFailed(Reason.BuildInfrastructureFailed, "Evicted.", retriable=True, log_tail="")}
    commit = world.release("one")
    assert world.headline() == ("Live", "Succeeded")
    assert world.builds_started == [world.job(commit), world.job(commit, 2)]


def test_an_image_that_was_built_but_is_not_in_the_registry_is_waited_for_and_then_given_up(world: Story) -> None:
    world.registry_says = ImageAbsent()
    world.release("one", seconds=45)
    assert world.headline() == ("Building", "Building")
    assert "waiting for the registry" in world.message
    world.play(10)
    assert world.headline() == ("Failed", "ImageMissingAfterBuild")
    assert world.applied_images == []


def test_an_image_that_appears_in_the_registry_a_moment_after_the_build_goes_live(world: Story) -> None:
    world.registry_says = ImageAbsent()
    world.release("one", seconds=35)
    world.registry_says = None
    world.play(100)
    assert world.headline() == ("Live", "Succeeded")


def test_an_image_with_another_digest_than_the_builder_pushed_is_never_deployed(world: Story) -> None:
    world.build_ends = {1: BuildSucceeded("sha256:" + "0" * 64)}
    world.release("one", seconds=300)
    assert world.headline() == ("Failed", "DigestMismatch")
    assert world.applied_images == []
    assert world.the_site.image == FOUND_IMAGE


def test_a_registry_that_cannot_be_asked_is_waited_for_and_nothing_is_built_meanwhile(world: Story) -> None:
    world.registry_says = ImageUnknown(Reason.RegistryUnreachable, "The registry does not answer.")
    world.release("one", seconds=300)
    assert world.headline() == ("Building", "RegistryUnreachable")
    assert world.builds_started == []
    world.registry_says = None
    world.play(200)
    assert world.headline() == ("Live", "Succeeded")


def test_a_build_that_is_never_seen_to_start_is_given_up_at_its_timeout(world: Story) -> None:
    world.refusal = Refusal(Reason.BuildNotStarted, "The API server refuses the build Job.")
    world.refuses_builds = True
    world.release("one", seconds=100)
    assert world.headline() == ("Blocked", "BuildNotStarted")
    world.play(1725)
    assert world.headline() == ("Failed", "BuildNotStarted"), "why it never started is known"
    assert world.message.startswith("The API server refuses the build Job. It was tried for 30 min ")


def test_a_build_that_runs_says_when_it_is_given_up(world: Story) -> None:
    world.release("one", seconds=5)
    assert world.headline() == ("Building", "Building")
    assert world.message.endswith("It is given up at 00:30:01 UTC.")
    assert world.one_pass().retry is None, "the time is known at which it is looked at again"


def external() -> Story:
    world = Story()
    assert isinstance(world.the_brand, Brand)
    spec = world.the_brand.spec.model_dump(by_alias=True) | {"build": {"external": {}, "timeoutSeconds": 120}}
    world.the_brand = Brand.model_validate({"name": "drumeo", "uid": "brand-uid", "spec": spec})
    return world


def test_an_image_that_ci_pushes_is_waited_for() -> None:
    world = external()
    commit = world.release("one", seconds=30)
    assert world.headline() == ("Building", "WaitingForImage")
    world.images[commit] = world.image_of(commit).partition("@")[2]
    world.play(100)
    assert world.headline() == ("Live", "Succeeded")
    assert world.builds_started == []


def test_an_image_that_ci_never_pushes_is_given_up() -> None:
    world = external()
    world.release("one", seconds=119)
    assert world.headline() == ("Building", "WaitingForImage")
    world.play(5)
    assert world.headline() == ("Failed", "ImageNotPushed")
    assert "within 2 min" in world.message
    assert world.applied_images == []


# --- a request while a release is in flight -----------------------------------------------------------------------------


def test_a_new_request_while_building_stops_the_build_and_begins_the_next(world: Story) -> None:
    first = world.release("one", seconds=5)
    second = world.release("two")
    assert f"cancel {first[:7]}" in world.deeds
    assert world.headline() == ("Live", "Succeeded")
    assert world.applied_images == [(2, world.image_of(second))]
    assert [(entry.number, entry.outcome) for entry in world.status.history] == [
        (2, Outcome.Succeeded),
        (1, Outcome.Superseded),
    ]


def test_a_build_that_nobody_waits_for_is_stopped_though_the_next_one_cannot_begin_yet(world: Story) -> None:
    first = world.release("one", seconds=5)
    world.registry_is_down = True
    second = world.release("two", seconds=5)
    assert world.headline() == ("Building", "RegistryUnreachable")
    assert world.deeds.count(f"cancel {first[:7]}") == 1
    assert world.status.stopping == ()
    world.registry_is_down = False
    world.play(150)
    assert world.headline() == ("Live", "Succeeded")
    assert world.applied_images == [(2, world.image_of(second))]


def test_a_build_that_another_environment_waits_for_is_not_stopped(world: Story) -> None:
    first = world.release("one", seconds=5)
    world.waited_for_elsewhere = frozenset({first})
    world.release("two")
    assert f"cancel {first[:7]}" not in world.deeds
    assert world.headline() == ("Live", "Succeeded")


def test_a_new_request_while_deploying_is_deployed_at_once_and_a_rollback_goes_to_what_was_live(live: Story) -> None:
    good = live.running
    live.push("master", "two")
    live.ask("master")
    live.play_until("Deploying")
    live.release("three", Behaviour.Crashes)
    assert live.headline() == ("RolledBack", "CrashLoopBackOff")
    assert [(entry.number, entry.outcome) for entry in live.status.history[:2]] == [
        (3, Outcome.RolledBack),
        (2, Outcome.Superseded),
    ]
    assert live.applied_images[-1] == (1, good.image)


def test_a_new_request_while_blocked_goes_live(live: Story) -> None:
    live.release("bad", Behaviour.Crashes)
    live.ask("master")
    live.play(5)
    assert live.headline() == ("Blocked", "CommitQuarantined")
    assert live.current.message == live.message
    live.release("fixed")
    assert live.headline() == ("Live", "Succeeded")
    superseded = live.status.history[1]
    assert (superseded.number, superseded.outcome, superseded.reason) == (3, Outcome.Superseded, "CommitQuarantined")


def test_the_commit_in_flight_asked_for_again_goes_on_as_it_was(world: Story) -> None:
    world.release("one", seconds=5)
    world.ask("master")
    world.play(120)
    assert world.headline() == ("Live", "Succeeded")
    assert len(world.builds_started) == 1
    assert world.running.number == 1


def rolling_back(live: Story) -> None:
    """The rollback has begun and does not come to its end for the time being."""
    live.push("master", "two", Behaviour.Crashes)
    live.ask("master")
    live.play_until("RollingBack")
    live.controller_is_down = True
    live.play(2)


def test_a_request_during_a_rollback_waits_for_its_end(live: Story) -> None:
    rolling_back(live)
    applied = list(live.applied_images)
    third = live.release("three", seconds=10)
    assert live.headline()[0] == "RollingBack"
    assert live.applied_images == applied
    live.controller_is_down = False
    live.play(150)
    assert live.headline() == ("Live", "Succeeded")
    assert live.running.commit == third
    assert [entry.outcome for entry in live.status.history[:2]] == [Outcome.Succeeded, Outcome.RolledBack]


def test_a_request_that_waited_for_a_rollback_is_not_forgotten_when_no_event_comes_after_it(live: Story) -> None:
    rolling_back(live)
    live.push("master", "three")
    live.ask("master")
    live.settle()
    live.controller_is_down = False
    again = Again()
    while live.status.phase == "RollingBack":
        live.tick()
        again = live.one_pass()
    assert live.status.phase != "RolledBack" or again.after == AT_ONCE, "nothing but the operator itself would wake it"


def test_a_ref_that_cannot_be_resolved_does_not_stop_the_release_in_flight(world: Story) -> None:
    world.release("one", seconds=5)
    world.ask("no-such-branch")
    world.play(5)
    assert world.headline() == ("Building", "Building")
    assert "It builds." in world.message
    assert 'The ref asked for since then waits: There is no ref "no-such-branch".' in world.message
    world.play(400)
    assert world.running.number == 1
    assert world.headline() == ("Blocked", "RefNotFound")


def test_a_release_that_fails_while_the_ref_asked_for_since_then_waits_is_told_of_by_an_event(quiet: None) -> None:
    world = Story(rollback={"mode": "Manual"})
    world.release("one")
    world.push("master", "bad", Behaviour.Crashes)
    world.ask("master")
    world.play_until("Deploying")
    world.ask("nowhere")
    world.play(60)
    assert world.headline() == ("Blocked", "RefNotFound")
    assert Reason.CrashLoopBackOff in [event.reason for event in world.told]


def test_a_ref_that_waits_is_looked_at_again_though_a_release_is_in_flight(live: Story) -> None:
    live.push("master", "two")
    live.ask("master")
    live.play_until("Deploying")
    live.ask("nowhere")
    live.settle()
    assert live.one_pass().retry == timedelta(minutes=5)


def test_a_release_is_never_called_ready_while_the_ref_asked_for_since_then_waits(world: Story) -> None:
    world.release("one", seconds=5)
    world.ask("no-such-branch")
    world.play(400)
    assert not [s for s in world.statuses if s.observed_generation == 2 and s.conditions[0].status == "True"]


def test_a_git_server_that_does_not_answer_is_asked_again_until_it_does(world: Story) -> None:
    world.git_is_down = True
    world.release("one", seconds=30)
    assert world.headline() == ("Blocked", "SourceUnreachable")
    world.git_is_down = False
    world.play(250)
    assert world.headline() == ("Live", "Succeeded")


# --- which refs are allowed ---------------------------------------------------------------------------------------------

ALLOWED = {
    "an allowed branch": ("master", "Live"),
    "another branch": ("feature", "Blocked"),
    "a bare commit of an allowed branch": ("commit on master", "Live"),
    "a bare commit of another branch": ("commit on feature", "Blocked"),
    "a bare commit of both": ("commit on both", "Live"),
    "a bare commit of none": ("commit on none", "Blocked"),
}


@pytest.mark.parametrize(("ref", "phase"), ALLOWED.values(), ids=ALLOWED)
def test_only_allowed_refs_are_released(ref: str, phase: str) -> None:
    world = Story(allowedRefs=["refs/heads/mast*"])
    world.push("feature", "feature")
    commit = world.push("master", "one")
    where = {
        "commit on master": ("refs/heads/master",),
        "commit on feature": ("refs/heads/feature",),
        "commit on both": ("refs/heads/feature", "refs/heads/master"),
    }
    world.reachable_from[commit] = where.get(ref, ())
    world.ask(commit if ref.startswith("commit") else ref)
    world.play(150)
    assert world.status.phase == phase
    if phase == "Blocked":
        assert world.headline() == ("Blocked", "RefNotAllowed")
        assert "allows only refs/heads/mast* there" in world.message
        assert (world.builds_started, world.applied_images) == ([], [])


def test_a_release_in_flight_never_gets_the_image_of_a_ref_that_was_refused() -> None:
    world = Story(allowedRefs=["refs/heads/master"])
    allowed = world.push("master", "one")
    world.ask("master")
    world.play(5)
    assert world.headline() == ("Building", "Building")
    other = world.push("feature", "feature")
    world.images[order_of(world, other).tag] = "sha256:" + "f" * 64  # built long ago, for staging
    world.ask("feature")
    world.play(200)
    assert {image for _, image in world.applied_images} == {world.image_of(allowed)}
    assert len(world.builds_started) == 1
    assert world.headline() == ("Blocked", "RefNotAllowed")


def test_a_site_made_anew_by_somebody_else_during_the_watch_is_not_called_a_success(live: Story) -> None:
    live.push("master", "two")
    live.ask("master")
    live.play_until("Verifying")
    live.site = Deployment(uid="uid-2", image="registry.example.com/drumeo:else")
    live.play(120)
    assert live.headline() == ("Blocked", "ImageOverridden")
    assert live.running.number == 1


# --- suspend ------------------------------------------------------------------------------------------------------------


def test_a_suspended_release_stands_still_and_goes_on_when_resumed(world: Story) -> None:
    world.release("one", seconds=5)
    world.suspend(on=True)
    world.play(5)
    assert world.headline() == ("Suspended", "Suspended")
    assert "Release 1" in world.message
    deeds = list(world.deeds)
    world.play(200)
    assert world.deeds == deeds
    world.suspend(on=False)
    world.play(100)
    assert world.headline() == ("Live", "Succeeded")


def test_a_request_while_suspended_is_served_when_resumed(live: Story) -> None:
    live.suspend(on=True)
    live.play(2)
    assert live.message.startswith("Nothing is released while")
    assert live.status.conditions[0].status == "True", "what runs was verified"
    live.push("master", "two")
    live.ask("master", suspend=True)
    live.play(200)
    assert live.headline()[0] == "Suspended"
    live.suspend(on=False)
    live.play(150)
    assert (live.headline()[0], live.running.number) == ("Live", 2)


# --- somebody else changes the image ------------------------------------------------------------------------------------


def overridden_while_live(live: Story) -> None:
    live.set_image_by_hand(MEDDLED)


def overridden_during_a_rollout(live: Story) -> None:
    live.push("master", "two")
    live.ask("master")
    live.play_until("Deploying")
    live.play(1)
    live.set_image_by_hand(MEDDLED)


def overridden_during_the_watch(live: Story) -> None:
    live.push("master", "two")
    live.ask("master")
    live.play_until("Verifying")
    live.set_image_by_hand(MEDDLED)


def overridden_during_a_rollback(live: Story) -> None:
    rolling_back(live)
    live.set_image_by_hand(MEDDLED)
    live.controller_is_down = False


OVERRIDDEN = {
    "while live": overridden_while_live,
    "during a rollout": overridden_during_a_rollout,
    "during the watch": overridden_during_the_watch,
    "during a rollback": overridden_during_a_rollback,
}


@pytest.mark.parametrize("meddle", OVERRIDDEN.values(), ids=OVERRIDDEN)
def test_the_operator_does_not_fight_somebody_who_changes_the_image_and_says_so(live: Story, meddle: object) -> None:
    assert callable(meddle)
    meddle(live)
    applied = list(live.applied_images)
    live.play(200)
    assert live.headline() == ("Blocked", "ImageOverridden")
    assert (
        f'"kubectl-edit" has set the image of container "app" of Deployment drumeo-production-deployment to {MEDDLED}'
        in live.message
    )
    assert live.applied_images == applied
    assert live.the_site.image == MEDDLED


@pytest.mark.parametrize("meddle", OVERRIDDEN.values(), ids=OVERRIDDEN)
def test_the_operator_does_not_fight_a_tool_that_replaces_the_whole_deployment_again_and_again(
    live: Story, meddle: object
) -> None:
    assert callable(meddle)
    meddle(live)
    applied = list(live.applied_images)
    for _ in range(200):
        live.replace_by_hand(MEDDLED)
        live.play(1)
    assert live.headline() == ("Blocked", "ImageOverridden")
    assert live.applied_images == applied
    assert live.running.number == 1


@pytest.mark.parametrize("policy", ["Automatic", "Manual"])
def test_a_whole_deployment_that_somebody_replaces_after_a_failure_is_told_of(policy: str) -> None:
    world = Story(rollback={"mode": policy})
    world.release("one")
    world.release("bad", Behaviour.Crashes)
    assert world.headline()[0] in {"RolledBack", "Failed"}
    world.replace_by_hand(MEDDLED)
    world.play(61)
    assert world.headline() == ("Blocked", "ImageOverridden")


def test_marks_that_somebody_has_taken_away_during_a_rollout_are_not_put_back_and_the_release_goes_on(
    live: Story,
) -> None:
    overridden_during_a_rollout(live)
    live.replace_by_hand(live.current.image or "")
    applied = list(live.applied_images)
    live.play(150)
    assert live.headline() == ("Live", "Succeeded")
    assert live.applied_images == applied


def replaced_right_after_change_to(live: Story, number: int) -> None:
    """Between the answer to our change and the next look at the Deployment."""
    for _ in range(300):
        done = len(live.deeds)
        live.one_pass()
        if f"apply {number}" in live.deeds[done:]:
            live.replace_by_hand(MEDDLED)
            return
        live.tick()
    raise AssertionError(f"no change to release {number}: {live.headline()} {live.message}")


@pytest.mark.parametrize(("behaviour", "number"), [(Behaviour.Good, 2), (Behaviour.Crashes, 1)])
def test_a_change_that_was_answered_is_not_made_again_where_somebody_replaces_the_object_before_it_is_looked_at(
    live: Story, behaviour: Behaviour, number: int
) -> None:
    live.push("master", "two", behaviour)
    live.ask("master")
    replaced_right_after_change_to(live, number)
    applied = list(live.applied_images)
    live.play(5)
    live.restart()
    live.play(200)
    assert live.headline() == ("Blocked", "ImageOverridden")
    assert live.applied_images == applied
    assert live.the_site.image == MEDDLED


def test_a_change_that_was_answered_is_remembered_over_a_pause_that_begins_at_once(live: Story) -> None:
    live.push("master", "two")
    live.ask("master")
    replaced_right_after_change_to(live, 2)
    applied = list(live.applied_images)
    live.suspend(on=True)
    live.play(5)
    live.restart()
    live.suspend(on=False)
    live.play(200)
    assert live.headline() == ("Blocked", "ImageOverridden")
    assert live.applied_images == applied


def test_a_status_that_somebody_puts_back_to_before_the_change_is_believed(live: Story) -> None:
    live.push("master", "two")
    live.ask("master")
    replaced_right_after_change_to(live, 2)
    live.status = next(each for each in reversed(live.statuses) if each.current and each.current.rollout is None)
    live.version += 1
    live.play(150)
    assert (live.headline()[0], live.running.number) == ("Live", 2)
    assert [number for number, _ in live.applied_images] == [1, 2, 2]


def test_an_object_that_is_made_anew_right_after_a_change_is_changed_too(live: Story) -> None:
    live.push("master", "two")
    live.ask("master")
    replaced_right_after_change_to(live, 2)
    live.make_deployment_anew()
    live.play(150)
    assert (live.headline()[0], live.running.number) == ("Live", 2)
    assert live.the_site.image == live.running.image


def another_image(world: Story) -> None:
    world.set_image_by_hand(MEDDLED)


def another_object(world: Story) -> None:
    world.replace_by_hand(MEDDLED)


def another_container(world: Story) -> None:
    world.sidecars = {"proxy": "envoy:1"}


def no_deployment(world: Story) -> None:
    world.site = None


SOON = timedelta(minutes=1)
LOOKED_AT_AGAIN = {
    "a Deployment with our mark tells of its next change": (another_image, None),
    "one without our mark does not": (another_object, SOON),
    "what is wrong with the Brand may be mended without a change of the Deployment": (another_container, SOON),
    "a Deployment that is not there has no mark": (no_deployment, SOON),
}


@pytest.mark.parametrize(("meddle", "retry"), LOOKED_AT_AGAIN.values(), ids=LOOKED_AT_AGAIN)
def test_a_release_that_is_blocked_is_looked_at_again_where_no_event_would_tell(
    live: Story, meddle: Callable[[Story], None], retry: timedelta | None
) -> None:
    live.push("master", "two")
    live.ask("master")
    live.play_until("Deploying")
    live.play(1)
    meddle(live)
    live.settle()
    assert live.one_pass().retry == retry
    assert live.headline()[0] == "Blocked"


@pytest.mark.parametrize("meddle", OVERRIDDEN.values(), ids=OVERRIDDEN)
def test_a_new_request_takes_a_changed_image_back(live: Story, meddle: object) -> None:
    assert callable(meddle)
    meddle(live)
    live.play(30)
    commit = live.release("fixed")
    assert live.headline() == ("Live", "Succeeded")
    assert live.the_site.image == live.image_of(commit)


@pytest.mark.parametrize("name", ["while live", "during a rollout", "during the watch"])
def test_the_same_commit_asked_for_again_takes_a_changed_image_back(live: Story, name: str) -> None:
    OVERRIDDEN[name](live)
    live.play(30)
    assert live.headline() == ("Blocked", "ImageOverridden")
    live.ask("master")
    live.play(150)
    assert live.headline() == ("Live", "Succeeded"), "that is what the message says"
    assert live.the_site.image == live.image_of(live.branches["refs/heads/master"])


@pytest.mark.parametrize(("owner", "begins"), [("kubectl-edit", "Ask for"), ("kustomize-controller", "First tell")])
def test_who_syncs_from_git_has_to_be_told_before_anybody_asks_again(live: Story, owner: str, begins: str) -> None:
    live.set_image_by_hand(MEDDLED)
    assert live.site is not None
    live.site.owner = owner
    live.play(10)
    assert f'"{owner}" has set the image' in live.message
    assert f"The operator leaves it so. {begins}" in live.message


def test_an_image_that_is_set_back_by_hand_is_live_again(live: Story) -> None:
    live.set_image_by_hand(MEDDLED)
    live.play(5)
    live.set_image_by_hand(live.running.image)
    live.play(5)
    assert live.headline() == ("Live", "Succeeded")


# --- objects that do not fit together -----------------------------------------------------------------------------------


def test_a_deployment_that_is_not_there_is_waited_for(world: Story) -> None:
    site, world.site = world.site, None
    world.release("one", seconds=100)
    assert world.headline() == ("Blocked", "DeploymentNotFound")
    assert 'no Deployment "drumeo-production-deployment" in namespace "drumeo-production"' in world.message
    world.site = site
    world.play(200)
    assert world.headline() == ("Live", "Succeeded")


def test_a_rollout_that_is_paused_for_longer_than_the_deadline_has_the_whole_deadline_when_it_goes_on(
    live: Story,
) -> None:
    live.push("master", "two", Behaviour.NeverReady)
    live.ask("master")
    live.play_until("Deploying")
    live.pause(on=True)
    live.play(2 * DEADLINE + 30)
    assert live.headline() == ("Deploying", "Deploying")
    assert "kubectl rollout resume" in live.message
    live.pause(on=False)
    live.play(DEADLINE - 5)
    assert live.headline() == ("Deploying", "Deploying")
    live.play(DEADLINE)
    assert live.headline() == ("RolledBack", "PodNotReady")


@pytest.mark.parametrize("absent", [5, DEADLINE + 60])
def test_a_deployment_that_is_made_anew_during_a_rollout_gets_the_release_and_the_whole_time_for_it(
    live: Story, absent: int
) -> None:
    commit = live.push("master", "two")
    live.ask("master")
    live.play_until("Deploying")
    live.site = None
    live.play(absent)
    assert live.headline() == ("Blocked", "DeploymentNotFound")
    live.site = Deployment(uid="uid-2")
    live.play(200)
    assert live.headline() == ("Live", "Succeeded")
    assert live.the_site.image == live.image_of(commit)


def test_a_live_release_stays_live_while_its_deployment_is_away(live: Story) -> None:
    live.site = None
    live.play(10)
    assert live.headline() == ("Live", "Succeeded")


def test_a_deployment_that_is_made_anew_after_a_rollback_is_not_called_overridden(live: Story) -> None:
    live.release("bad", Behaviour.Crashes)
    live.site = Deployment(uid="uid-2")
    live.play(10)
    assert live.headline() == ("RolledBack", "CrashLoopBackOff")


def test_a_deployment_with_two_containers_needs_to_be_told_which_one() -> None:
    world = Story()
    world.sidecars = {"proxy": "envoy"}
    world.release("one", seconds=20)
    assert world.headline() == ("Blocked", "ContainerAmbiguous")
    assert 'has the containers "app" and "proxy"' in world.message
    world.the_brand = brand(container="web")
    world.play(120)
    assert world.headline() == ("Blocked", "ContainerNotFound")
    assert 'has no container "web"; it has "app" and "proxy"' in world.message
    assert world.builds_started == []
    world.the_brand = brand(container="app")
    world.play(200)
    assert world.headline() == ("Live", "Succeeded")


MISFITS: dict[str, tuple[dict[str, object], str, str]] = {
    "no Brand": ({"the_brand": None}, "BrandNotFound", 'There is no Brand "drumeo"'),
    "a Brand that breaks rules": (
        {"the_brand": BrandInvalid("spec.image: missing.")},
        "BrandInvalid",
        "spec.image: missing.",
    ),
    "no such environment": (
        {"the_brand": brand(name="staging")},
        "EnvironmentNotFound",
        'has no environment "production"; it has "staging"',
    ),
    "another namespace": (
        {"the_brand": brand(namespace="shop")},
        "NamespaceNotAllowed",
        'only from namespace "shop", not from "drumeo-production"',
    ),
    "an older BrandRelease": ({"oldest": "elder"}, "DuplicateRelease", 'BrandRelease "elder" is older'),
}


@pytest.mark.parametrize(("change", "reason", "words"), MISFITS.values(), ids=MISFITS)
def test_objects_that_do_not_fit_together_are_named_and_heal_when_mended(
    change: dict[str, object], reason: str, words: str
) -> None:
    world = Story()
    mended = {name: getattr(world, name) for name in change}
    for name, value in change.items():
        setattr(world, name, value)
    world.release("one", seconds=30)
    assert world.headline() == ("Blocked", reason)
    assert words in world.message
    assert (world.builds_started, world.applied_images) == ([], [])
    for name, value in mended.items():
        setattr(world, name, value)
    world.play(450)
    assert world.headline() == ("Live", "Succeeded")


def test_a_secret_that_the_brand_names_and_that_is_not_there_is_asked_for(world: Story) -> None:
    assert isinstance(world.the_brand, Brand)
    source = world.the_brand.spec.source.model_copy(update={"secret_name": "drumeo-git"})
    spec = world.the_brand.spec.model_copy(update={"source": source})
    world.the_brand = world.the_brand.model_copy(update={"spec": spec})
    world.release("one", seconds=5)
    assert world.headline() == ("Blocked", "SourceAuthenticationFailed")
    assert 'no Secret "drumeo-git" in namespace "builds"' in world.message


def test_a_brand_release_that_is_gone_is_nobodys_business(world: Story) -> None:
    assert world.one_pass() == Again()
    assert world.deeds == []


# --- the cluster refuses ------------------------------------------------------------------------------------------------

REFUSED = Refusal(Reason.DeploymentRefused, "The API server refuses the change: a policy denies it.")


def test_a_refused_change_is_told_once_tried_again_and_heals() -> None:
    live = Story(progressDeadlineSeconds=600)
    live.release("one")
    live.refusal = REFUSED
    commit = live.release("two", seconds=40)
    assert live.headline() == ("Blocked", "DeploymentRefused")
    assert live.message == REFUSED.message
    written, tried = len(live.statuses), live.attempts_to_apply
    live.play(10)
    assert len(live.statuses) == written
    live.refusal = None
    live.play(150)
    assert live.attempts_to_apply > tried
    assert live.headline() == ("Live", "Succeeded")
    assert live.the_site.image == live.image_of(commit)


def test_a_change_that_is_refused_for_long_costs_hardly_a_status_write(live: Story) -> None:
    live.refusal = REFUSED
    live.release("two", seconds=40)
    written = len(live.statuses)
    live.play(600)
    assert live.attempts_to_apply > 8
    assert len(live.statuses) - written <= 600 / (DEADLINE / 2), "at most to let the deadline begin anew"


def test_a_change_that_was_refused_for_longer_than_the_deadline_still_has_the_whole_deadline(live: Story) -> None:
    live.refusal = REFUSED
    live.release("two", seconds=40 + 3 * DEADLINE)
    live.refusal = None
    live.play(200)
    assert live.headline() == ("Live", "Succeeded")
    assert live.status.quarantine == ()


def test_a_rollback_that_was_refused_for_longer_than_the_deadline_still_has_the_whole_deadline(live: Story) -> None:
    live.push("master", "two", Behaviour.Crashes)
    live.ask("master")
    live.play_until("Deploying")
    live.play(1)
    live.refusal = REFUSED
    live.play(3 * DEADLINE)
    assert live.headline() == ("Blocked", "DeploymentRefused")
    live.the_site.pods = [pod for pod in live.the_site.pods if pod.release != 1]
    live.refusal = None
    live.play(200)
    assert live.headline() == ("RolledBack", "CrashLoopBackOff")


class OtherWordsEachTime(Story):
    """A server refuses everything, and says something else each time: the number of the request, say."""

    refused = 0
    refuses: str | None = None

    def _refuse(self, what: str) -> None:
        if self.refuses == what:
            self.refused += 1
            raise Refused(Refusal(Reason.DeploymentRefused, f"The API server refuses request {self.refused}."))

    async def apply(self, patch: DeploymentPatch) -> None:
        self._refuse("apply")
        await super().apply(patch)

    async def start(self, order: BuildOrder) -> None:
        self._refuse("build")
        await super().start(order)

    async def cancel(self, order: BuildOrder) -> None:
        self._refuse("cancel")
        await super().cancel(order)


def test_a_refusal_in_other_words_each_time_is_followed_by_a_pause_each_time() -> None:
    world = OtherWordsEachTime()
    world.refuses = "apply"
    world.release("one", seconds=30)
    before = world.refused
    world.play(600)
    assert 8 < world.refused - before < 15, "about once in a minute"
    assert world.headline() == ("Blocked", "DeploymentRefused")


def test_a_build_that_is_refused_beside_a_release_that_is_judged_is_told_behind_it_and_tried_after_a_pause() -> None:
    world = OtherWordsEachTime(soakSeconds=300)
    world.release("one", seconds=20)
    world.play_until("Verifying")
    world.refuses = "build"
    world.release("two", seconds=10)
    assert world.headline() == ("Verifying", "Verifying")
    assert world.message.startswith("Release 1 ")
    assert " The API server refuses request " in world.message
    before = world.refused
    world.play(200)
    assert 2 < world.refused - before < 6
    assert world.headline() == ("Verifying", "Verifying")


def test_a_build_that_may_not_be_stopped_is_told_behind_what_the_release_is_about() -> None:
    world = OtherWordsEachTime()
    world.builder_is_slow = True
    world.release("one", seconds=5)
    world.refuses = "cancel"
    world.say("abort", "1")
    world.play(10)
    assert world.headline() == ("Failed", "Aborted")
    assert "was given up, as ada has asked" in world.message
    assert " The API server refuses request " in world.message
    assert world.refused < 4, "it is tried again after a pause"


# --- nothing happens ----------------------------------------------------------------------------------------------------


def building(world: Story) -> None:
    world.build_ends = {1: BuildRunning("It builds."), 2: BuildRunning("It builds.")}
    world.release("two", Behaviour.DoesNotBuild, seconds=30)


def deploying(world: Story) -> None:
    world.release("two", Behaviour.NeverReady, seconds=0)
    world.play_until("Deploying")
    world.play(10)


def verifying(world: Story) -> None:
    world.release("two", seconds=0)
    world.play_until("Verifying")
    world.play(5)


def rolled_back(world: Story) -> None:
    world.release("two", Behaviour.Crashes)


def quarantined(world: Story) -> None:
    world.release("two", Behaviour.Crashes)
    world.ask("master")
    world.play(5)


def build_failed(world: Story) -> None:
    world.release("two", Behaviour.DoesNotBuild)


def waiting_for_git(world: Story) -> None:
    world.git_is_down = True
    world.release("two", seconds=5)


def refused_while_building(world: Story) -> None:
    building(world)
    world.ask("no-such-branch")
    world.play(3)


QUIET = {
    "building": building,
    "deploying": deploying,
    "verifying": verifying,
    "live": lambda _: None,
    "rolling back": rolling_back,
    "rolled back": rolled_back,
    "the build failed": build_failed,
    "quarantined": quarantined,
    "overridden": overridden_while_live,
    "git is down": waiting_for_git,
    "building, and the next ref cannot be resolved": refused_while_building,
}


@pytest.mark.parametrize("begin", QUIET.values(), ids=QUIET)
def test_while_nothing_happens_nothing_is_written_however_often_one_looks(live: Story, begin: object) -> None:
    assert callable(begin)
    begin(live)
    live.settle()
    deeds = list(live.deeds)
    for _ in range(5):
        live.time += timedelta(seconds=1)
        live.one_pass()
    assert live.deeds == deeds


def test_a_pass_that_meets_a_newer_object_writes_nothing_and_looks_again(world: Story) -> None:
    world.push("master", "one")
    world.ask("master")

    async def asked_meanwhile(release: BrandRelease) -> str:
        world.version += 1
        return release.name

    world.holder = asked_meanwhile  # type: ignore[method-assign]
    again = world.one_pass()
    assert (again.after, again.retry) == (None, CONFLICT_LIMIT), "an event tells of the change, or a pause is over"
    assert world.deeds == []


def test_a_ref_whose_resolution_is_passing_trouble_is_told_as_such(world: Story) -> None:
    answer = Unresolved(Reason.SourceUnreachable, "Later.", passing=True)

    async def later(url: str, secret: Secret | None, ref: str, *, list_containing: bool) -> Resolution:
        return answer

    world.resolve = later  # type: ignore[method-assign]
    world.ask("master")
    soon = world.one_pass().retry
    answer = Unresolved(Reason.RefNotFound, "Never.", passing=False)
    seldom = world.one_pass().retry
    assert soon is not None
    assert seldom is not None
    assert soon < seldom, "what passes by itself is asked more often"
    assert KEY.name == "drumeo"


def test_an_object_that_is_older_than_what_was_written_is_not_acted_on(world: Story) -> None:
    """As a read from an API server that lags behind: its status asks for what was done, and nothing would be written."""
    reads: list[BrandRelease] = []
    read = world.brand_release

    async def noted(namespace: str, name: str) -> BrandRelease | None:
        found = await read(namespace, name)
        assert found is not None
        reads.append(found)
        return found

    world.brand_release = noted  # type: ignore[method-assign]
    world.release("one", Behaviour.Crashes)
    assert world.headline() == ("RolledBack", "CrashLoopBackOff")
    deeds, old = list(world.deeds), next(each for each in reads if each.status.phase == "Deploying")

    async def stale(namespace: str, name: str) -> BrandRelease | None:
        return old

    world.brand_release = stale  # type: ignore[method-assign]
    again = world.one_pass()
    assert (again.after, again.retry) == (None, CONFLICT_LIMIT)
    assert world.deeds == deeds
