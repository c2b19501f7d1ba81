"""Bad commits are remembered: who gets on the list, whom it stops, who is let through, and when it is forgotten."""

from datetime import UTC, datetime

import pytest

from brandrelease.apis.brandrelease import Blame, BrandReleaseStatus, CurrentRelease, QuarantinedCommit, RunningRelease
from brandrelease.apis.progress import QUARANTINE_LIMIT
from brandrelease.apis.reasons import Reason
from brandrelease.core.quarantine import (
    Override,
    active,
    is_quarantined,
    lifted,
    override_of,
    passed,
    quarantine,
    refusal,
    suspects,
    what_stops,
)
from brandrelease.core.snapshot import Suspect
from support.simulation import Behaviour
from support.story import Story

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
BAD, WORSE, FIXED, GOOD = "bad0" * 10, "badbad00" * 5, "f1ced0" * 6 + "f1ce", "900d" * 10
WHY = "it was the database (ada)"


def entry(commit: str = BAD, **fields: object) -> QuarantinedCommit:
    return QuarantinedCommit.model_validate(
        {"commit": commit, "reason": Reason.CrashLoopBackOff, "release": 2, "since": NOW} | fields
    )


def release(commit: str = FIXED, **fields: object) -> CurrentRelease:
    known = {"number": 3, "ref": "refs/heads/master", "commit": commit, "started_at": NOW}
    return CurrentRelease.model_validate(known | fields)


def listed(*entries: QuarantinedCommit, **fields: object) -> BrandReleaseStatus:
    return BrandReleaseStatus.model_validate({"quarantine": entries} | fields)


# --- whom it stops ------------------------------------------------------------------------------------------------------

STOPPED: dict[str, tuple[BrandReleaseStatus, CurrentRelease, str | None]] = {
    "nothing is quarantined": (listed(), release(), None),
    "the commit itself": (listed(entry()), release(BAD), BAD),
    "another commit, which does not contain it": (listed(entry()), release(), None),
    "a commit that contains it": (listed(entry()), release(contains=[BAD]), BAD),
    "a commit that contains it and reverts it": (listed(entry()), release(contains=[BAD], reverts=[BAD]), None),
    "a commit that contains two and reverts one": (
        listed(entry(), entry(WORSE)),
        release(contains=[BAD, WORSE], reverts=[WORSE]),
        BAD,
    ),
    "one that somebody has let through": (listed(entry(override=WHY)), release(BAD), None),
    "a commit that contains one that was let through": (listed(entry(override=WHY)), release(contains=[BAD]), None),
    "a release that was let through itself": (
        listed(entry()),
        release(contains=[BAD], let_through=["CommitQuarantined"]),
        None,
    ),
    "a release that was let through for another thing": (
        listed(entry()),
        release(contains=[BAD], override=WHY, let_through=["FrozenUntil"]),
        BAD,
    ),
    "a commit that contained what is forgotten since": (listed(), release(contains=[BAD]), None),
}


@pytest.mark.parametrize(("status", "current", "stopped_by"), STOPPED.values(), ids=STOPPED)
def test_a_release_is_stopped_by_what_it_carries_and_nobody_has_undone_or_let_through(
    status: BrandReleaseStatus, current: CurrentRelease, stopped_by: str | None
) -> None:
    found = what_stops(status, current)
    assert (found and found.commit) == stopped_by


def test_the_refusal_of_the_commit_itself_says_what_it_did_and_which_ways_there_are() -> None:
    assert refusal(BrandReleaseStatus(), entry(), release(BAD)) == (
        "Commit bad0bad0bad0 is refused: it was to blame when release 2 failed (CrashLoopBackOff) at 2026-01-01 12:00:00 UTC. "
        "Nothing was built or changed. Undo it with git revert and release that (a fix on top still contains it), "
        'or set the annotation brandrelease.dev/override to "bad0bad0bad0 <why>".'
    )


def test_the_refusal_of_a_commit_that_contains_it_names_both() -> None:
    text = refusal(BrandReleaseStatus(), entry(), release(contains=[BAD]))
    assert text.startswith(
        "Commit f1ced0f1ced0 is refused. It contains bad0bad0bad0 and does not revert it. That commit was to blame when release 2 failed"
    )
    assert 'brandrelease.dev/override to "bad0bad0bad0 <why>"' in text


# --- who gets on the list -----------------------------------------------------------------------------------------------


