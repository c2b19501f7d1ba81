"""When a command that waits is done, and with which exit code."""

from datetime import timedelta
from typing import Any

import pytest

from brandrelease.cli import wishes
from brandrelease.cli.exits import Exit
from brandrelease.cli.standing import Ending, Follow, ending, out_of_time, warning
from brandrelease.cli.wishes import Wish
from support.released import NOW, ago, current, past, released, running

REQUEST = wishes.request(NOW)
TEXT = next(iter(REQUEST.annotations.values()))
HANDLED = {"requestedAt": TEXT}
ASKED: dict[str, Any] = {"annotations": REQUEST.annotations, "lastHandled": HANDLED}
DONE: dict[str, Any] = {"finishedAt": ago(seconds=1)}
FLIGHT = released(current=current(13), running=running(12), history=[past(12), past(11)])
ROLLBACK = wishes.rollback(FLIGHT, 12, None, NOW)
ABORT = wishes.abort(FLIGHT, None, NOW)
SUSPEND = wishes.suspend(on=True)


def end_of(release: Any, wish: Wish = REQUEST, generation: int = 1, later: float = 1) -> Ending | None:
    """After one look."""
    follow = Follow(wish, NOW, generation, "4711").seen(release)
    return ending(follow, release, NOW + timedelta(seconds=later))


@pytest.mark.parametrize(
    ("phase", "outcome", "exit_"),
    [
        ("Live", "Succeeded", Exit.Live),
        ("RolledBack", "RolledBack", Exit.RolledBack),
        ("Failed", "Failed", Exit.Failed),
        ("Failed", "Aborted", Exit.Failed),
        ("Blocked", None, Exit.Blocked),
        ("Suspended", None, Exit.Blocked),
        ("Pending", None, None),
        ("Building", None, None),
        ("Migrating", None, None),
        ("Deploying", None, None),
        ("Verifying", None, None),
        ("RollingBack", None, None),
    ],
)
def test_a_request_ends_with_the_phase_in_which_nothing_moves(
    phase: str, outcome: str | None, exit_: Exit | None
) -> None:
    work = current(outcome=outcome, **DONE) if outcome else current()
    found = end_of(released(phase, current=work, **ASKED))
    assert (found.exit if found else None) is exit_


def test_a_status_from_before_the_request_tells_nothing_about_it() -> None:
    before = released("Live", annotations=REQUEST.annotations, lastHandled={"requestedAt": "before"})
    assert end_of(before) is None
    assert end_of(released("Live", annotations=REQUEST.annotations)) is None


def test_a_request_that_somebody_has_written_over_is_taken_for_handled() -> None:
    other: dict[str, Any] = {
        "annotations": {"brandrelease.dev/requestedAt": "later"},
        "lastHandled": {"requestedAt": "later"},
    }
    found = end_of(released("Live", **other))
    assert found is not None
    assert found.exit is Exit.Live


def test_what_is_prepared_is_waited_for() -> None:
    assert end_of(released("Live", current=current(12, outcome="Succeeded", **DONE), next=current(13), **ASKED)) is None


@pytest.mark.parametrize("outcome", ["Superseded", "Aborted"])
def test_a_release_that_was_given_up_has_failed_for_whoever_asked_for_it(outcome: str) -> None:
    begun = released("Building", current=current(13), **ASKED)
    follow = Follow(REQUEST, NOW, 1, "4711").seen(begun)
    assert follow.number == 13
    later = released("Live", current=current(14, outcome="Succeeded", **DONE), history=[past(13, outcome)], **ASKED)
    found = ending(follow.seen(later), later, NOW)
    assert found is not None
    assert found.exit is Exit.Failed
    assert found.message.startswith("Release 13 did not go out: ")


