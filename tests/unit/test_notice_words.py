"""What a person reads in a notification, at three in the morning and on a phone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from brandrelease.apis.brandrelease import CurrentRelease, Outcome, PastRelease
from brandrelease.apis.notifications import Stage, Told
from brandrelease.apis.progress import BuildProgress, Change, HookProgress, HooksProgress, LogTail
from brandrelease.apis.reasons import Reason
from brandrelease.core.snapshot import Snapshot
from brandrelease.core.telling.notice import Notice
from brandrelease.core.telling.notice_words import BRIEF, change_line, compose
from brandrelease.core.telling.stages import News
from support.notices import endpoint
from support.simulation import Behaviour
from support.story import Story

BEGAN = datetime(2026, 11, 27, 3, tzinfo=UTC)
COMMIT = "0123456789abcdef0123456789abcdef01234567"
TO = endpoint(slack={"channel": "#releases", "secretName": "s"})
CRASHED = 'Container "app" exited with code 255 three times; its log says: PHP Fatal error: no such table'


@pytest.fixture
def seen(live: Story) -> Snapshot:
    release = live._loop.run_until_complete(live.brand_release("drumeo-production", "drumeo"))
    assert release is not None
    return Snapshot(now=live.time, release=release, brand=live.the_brand, holder="drumeo")


def current(**changes: Any) -> CurrentRelease:
    plain: dict[str, Any] = {"number": 12, "ref": "refs/heads/master", "commit": COMMIT, "started_at": BEGAN}
    return CurrentRelease(**plain | changes)


def past(**changes: Any) -> PastRelease:
    plain: dict[str, Any] = {
        "number": 12,
        "commit": COMMIT,
        "outcome": Outcome.Failed,
        "reason": Reason.CrashLoopBackOff,
        "message": "It crashed.",
        "started_at": BEGAN,
        "finished_at": BEGAN + timedelta(minutes=5),
    }
    return PastRelease(**plain | changes)


def words(
    seen: Snapshot, stage: Stage, release: CurrentRelease | PastRelease | None, message: str = "", **more: Any
) -> Notice:
    known = Told(name="slack", release=12, told_at=BEGAN, stage=Stage.Started, id="C1/2")
    about = News(12, stage, BEGAN, release, Reason.CrashLoopBackOff, message, **more)
    return compose(seen, TO, known, about)


ENDED = {"finished_at": BEGAN + timedelta(minutes=5, seconds=12)}
TITLES: dict[Stage, tuple[str, str]] = {
    Stage.Started: ("has begun", "Release 12 has begun."),
    Stage.Migrating: ("runs its preDeploy hook", "Release 12 runs its preDeploy hook."),
    Stage.Deploying: ("is being deployed", "Release 12 is being deployed."),
    Stage.Verifying: ("runs in all pods and is watched", "Release 12 runs in all pods and is watched."),
    Stage.RollingBack: ("is being rolled back", "Release 12 is being rolled back: It crashed."),
    Stage.NeedsSomebody: ("needs somebody", "Release 12 needs somebody: It crashed."),
    Stage.Live: ("is live", "Release 12 is live after 5 min 12 s."),
    Stage.RolledBack: ("was rolled back", "Release 12: It crashed."),
    Stage.Failed: ("has failed", "Release 12 has failed: It crashed."),
    Stage.Superseded: ("was replaced by a newer one", "It crashed."),
    Stage.Aborted: ("was aborted", "Release 12 was aborted: It crashed."),
}


def test_every_stage_has_its_words() -> None:
    assert set(TITLES) == set(Stage)


@pytest.mark.parametrize(("stage", "title", "brief"), [(stage, *texts) for stage, texts in TITLES.items()])
def test_the_title_and_the_short_line_say_how_it_stands(seen: Snapshot, stage: Stage, title: str, brief: str) -> None:
    told = words(seen, stage, current(**ENDED), "It crashed")
    assert told.title == f"drumeo production: release 12 (0123456789ab) {title}"
    assert told.brief == brief


def test_without_a_reason_the_short_line_is_still_a_sentence(seen: Snapshot) -> None:
    assert words(seen, Stage.Superseded, current()).brief == "Release 12 was replaced by a newer one."
    assert words(seen, Stage.RolledBack, current()).brief == "Release 12 was rolled back."
    assert words(seen, Stage.Live, current()).brief == "Release 12 is live."


def test_the_short_line_fits_into_what_github_has_for_it(seen: Snapshot) -> None:
    for stage in Stage:
        told = words(seen, stage, current(), "x" * 1000)
        assert len(told.brief) <= BRIEF


def test_why_is_told_where_something_went_wrong_and_not_where_all_is_well(seen: Snapshot) -> None:
    why = {stage: words(seen, stage, current(), "It crashed").why for stage in Stage}
    assert {stage for stage, text in why.items() if text} == {
        Stage.RollingBack,
        Stage.NeedsSomebody,
        Stage.RolledBack,
        Stage.Failed,
        Stage.Superseded,
        Stage.Aborted,
    }
    assert set(why.values()) == {"", "It crashed."}
    assert words(seen, Stage.Failed, current(), "Look at it?").why == "Look at it?"


def test_what_to_look_at_is_told_where_somebody_should_look(seen: Snapshot) -> None:
    shown = {stage for stage in Stage if words(seen, stage, current()).look}
    assert shown == {Stage.RollingBack, Stage.NeedsSomebody, Stage.RolledBack, Stage.Failed}
    assert words(seen, Stage.Failed, current()).look == "kubectl describe brandrelease drumeo -n drumeo-production"


FACTS: dict[str, tuple[CurrentRelease | PastRelease, list[tuple[str, str]]]] = {
    "a branch": (current(), [("Commit", "0123456789ab of refs/heads/master")]),
    "a bare commit": (current(ref=COMMIT), [("Commit", "0123456789ab")]),
    "an older image": (current(image_of=7), [("Commit", "0123456789ab, the image of release 7 again")]),
    "who asked": (
        current(requested_by="argocd"),
        [("Commit", "0123456789ab of refs/heads/master"), ("Asked for by", "argocd")],
    ),
    "nobody asked": (
        current(tracked=True),
        [("Commit", "0123456789ab of refs/heads/master"), ("Found by", "tracking of the ref")],
    ),
    "an override": (
        past(override="it was the database (ada)", requested_by="ada"),
        [
            ("Commit", "0123456789ab"),
            ("Asked for by", "ada"),
            ("Let through", "it was the database (ada)"),
            ("Took", "5 min"),
        ],
    ),
}


@pytest.mark.parametrize(("release", "facts"), FACTS.values(), ids=FACTS)
def test_who_what_and_how_long(
    seen: Snapshot, release: CurrentRelease | PastRelease, facts: list[tuple[str, str]]
) -> None:
    assert list(words(seen, Stage.Started, release).facts) == facts


def test_how_long_it_took_counts_from_the_request_and_never_backwards(seen: Snapshot) -> None:
    assert words(seen, Stage.Live, current(**ENDED)).took_seconds == 312
    assert words(seen, Stage.Live, current(finished_at=BEGAN - timedelta(seconds=5))).took_seconds == 0
    assert words(seen, Stage.Deploying, current()).took_seconds is None


CONTAINER = LogTail(pod="p", container="app", exit_code=255, log_tail="of the container")
FAILED_HOOK = HookProgress(job="j", started_at=BEGAN, succeeded=False, log_tail="of the hook")
GOOD_HOOK = HookProgress(job="j", started_at=BEGAN, succeeded=True, log_tail="of a good hook")
BUILD = BuildProgress(builder="buildKit", key="k", attempt=1, started_at=BEGAN, log_tail="of the build")
SILENT = BUILD.model_copy(update={"log_tail": None})
LOGS: dict[str, tuple[CurrentRelease | PastRelease | None, str]] = {
    "the container": (current(evidence=CONTAINER, build=BUILD), "of the container"),
    "the container, from the history": (past(evidence=CONTAINER), "of the container"),
    "the history has none": (past(), ""),
    "the preDeploy hook": (current(hooks=HooksProgress(pre_deploy=FAILED_HOOK), image="i", build=BUILD), "of the hook"),
    "the postDeploy hook": (
        current(hooks=HooksProgress(pre_deploy=GOOD_HOOK, post_deploy=FAILED_HOOK), image="i"),
        "of the hook",
    ),
    "good hooks have nothing to say": (current(hooks=HooksProgress(pre_deploy=GOOD_HOOK), image="i"), ""),
    "the build": (current(build=BUILD), "of the build"),
    "a build that says nothing": (current(build=SILENT), ""),
    "a build that was good": (current(build=BUILD, image="i"), ""),
    "nothing": (current(), ""),
    "no release": (None, ""),
}


@pytest.mark.parametrize(("release", "log"), LOGS.values(), ids=LOGS)
def test_the_log_is_of_what_failed(seen: Snapshot, release: CurrentRelease | PastRelease | None, log: str) -> None:
    assert words(seen, Stage.Failed, release).log == log


def test_the_log_is_told_only_with_a_failure(seen: Snapshot) -> None:
    shown = {stage for stage in Stage if words(seen, stage, current(evidence=CONTAINER)).log}
    assert shown == {Stage.RollingBack, Stage.RolledBack, Stage.Failed}


def test_what_is_new_is_told_with_its_number_of_commits(seen: Snapshot) -> None:
    changes = (Change(commit=COMMIT, author="Ada", subject="Faster pages"),)
    told = words(seen, Stage.Started, current(changes=changes, changes_total=35))
    assert (told.changes, told.changes_total) == (changes, 35)
    assert words(seen, Stage.Started, current(changes=changes)).changes_total == 1
    assert words(seen, Stage.Superseded, past()).changes_total == 0
    assert change_line(changes[0]) == "0123456789ab Faster pages (Ada)"


def test_trouble_that_is_not_the_releases_own_says_nothing_of_that_release(seen: Snapshot) -> None:
    told = words(seen, Stage.NeedsSomebody, current(evidence=CONTAINER, **ENDED), "There is no such ref.", apart=True)
    assert (told.title, told.brief) == (
        "drumeo production needs somebody",
        "Release 12 needs somebody: There is no such ref.",
    )
    assert (told.facts, told.commit, told.image, told.requested_by, told.changes) == ((), None, None, None, ())
    assert told.known_as is None
    assert words(seen, Stage.NeedsSomebody, None, "x", apart=True).title == "drumeo production needs somebody"


def test_a_message_is_updated_only_where_it_is_of_the_same_release(seen: Snapshot) -> None:
    assert words(seen, Stage.Live, current()).known_as == "C1/2"
    next_one = News(13, Stage.Started, BEGAN, current(number=13))
    known = Told(name="slack", release=12, told_at=BEGAN, stage=Stage.Live, id="C1/2")
    assert compose(seen, TO, known, next_one).known_as is None
    trouble = News(12, Stage.NeedsSomebody, BEGAN, current(), Reason.RefNotFound, "m", apart=True)
    stalled = known.model_copy(update={"stage": Stage.NeedsSomebody})
    assert compose(seen, TO, stalled, trouble).known_as == "C1/2"


def test_a_notice_has_everything_a_program_needs(seen: Snapshot) -> None:
    told = words(seen, Stage.Failed, current(image="r@sha256:x", requested_by="ada", blame="Release", **ENDED), CRASHED)
    assert (told.uid, told.namespace, told.name) == ("00000001-uid", "drumeo-production", "drumeo")
    assert (told.commit, told.ref, told.image) == (COMMIT, "refs/heads/master", "r@sha256:x")
    assert (told.reason, told.blame, told.requested_by) == (Reason.CrashLoopBackOff, "Release", "ada")
    assert (told.happened_at, told.told_at, told.known_as) == (BEGAN, BEGAN, "C1/2")
    assert replace(told, why="").id == told.id == "00000001-uid-12-failed-1795748400"


def test_the_words_of_a_bad_release_are_those_that_a_person_needs(quiet: None) -> None:
    to = {"name": "slack", "slack": {"channel": "#releases", "secretName": "slack"}}
    world = Story(notifications=[to])
    world.release("one")
    bad = world.release("bad", Behaviour.Crashes)
    told = world.deliveries.taken[-1]
    assert told.title == f"drumeo production: release 2 ({bad[:12]}) was rolled back"
    assert told.why.startswith("Rolled back to release 1 (")
    assert 'Container "app" of pod ' in told.why
    assert "its log says: PHP Fatal error: something is wrong." in told.why
    assert "undo it with git revert" in told.why
    assert told.log == "starting\nPHP Fatal error: something is wrong\n"
    assert dict(told.facts)["Asked for by"] == "kubectl"
    assert "Took" in dict(told.facts)
