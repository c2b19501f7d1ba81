"""Checks in whole releases: a baseline before the Deployment is changed, looks in the watch, and what they lead to."""

import itertools

import pytest

from brandrelease.core.checks.measured import AlarmState, HttpSeen, NoHttpAnswer
from support.checked import (
    ALARMS,
    BROKEN,
    DOWN,
    EDGE_IS_BROKEN,
    ERRORS,
    GOOD,
    LONG_AGO,
    PAGE,
    alarm,
    baseline,
    begin,
    lines,
    now_says,
    progress,
    story,
)
from support.simulation import SOAK, Behaviour, Killed

# --- a good release -----------------------------------------------------------------------------------------------------


def test_a_release_whose_checks_stay_good_is_live_when_its_watch_is_over(quiet: None) -> None:
    world = story(PAGE, ERRORS, home_page=GOOD, errors=lines(3))
    begin(world)
    world.play(150)
    assert world.headline() == ("Live", "Succeeded")
    assert world.current.verification is not None
    states = {entry.name: str(entry.state) for entry in world.current.verification.checks}
    assert states == {"home-page": "Passed", "errors": "Passed"}


def test_the_state_before_is_known_before_the_deployment_is_changed(quiet: None) -> None:
    world = story(ERRORS, errors=lines(3))
    world.measurements.hang = {"errors"}
    begin(world)
    world.play(120)
    assert world.headline() == ("Deploying", "TakingBaseline")
    assert 'Looking at how "errors" stands before the Deployment is changed.' in world.message
    assert world.applied_images == []
    world.measurements.hang.clear()
    world.play_until("Verifying")
    assert (baseline(world).state, baseline(world).value) == ("Passed", "3")


def test_old_pods_are_asked_before_the_change_and_new_ones_in_the_watch(quiet: None) -> None:
    world = story(PAGE, home_page=GOOD)
    world.release("one")
    old = {pod.name for pod in world.the_site.pods}
    begin(world, "two")
    world.play_until("Deploying")
    world.play(2)
    assert set(world.measurements.asked_pods["home-page"]) == old
    world.play_until("Live")
    assert set(world.measurements.asked_pods["home-page"]) == {pod.name for pod in world.the_site.pods} != old


def test_each_check_is_looked_at_in_its_interval_and_not_more_often(quiet: None) -> None:
    world = story(PAGE | {"intervalSeconds": 10, "initialDelaySeconds": 7}, home_page=GOOD)
    begin(world)
    world.play(150)
    watch = world.current.verification
    assert watch is not None
    moments = [at for _, _, at in world.measurements.looks if at >= watch.started_at]
    assert (moments[0] - watch.started_at).total_seconds() in {7, 8, 9}
    pauses = {(after - before).total_seconds() for before, after in itertools.pairwise(moments)}
    assert pauses <= {11, 12}
    assert len(moments) == 3


def test_a_brand_without_checks_changes_the_deployment_at_once(quiet: None) -> None:
    world = story()
    begin(world)
    world.play(150)
    assert world.headline() == ("Live", "Succeeded")
    assert world.measurements.looks == []


# --- what is bad since the release ---------------------------------------------------------------------------------------


def test_a_page_that_is_broken_since_the_release_rolls_it_back_and_quarantines_the_commit(quiet: None) -> None:
    world = story(PAGE, home_page=GOOD)
    commit = begin(world)
    world.play_until("Verifying")
    now_says(world, home_page=BROKEN)
    world.play_until("RolledBack")
    assert (world.current.reason, world.current.blame) == ("CheckFailed", "Release")
    assert world.current.message is not None
    assert (
        "check home-page has failed: https://www.drumeo.com/ answers 500 instead of 200; pod pod-1 answers 500 instead of 200 for /"
        in world.current.message
    )
    assert [entry.commit for entry in world.status.quarantine] == [commit]


def test_it_takes_as_many_bad_looks_in_a_row_as_the_failure_limit(quiet: None) -> None:
    world = story(PAGE, home_page=GOOD)
    begin(world)
    world.play_until("Verifying")
    now_says(world, home_page=BROKEN)
    world.play(8)
    assert (progress(world).state, progress(world).bad_looks) == ("Failing", 2)
    assert "That is look 2 of 3 in a row that may be bad." in progress(world).message
    now_says(world, home_page=GOOD)
    world.play(6)
    assert (progress(world).state, progress(world).bad_looks) == ("Passed", 0)
    world.play(60)
    assert world.headline() == ("Live", "Succeeded")