def test_a_request_of_something_blocked_is_answered_at_once_or_after_a_while_without_an_answer() -> None:
    unseen = released("Blocked", annotations=REQUEST.annotations)
    assert end_of(unseen) is None
    found = end_of(unseen, later=16)
    assert found is not None
    assert found.exit is Exit.Blocked
    written_anew = unseen.model_copy(update={"resource_version": "4712"})
    found = end_of(written_anew)
    assert found is not None
    assert found.exit is Exit.Blocked


def test_a_suspended_one_is_told_at_once() -> None:
    found = end_of(released("Suspended", annotations=REQUEST.annotations, spec={"suspend": True}))
    assert found is not None
    assert found.exit is Exit.Blocked


def test_suspend_itself_is_done_when_the_operator_has_seen_it() -> None:
    before = released("Live", spec={"suspend": True}, generation=2)
    assert (
        end_of(
            before.model_copy(update={"status": before.status.model_copy(update={"observed_generation": 1})}),
            SUSPEND,
            2,
        )
        is None
    )
    found = end_of(released("Suspended", spec={"suspend": True}, generation=2), SUSPEND, 2)
    assert found is not None
    assert found.exit is Exit.Live


@pytest.mark.parametrize("phase", ["RolledBack", "Live"])
def test_a_rollback_that_was_asked_for_is_no_failure(phase: str) -> None:
    asked: dict[str, Any] = {
        "annotations": ROLLBACK.annotations,
        "lastHandled": {"rollbackTo": next(iter(ROLLBACK.annotations.values()))},
    }
    outcome = "RolledBack" if phase == "RolledBack" else "Succeeded"
    found = end_of(released(phase, current=current(13, outcome=outcome, **DONE), **asked), ROLLBACK)
    assert found is not None
    assert found.exit is Exit.Live


def test_an_abort_is_done_when_the_release_is_given_up() -> None:
    asked: dict[str, Any] = {
        "annotations": ABORT.annotations,
        "lastHandled": {"abort": next(iter(ABORT.annotations.values()))},
    }
    assert end_of(released("RollingBack", current=current(13), **asked), ABORT) is None
    found = end_of(released("Failed", current=current(13, outcome="Aborted", **DONE), **asked), ABORT)
    assert found is not None
    assert found.exit is Exit.Live


def test_a_verb_that_was_not_carried_out_has_failed_with_the_answer() -> None:
    answer = 'The annotation brandrelease.dev/rollbackTo="12" of ada was not carried out: it is quarantined.'
    handled = {"rollbackTo": next(iter(ROLLBACK.annotations.values())), "answer": answer}
    found = end_of(released("Live", annotations=ROLLBACK.annotations, lastHandled=handled), ROLLBACK)
    assert found == Ending(Exit.Failed, answer)
    other = released("Live", annotations={**ROLLBACK.annotations, **REQUEST.annotations}, lastHandled=handled | HANDLED)
    assert end_of(other) == Ending(Exit.Live, "What the object says.")


def test_an_operator_that_does_not_look_is_told_of_and_waited_for() -> None:
    unseen = released("Live", annotations=REQUEST.annotations)
    follow = Follow(REQUEST, NOW, 1, "4711").seen(unseen)
    assert warning(follow, unseen, NOW + timedelta(seconds=14)) is None
    told = warning(follow, unseen, NOW + timedelta(seconds=30))
    assert told is not None
    assert "has not looked at it for 30 s" in told
    assert "doctor" in told
    busy = released("Migrating", annotations=REQUEST.annotations)
    assert warning(follow, busy, NOW + timedelta(seconds=30)) is None
    assert end_of(unseen, later=3000) is None
    late = out_of_time(follow, unseen, 1800, NOW + timedelta(seconds=1800))
    assert late.exit is Exit.Timeout
    assert late.message.startswith(
        "Not at its end after 30 min; it goes on in the cluster. The operator has not looked"
    )


def test_a_release_that_was_begun_keeps_its_number() -> None:
    follow = Follow(REQUEST, NOW, 1, "4711").seen(released("Building", current=current(13), **ASKED))
    assert follow.seen(released("Building", current=current(14), **ASKED)).number == 13
