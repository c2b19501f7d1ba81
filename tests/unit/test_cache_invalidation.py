"""The cache in front of the site: asked to forget after Live and after a rollback, once, and never a release's failure."""

from datetime import timedelta

import pytest

from brandrelease.apis.conditions import Condition, ConditionType
from brandrelease.apis.reasons import Reason
from brandrelease.core.invalidating import PATIENCE
from brandrelease.core.snapshot import Refusal
from support.simulation import AT_ONCE, FOUND_IMAGE, SOAK, Behaviour, Killed, brand, digest_of
from support.story import Story

CLOUD_FRONT = {"distributionId": "E2QWRUHEXAMPLE", "paths": ["/*"]}
DENIED = Refusal(Reason.InvalidationFailed, "AWS does not allow the operator cloudfront:CreateInvalidation: no.")
MINUTES = 60


@pytest.fixture
def world(quiet: None) -> Story:
    return Story(cloudFront=CLOUD_FRONT)


@pytest.fixture
def live(world: Story) -> Story:
    """Release 1 is live, and the cache has forgotten what was before."""
    world.release("one")
    assert world.headline() == ("Live", "Succeeded")
    return world


def told(world: Story) -> Condition | None:
    return next((each for each in world.status.conditions if each.type is ConditionType.CacheInvalidated), None)


def state(world: Story) -> tuple[str, str] | None:
    condition = told(world)
    return (str(condition.status), str(condition.reason)) if condition is not None else None


def message(world: Story) -> str:
    condition = told(world)
    assert condition is not None
    return condition.message


def events(world: Story) -> list[str]:
    return [each.message for each in world.told if each.reason is Reason.InvalidationFailed and each.warning]


def reference(number: int, commit: str, lives: int = 1) -> str:
    return f"{lives:08d}-uid-{number}-{digest_of(commit).removeprefix('sha256:')[:12]}"


def refused(world: Story, refusal: Refusal = DENIED) -> str:
    """A release is live, and CloudFront does not take the invalidation."""
    world.caches.refusal = refusal
    commit = world.release("one")
    assert world.headline() == ("Live", "Succeeded")
    return commit


# --- when ---------------------------------------------------------------------------------------------------------------


def test_it_is_asked_for_once_when_the_release_is_live(world: Story) -> None:
    commit = world.push("master", "one")
    world.ask("master")
    world.play_until("Verifying")
    assert world.caches.calls == []
    world.play(100)
    [(made, order)] = world.caches.made.items()
    assert made == reference(1, commit)
    assert (order.distribution, order.paths) == ("E2QWRUHEXAMPLE", ("/*",))
    assert len(world.caches.calls) == 1
    assert state(world) == ("True", "Succeeded")
    assert "CloudFront has taken invalidation I1" in message(world)
    assert events(world) == []


def test_it_is_on_record_before_it_is_asked_for(world: Story) -> None:
    world.push("master", "one")
    world.ask("master")
    world.play_until("Verifying")
    world.deeds.clear()
    world.play(100)
    assert world.deeds[-3:] == ["status", "invalidate 1", "status"]
    asked = [status.current.invalidation for status in world.statuses[-2:] if status.current]
    assert [each and (each.reference, each.finished_at is not None) for each in asked] == [
        (world.current.invalidation and world.current.invalidation.reference, False),
        (world.current.invalidation and world.current.invalidation.reference, True),
    ]


def test_after_a_rollback_the_reference_is_of_the_image_that_was_gone_back_to(live: Story) -> None:
    good = live.current.commit
    live.release("two", Behaviour.Crashes)
    assert live.status.phase == "RolledBack"
    assert list(live.caches.made) == [reference(1, good), reference(2, good)]
    assert state(live) == ("True", "Succeeded")


def test_after_a_rollback_to_what_was_found_the_reference_has_its_tag(world: Story) -> None:
    world.release("one", Behaviour.Crashes)
    assert (world.status.phase, world.the_site.image) == ("RolledBack", FOUND_IMAGE)
    assert list(world.caches.made) == ["00000001-uid-1-by-hand"]