def test_a_fault_of_the_edge_rolls_back_but_blames_nobody(quiet: None) -> None:
    world = story(PAGE, home_page=GOOD)
    begin(world)
    world.play_until("Verifying")
    now_says(world, home_page=EDGE_IS_BROKEN)
    world.play_until("RolledBack")
    assert (world.current.reason, world.current.blame) == ("EdgeFailed", "Unknown")
    assert "look at what is in front of them" in (world.current.message or "")
    assert world.status.quarantine == ()


def test_mass_new_errors_in_the_log_roll_it_back(quiet: None) -> None:
    world = story(ERRORS, errors=lines(40))
    begin(world)
    world.play_until("Verifying")
    now_says(world, errors=lines(81))
    world.play_until("RolledBack")
    assert world.current.reason == "CheckFailed"
    assert "is 81 (good: at most 80, 2 times the 40 before the release)" in (world.current.message or "")


def test_an_alarm_that_began_after_the_change_rolls_it_back_and_quarantines_nothing(quiet: None) -> None:
    world = story(ALARMS, database=alarm(AlarmState.Ok))
    begin(world)
    world.play_until("Verifying")
    now_says(world, database=alarm(AlarmState.Alarm, world.time))
    world.play_until("RolledBack")
    assert (world.current.reason, world.current.blame) == ("AlarmRaised", "Unknown")
    assert 'Alarm "aurora-load" is in ALARM since' in (world.current.message or "")
    assert world.status.quarantine == ()


def test_a_check_that_fails_when_the_time_is_almost_over_is_waited_for(quiet: None) -> None:
    world = story(PAGE, home_page=GOOD)
    begin(world)
    world.play_until("Verifying")
    world.play(SOAK - 8)
    now_says(world, home_page=BROKEN)
    world.play(10)
    assert world.headline() == ("Verifying", "Verifying")
    assert "the watch is over; waiting for the next looks of check home-page" in world.message
    world.play_until("RolledBack")
    assert world.current.reason == "CheckFailed"


def test_a_check_that_was_never_looked_at_is_waited_for(quiet: None) -> None:
    world = story(PAGE | {"initialDelaySeconds": SOAK + 20}, home_page=GOOD)
    begin(world)
    world.play_until("Verifying")
    world.play(SOAK + 10)
    assert world.headline() == ("Verifying", "Verifying")
    world.play(20)
    assert world.headline() == ("Live", "Succeeded")


# --- what was bad before ------------------------------------------------------------------------------------------------


def test_a_page_that_was_broken_before_is_not_charged_with_the_release(quiet: None) -> None:
    world = story(PAGE, home_page=BROKEN)
    begin(world)
    world.play(150)
    assert world.headline() == ("Live", "Succeeded")
    assert progress(world).state == "NotCharged"
    assert "It was so before the release, which is not charged with it." in world.message


def test_pods_that_break_while_the_edge_was_broken_before_are_charged(quiet: None) -> None:
    world = story(PAGE, home_page=EDGE_IS_BROKEN)
    begin(world)
    world.play_until("Verifying")
    now_says(world, home_page=BROKEN)
    world.play_until("RolledBack")
    assert world.current.reason == "CheckFailed"
    assert "check home-page has failed: Pod pod-1 answers 500" in (world.current.message or "")


def test_a_release_that_mends_what_was_broken_is_told_so(quiet: None) -> None:
    world = story(PAGE, home_page=BROKEN)
    begin(world)
    world.play_until("Verifying")
    now_says(world, home_page=GOOD)
    world.play(60)
    assert world.headline() == ("Live", "Succeeded")
    assert "it was bad before the release" in progress(world).message


def test_an_alarm_that_is_raised_keeps_the_release_waiting_until_it_is_over(quiet: None) -> None:
    world = story(ALARMS, database=alarm(AlarmState.Alarm, LONG_AGO))
    commit = begin(world)
    world.play_until("Blocked")
    world.play(30)
    assert world.headline() == ("Blocked", "AlarmActive")
    assert 'waits: until an alarm is over (database). Alarm "aurora-load" is in ALARM' in world.message
    assert f'set the annotation brandrelease.dev/override to "{commit[:12]} <why>"' in world.message
    assert world.applied_images == []
    now_says(world, database=alarm(AlarmState.Ok))
    world.play(60)
    assert world.headline() == ("Live", "Succeeded")


def test_an_alarm_of_a_dry_run_or_one_to_be_ignored_keeps_nothing_waiting(quiet: None) -> None:
    for kind in ({"dryRun": True}, {"onFailure": "Ignore"}):
        world = story(ALARMS | kind, database=alarm(AlarmState.Alarm, LONG_AGO))
        begin(world)
        world.play(150)
        assert world.headline() == ("Live", "Succeeded")


