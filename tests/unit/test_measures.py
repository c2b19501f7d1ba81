"""What is counted and measured of releases: each thing once, however often it is looked at and whoever looks."""

from collections.abc import Callable
from itertools import pairwise

import pytest

from brandrelease.apis.brandrelease import Blame, BrandReleaseStatus, Outcome
from brandrelease.apis.reasons import Reason
from brandrelease.controller.counting import count
from brandrelease.core.measures import (
    BuildEnded,
    BuildResult,
    FailureDetected,
    Measure,
    Recovered,
    ReleaseEnded,
    RollbackBegun,
    measures,
)
from brandrelease.core.recovery import is_unrecovered
from brandrelease.telemetry import Metrics
from support.counted import Counted
from support.simulation import BUILD_SECONDS, DEADLINE, SOAK, Behaviour, Killed
from support.story import Story

pytestmark = pytest.mark.usefixtures("quiet")

MANUAL = {"mode": "Manual"}
HOOK = {"preDeploy": {"command": ["migrate"]}}


def told(world: Story) -> list[Measure]:
    """Everything measured until now, from one written status to the next."""
    return [
        each for before, after in pairwise((BrandReleaseStatus(), *world.statuses)) for each in measures(before, after)
    ]


def unrecovered(world: Story) -> list[bool]:
    """Whether the site waited to be brought back, each answer once in a row."""
    answers = [is_unrecovered(status) for status in world.statuses]
    return [answer for place, answer in enumerate(answers) if place == 0 or answers[place - 1] != answer]


def of_release_two(world: Story, play: Callable[[Story], object]) -> list[Measure]:
    world.release("one")
    before = len(told(world))
    play(world)
    return told(world)[before:]


# --- stories: what happens -> what is measured ------------------------------------------------------------------------


def test_a_good_release_has_a_build_and_an_end() -> None:
    world = Story()
    world.release("one")
    build, end = told(world)
    assert build == BuildEnded("buildKit", BuildResult.Succeeded, BUILD_SECONDS)
    assert isinstance(end, ReleaseEnded)
    assert (end.outcome, end.reason) == (Outcome.Succeeded, Reason.Succeeded)
    assert BUILD_SECONDS + SOAK <= end.seconds <= BUILD_SECONDS + SOAK + 20
    assert unrecovered(world) == [False]


def test_a_bad_release_is_detected_rolled_back_and_recovered_from() -> None:
    world = Story()
    build, detected, begun, recovered, end = of_release_two(world, lambda w: w.release("two", Behaviour.Crashes))
    current = world.current
    assert current.rollout
    assert current.rollback
    assert current.rollback.finished_at
    assert build == BuildEnded("buildKit", BuildResult.Succeeded, BUILD_SECONDS)
    assert detected == FailureDetected((current.rollback.started_at - current.rollout.started_at).total_seconds())
    assert begun == RollbackBegun(Reason.CrashLoopBackOff, Blame.Release)
    assert recovered == Recovered((current.rollback.finished_at - current.rollback.started_at).total_seconds())
    assert isinstance(end, ReleaseEnded)
    assert (end.outcome, end.reason) == (Outcome.RolledBack, Reason.CrashLoopBackOff)
    assert unrecovered(world) == [False, True, False]


def test_a_commit_that_does_not_build_has_no_failure_of_pods() -> None:
    world = Story()
    build, end = of_release_two(world, lambda w: w.release("two", Behaviour.DoesNotBuild))
    assert build == BuildEnded("buildKit", BuildResult.Failed, BUILD_SECONDS)
    assert isinstance(end, ReleaseEnded)
    assert (end.outcome, end.reason) == (Outcome.Failed, Reason.BuildFailed)
    assert unrecovered(world) == [False], "the Deployment was not touched"