def test_a_release_that_was_aborted_is_left_like_one_that_was_bad(live: Story) -> None:
    good = live.current.commit
    live.push("master", "two")
    live.ask("master")
    live.play_until("Verifying")
    live.say("abort", "2 wrong branch")
    live.play(30)
    assert (live.current.outcome, live.the_site.image) == ("Aborted", live.image_of(good))
    assert list(live.caches.made) == [reference(1, good), reference(2, good)]


def test_one_that_stands_failed_and_is_left_by_hand_is_invalidated_then(quiet: None) -> None:
    world = Story(cloudFront=CLOUD_FRONT, rollback={"mode": "Manual"})
    good = world.release("one")
    world.release("two", Behaviour.Crashes)
    assert world.status.phase == "Failed"
    assert list(world.caches.made) == [reference(1, good)]
    world.say("rollback_to", "1")
    world.play(30)
    assert world.status.phase == "RolledBack"
    assert list(world.caches.made) == [reference(1, good), reference(2, good)]


def test_an_older_image_released_again_is_invalidated_under_its_own_number(live: Story) -> None:
    good = live.current.commit
    second = live.release("two")
    live.say("rollback_to", "1")
    live.play(100)
    assert live.status.phase == "Live"
    assert list(live.caches.made) == [reference(1, good), reference(2, second), reference(3, good)]


def test_a_release_that_never_reached_the_deployment_changes_nothing_in_the_cache(live: Story) -> None:
    live.release("two", Behaviour.DoesNotBuild)
    assert live.status.phase == "Failed"
    assert len(live.caches.calls) == 1
    assert told(live) is None


def test_without_cloudfront_in_the_brand_nothing_is_asked(quiet: None) -> None:
    world = Story()
    world.release("one")
    world.release("two", Behaviour.Crashes)
    assert (world.caches.calls, told(world), world.current.invalidation) == ([], None, None)


def test_a_distribution_that_is_named_later_is_invalidated_for_the_release_that_is_live(quiet: None) -> None:
    world = Story()
    commit = world.release("one")
    world.change_brand(cloudFront=CLOUD_FRONT)
    world.play(10)
    assert list(world.caches.made) == [reference(1, commit)]


def test_while_suspended_nothing_is_asked_and_afterwards_it_is(world: Story) -> None:
    commit = refused(world)
    world.suspend(on=True)
    world.play(2)
    world.caches.refusal, calls = None, len(world.caches.calls)
    world.play(300)
    assert len(world.caches.calls) == calls
    assert state(world) == ("Unknown", "InvalidationFailed")
    world.suspend(on=False)
    world.play(2)
    assert list(world.caches.made) == [reference(1, commit)]


def test_for_somebody_elses_image_nothing_is_asked(world: Story) -> None:
    commit = refused(world)
    world.set_image_by_hand("registry.example.com/drumeo:theirs")
    world.play(2)
    assert world.headline() == ("Blocked", "ImageOverridden")
    world.caches.refusal, calls = None, len(world.caches.calls)
    world.play(300)
    assert len(world.caches.calls) == calls
    world.set_image_by_hand(world.image_of(commit))
    world.play(2)
    assert (world.headline(), list(world.caches.made)) == (("Live", "Succeeded"), [reference(1, commit)])


def test_a_request_that_cannot_be_resolved_does_not_hold_it_up(world: Story) -> None:
    commit = refused(world)
    world.ask("no-such-branch")
    world.play(2)
    assert world.headline() == ("Blocked", "RefNotFound")
    world.caches.refusal = None
    world.play(100)
    assert (world.headline()[1], list(world.caches.made)) == ("RefNotFound", [reference(1, commit)])