# --- a source that does not answer ---------------------------------------------------------------------------------------


def test_a_source_that_does_not_answer_before_the_release_keeps_it_waiting(quiet: None) -> None:
    world = story(ERRORS, errors=DOWN)
    begin(world)
    world.play(60)
    assert world.headline() == ("Blocked", "CheckUnreachable")
    assert "Elasticsearch at https://logs.example.com does not answer" in world.message
    now_says(world, errors=lines(3))
    world.play(80)
    assert world.headline() == ("Live", "Succeeded")


def test_where_the_brand_says_so_a_source_that_does_not_answer_is_ignored(quiet: None) -> None:
    world = story(ERRORS | {"onError": "Ignore"}, errors=DOWN)
    begin(world)
    world.play(150)
    assert world.headline() == ("Live", "Succeeded")
    assert "Check errors: Elasticsearch at https://logs.example.com does not answer" in world.message


def test_without_a_value_from_before_a_ratio_is_not_judged(quiet: None) -> None:
    world = story(ERRORS | {"onError": "Ignore"}, errors=DOWN)
    begin(world)
    world.play_until("Verifying")
    now_says(world, errors=lines(5000))
    world.play(60)
    assert world.headline() == ("Live", "Succeeded")
    assert "nothing is known of before the release, so maxRatio is not judged" in progress(world).message


def test_a_source_that_goes_away_in_the_watch_keeps_the_release_from_being_live_and_fails_nothing(quiet: None) -> None:
    world = story(ERRORS, errors=lines(3))
    commit = begin(world)
    world.play_until("Verifying")
    now_says(world, errors=DOWN)
    world.play(SOAK + 60)
    assert world.headline() == ("Blocked", "CheckUnreachable")
    assert "is deployed and its pods are well, but it is not called live." in world.message
    assert (
        f'To accept it as it is, set the annotation brandrelease.dev/override to "{commit[:12]} <why>"' in world.message
    )
    now_says(world, errors=lines(3))
    world.play(10)
    assert world.headline() == ("Live", "Succeeded")


def test_a_source_that_hangs_keeps_no_pod_from_being_judged(quiet: None) -> None:
    world = story(PAGE, home_page=GOOD)
    begin(world, behaviour=Behaviour.CrashesLater)
    world.play_until("Verifying")
    world.measurements.hang = {"home-page"}
    world.play_until("RolledBack")
    assert world.current.reason == "CrashLoopBackOff"


def test_bad_looks_are_counted_on_when_the_source_was_away_between_them(quiet: None) -> None:
    world = story(PAGE, home_page=GOOD)
    begin(world)
    world.play_until("Verifying")
    now_says(world, home_page=BROKEN)
    world.play(8)
    assert progress(world).bad_looks == 2
    now_says(world, home_page=DOWN)
    world.play(6)
    assert (progress(world).state, progress(world).bad_looks) == ("Error", 2)
    now_says(world, home_page=BROKEN)
    world.play_until("RolledBack")


def test_what_is_bad_and_of_which_nobody_knows_how_it_was_before_rolls_back_and_blames_nobody(quiet: None) -> None:
    world = story(PAGE | {"onError": "Ignore"}, home_page=DOWN)
    begin(world)
    world.play_until("Verifying")
    now_says(world, home_page=BROKEN)
    world.play_until("RolledBack")
    assert (world.current.reason, world.current.blame) == ("CheckFailedWithoutBaseline", "Unknown")
    assert world.status.quarantine == ()


# --- what a failure leads to --------------------------------------------------------------------------------------------


def test_a_failure_that_holds_waits_for_a_person_or_for_the_check_to_be_good_again(quiet: None) -> None:
    world = story(PAGE | {"onFailure": "Hold"}, home_page=GOOD)
    begin(world)
    world.play_until("Verifying")
    now_says(world, home_page=BROKEN)
    world.play(SOAK + 60)
    assert world.headline() == ("Blocked", "CheckFailed")
    assert 'to roll back, set the annotation brandrelease.dev/abort to "1"' in world.message
    now_says(world, home_page=GOOD)
    world.play(10)
    assert world.headline() == ("Live", "Succeeded")


def test_abort_rolls_back_a_release_that_is_held(quiet: None) -> None:
    world = story(PAGE | {"onFailure": "Hold"}, home_page=GOOD)
    begin(world)
    world.play_until("Verifying")
    now_says(world, home_page=BROKEN)
    world.play(SOAK + 30)
    world.say("abort", "1")
    world.play(30)
    assert world.last.outcome == "Aborted"


