"""The status that people and tools read: kstatus's rules, transition times, and texts cut to length."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from brandrelease.apis.brandrelease import (
    Blame,
    BrandRelease,
    BrandReleaseStatus,
    CurrentRelease,
    HandledRequest,
    Migration,
    Outcome,
    Phase,
    QuarantinedCommit,
)
from brandrelease.apis.conditions import Condition, ConditionType
from brandrelease.apis.progress import MESSAGE_LIMIT, QUARANTINE_LIMIT, Rollback, Rollout
from brandrelease.apis.reasons import Reason
from brandrelease.core.quarantine import is_quarantined, quarantine
from brandrelease.core.status import (
    NEEDS_SOMEBODY,
    Headline,
    finish,
    next_number,
    present,
    with_current,
)

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
COMMIT = "0123456789abcdef0123456789abcdef01234567"
IN_FLIGHT = [
    Phase.Pending,
    Phase.Building,
    Phase.Migrating,
    Phase.Deploying,
    Phase.Verifying,
    Phase.RollingBack,
]


def release(status: BrandReleaseStatus | None = None, generation: int = 3) -> BrandRelease:
    return BrandRelease.model_validate(
        {
            "name": "drumeo",
            "namespace": "drumeo-production",
            "uid": "uid",
            "generation": generation,
            "resource_version": "1",
            "created_at": NOW,
            "requested_at": None,
            "spec": {"brand": "drumeo", "environment": "production", "ref": "master"},
            "status": status or BrandReleaseStatus(),
        }
    )


def current(**changes: Any) -> CurrentRelease:
    fields: dict[str, Any] = {"number": 4, "ref": "refs/heads/master", "commit": COMMIT, "started_at": NOW}
    return CurrentRelease.model_validate(fields | changes)


def shown(status: BrandReleaseStatus, phase: Phase, reason: Reason, message: str = "It is so.") -> dict[str, Condition]:
    written = present(release(status), status, Headline(phase, reason, message), NOW)
    assert len({c.type for c in written.conditions}) == len(written.conditions)
    return {c.type.value: c for c in written.conditions}


def kstatus(phase: Phase, reason: Reason, status: BrandReleaseStatus | None = None) -> tuple[str, list[str]]:
    """Ready's status, and which of the two that stand only while they are true are there."""
    conditions = shown(status or BrandReleaseStatus(), phase, reason)
    others: list[str] = [kind for kind in ("Reconciling", "Stalled") if kind in conditions]
    assert all(conditions[kind].status == "True" for kind in others)
    return conditions["Ready"].status.value, others


KSTATUS = {
    **{f"{phase}": (phase, Reason.Building, ("Unknown", ["Reconciling"])) for phase in IN_FLIGHT},
    "Live": (Phase.Live, Reason.Succeeded, ("True", [])),
    "RolledBack": (Phase.RolledBack, Reason.OOMKilled, ("False", ["Stalled"])),
    "Failed": (Phase.Failed, Reason.BuildFailed, ("False", ["Stalled"])),
    "Failed, since somebody gave it up": (Phase.Failed, Reason.Aborted, ("False", ["Stalled"])),
    "Suspended": (Phase.Suspended, Reason.Suspended, ("False", [])),
    "Blocked, and somebody must do something": (Phase.Blocked, Reason.ImageOverridden, ("False", ["Stalled"])),
    "Blocked, and waiting may be enough": (Phase.Blocked, Reason.SourceUnreachable, ("False", ["Reconciling"])),
}


@pytest.mark.parametrize(("phase", "reason", "expected"), KSTATUS.values(), ids=KSTATUS)
def test_every_phase_obeys_kstatus(phase: Phase, reason: Reason, expected: tuple[str, list[str]]) -> None:
    assert kstatus(phase, reason) == expected


def test_the_table_above_knows_every_phase() -> None:
    assert {phase for phase, _, _ in KSTATUS.values()} == set(Phase)


@pytest.mark.parametrize("reason", Reason)
def test_blocked_is_either_stalled_or_reconciling_and_never_both(reason: Reason) -> None:
    expected = "Stalled" if reason in NEEDS_SOMEBODY else "Reconciling"
    assert kstatus(Phase.Blocked, reason) == ("False", [expected])


def test_a_suspended_release_that_was_verified_is_ready_and_one_that_stands_still_is_not() -> None:
    for outcome, ready in ((Outcome.Succeeded, "True"), (Outcome.RolledBack, "False"), (None, "False")):
        status = with_current(BrandReleaseStatus(), current(outcome=outcome))
        assert kstatus(Phase.Suspended, Reason.Suspended, status) == (ready, [])