def test_a_release_that_was_prepared_beside_a_bad_one_takes_over_after_the_cache_was_told(live: Story) -> None:
    good = live.current.commit
    live.push("master", "two", Behaviour.CrashesLater)
    live.ask("master")
    live.play_until("Verifying")
    live.push("master", "three", mends=True)
    live.ask("master")
    live.play(200)
    assert (live.current.number, live.status.phase) == (3, "Live")
    assert list(live.caches.made) == [reference(1, good), reference(2, good), reference(3, live.current.commit)]


# --- once ---------------------------------------------------------------------------------------------------------------


def test_a_quiet_world_writes_nothing(live: Story) -> None:
    deeds, calls = list(live.deeds), list(live.caches.calls)
    live.play(600, step=5)
    live.restart()
    live.settle()
    live.play(600, step=5)
    assert (live.deeds, live.caches.calls) == (deeds, calls)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("deed", range(1, 12))
def test_killed_at_any_deed_cloudfront_sees_each_reference_once(world: Story, deed: int, *, after: bool) -> None:
    first, second = (world.push("master", name) for name in ("one", "two"))
    world.ask(first)
    world.play_until("Verifying")
    world.dies_at(deed, after=after)
    for seconds in (100, 200):
        try:
            world.play(seconds)
        except Killed:
            world.restart()
            world.settle()
            world.play(seconds)
        world.ask(second)
    world.play(200)
    assert not world.kill_in, "it has died"
    assert list(world.caches.made) == [reference(1, first), reference(2, second)]
    assert (world.headline(), state(world)) == (("Live", "Succeeded"), ("True", "Succeeded"))


def die_at_the_second_deed_of_a_pass(world: Story) -> None:
    """The status is written, and then the operator does something, and dies of it."""
    for _ in range(60):
        world.tick()
        world.dies_at(2, after=True)
        world.one_pass()


def test_killed_right_after_it_was_asked_for_it_is_asked_for_with_the_same_reference(world: Story) -> None:
    commit = world.push("master", "one")
    world.ask("master")
    world.play_until("Verifying")
    world.play(SOAK - 5)
    with pytest.raises(Killed):
        die_at_the_second_deed_of_a_pass(world)
    assert list(world.caches.made) == [reference(1, commit)]
    world.restart()
    world.settle()
    assert (len(world.caches.calls), list(world.caches.made)) == (2, [reference(1, commit)])
    assert state(world) == ("True", "Succeeded")


def test_a_brandrelease_made_anew_has_references_of_its_own(live: Story) -> None:
    commit = live.current.commit
    live.delete_release()
    live.ask("master")
    live.play(150)
    assert list(live.caches.made) == [reference(1, commit), reference(live.current.number, commit, lives=2)]


# --- what CloudFront does not take --------------------------------------------------------------------------------------


def test_a_release_stays_live_and_ready_whatever_cloudfront_says(world: Story) -> None:
    refused(world)
    by_type = {condition.type: condition for condition in world.status.conditions}
    assert by_type[ConditionType.Ready].status == "True"
    assert "CloudFront" not in by_type[ConditionType.Ready].message
    assert not {ConditionType.Stalled, ConditionType.Reconciling} & set(by_type)
    assert state(world) == ("Unknown", "InvalidationFailed")
    assert message(world).startswith(f"{DENIED.message} CloudFront distribution E2QWRUHEXAMPLE may still give")
    assert "It is tried until 00:" in message(world)


def test_a_rollback_stays_a_rollback_whatever_cloudfront_says(live: Story) -> None:
    live.caches.refusal = DENIED
    live.release("two", Behaviour.Crashes)
    assert live.headline() == ("RolledBack", "CrashLoopBackOff")
    assert state(live) == ("Unknown", "InvalidationFailed")