@pytest.mark.parametrize("kind", [{"onFailure": "Ignore"}, {"dryRun": True}], ids=["ignored", "dry run"])
def test_a_failure_that_is_only_told_keeps_nothing_waiting(quiet: None, kind: dict[str, object]) -> None:
    world = story(PAGE | kind, home_page=GOOD)
    begin(world)
    world.play_until("Verifying")
    now_says(world, home_page=BROKEN)
    world.play(60)
    assert world.headline() == ("Live", "Succeeded")
    assert "answers 500 instead of 200" in world.message
    assert ("(dry run)" in world.message) == ("dryRun" in kind)


def test_a_page_that_refuses_connections_is_told_with_these_words(quiet: None) -> None:
    world = story(PAGE, home_page=GOOD)
    begin(world)
    world.play_until("Verifying")
    now_says(world, home_page=HttpSeen(NoHttpAnswer("refuses connections")))
    world.play_until("RolledBack")
    assert (world.current.reason, world.current.blame) == ("EdgeFailed", "Unknown")
    assert "https://www.drumeo.com/ refuses connections" in (world.current.message or "")


def test_an_image_that_is_released_again_is_judged_by_its_pods_alone(quiet: None) -> None:
    world = story(PAGE, home_page=GOOD)
    world.release("one")
    world.release("two")
    now_says(world, home_page=BROKEN)
    world.say("rollback_to", "1")
    world.play(100)
    assert world.headline() == ("Live", "Succeeded")
    assert world.current.baseline == ()


# --- a person lets it through -------------------------------------------------------------------------------------------


def test_an_override_lets_a_release_through_while_an_alarm_is_raised(quiet: None) -> None:
    world = story(ALARMS, database=alarm(AlarmState.Alarm, LONG_AGO))
    commit = begin(world)
    world.play_until("Blocked")
    world.say("override", f"{commit[:12]} the alarm is about another brand")
    world.play(100)
    assert world.headline() == ("Live", "Succeeded")
    assert (progress(world).state, world.current.let_through) == ("NotCharged", ("AlarmActive",))
    assert world.last.override == "the alarm is about another brand (somebody)"


def test_an_override_lets_a_release_through_whose_source_does_not_answer(quiet: None) -> None:
    world = story(ERRORS, errors=DOWN)
    commit = begin(world)
    world.say("override", f"{commit[:12]} the logs are moving today")
    world.play(150)
    assert world.headline() == ("Live", "Succeeded")
    assert world.current.let_through == ("CheckUnreachable",)


def test_an_override_calls_a_release_live_that_a_check_holds(quiet: None) -> None:
    world = story(PAGE | {"onFailure": "Hold"}, home_page=GOOD)
    commit = begin(world)
    world.play_until("Verifying")
    now_says(world, home_page=BROKEN)
    world.play(SOAK + 30)
    assert world.headline() == ("Blocked", "CheckFailed")
    world.say("override", f"{commit[:12]} the page is meant to be gone")
    world.play(10)
    assert world.headline() == ("Live", "Succeeded")
    assert "answers 500 instead of 200" in world.message


def test_an_override_does_not_keep_a_check_from_rolling_back(quiet: None) -> None:
    world = story(PAGE, ERRORS, home_page=GOOD, errors=DOWN)
    commit = begin(world)
    world.play_until("Blocked")
    world.say("override", f"{commit[:12]} the logs are moving today")
    world.play_until("Verifying")
    now_says(world, home_page=BROKEN)
    world.play_until("RolledBack")


# --- whatever happens ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", range(1, 14))
@pytest.mark.parametrize("after_deed", [False, True])
def test_wherever_the_operator_dies_a_broken_page_is_rolled_back(quiet: None, step: int, after_deed: bool) -> None:
    world = story(PAGE, ERRORS, home_page=GOOD, errors=lines(1))
    world.kill_in, world.kill_after_deed = step, after_deed
    begin(world)
    for _ in range(300):
        if world.status.phase == "Verifying":
            now_says(world, home_page=BROKEN)
        try:
            world.play(1)
        except Killed:
            world.restart()
            world.settle()
    assert not world.kill_in, "it has died"
    assert world.headline() == ("RolledBack", "CheckFailed")


def test_a_quiet_hold_writes_no_more_than_one_status_for_each_look(quiet: None) -> None:
    world = story(PAGE | {"onFailure": "Hold"}, home_page=GOOD)
    begin(world)
    world.play_until("Verifying")
    now_says(world, home_page=BROKEN)
    world.play(SOAK + 30)
    written, looked = len(world.statuses), len(world.measurements.looks)
    world.play(60)
    assert len(world.statuses) - written <= len(world.measurements.looks) - looked
