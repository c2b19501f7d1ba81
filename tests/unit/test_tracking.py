"""A ref that is looked at again and again: what is new is released, and nothing else is ever done or written."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from brandrelease.apis.brandrelease import Outcome
from brandrelease.controller.tracking import Tracking
from brandrelease.controller.work_queue import Key
from brandrelease.core.snapshot import Resolution, Resolved
from brandrelease.ports import Secret
from support.simulation import Behaviour
from support.story import Story

pytestmark = pytest.mark.usefixtures("quiet")

EVERY = 60
TEN_MINUTES = 600
NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
KEY = Key("drumeo-production", "drumeo")


class Watched(Story):
    """A story in which it is counted how often git is asked for a ref."""

    def __init__(self, **environment: object) -> None:
        self.questions = 0
        super().__init__(**environment)

    async def resolve(self, url: str, secret: Secret | None, ref: str, *, list_containing: bool) -> Resolution:
        self.questions += 1
        return await super().resolve(url, secret, ref, list_containing=list_containing)


def tracked(**environment: object) -> Watched:
    """Release 1 is live, and its ref is tracked since just now."""
    world = Watched(**environment)
    world.release("one")
    world.track(EVERY)
    world.play(2)
    assert world.headline() == ("Live", "Succeeded")
    return world


def outcomes(world: Story) -> list[tuple[int, str]]:
    return [(entry.number, str(entry.outcome)) for entry in world.status.history]


# --- something is new ---------------------------------------------------------------------------------------------------


def test_a_commit_that_is_pushed_is_released_within_the_interval_without_anybody_asking() -> None:
    world = tracked()
    second = world.push("master", "two")
    world.play(EVERY)
    assert (world.current.number, world.current.commit) == (2, second)
    assert world.current.changes is not None
    world.play(150)
    assert (world.headline(), world.running.commit) == (("Live", "Succeeded"), second)


def test_what_tracking_began_was_asked_for_by_nobody() -> None:
    world = tracked()
    assert world.current.requested_by == "kubectl"
    world.push("master", "two", Behaviour.Crashes)
    world.play(EVERY + 60)
    assert [(entry.number, entry.requested_by) for entry in world.status.history] == [(2, None), (1, "kubectl")]
    world.ask("master")
    world.play(5)
    assert (world.current.number, world.current.requested_by) == (3, "kubectl")


def test_one_commit_after_another_is_released_though_nothing_else_ever_happens() -> None:
    world = tracked()
    for number, name in enumerate(("two", "three", "four"), start=2):
        commit = world.push("master", name)
        world.play(EVERY + 90)
        assert (world.headline(), world.running.number, world.running.commit) == (("Live", "Succeeded"), number, commit)


def test_a_ref_that_is_tracked_from_its_first_request_on_is_looked_at_again_after_the_release() -> None:
    world = Watched()
    world.push("master", "one")
    world.ask("master")
    world.track(EVERY)
    world.play(150)
    assert world.headline() == ("Live", "Succeeded")
    second = world.push("master", "two")
    world.play(EVERY + 90)
    assert world.running.commit == second


def test_a_ref_is_looked_at_again_after_a_request_that_changed_nothing() -> None:
    world = tracked()
    world.ask("master")
    world.play(2)
    second = world.push("master", "two")
    world.play(EVERY + 90)
    assert world.running.commit == second


def test_a_request_is_served_at_once_and_not_only_when_the_next_look_is_due() -> None:
    world = tracked()
    world.push("master", "two")
    world.ask("master")
    world.play(2)
    assert world.headline()[0] == "Building"


def test_a_commit_that_is_pushed_during_a_release_waits_for_its_end() -> None:
    world = tracked()
    second = world.push("master", "two")
    world.play_until("Deploying")
    third = world.push("master", "three")
    world.play_until("Verifying")
    assert world.current.commit == second
    world.play(200)
    assert (world.headline(), world.running.commit) == (("Live", "Succeeded"), third)
    assert outcomes(world) == [(3, "Succeeded"), (2, "Succeeded"), (1, "Succeeded")]


def test_after_a_failed_release_the_next_commit_is_found() -> None:
    world = tracked()
    world.push("master", "two", Behaviour.DoesNotBuild)
    world.play_until("Failed")
    third = world.push("master", "three")
    world.play(EVERY + 90)
    assert (world.headline(), world.running.commit) == (("Live", "Succeeded"), third)


def test_a_branch_that_is_set_back_to_what_was_live_before_is_followed() -> None:
    world = tracked()
    first = world.running.commit
    assert first
    world.push("master", "two")
    world.play(150)
    assert world.running.number == 2
    world.branches["refs/heads/master"] = first
    world.play(150)
    assert (world.headline(), world.running.number, world.running.commit) == (("Live", "Succeeded"), 3, first)


# --- something is new and bad -------------------------------------------------------------------------------------------


def test_a_bad_commit_is_rolled_back_once_and_never_tried_again() -> None:
    world = tracked()
    world.push("master", "bad", Behaviour.Crashes)
    world.play(200)
    assert world.headline() == ("RolledBack", "CrashLoopBackOff")
    deeds = list(world.deeds)
    world.play(TEN_MINUTES)
    assert world.deeds == deeds


def test_what_is_pushed_on_a_bad_commit_is_refused_once_and_a_revert_goes_live() -> None:
    world = tracked()
    bad = world.push("master", "bad", Behaviour.Crashes)
    world.play(200)
    world.push("master", "on top")
    world.play(EVERY + 5)
    assert world.headline() == ("Blocked", "CommitQuarantined")
    deeds = list(world.deeds)
    world.play(TEN_MINUTES)
    assert world.deeds == deeds
    mended = world.revert("master", bad)
    world.play(EVERY + 90)
    assert (world.headline(), world.running.commit) == (("Live", "Succeeded"), mended)
    assert outcomes(world)[:3] == [(4, "Succeeded"), (3, "Superseded"), (2, "RolledBack")]


def test_a_commit_that_failed_is_not_tried_again_after_a_rollback_to_an_older_release() -> None:
    world = tracked()
    world.push("master", "two")
    world.play(150)
    world.push("master", "three", Behaviour.DoesNotBuild)
    world.play_until("Failed")
    world.say("rollback_to", "1")
    world.play(60)
    assert (world.headline(), world.current.number) == (("Live", "Succeeded"), 4)
    world.play(TEN_MINUTES)
    assert world.current.number == 4, "the tip of the branch is still what failed"


@pytest.mark.parametrize("phase", ["Building", "Deploying"])
def test_a_commit_that_somebody_has_left_by_a_verb_is_not_tried_again(phase: str) -> None:
    for verb, text in (("abort", "2"), ("rollback_to", "1")):
        world = tracked()
        world.push("master", "two")
        world.play_until(phase)
        world.say(verb, text)
        world.play(TEN_MINUTES)
        assert (world.current.number, world.current.outcome is not None) == (2, True)
        assert (world.running.number, world.the_site.applied) == (1, 1)


def test_rollback_to_an_older_release_holds_against_tracking_until_the_branch_reverts_what_was_left() -> None:
    world = tracked()
    second = world.push("master", "two")
    world.play(150)
    world.say("rollback_to", "1")
    world.play(TEN_MINUTES)
    assert (world.headline(), world.running.number) == (("Live", "Succeeded"), 3)
    world.push("master", "three")
    world.play(EVERY + 5)
    assert world.headline() == ("Blocked", "CommitQuarantined")
    mended = world.revert("master", second)
    world.play(EVERY + 90)
    assert (world.headline(), world.running.commit) == (("Live", "Succeeded"), mended)


def test_an_older_answer_of_git_is_never_taken_for_something_new_after_a_request() -> None:
    world = tracked()
    first = world.running.commit
    bad = world.push("master", "bad", Behaviour.Crashes)
    world.play(200)
    world.branches["refs/heads/master"] = first or ""
    broken = world.push("master", "broken", Behaviour.DoesNotBuild)
    world.parents[broken] = first
    world.play_until("Failed")
    world.play(1)
    world.branches["refs/heads/master"] = bad
    world.ask("master")
    world.play(20)
    assert (world.headline(), world.current.commit) == (("Blocked", "CommitQuarantined"), bad)


# --- nothing is new -----------------------------------------------------------------------------------------------------


def rolled_back(world: Watched) -> None:
    world.push("master", "bad", Behaviour.Crashes)
    world.play_until("RolledBack")


def gone_back(world: Watched) -> None:
    world.push("master", "two")
    world.play(150)
    world.say("rollback_to", "1")
    world.play(60)


def refused(world: Watched) -> None:
    rolled_back(world)
    world.push("master", "on top")
    world.play_until("Blocked")


def meddled(world: Watched) -> None:
    world.set_image_by_hand("registry.example.com/drumeo:meddled")
    world.play(2)


def meddled_and_something_is_new(world: Watched) -> None:
    meddled(world)
    world.push("master", "two")


def deleted(world: Watched) -> None:
    world.branches.clear()
    world.play(EVERY)


def git_is_down(world: Watched) -> None:
    world.git_is_down = True
    world.play(EVERY)


def git_is_down_after_a_refused_verb(world: Watched) -> None:
    world.say("rollback_to", "99")
    git_is_down(world)


def not_allowed(world: Watched) -> None:
    """Since the release, the Brand allows other refs only."""
    world.the_brand = Story(allowedRefs=["refs/heads/main"]).the_brand
    world.play(1)
    world.push("master", "two")


QUIET: dict[str, Callable[[Watched], None]] = {
    "live": lambda _: None,
    "rolled back": rolled_back,
    "gone back to an older release": gone_back,
    "refused by the quarantine": refused,
    "another image was set": meddled,
    "another image was set, and something is new": meddled_and_something_is_new,
    "the branch is gone": deleted,
    "git is down": git_is_down,
    "git is down, and a verb was refused": git_is_down_after_a_refused_verb,
    "something is new, and the Brand does not allow the ref any more": not_allowed,
}


@pytest.mark.parametrize("begin", QUIET.values(), ids=QUIET)
def test_in_a_quiet_world_tracking_asks_git_and_writes_nothing_for_ten_minutes(
    begin: Callable[[Watched], None],
) -> None:
    world = tracked()
    begin(world)
    world.play(5)
    deeds, questions, message = list(world.deeds), world.questions, world.message
    world.play(TEN_MINUTES)
    assert (world.deeds, world.message) == (deeds, message)
    assert TEN_MINUTES / EVERY - 1 <= world.questions - questions <= TEN_MINUTES / EVERY + 1


def test_between_two_looks_git_is_not_asked_however_often_a_pass_is_made() -> None:
    world = tracked()
    questions = world.questions
    for _ in range(20):
        world.one_pass()
    assert world.questions == questions


def test_a_new_operator_looks_once_at_once_and_writes_nothing() -> None:
    world = tracked()
    world.play(5)
    deeds, questions = list(world.deeds), world.questions
    world.restart()
    world.settle()
    world.settle()
    assert (world.deeds, world.questions) == (deeds, questions + 1)


def test_a_git_server_that_is_down_is_told_beside_what_is_live_and_no_more_when_it_is_back() -> None:
    world = tracked()
    before = world.message
    git_is_down(world)
    assert world.headline() == ("Live", "Succeeded")
    assert world.message == f"{before} The ref could not be looked at again: The git server does not answer."
    second = world.push("master", "two")
    world.git_is_down = False
    world.play(EVERY)
    assert world.current.commit == second
    world.play(90)
    assert "could not be looked at" not in world.message


def test_what_was_said_to_a_verb_and_of_git_stands_once_each_in_the_message() -> None:
    world = tracked()
    git_is_down_after_a_refused_verb(world)
    assert world.message.count("was not carried out") == 1
    assert world.message.count("could not be looked at again") == 1


def test_while_git_cannot_say_what_a_new_commit_contains_it_is_not_released() -> None:
    world = tracked()
    first = world.running.commit
    bad = world.push("master", "bad", Behaviour.Crashes)
    world.play(200)
    lineage, down = world.lineage, True

    async def silent(*args: object) -> object:
        world.git_is_down = down
        found = await lineage(*args)  # type: ignore[arg-type]
        world.git_is_down = False
        return found

    world.lineage = silent  # type: ignore[method-assign, assignment]
    mended = world.revert("master", bad)
    deeds = list(world.deeds)
    world.play(TEN_MINUTES)
    assert (world.deeds, world.running.commit) == (deeds, first)
    down = False
    world.play(EVERY + 90)
    assert (world.headline(), world.running.commit) == (("Live", "Succeeded"), mended)


# --- somebody's hand ----------------------------------------------------------------------------------------------------


def test_somebody_elses_image_is_not_replaced_by_what_is_new_until_it_is_set_back() -> None:
    world = tracked()
    meddled_and_something_is_new(world)
    world.play(TEN_MINUTES)
    assert world.headline() == ("Blocked", "ImageOverridden")
    assert world.the_site.image.endswith(":meddled")
    world.set_image_by_hand(world.running.image)
    world.play(EVERY + 90)
    assert (world.headline(), world.running.number) == (("Live", "Succeeded"), 2)


def test_while_suspended_nothing_is_looked_at_and_afterwards_it_is() -> None:
    world = tracked()
    world.suspend(on=True)
    world.play(2)
    questions = world.questions
    second = world.push("master", "two")
    world.play(TEN_MINUTES)
    assert world.questions == questions
    world.suspend(on=False)
    world.play(150)
    assert world.running.commit == second


def test_a_ref_that_is_tracked_no_more_is_looked_at_no_more() -> None:
    world = tracked()
    world.track(None)
    world.play(2)
    questions = world.questions
    world.push("master", "two")
    world.play(TEN_MINUTES)
    assert (world.questions, world.running.number) == (questions, 1)


def test_an_interval_that_is_shortened_counts_at_once() -> None:
    world = tracked()
    world.track(3600)
    world.play(100)
    world.track(10)
    second = world.push("master", "two")
    world.play(15)
    assert world.current.commit == second


def test_a_full_commit_id_that_is_tracked_never_changes() -> None:
    world = tracked()
    assert world.running.commit
    world.ask(world.running.commit)
    world.play(5)
    world.push("master", "two")
    deeds = list(world.deeds)
    world.play(TEN_MINUTES)
    assert world.deeds == deeds
    assert world.last.outcome is Outcome.Succeeded


# --- the cache ----------------------------------------------------------------------------------------------------------

LOOKS: dict[str, tuple[str, timedelta, int, int]] = {
    "before it is due": ("master", timedelta(seconds=59), 60, 1),
    "when it is due": ("master", timedelta(seconds=60), 60, 2),
    "another ref": ("main", timedelta(seconds=1), 60, 2),
    "a much shorter interval": ("master", timedelta(seconds=1), 5, 2),
    "a clock that was set back": ("master", timedelta(hours=-1), 60, 2),
}


@pytest.mark.parametrize(("ref", "later", "every", "asked"), LOOKS.values(), ids=LOOKS)
def test_git_is_asked_again_only_when_the_last_answer_is_no_use(
    ref: str, later: timedelta, every: int, asked: int
) -> None:
    tracking, questions = Tracking(), []

    async def resolve() -> Resolution:
        questions.append(1)
        return Resolved(f"refs/heads/{len(questions)}", "c" * 40)

    async def twice() -> None:
        first = await tracking.look(KEY, "master", timedelta(seconds=60), NOW, resolve)
        second = await tracking.look(KEY, ref, timedelta(seconds=every), NOW + later, resolve)
        assert (first is second) == (asked == 1)
        assert second.due == (first.due if asked == 1 else NOW + later + timedelta(seconds=every))

    asyncio.run(twice())
    assert len(questions) == asked


def test_what_is_forgotten_is_asked_again_and_forgetting_what_is_not_known_is_no_harm() -> None:
    tracking, questions = Tracking(), []

    async def resolve() -> Resolution:
        questions.append(1)
        return Resolved("refs/heads/master", "c" * 40)

    async def look_forget_look() -> None:
        tracking.forget(KEY)
        await tracking.look(KEY, "master", timedelta(seconds=60), NOW, resolve)
        tracking.forget(KEY)
        await tracking.look(KEY, "master", timedelta(seconds=60), NOW, resolve)

    asyncio.run(look_forget_look())
    assert len(questions) == 2