def test_it_is_told_by_one_event_and_tried_again_until_it_is_taken(world: Story) -> None:
    commit = refused(world)
    world.play(10 * MINUTES)
    assert len(events(world)) == 1
    assert 3 < len(world.caches.calls) < 20
    written = len(world.statuses)
    world.play(2 * MINUTES)
    assert len(world.statuses) == written, "the same answer again is no news"
    world.restart()
    world.settle()
    assert len(events(world)) == 1
    world.caches.refusal = None
    world.play(2 * MINUTES)
    assert list(world.caches.made) == [reference(1, commit)]
    assert (state(world), events(world)) == (("True", "Succeeded"), events(world)[:1])
    assert world.current.invalidation is not None
    assert world.current.invalidation.problem is None


def test_another_answer_is_told_and_makes_no_event(world: Story) -> None:
    refused(world)
    world.caches.refusal = Refusal(Reason.InvalidationFailed, "AWS refuses: NoSuchDistribution.")
    world.play(2 * MINUTES)
    assert message(world).startswith("AWS refuses: NoSuchDistribution. CloudFront distribution")
    assert len(events(world)) == 1


def test_after_half_an_hour_it_is_given_up_and_the_message_says_how_to_do_it_by_hand(quiet: None) -> None:
    world = Story(cloudFront=CLOUD_FRONT | {"paths": ["/a(b", "/img/*"]})
    refused(world)
    asked = world.current.invalidation
    assert asked is not None
    while world.time < asked.requested_at + PATIENCE - timedelta(seconds=1):
        world.play(1)
    assert state(world) == ("Unknown", "InvalidationFailed")
    world.play(2 * MINUTES)
    assert state(world) == ("False", "InvalidationFailed")
    assert "It was tried for 30 min and is given up now." in message(world)
    command = "aws cloudfront create-invalidation --distribution-id E2QWRUHEXAMPLE --paths '/a(b' '/img/*'"
    assert message(world).endswith(command)
    calls, written = len(world.caches.calls), len(world.statuses)
    world.caches.refusal = None
    world.play(600, step=5)
    assert (len(world.caches.calls), len(world.statuses), len(events(world))) == (calls, written, 1)
    assert world.headline() == ("Live", "Succeeded")


def test_after_an_operator_that_was_away_for_long_it_is_asked_for_at_least_once(world: Story) -> None:
    commit = refused(world)
    world.tick(3600)
    world.caches.refusal = None
    world.restart()
    world.settle()
    assert (list(world.caches.made), state(world)) == ([reference(1, commit)], ("True", "Succeeded"))


def test_a_newer_release_goes_on_and_drops_it(world: Story) -> None:
    refused(world)
    world.push("master", "two")
    world.ask("master")
    world.play(3)
    calls = len(world.caches.calls)
    assert (world.status.phase, told(world)) == ("Building", None)
    world.caches.refusal = None
    world.play(150)
    assert (world.current.number, len(world.caches.calls)) == (2, calls + 1)
    assert list(world.caches.made) == [reference(2, world.current.commit)]


def test_it_does_not_hold_up_the_next_try_after_a_failure_of_the_platform(live: Story) -> None:
    live.caches.refusal = DENIED
    live.push("master", "two", Behaviour.FindsNoNode)
    live.room_on_nodes = False
    live.ask("master")
    live.play_until("RolledBack")
    retry = live.current.retry
    assert retry is not None
    while live.current.number == 2:
        live.play(1)
    assert live.time - retry.at <= timedelta(seconds=1)


def test_it_does_not_hold_tracking_up(world: Story) -> None:
    refused(world)
    world.track(10)
    world.play(MINUTES)
    world.push("master", "two")
    world.play(12)
    assert world.current.number == 2


def test_where_the_brand_names_no_distribution_any_more_it_is_forgotten(world: Story) -> None:
    refused(world)
    world.change_brand()
    world.play(2)
    assert (told(world), world.current.invalidation) == (None, None)
    assert world.one_pass().after != AT_ONCE


def test_one_that_was_taken_stays_on_record_where_the_brand_names_no_distribution_any_more(live: Story) -> None:
    live.the_brand = brand()
    live.play(10)
    assert state(live) == ("True", "Succeeded")