def test_an_attempt_that_failed_for_no_fault_of_the_commit_is_a_build_of_its_own() -> None:
    def one_ill_build(world: Story) -> None:
        world.builder_is_ill = True
        world.push("master", "two", mends=True)
        world.ask("master")
        world.play(5)
        world.builder_is_ill = False
        world.play(150)

    retried, built, end = of_release_two(Story(), one_ill_build)
    assert isinstance(retried, BuildEnded)
    assert retried.result is BuildResult.Retried
    assert built == BuildEnded("buildKit", BuildResult.Succeeded, BUILD_SECONDS)
    assert isinstance(end, ReleaseEnded)


def superseded(world: Story) -> None:
    world.push("master", "two")
    world.ask("master")
    world.play(5)
    world.release("three")


def aborted(world: Story) -> None:
    world.push("master", "two")
    world.ask("master")
    world.play(5)
    world.say("abort", "2")
    world.play(5)


@pytest.mark.parametrize(("play", "outcome"), [(superseded, Outcome.Superseded), (aborted, Outcome.Aborted)])
def test_a_build_that_nobody_waits_for_any_more_counts_as_stopped(
    play: Callable[[Story], None], outcome: Outcome
) -> None:
    seen = of_release_two(Story(), play)
    assert isinstance(seen[0], BuildEnded)
    assert seen[0].result is BuildResult.Stopped
    assert seen[0].seconds < BUILD_SECONDS
    assert isinstance(seen[1], ReleaseEnded)
    assert seen[1].outcome is outcome


def test_a_release_that_is_prepared_beside_the_one_that_is_judged_is_measured_too() -> None:
    def does_not_build_while_two_is_watched(world: Story) -> None:
        world.push("master", "two", mends=True)
        world.ask("master")
        world.play_until("Verifying")
        world.push("master", "three", Behaviour.DoesNotBuild)
        world.ask("master")
        world.play(150)

    seen = of_release_two(Story(), does_not_build_while_two_is_watched)
    assert [each.result for each in seen if isinstance(each, BuildEnded)] == [BuildResult.Succeeded, BuildResult.Failed]
    outcomes = [each.outcome for each in seen if isinstance(each, ReleaseEnded)]
    assert sorted(outcomes) == [Outcome.Failed, Outcome.Succeeded]


def test_a_release_that_a_short_history_has_no_place_for_has_ended_all_the_same() -> None:
    world = Story(revisionHistoryLimit=1)
    world.release("one")
    world.push("master", "two", mends=True)
    world.ask("master")
    world.play_until("Verifying")
    world.push("master", "three", Behaviour.DoesNotBuild)
    world.ask("master")
    world.play(150)
    assert len([each for each in told(world) if isinstance(each, ReleaseEnded)]) == 3


def test_what_was_given_up_by_somebody_is_a_rollback_and_neither_a_failure_nor_a_recovery() -> None:
    def abort_the_rollout(world: Story) -> None:
        world.push("master", "two", mends=True)
        world.ask("master")
        world.play_until("Verifying")
        world.say("abort", "2")
        world.play(60)

    _, begun, end = of_release_two(Story(), abort_the_rollout)
    assert begun == RollbackBegun(Reason.Aborted, Blame.Unknown)
    assert isinstance(end, ReleaseEnded)
    assert end.outcome is Outcome.Aborted


def test_under_manual_the_time_to_recover_includes_that_of_the_person_and_the_release_ends_once() -> None:
    world = Story(rollback=MANUAL)

    def stands_until_somebody_comes(world: Story) -> None:
        world.release("two", Behaviour.Crashes)
        assert is_unrecovered(world.status)
        world.play(600)
        world.say("rollback_to", "1")
        world.play(60)

    seen = of_release_two(world, stands_until_somebody_comes)
    _, detected, end, begun, recovered = seen
    assert isinstance(detected, FailureDetected)
    assert isinstance(end, ReleaseEnded)
    assert end.outcome is Outcome.Failed
    assert begun == RollbackBegun(Reason.RollbackRequested, Blame.Release)
    assert isinstance(recovered, Recovered)
    assert recovered.seconds > 600
    assert unrecovered(world) == [False, True, False]


