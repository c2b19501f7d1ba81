"""What the commands write: the field or the annotation, with a text that the operator has not handled before."""

from datetime import timedelta

import pytest

from brandrelease.apis.wellknown import (
    ABORT_ANNOTATION,
    OVERRIDE_ANNOTATION,
    REQUESTED_AT_ANNOTATION,
    ROLLBACK_TO_ANNOTATION,
)
from brandrelease.cli import wishes
from brandrelease.cli.exits import Exit, Problem
from brandrelease.core.verb import Verb
from support.released import BAD, NEW, NOW, OLD, ago, current, past, released, running

HISTORY = [past(12, commit=NEW), past(11, commit=OLD), past(10, "RolledBack", BAD), past(9, commit=OLD)]


def number_in(wish: wishes.Wish, annotation: str) -> int | None:
    """As the operator reads it."""
    return Verb(annotation, "", wish.annotations[annotation], "ada").number


def test_a_request_is_a_new_text_and_a_new_ref_comes_with_it() -> None:
    assert wishes.request(NOW).patch() == {
        "metadata": {"annotations": {REQUESTED_AT_ANNOTATION: "2026-11-27T03:00:00.000Z"}}
    }
    asked = wishes.request(NOW + timedelta(milliseconds=1), "fix/search").patch()
    assert asked["spec"] == {"ref": "fix/search"}
    assert asked["metadata"]["annotations"][REQUESTED_AT_ANNOTATION] == "2026-11-27T03:00:00.001Z"


@pytest.mark.parametrize(
    ("what_stands_there", "target"),
    [
        (current(12, outcome="Succeeded", finishedAt=ago(minutes=1)), 11),
        (current(13), 12),
        (current(13, outcome="Failed", finishedAt=ago(minutes=1)), 12),
    ],
    ids=["live", "in flight", "failed where it stands"],
)
def test_a_rollback_without_a_number_goes_to_what_was_good_before_what_stands_there(
    what_stands_there: dict[str, object], target: int
) -> None:
    release = released(current=what_stands_there, running=running(12, NEW), history=HISTORY)
    assert number_in(wishes.rollback(release, None, None, NOW), ROLLBACK_TO_ANNOTATION) == target


def test_a_rollback_after_a_rollback_has_to_be_meant() -> None:
    gone = current(13, outcome="RolledBack", finishedAt=ago(minutes=1))
    release = released("RolledBack", current=gone, running=running(12, NEW), history=HISTORY)
    with pytest.raises(
        Problem, match=r"Release 13 of drumeo production is gone already.*Those that were live: 12, 11, 9"
    ):
        wishes.rollback(release, None, None, NOW)
    assert number_in(wishes.rollback(release, 9, None, NOW), ROLLBACK_TO_ANNOTATION) == 9


def test_a_rollback_to_a_release_that_never_was_live_is_answered_with_those_that_were() -> None:
    release = released(current=current(13), running=running(12, NEW), history=HISTORY)
    for number in (10, 99):
        with pytest.raises(Problem, match="Those that were live: 12, 11, 9") as refused:
            wishes.rollback(release, number, None, NOW)
        assert refused.value.exit is Exit.Usage


def test_where_nothing_was_live_before_there_is_nowhere_to_go_back_to() -> None:
    alone = current(1, outcome="Succeeded", finishedAt=ago(minutes=1))
    release = released(current=alone, running=running(1, NEW), history=[past(1, commit=NEW)])
    with pytest.raises(Problem, match="no earlier release that was live; it runs 4e3d4e3d4e3d"):
        wishes.rollback(release, None, None, NOW)


def test_an_abort_names_the_release_that_is_prepared_if_there_is_one() -> None:
    both = released("Verifying", current=current(12), next=current(13))
    assert number_in(wishes.abort(both, "wrong branch", NOW), ABORT_ANNOTATION) == 13
    one = released("Verifying", current=current(12))
    assert wishes.abort(one, "wrong branch", NOW).annotations == {
        ABORT_ANNOTATION: "12 wrong branch (2026-11-27T03:00:00Z)"
    }
    with pytest.raises(Problem, match="nothing to abort"):
        wishes.abort(released(current=current(outcome="Succeeded", finishedAt=ago(minutes=1))), None, NOW)


QUARANTINE = [{"commit": BAD, "reason": "CrashLoopBackOff", "release": 10, "since": ago(hours=2)}]


def test_an_override_takes_what_git_prints_and_writes_what_the_operator_reads() -> None:
    release = released("Blocked", quarantine=QUARANTINE, current=current(13))
    assert wishes.override(release, "BAD0bad", "it was the cache", NOW).annotations == {
        OVERRIDE_ANNOTATION: "bad0bad0bad0 it was the cache"
    }
    assert (
        wishes.override(release, NEW, "goes with the freeze", NOW).annotations[OVERRIDE_ANNOTATION].startswith("4e3d")
    )
    for wrong in ("bad", "cafecafe"):
        with pytest.raises(Problem, match='Those are "4e3d4e3d4e3d" and "bad0bad0bad0"'):
            wishes.override(release, wrong, "why", NOW)
    with pytest.raises(Problem, match="Nothing of drumeo production is quarantined"):
        wishes.override(released(), BAD, "why", NOW)


def test_an_override_in_the_same_words_as_before_is_made_a_new_one() -> None:
    text = "bad0bad0bad0 it was the cache"
    release = released("Blocked", quarantine=QUARANTINE, annotations={OVERRIDE_ANNOTATION: text})
    again = wishes.override(release, BAD, "it was the cache", NOW).annotations[OVERRIDE_ANNOTATION]
    assert again == f"{text} (2026-11-27T03:00:00Z)"


@pytest.mark.parametrize("why", ["x" * 1000, "ü" * 300])
def test_a_long_reason_is_cut_to_what_the_operator_remembers(why: str) -> None:
    release = released(current=current(13), running=running(12, NEW), history=HISTORY, quarantine=QUARANTINE)
    made = (
        wishes.rollback(release, None, why, NOW),
        wishes.abort(release, why, NOW),
        wishes.override(release, BAD, why, NOW),
    )
    for wish in made:
        assert all(len(text) <= 255 for text in wish.annotations.values())


@pytest.mark.parametrize("manager", sorted(wishes.GITOPS))
def test_a_field_that_a_gitops_program_owns_is_kept_by_it_also_if_somebody_else_owns_it_too(manager: str) -> None:
    def kept(*owners: str) -> str | None:
        fields = [{"manager": who, "time": ago(), "fieldsV1": {"f:spec": {"f:ref": {}}}} for who in owners]
        return wishes.kept_elsewhere({"managedFields": fields}, "ref")

    assert kept(manager) == manager
    assert kept("ada", manager) == manager
    assert kept("ada") is None
    assert wishes.kept_elsewhere({}, "suspend") is None