def test_what_ran_before_is_kept_with_a_bad_commit_so_that_git_knows_where_the_fault_came_in() -> None:
    running = RunningRelease(number=1, commit=GOOD, image="r/d@sha256:1", since=NOW)
    for before, base in ((None, None), (running, GOOD), (running.model_copy(update={"commit": BAD}), None)):
        status = listed(current=release(BAD), running=before)
        status = quarantine(status, Reason.OOMKilled, Blame.Release, NOW)
        assert suspects(status) == (Suspect(BAD, base),)


def test_nothing_is_quarantined_where_nothing_was_released() -> None:
    assert quarantine(listed(), Reason.OOMKilled, Blame.Release, NOW) == listed()


def test_a_commit_that_was_let_through_and_fails_again_is_quarantined_anew() -> None:
    status = listed(entry(WORSE), entry(override=WHY), current=release(BAD, number=7, override=WHY))
    status = quarantine(status, Reason.OOMKilled, Blame.Release, NOW)
    assert [(known.commit, known.release, known.override) for known in status.quarantine] == [
        (BAD, 7, None),
        (WORSE, 2, None),
    ]
    assert is_quarantined(status, BAD)


def test_the_list_is_bounded_and_the_oldest_are_forgotten() -> None:
    full = listed(*[entry(f"{n:040d}", release=n) for n in range(QUARANTINE_LIMIT, 0, -1)], current=release(BAD))
    status = quarantine(full, Reason.OOMKilled, Blame.Release, NOW)
    assert len(status.quarantine) == QUARANTINE_LIMIT
    assert status.quarantine[0].commit == BAD
    assert not is_quarantined(status, f"{1:040d}")


def test_an_older_release_that_is_gone_back_to_and_fails_is_not_quarantined_since_everything_is_built_on_it() -> None:
    status = listed(current=release(GOOD, image_of=1))
    assert quarantine(status, Reason.CrashLoopBackOff, Blame.Release, NOW) == status


# --- what running has moved past ----------------------------------------------------------------------------------------


def test_what_the_release_that_went_live_contains_is_forgotten_and_everything_else_is_kept() -> None:
    status = listed(entry(), entry(WORSE), entry(GOOD, override=WHY))
    assert [e.commit for e in passed(status, release(contains=[BAD], reverts=[BAD])).quarantine] == [WORSE, GOOD]
    assert [e.commit for e in passed(status, release(GOOD)).quarantine] == [BAD, WORSE]
    assert passed(status, release()) == status


# --- who is let through -------------------------------------------------------------------------------------------------

LIFTED: dict[str, tuple[BrandReleaseStatus, str, CurrentRelease | None, tuple[list[str], bool] | None]] = {
    "a quarantined commit": (listed(entry(), entry(WORSE)), BAD, None, ([WORSE], False)),
    "a quarantined commit by its first characters": (listed(entry(), entry(WORSE)), BAD[:12], None, ([WORSE], False)),
    "one that is not quarantined": (listed(entry()), GOOD, None, None),
    "one that is not quarantined, while another is stopped": (listed(entry()), GOOD, release(BAD), None),
    "the commit that stops the release": (listed(entry()), BAD, release(contains=[BAD]), ([], True)),
    "the release that is stopped": (listed(entry()), FIXED, release(contains=[BAD]), ([BAD], True)),
    "the release that is stopped by two": (
        listed(entry(), entry(WORSE)),
        FIXED,
        release(contains=[BAD, WORSE]),
        ([BAD, WORSE], True),
    ),
    "one of two that stop the release": (
        listed(entry(), entry(WORSE)),
        BAD,
        release(contains=[BAD, WORSE]),
        ([WORSE], False),
    ),
    "another quarantined commit than the one that stops the release": (
        listed(entry(), entry(WORSE)),
        WORSE,
        release(contains=[BAD]),
        ([BAD], False),
    ),
    "what somebody has let through before": (listed(entry(override="before")), BAD, None, ([], False)),
}


@pytest.mark.parametrize(("status", "named", "stopped", "expected"), LIFTED.values(), ids=LIFTED)
def test_an_override_lets_through_what_it_names_and_nothing_else(
    status: BrandReleaseStatus,
    named: str,
    stopped: CurrentRelease | None,
    expected: tuple[list[str], bool] | None,
) -> None:
    lifting = lifted(status, Override(named, WHY), stopped)
    if expected is None:
        assert lifting is None
        return
    still_quarantined, goes_on = expected
    assert lifting is not None
    assert [found.commit for found in active(lifting)] == still_quarantined
    assert (lifting.current is not None and lifting.current.override == WHY) == goes_on