IMAGE, ROLLOUT = "registry.example.com/drumeo@sha256:1", Rollout(started_at=NOW)
PROGRESS: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "not built yet": ({}, {"Built": "Unknown"}),
    "the build failed": ({"outcome": Outcome.Failed, "reason": Reason.BuildFailed}, {"Built": "False"}),
    "built": ({"image": IMAGE}, {"Built": "True"}),
    "deploying": ({"image": IMAGE, "rollout": ROLLOUT}, {"Built": "True", "Deployed": "Unknown", "Healthy": "Unknown"}),
    "watched": (
        {"image": IMAGE, "rollout": Rollout(started_at=NOW, finished_at=NOW)},
        {"Built": "True", "Deployed": "True", "Healthy": "Unknown"},
    ),
    "on its way back": (
        {
            "image": IMAGE,
            "rollout": ROLLOUT,
            "reason": Reason.OOMKilled,
            "rollback": Rollback(number=3, image=IMAGE, started_at=NOW),
        },
        {"Built": "True", "Deployed": "False", "Healthy": "False"},
    ),
    "rolled back": (
        {"image": IMAGE, "rollout": ROLLOUT, "reason": Reason.OOMKilled, "outcome": Outcome.RolledBack},
        {"Built": "True", "Deployed": "False", "Healthy": "False"},
    ),
    "given up while it was built": (
        {"outcome": Outcome.Aborted, "reason": Reason.Aborted},
        {"Built": "False"},
    ),
    "given up while its hook ran": (
        {"image": IMAGE, "outcome": Outcome.Aborted, "reason": Reason.Aborted},
        {"Built": "True"},
    ),
    "given up during its rollout": (
        {"image": IMAGE, "rollout": ROLLOUT, "reason": Reason.Aborted, "outcome": Outcome.Aborted},
        {"Built": "True", "Deployed": "False", "Healthy": "False"},
    ),
    "live": (
        {"image": IMAGE, "outcome": Outcome.Succeeded},
        {"Built": "True", "Deployed": "True", "Healthy": "True"},
    ),
}


@pytest.mark.parametrize(("fields", "expected"), PROGRESS.values(), ids=PROGRESS)
def test_the_conditions_of_our_own_tell_how_far_a_release_has_come(
    fields: dict[str, Any], expected: dict[str, str]
) -> None:
    conditions = shown(with_current(BrandReleaseStatus(), current(**fields)), Phase.Deploying, Reason.Deploying)
    found = {kind: c.status.value for kind, c in conditions.items() if kind in {"Built", "Deployed", "Healthy"}}
    assert found == expected


def test_a_current_commit_that_is_quarantined_is_shown_as_such() -> None:
    entry = QuarantinedCommit(commit=COMMIT, reason=Reason.OOMKilled, release=3, since=NOW)
    status = with_current(BrandReleaseStatus(quarantine=(entry,)), current())
    assert shown(status, Phase.Blocked, Reason.CommitQuarantined)["Quarantined"].status.value == "True"
    other = with_current(status, current(commit="f" * 40))
    assert "Quarantined" not in shown(other, Phase.Building, Reason.Building)


def test_a_current_commit_that_was_let_through_is_not_shown_as_quarantined() -> None:
    entry = QuarantinedCommit(commit=COMMIT, reason=Reason.OOMKilled, release=3, since=NOW, override="it was the node")
    status = with_current(BrandReleaseStatus(quarantine=(entry,)), current())
    assert "Quarantined" not in shown(status, Phase.Building, Reason.Building)


@pytest.mark.parametrize("phase", [Phase.Verifying, Phase.Failed, Phase.Live, Phase.Suspended])
def test_after_a_migration_a_rollback_is_shown_as_unsafe_in_every_phase(phase: Phase) -> None:
    status = with_current(BrandReleaseStatus(migration=Migration(release=3, finished_at=NOW)), current())
    unsafe = shown(status, phase, Reason.Verifying)["RollbackUnsafe"]
    assert (unsafe.status.value, unsafe.reason) == ("True", Reason.MigrationRan)
    assert "hook of release 3 changed the database at 2026-01-01 12:00:00 UTC" in unsafe.message
    assert "Nothing is rolled back by itself (rollback.afterMigration is Hold)" in unsafe.message


def test_without_a_migration_nothing_is_said_of_rollbacks_being_unsafe() -> None:
    assert "RollbackUnsafe" not in shown(with_current(BrandReleaseStatus(), current()), Phase.Live, Reason.Succeeded)


def test_why_an_annotation_could_not_be_carried_out_is_said_after_what_is_the_case() -> None:
    answer = 'The annotation brandrelease.dev/abort="9" was not carried out.'
    status = with_current(BrandReleaseStatus(last_handled=HandledRequest(answer=answer)), current())
    assert shown(status, Phase.Live, Reason.Succeeded)["Ready"].message == f"It is so. {answer}"
    assert len(shown(status, Phase.Live, Reason.Succeeded, "x" * 5000)["Ready"].message) == MESSAGE_LIMIT


def test_the_transition_time_moves_only_when_the_status_of_the_condition_does() -> None:
    def ready(status: BrandReleaseStatus) -> Condition:
        return next(c for c in status.conditions if c.type is ConditionType.Ready)

    first = present(release(), BrandReleaseStatus(), Headline(Phase.Building, Reason.Building, "a"), NOW)
    later = NOW + timedelta(seconds=5)
    second = present(release(first), first, Headline(Phase.Deploying, Reason.Deploying, "b"), later)
    assert ready(second).last_transition_time == NOW, "Ready is Unknown as before"
    assert (ready(second).reason, ready(second).message) == (Reason.Deploying, "b")
    third = present(release(second), second, Headline(Phase.Live, Reason.Succeeded, "c"), later)
    assert ready(third).last_transition_time == later
    assert [c.type for c in third.conditions] == [ConditionType.Ready], "Reconciling is gone"