def test_a_rollback_that_does_not_come_to_its_end_leaves_the_site_unrecovered_until_a_fixed_ref_begins() -> None:
    world = Story()

    def the_old_pods_do_not_come(world: Story) -> None:
        world.push("master", "two", Behaviour.Crashes)
        world.ask("master")
        world.play_until("RollingBack")
        world.behaviours[world.running.commit or ""] = Behaviour.NeverReady
        world.the_site.pods = []
        world.play(DEADLINE * 2)

    seen = of_release_two(world, the_old_pods_do_not_come)
    assert world.headline() == ("Failed", "RollbackFailed")
    assert not [each for each in seen if isinstance(each, Recovered)]
    assert is_unrecovered(world.status)
    world.release("three")
    assert world.headline()[0] == "Live"
    assert unrecovered(world) == [False, True, False]


def test_a_site_that_somebody_has_mended_by_hand_is_not_waited_for() -> None:
    world = Story(rollback=MANUAL)
    world.release("one")
    world.release("two", Behaviour.Crashes)
    world.set_image_by_hand("registry.example.com/drumeo:by-hand")
    world.play(10)
    assert world.headline() == ("Blocked", "ImageOverridden")
    assert unrecovered(world) == [False, True, False]


def test_a_migration_that_fails_leaves_the_old_pods_and_nothing_to_recover() -> None:
    world = Story(hooks=HOOK)
    seen = of_release_two(world, lambda w: w.release("two", Behaviour.MigrationFails))
    assert world.headline()[0] == "Failed"
    assert not [each for each in seen if isinstance(each, FailureDetected | RollbackBegun | Recovered)]
    assert unrecovered(world) == [False]


# --- once -------------------------------------------------------------------------------------------------------------


def test_what_is_written_again_without_anything_new_counts_nothing() -> None:
    world = Story()
    world.release("one")
    world.release("two", Behaviour.Crashes)
    assert all(measures(status, status) == () for status in world.statuses)


def page(metrics: Metrics) -> dict[str, float]:
    """Series that are not zero."""
    samples = [each for family in metrics.registry.collect() for each in family.samples]
    named = {"brandrelease_releases_total", "brandrelease_rollbacks_total"}
    return {
        f"{each.name}{sorted(each.labels.values())}": each.value
        for each in samples
        if each.value and (each.name in named or each.name.endswith(("_seconds_sum", "_seconds_count")))
    }


def test_the_figures_of_the_page_are_those_of_the_story() -> None:
    world = Counted()
    world.release("one")
    world.release("two", Behaviour.Crashes)
    expected = Metrics()
    for before, after in pairwise((BrandReleaseStatus(), *world.statuses)):
        count(expected.releases, before, after)
    seen = page(world.metrics)
    assert seen == page(expected)
    assert seen["brandrelease_rollbacks_total['CrashLoopBackOff', 'Release']"] == 1
    assert seen["brandrelease_releases_total['CrashLoopBackOff', 'RolledBack']"] == 1
    assert seen["brandrelease_duration_seconds_count['Succeeded']"] == 1
    assert seen["brandrelease_time_to_detect_seconds_count[]"] == 1
    assert seen["brandrelease_time_to_recover_seconds_count[]"] == 1
    assert seen["brandrelease_build_duration_seconds_sum['Succeeded', 'buildKit']"] == 2 * BUILD_SECONDS


@pytest.mark.parametrize("after_deed", [False, True])
@pytest.mark.parametrize("deed", range(1, 5))
def test_an_operator_that_dies_and_is_started_again_counts_nothing_twice(deed: int, after_deed: bool) -> None:
    world = Counted()
    world.release("one")
    world.push("master", "two", Behaviour.Crashes)
    world.ask("master")
    world.kill_in, world.kill_after_deed = deed, after_deed
    for _ in range(200):
        try:
            world.play(1)
        except Killed:
            world.restart()
            world.settle()
    assert world.headline()[0] == "RolledBack"
    counts = {
        name: value
        for name, value in page(world.metrics).items()
        if not name.startswith("brandrelease_b") and "_sum" not in name
    }
    assert set(counts.values()) == {1.0}, counts
    assert len(counts) == 7