OVERRIDDEN: dict[str, tuple[BrandReleaseStatus, CurrentRelease, str | None]] = {
    "nobody has said anything": (listed(entry()), release(BAD), None),
    "the commit itself was let through": (listed(entry(override=WHY)), release(BAD), WHY),
    "what it contains was let through": (listed(entry(override=WHY)), release(contains=[BAD]), WHY),
    "what it contains was let through, and it reverts it anyway": (
        listed(entry(override=WHY)),
        release(contains=[BAD], reverts=[BAD]),
        None,
    ),
    "one of two that it contains was let through": (
        listed(entry(override=WHY), entry(WORSE)),
        release(contains=[BAD, WORSE]),
        None,
    ),
    "something else was let through": (listed(entry(WORSE, override=WHY)), release(contains=[BAD]), None),
}


@pytest.mark.parametrize(("status", "new", "why"), OVERRIDDEN.values(), ids=OVERRIDDEN)
def test_a_release_that_is_let_through_carries_the_reason(
    status: BrandReleaseStatus, new: CurrentRelease, why: str | None
) -> None:
    assert override_of(status, new) == why


def test_git_is_asked_about_overridden_commits_too_so_that_they_are_forgotten_with_the_release_that_contains_them() -> (
    None
):
    assert suspects(listed(entry(override=WHY), entry(WORSE))) == (Suspect(BAD, None), Suspect(WORSE, None))


# --- the stories --------------------------------------------------------------------------------------------------------


def stopped(world: Story) -> tuple[str, str]:
    """Release 2 was bad; release 3 is a fix on top of it, and refused. Returns both commits."""
    bad = world.release("bad", Behaviour.Crashes)
    fix = world.release("fix on top", mends=False, seconds=5)
    assert world.headline() == ("Blocked", "CommitQuarantined")
    return bad, fix


def test_a_fix_on_top_of_a_bad_commit_is_refused_before_any_build(live: Story) -> None:
    live.release("bad", Behaviour.Crashes)
    builds, applied = list(live.builds_started), list(live.applied_images)
    bad, fix = live.branches["refs/heads/master"], live.release("fix on top", mends=False)
    assert live.headline() == ("Blocked", "CommitQuarantined")
    assert f"Commit {fix[:12]} is refused. It contains {bad[:12]} and does not revert it." in live.message
    assert (live.builds_started, live.applied_images) == (builds, applied)


def test_a_revert_of_a_bad_commit_goes_live_and_the_commit_is_forgotten(live: Story) -> None:
    bad = live.release("bad", Behaviour.Crashes)
    good = live.revert("master", bad)
    live.ask("master")
    live.play(150)
    assert live.headline() == ("Live", "Succeeded")
    assert live.running.commit == good
    assert live.status.quarantine == ()
    assert live.current.contains == live.current.reverts == (bad,)


def test_a_revert_that_is_reverted_is_refused(live: Story) -> None:
    bad = live.release("bad", Behaviour.Crashes)
    live.revert("master", live.revert("master", bad))
    live.ask("master")
    live.play(20)
    assert live.headline() == ("Blocked", "CommitQuarantined")


def test_a_bad_commit_is_still_refused_when_a_release_without_it_has_gone_live(live: Story) -> None:
    first = live.branches["refs/heads/master"]
    bad = live.release("bad", Behaviour.Crashes)
    live.branches["refs/heads/other"] = first
    live.push("other", "on another branch")
    live.ask("other")
    live.play(150)
    assert live.headline() == ("Live", "Succeeded")
    assert is_quarantined(live.status, bad)
    live.ask("master")
    live.play(20)
    assert live.headline() == ("Blocked", "CommitQuarantined")


def test_while_git_cannot_say_what_a_commit_contains_nothing_is_released(live: Story) -> None:
    live.release("bad", Behaviour.Crashes)
    live.push("master", "fix on top")
    resolve, live.git_is_down = live.resolve, True

    async def resolves_but_no_more(*args: object, **options: object) -> object:
        live.git_is_down = False
        found = await resolve(*args, **options)  # type: ignore[arg-type]
        live.git_is_down = True
        return found

    live.resolve = resolves_but_no_more  # type: ignore[method-assign, assignment]
    live.ask("master")
    builds = list(live.builds_started)
    live.play(100)
    assert live.headline() == ("Blocked", "SourceUnreachable")
    assert live.builds_started == builds
    del live.resolve
    live.git_is_down = False
    live.play(100)
    assert live.headline() == ("Blocked", "CommitQuarantined")


def test_a_fix_is_released_after_an_older_release_that_was_gone_back_to_has_failed(live: Story) -> None:
    first = live.running.commit
    assert first
    live.release("two")
    live.behaviours[first] = Behaviour.Crashes
    live.say("rollback_to", "1")
    live.play(150)
    assert live.headline() == ("Failed", "RollbackFailed")
    assert "Release a fixed ref" in live.message or "or release a fixed ref" in live.message
    live.push("master", "three", mends=False)
    live.revert("master", live.status.quarantine[0].commit)  # what was left for release 1
    live.ask("master")
    live.play(150)
    assert live.headline() == ("Live", "Succeeded"), "everything is built on release 1"