def test_presenting_the_same_again_later_changes_nothing() -> None:
    headline = Headline(Phase.Building, Reason.Building, "a")
    first = present(release(), BrandReleaseStatus(), headline, NOW)
    assert present(release(first), first, headline, NOW + timedelta(hours=1)) == first


def test_the_status_speaks_of_the_generation_that_was_looked_at() -> None:
    written = present(release(generation=9), BrandReleaseStatus(), Headline(Phase.Live, Reason.Succeeded, ""), NOW)
    assert written.observed_generation == 9
    assert {c.observed_generation for c in written.conditions} == {9}


def test_long_messages_are_cut_to_what_the_api_server_accepts() -> None:
    status = with_current(BrandReleaseStatus(), current(image="i" * 512, rollout=ROLLOUT))
    conditions = shown(status, Phase.Deploying, Reason.Deploying, "x" * 5000)
    assert all(len(c.message) <= MESSAGE_LIMIT for c in conditions.values())
    assert conditions["Ready"].message.endswith("x…")
    ended = finish(status, Outcome.Failed, Reason.BuildFailed, "x" * 5000, NOW, 10)
    assert len(ended.history[0].message) == MESSAGE_LIMIT
    assert ended.current is not None
    assert ended.current.message == ended.history[0].message


def test_an_ended_release_is_the_newest_of_the_history_which_is_kept_to_its_limit() -> None:
    status = BrandReleaseStatus()
    for number in range(1, 6):
        status = with_current(status, current(number=number, blame=Blame.Platform))
        status = finish(status, Outcome.Failed, Reason.Unschedulable, "m", NOW, 3)
    assert [entry.number for entry in status.history] == [5, 4, 3]
    assert status.history[0].blame is Blame.Platform
    assert status.current is not None
    assert (status.current.outcome, status.current.finished_at) == (Outcome.Failed, NOW)


def test_only_a_commit_that_is_to_blame_itself_is_quarantined_and_only_once() -> None:
    status = with_current(BrandReleaseStatus(), current())
    for blame in (Blame.Platform, Blame.Unknown):
        assert quarantine(status, Reason.Unschedulable, blame, NOW) == status
    once = quarantine(status, Reason.OOMKilled, Blame.Release, NOW)
    assert is_quarantined(once, COMMIT)
    assert not is_quarantined(once, "f" * 40)
    assert quarantine(once, Reason.CrashLoopBackOff, Blame.Release, NOW) == once


def test_the_oldest_quarantined_commits_are_forgotten_at_the_limit() -> None:
    status = BrandReleaseStatus()
    for number in range(1, QUARANTINE_LIMIT + 3):
        status = with_current(status, current(number=number, commit=f"{number:040d}"))
        status = quarantine(status, Reason.OOMKilled, Blame.Release, NOW)
    assert len(status.quarantine) == QUARANTINE_LIMIT
    assert status.quarantine[0].release == QUARANTINE_LIMIT + 2


@pytest.mark.parametrize(
    ("applied", "number", "expected"), [(None, None, 1), (7, None, 8), (2, 4, 5), (9, 4, 10), (0, None, 1)]
)
def test_the_next_number_is_above_every_number_used_so_far(
    applied: int | None, number: int | None, expected: int
) -> None:
    status = BrandReleaseStatus() if number is None else with_current(BrandReleaseStatus(), current(number=number))
    assert next_number(status, applied) == expected


def test_a_whole_status_survives_the_way_to_the_api_server_and_back() -> None:
    status = quarantine(
        with_current(BrandReleaseStatus(), current(image=IMAGE, rollout=ROLLOUT)), Reason.OOMKilled, Blame.Release, NOW
    )
    status = finish(status, Outcome.RolledBack, Reason.OOMKilled, "m", NOW, 10)
    written = present(release(status), status, Headline(Phase.RolledBack, Reason.OOMKilled, "m"), NOW)
    assert BrandReleaseStatus.model_validate(written.to_wire()) == written


def test_what_ends_has_its_line_also_if_newer_ones_filled_the_history_meanwhile() -> None:
    """Release 1 is watched, and so many that came after it were given up, that they fill the history."""
    newer = [current(number=number, commit=COMMIT) for number in (2, 3, 4)]
    status = BrandReleaseStatus()
    for each in newer:
        status = finish(with_current(status, each), Outcome.Superseded, Reason.Superseded, "Replaced.", NOW, limit=3)
    status = finish(
        with_current(status, current(number=1)), Outcome.Succeeded, Reason.Succeeded, "It is live.", NOW, limit=3
    )
    assert [(entry.number, entry.outcome) for entry in status.history] == [
        (4, Outcome.Superseded),
        (3, Outcome.Superseded),
        (1, Outcome.Succeeded),
    ]