def test_a_commit_let_through_that_fails_again_is_quarantined_anew(live: Story) -> None:
    bad = live.release("bad", Behaviour.Crashes)
    live.ask("master")
    live.play(5)
    live.say("override", f"{bad[:12]} it was the database")
    live.play(150)
    assert live.headline() == ("RolledBack", "CrashLoopBackOff")
    assert [(found.commit, found.release, found.override) for found in live.status.quarantine] == [(bad, 3, None)]
    assert live.last.override == "it was the database (somebody)", "the history tells that it was let through"
    live.ask("master")
    live.play(20)
    assert live.headline() == ("Blocked", "CommitQuarantined"), "the override counted once"


def test_what_had_stopped_a_release_is_not_said_of_it_once_it_is_let_through(live: Story) -> None:
    live.release("bad", Behaviour.Crashes)
    live.builder_is_slow = True
    worse = live.release("still bad", Behaviour.OutOfMemory, seconds=5)
    assert str(live.current.reason) == "CommitQuarantined"
    live.say("override", f"{worse} I have tried it at home")
    live.play(5)
    assert live.headline() == ("Building", "Building")
    assert (live.current.reason, live.current.message) == (None, None)
    live.release("mended", seconds=5)
    assert (live.last.commit, live.last.reason) == (worse, Reason.Superseded)


def test_a_descendant_let_through_that_fails_is_quarantined_itself(live: Story) -> None:
    bad = live.release("bad", Behaviour.Crashes)
    worse = live.release("still bad", Behaviour.OutOfMemory, seconds=5)
    live.say("override", f"{worse} I have tried it at home")
    live.play(150)
    assert live.headline() == ("RolledBack", "OOMKilled")
    assert [found.commit for found in live.status.quarantine] == [worse, bad]
    assert all(found.override is None for found in live.status.quarantine)


def test_a_descendant_let_through_that_goes_live_ends_the_quarantine(live: Story) -> None:
    _, fix = stopped(live)
    live.say("override", f"{fix[:12]} mended by hand")
    live.play(150)
    assert live.headline() == ("Live", "Succeeded")
    assert live.status.quarantine == ()
    assert live.last.override == "mended by hand (somebody)"


def test_a_commit_that_was_let_through_and_is_contained_in_what_is_live_is_forgotten(live: Story) -> None:
    bad = live.release("bad", Behaviour.Crashes)
    live.say("override", f"{bad} it was the database")
    live.play(5)
    live.release("on top", mends=False)
    assert live.headline() == ("Live", "Succeeded")
    assert live.last.override == "it was the database (somebody)"
    assert live.status.quarantine == ()


def test_an_override_of_one_of_two_bad_commits_does_not_let_the_other_through(live: Story) -> None:
    first = live.branches["refs/heads/master"]
    older = live.release("bad", Behaviour.Crashes)
    live.say("override", f"{older} it was the node")
    live.play(2)
    newer = live.release("still bad", Behaviour.OutOfMemory)
    live.say("override", None)
    live.ask(older)
    live.play(150)
    assert {found.commit for found in live.status.quarantine} == {older, newer}, "both have failed, the older one twice"
    assert first
    live.behaviours[newer] = Behaviour.Good
    live.release("on top", mends=False, seconds=5)
    assert live.headline() == ("Blocked", "CommitQuarantined")
    stopped_by = what_stops(live.status, live.current)
    assert stopped_by is not None
    live.say("override", f"{stopped_by.commit} this one is fine")
    live.play(100)
    assert live.headline() == ("Blocked", "CommitQuarantined")
    other = next(iter({older, newer} - {stopped_by.commit}))
    assert f"It contains {other[:12]} and does not revert it" in live.message
    live.say("override", f"{other} and this one too")
    live.play(150)
    assert live.headline() == ("Live", "Succeeded")


def test_lifting_a_quarantine_never_releases_anything_by_itself(live: Story) -> None:
    good, bad = live.running, live.release("bad", Behaviour.Crashes)
    applied, builds = list(live.applied_images), list(live.builds_started)
    live.say("override", f"{bad} it was the database")
    live.play(200)
    assert live.headline()[0] == "RolledBack"
    assert (live.running, live.applied_images, live.builds_started) == (good, applied, builds)
    assert "ask for it to release it" in live.told[-1].message
